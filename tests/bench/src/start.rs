//! How long until the first answer, and how large the program is.

use std::time::Duration;

use anyhow::Context as _;
use test_process::Installation;
use tokio::time::Instant;

use crate::{binary, quantile, say};

const STARTS: usize = 10;

/// From the command to `/readyz`, on an installation that has been started before.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let installation = Installation::new(binary()?)?;
    let mut took = Vec::new();
    let mut first = Duration::ZERO;
    for number in 0..=STARTS {
        let started = Instant::now();
        let mut running = installation.start(&["up"])?;
        installation.ready(&mut running).await?;
        if number == 0 {
            first = started.elapsed();
        } else {
            took.push(started.elapsed());
        }
        running.kill().await?;
    }
    took.sort_unstable();
    let size = std::fs::metadata(binary()?).context("look at the binary")?.len();
    say(&format!(
        "start of `dezky up` until ready: first {first:.0?}, then median {:.0?}; binary {:.1} MiB",
        quantile(&took, 0.5),
        size_in_mib(size)
    ));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a size is shown with one digit")]
fn size_in_mib(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
