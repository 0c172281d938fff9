//! The one clock of a run. It stands still until the run moves it; each thread has its own.

use std::cell::Cell;

use schema::Timestamp;

/// 2026-11-22T16:30:00Z, where every run begins.
pub(crate) const START_SECONDS: i64 = 1_795_365_000;

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(START_SECONDS * 1_000_000) };
}

/// A new run begins.
pub(crate) fn reset() {
    NOW.set(START_SECONDS * 1_000_000);
}

/// The time, for everything of ours.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(NOW.get()).expect("a moment")
}

/// The time, for the simulated systems.
pub(crate) fn now_there() -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(NOW.get()).expect("a moment")
}

/// Time passes.
pub(crate) fn pass_millis(millis: i64) {
    NOW.set(NOW.get() + millis.max(0) * 1_000);
}
