//! How often somebody may do something: a few routes cost us, or an outsider, more than a request.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use schema::UserId;
use tokio::time::Instant;

use crate::error::ApiError;
use crate::problem::{Code, Problem};

const CALLERS_MAX: usize = 10_000;

/// So many times within so long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// What is done.
    pub what: &'static str,
    /// How many times.
    pub times: usize,
    /// Within so long.
    pub within: Duration,
}

impl Rate {
    /// So many times a minute.
    pub(crate) const fn per_minute(what: &'static str, times: usize) -> Self {
        Self { what, times, within: Duration::from_mins(1) }
    }
}

/// When each caller last did what.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<BTreeMap<(UserId, &'static str), VecDeque<Instant>>>);

impl Pace {
    /// Counts one more time, or refuses with the time to wait.
    pub(crate) fn step(&self, user: UserId, rate: Rate) -> Result<(), ApiError> {
        let now = Instant::now();
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if callers.len() >= CALLERS_MAX {
            callers
                .retain(|_, times| times.back().is_some_and(|last| now.duration_since(*last) < rate.within));
        }
        let times = callers.entry((user, rate.what)).or_default();
        while times.front().is_some_and(|first| now.duration_since(*first) >= rate.within) {
            times.pop_front();
        }
        if times.len() < rate.times {
            times.push_back(now);
            return Ok(());
        }
        let oldest = times.front().map_or(Duration::ZERO, |first| now.duration_since(*first));
        let wait = u32::try_from(rate.within.saturating_sub(oldest).as_secs()).unwrap_or(u32::MAX).max(1);
        let detail = format!("At most {} times a minute", rate.times);
        Err(Problem::new(Code::RateLimited, detail).retry_after(wait).into())
    }
}
