//! Where log lines go and how they look.

use anyhow::anyhow;
use event_store::guard;
use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Starts logging to standard error, so that standard output holds results only. A panic that nobody catches is one line
/// there like any other; one that is caught is said by whoever caught it.
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
    std::panic::set_hook(Box::new(|panic| {
        let (place, message) = (guard::place(panic), guard::message(panic.payload()));
        tracing::error!(place, message, "a part of ours panicked, and nobody caught it");
    }));
    Ok(())
}
