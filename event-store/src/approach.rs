//! How many commands are on their way to the writer: reading and deciding, not yet handed over.
//!
//! A commit costs the same for one command as for many. Without this, callers fall into two halves, one reading while the
//! other is written, and every commit carries half of what it could.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// A read takes a fraction of a commit. One that takes longer is not waited for.
const WAIT_MAX: Duration = Duration::from_millis(2);

#[derive(Default)]
pub(crate) struct Approach {
    entered: AtomicU64,
    left: AtomicU64,
    /// How many must have left before the writer wants to hear of it.
    wanted: AtomicU64,
    all_left: Notify,
}

/// On the way until dropped.
pub(crate) struct OnTheWay<'approach>(&'approach Approach);

impl Approach {
    pub(crate) fn enter(&self) -> OnTheWay<'_> {
        self.entered.fetch_add(1, Ordering::SeqCst);
        OnTheWay(self)
    }

    /// Waits until as many have arrived, or given up, as are on their way now.
    pub(crate) async fn over(&self) {
        let wanted = self.entered.load(Ordering::SeqCst);
        self.wanted.store(wanted, Ordering::SeqCst);
        let arrived = async {
            while self.left.load(Ordering::SeqCst) < wanted {
                self.all_left.notified().await;
            }
        };
        // Too late is no harm: who comes later is in the next batch.
        drop(tokio::time::timeout(WAIT_MAX, arrived).await);
    }
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        let left = self.0.left.fetch_add(1, Ordering::SeqCst) + 1;
        if left == self.0.wanted.load(Ordering::SeqCst) {
            self.0.all_left.notify_one();
        }
    }
}
