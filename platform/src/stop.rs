//! When to stop: Ctrl-C or the signal a supervisor sends.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first SIGINT or SIGTERM. A second one ends the process at once.
pub(crate) fn requested() -> CancellationToken {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    #[expect(clippy::disallowed_methods, reason = "waits for a signal for as long as the process lives")]
    tokio::spawn(async move {
        first_signal().await;
        tracing::info!("stopping: no new work, what is in hand is finished");
        asked.cancel();
        first_signal().await;
        std::process::exit(1);
    });
    stop
}

async fn first_signal() {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    match (interrupt, terminate) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        // Without signal handling the default action ends the process: that is safe at any point.
        (Err(_), _) | (_, Err(_)) => std::future::pending().await,
    }
}
