//! When a failed attempt is tried again: never given up, never all at once.

use std::time::Duration;

use schema::Timestamp;
use schema::provisioning::FailureClass;

use crate::call::CallError;

/// The first pause after a passing failure; doubles with each.
const TRANSIENT_FIRST: Duration = Duration::from_secs(2);
/// No pause is longer: an upstream that is back is noticed within it.
pub(crate) const TRANSIENT_MAX: Duration = Duration::from_mins(10);
/// A system that asks us to wait means at least this.
const RATE_LIMITED_MIN: Duration = Duration::from_secs(5);
/// Between two tries with refused credentials, for the whole system.
pub(crate) const AUTH: Duration = Duration::from_mins(1);
/// What will not work stays tried, rarely: somebody may have repaired it there.
const PERMANENT: Duration = Duration::from_mins(30);
/// Before we look whether something we sent has happened.
const UNKNOWN: Duration = Duration::from_secs(5);
/// What waits for something else is looked at anyway.
pub(crate) const BLOCKED: Duration = Duration::from_mins(1);

/// How long to wait after the n-th failure in a row, n from 1. `jitter(max)` gives a number up to `max`.
pub(crate) fn pause(error: &CallError, failures: u32, jitter: fn(u64) -> u64) -> Duration {
    match error.class {
        FailureClass::Transient => {
            let most = u64::try_from(doubled(failures).as_millis()).unwrap_or(u64::MAX);
            Duration::from_millis(jitter(most))
        }
        FailureClass::RateLimited => rate_limit(error),
        FailureClass::Auth => AUTH,
        FailureClass::Permanent => PERMANENT,
        FailureClass::Unknown => UNKNOWN,
        FailureClass::Blocked => error.retry_after.unwrap_or(BLOCKED),
    }
}

/// How long after the n-th fault of ours in a row, n from 1: what crashed will mostly crash again.
pub(crate) fn of_a_fault(failures: u32) -> Duration {
    doubled(failures)
}

fn doubled(failures: u32) -> Duration {
    TRANSIENT_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(TRANSIENT_MAX)
}

/// How long the system wants to be left alone.
pub(crate) fn rate_limit(error: &CallError) -> Duration {
    error.retry_after.unwrap_or(RATE_LIMITED_MIN).clamp(RATE_LIMITED_MIN, TRANSIENT_MAX)
}

/// A moment that much later.
pub(crate) fn after(now: Timestamp, pause: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
