//! Keeps sustained writes below what a system digests; a burst for one tenant passes at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Writes that may go out at once after a quiet time: one tenant with a handful of members.
const BURST: u32 = 30;

/// A leaky bucket: `writes_per_second` sustained, [`BURST`] at once.
#[derive(Debug)]
pub(crate) struct Throttle {
    gap: Duration,
    /// When the bucket would be empty again.
    level: Mutex<Option<Instant>>,
}

impl Throttle {
    pub(crate) fn new(writes_per_second: u32) -> Self {
        Self { gap: Duration::from_secs(1) / writes_per_second.max(1), level: Mutex::new(None) }
    }

    /// Waits until one more write may go out.
    pub(crate) async fn turn(&self) {
        let wait = self.reserve(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// One more write goes out without waiting.
    pub(crate) fn count(&self) {
        self.reserve(Instant::now());
    }

    fn reserve(&self, now: Instant) -> Duration {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let from = level.map_or(now, |level| level.max(now));
        *level = Some(from + self.gap);
        from.duration_since(now).saturating_sub(self.gap * (BURST - 1))
    }
}

#[cfg(test)]
mod tests;
