//! Keeps everybody away from a system that refuses our credentials, asks us to wait, or is down.

use std::time::Duration;

use dashmap::DashMap;
use schema::provisioning::{FailureClass, Reason};
use schema::{System, Timestamp};

use crate::backoff;
use crate::call::CallError;

/// So many failures in a row, of whatever tenants, and the system counts as down.
const FAILURES_MAX: u32 = 5;
/// How long a system that is down is left alone; then one probe.
const DOWN: Duration = Duration::from_secs(10);

/// Whether a system may be called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Go,
    /// Not before this moment.
    Wait(Timestamp),
}

/// Why a system is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// It refuses our credentials.
    Credentials,
    /// It asked us to wait.
    RateLimit,
    /// It does not work for anybody.
    Down,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    failures: u32,
    open: Option<(Opened, Timestamp)>,
}

impl Opened {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::RateLimit => "rate-limit",
            Self::Down => "down",
        }
    }
}

/// One breaker per system.
#[derive(Debug, Default)]
pub struct Breakers {
    states: DashMap<&'static str, State>,
}

impl Breakers {
    /// Asks for a call. When the time is over, the first who asks is the probe and the others wait for it.
    pub fn ask(&self, system: System, now: Timestamp) -> Verdict {
        let mut state = self.states.entry(system.as_str()).or_default();
        match state.open {
            None => Verdict::Go,
            Some((_, until)) if now < until => Verdict::Wait(until),
            Some((why, _)) => {
                state.open = Some((why, backoff::after(now, probe_pause(why))));
                Verdict::Go
            }
        }
    }

    /// The system answered as it should. Whether that closed the breaker.
    pub fn succeeded(&self, system: System) -> bool {
        let mut state = self.states.entry(system.as_str()).or_default();
        let was_open = state.open.is_some();
        *state = State::default();
        was_open
    }

    /// A call failed. Refusals of one request say nothing about the system. Why it is left alone from now on, and until
    /// when, if it is.
    pub fn failed(&self, system: System, error: &CallError, now: Timestamp) -> Option<(Opened, Timestamp)> {
        let mut state = self.states.entry(system.as_str()).or_default();
        let opened = match error.class {
            FailureClass::Auth => Some((Opened::Credentials, backoff::AUTH)),
            FailureClass::RateLimited => Some((Opened::RateLimit, backoff::rate_limit(error))),
            // It answered; only what we look for is not there.
            FailureClass::Unknown if error.reason == Reason::ExternalDeleted => None,
            FailureClass::Transient | FailureClass::Unknown => {
                state.failures = state.failures.saturating_add(1);
                (state.failures >= FAILURES_MAX).then_some((Opened::Down, DOWN))
            }
            FailureClass::Permanent | FailureClass::Blocked => None,
        };
        let (why, pause) = opened?;
        if state.open.is_none() {
            tracing::error!(%system, ?why, error = error as &dyn std::error::Error, "the system is left alone for now");
        }
        state.open = Some((why, backoff::after(now, pause)));
        state.open
    }
}

const fn probe_pause(why: Opened) -> Duration {
    match why {
        Opened::Credentials => backoff::AUTH,
        Opened::RateLimit | Opened::Down => DOWN,
    }
}

#[cfg(test)]
mod tests;
