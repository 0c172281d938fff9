//! Something we need is away: how long to wait before the next try, and when there is something to say.
//!
//! One line when it begins, one when it is away for another reason, one when it is back. In between nothing, however long
//! it lasts and however often it is tried.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use tokio::time::Instant;

use crate::guard::{self, Panicked};

const PAUSE_MIN: Duration = Duration::from_millis(500);
/// For our own databases. A try is one refused connection and no line in the log, so nothing is gained by trying less
/// often; and whoever waits is back within these seconds without being woken by anybody.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// So many reasons are told apart within one trouble; a message that is different every time is not told every time.
const KINDS_MAX: usize = 4;
const KIND_LENGTH_MAX: usize = 300;
/// How much shorter a pause may be, so that processes that failed together do not try together.
const JITTER: f64 = 0.25;

/// One thing that may be away. It is well until told otherwise.
#[derive(Debug)]
pub struct Trouble {
    pause_max: Duration,
    since: Option<Instant>,
    tries: u32,
    said: BTreeSet<String>,
}

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// Nobody has said this yet.
    pub is_news: bool,
    /// How long to wait before the next try.
    pub pause: Duration,
}

/// A trouble that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Over {
    /// How long it lasted.
    pub lasted: Duration,
    /// How often it was tried in vain.
    pub tries: u32,
}

impl Default for Trouble {
    fn default() -> Self {
        Self::new(PAUSE_MAX)
    }
}

impl Trouble {
    /// With the longest pause between tries.
    pub const fn new(pause_max: Duration) -> Self {
        Self { pause_max, since: None, tries: 0, said: BTreeSet::new() }
    }

    /// Whether it lasts.
    pub const fn lasts(&self) -> bool {
        self.since.is_some()
    }

    /// It did not work, for this reason.
    pub fn failed(&mut self, kind: &str, now: Instant) -> Failed {
        self.since.get_or_insert(now);
        let doubled = PAUSE_MIN.saturating_mul(2_u32.saturating_pow(self.tries));
        self.tries = self.tries.saturating_add(1);
        let is_news =
            self.said.len() < KINDS_MAX && self.said.insert(kind.chars().take(KIND_LENGTH_MAX).collect());
        let pause = doubled.min(self.pause_max).mul_f64(1.0 - JITTER * fastrand::f64());
        Failed { is_news, pause }
    }

    /// It works. What is over, if something was.
    pub fn works(&mut self, now: Instant) -> Option<Over> {
        let since = self.since.take()?;
        self.said.clear();
        let tries = std::mem::take(&mut self.tries);
        Some(Over { lasted: now.saturating_duration_since(since), tries })
    }

    /// The same as [`Self::failed`], said in the log. `what` is a sentence such as "the log cannot be read".
    pub fn tell_failed(&mut self, what: &'static str, error: &(dyn Error + 'static)) -> Duration {
        let failed = self.failed(&chain(error), Instant::now());
        if failed.is_news {
            tracing::warn!(error, "{what}; trying again");
        }
        failed.pause
    }

    /// The same for a panic that was caught: each is counted, the first from a place is said.
    pub fn tell_panicked(
        &mut self,
        panicked: &Panicked,
        task: &'static str,
        subject: impl std::fmt::Display,
    ) -> Duration {
        guard::count(task);
        let failed = self.failed(&panicked.place, Instant::now());
        if failed.is_news {
            panicked.log(task, subject);
        }
        failed.pause
    }

    /// The same as [`Self::works`], said in the log. `what` is a sentence such as "the log can be read".
    pub fn tell_works(&mut self, what: &'static str) {
        if let Some(Over { lasted, tries }) = self.works(Instant::now()) {
            tracing::info!(after_ms = lasted.as_millis(), tries, "{what} again");
        }
    }
}

/// An error with everything that led to it.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
