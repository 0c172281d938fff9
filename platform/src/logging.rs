//! Where log lines go and how they look.

use anyhow::anyhow;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging to standard error, so that standard output holds results only.
pub(crate) fn start(config: &Config) -> anyhow::Result<()> {
    // Its source says the same again.
    let filter = EnvFilter::try_new(&config.log).map_err(|error| {
        anyhow!("DEZKY_LOG must be a filter such as `info` or `info,reconciler=debug`: {error}")
    })?;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match config.log_format {
        LogFormat::Text => lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
