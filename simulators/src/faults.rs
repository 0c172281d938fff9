//! Faults on request: rules that make a simulator slow, refuse, lie or hang up, and the log of what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

mod layer;
pub(crate) use layer::layer;

#[cfg(test)]
mod tests;

/// The log keeps the newest this many requests; the counters count all.
const REQUESTS_KEPT: usize = 20_000;

/// What happens to a request that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Answered as usual, this much later. Adds up with other rules.
    #[serde(rename = "latency_ms", with = "milliseconds")]
    Latency(Duration),
    /// Answered as usual, after this long of a server that does one thing at a time: whoever comes meanwhile waits in
    /// line. Adds up with other rules.
    #[serde(rename = "busy_ms", with = "milliseconds")]
    Busy(Duration),
    /// Nothing happens; answered with this status and a plain text body.
    Status(u16),
    /// Nothing happens; authentik's way of saying 500 to a write: 405, `text/html`, no body.
    EmptyMethodNotAllowed,
    /// It happens, and the connection closes without an answer.
    LostReplyAfterEffect,
    /// Nothing happens, and the connection closes without an answer.
    LostBeforeEffect,
    /// Nothing happens; 429 with `Retry-After`.
    TooManyRequests { retry_after_s: u32 },
    /// Nothing happens; 200 with a body that is not JSON.
    Garbage,
    /// Nothing happens; answered as if nothing had ever been made there: an empty list, or a 404 of the system's own.
    NothingThere,
}

/// How often a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    Times(u32),
    Always,
}

/// Which requests, what happens to them, and how often. What is not named matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Part of the path with its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// Part of the body: for JMAP the name of a method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// This many matching requests pass untouched first.
    #[serde(default)]
    after: u32,
    count: Count,
    effect: Effect,
}

impl Rule {
    pub fn once(effect: Effect) -> Self {
        Self::times(1, effect)
    }

    pub fn times(times: u32, effect: Effect) -> Self {
        Self { method: None, path: None, body: None, after: 0, count: Count::Times(times), effect }
    }

    pub fn always(effect: Effect) -> Self {
        Self { count: Count::Always, ..Self::times(0, effect) }
    }

    #[must_use]
    pub fn method(mut self, method: &Method) -> Self {
        self.method = Some(method.to_string());
        self
    }

    /// Only requests whose path, with its query, contains `part`.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// Only requests whose body contains `part`, such as `"x:Domain/set"`.
    #[must_use]
    pub fn body(mut self, part: &str) -> Self {
        self.body = Some(part.to_owned());
        self
    }

    /// Lets the first `passing` matching requests through.
    #[must_use]
    pub fn after(mut self, passing: u32) -> Self {
        self.after = passing;
        self
    }

    fn matches(&self, method: &Method, path: &str, body: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method.as_str()))
            && self.path.as_ref().is_none_or(|part| path.contains(part.as_str()))
            && self.body.as_ref().is_none_or(|part| body.contains(part.as_str()))
    }

    /// Whether the rule applies to one more matching request, and one use less of it.
    fn spend(&mut self) -> bool {
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        match &mut self.count {
            Count::Always => true,
            Count::Times(0) => false,
            Count::Times(left) => {
                *left -= 1;
                true
            }
        }
    }
}

/// One request as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    pub method: String,
    /// With its query.
    pub path: String,
    /// For JMAP, the names of the methods called.
    pub calls: Vec<String>,
    pub write: bool,
}

/// The rules and the log of one simulator; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<Rule>,
    seen: VecDeque<Seen>,
    reads: u64,
    writes: u64,
    /// Until when the server is busy with what came so far.
    busy_until: Option<Instant>,
}

/// What the rules decided for one request.
struct Verdict {
    latency: Duration,
    effect: Option<Effect>,
}

impl Faults {
    pub fn add(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    pub fn replace(&self, rules: Vec<Rule>) {
        self.lock().rules = rules;
    }

    /// The rules as they stand, spent ones with what is left of them.
    pub fn rules(&self) -> Vec<Rule> {
        self.lock().rules.clone()
    }

    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// The newest requests, oldest first.
    pub fn requests(&self) -> Vec<Seen> {
        self.lock().seen.iter().cloned().collect()
    }

    /// Forgets the requests and sets both counters to zero.
    pub fn clear_requests(&self) {
        let mut inner = self.lock();
        inner.seen.clear();
        inner.reads = 0;
        inner.writes = 0;
    }

    /// Requests that only ask, since the last `clear_requests`.
    pub fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// Requests that may change something, since the last `clear_requests`.
    pub fn writes(&self) -> u64 {
        self.lock().writes
    }

    fn judge(&self, method: &Method, path: &str, body: &str) -> Verdict {
        let mut verdict = Verdict { latency: Duration::ZERO, effect: None };
        let Inner { rules, busy_until, .. } = &mut *self.lock();
        for rule in rules {
            let adds_up = matches!(rule.effect, Effect::Latency(_) | Effect::Busy(_));
            let taken = verdict.effect.is_some() && !adds_up;
            if taken || !rule.matches(method, path, body) || !rule.spend() {
                continue;
            }
            match rule.effect {
                Effect::Latency(more) => verdict.latency += more,
                Effect::Busy(more) => {
                    let now = Instant::now();
                    let done = busy_until.map_or(now, |until| until.max(now)) + more;
                    *busy_until = Some(done);
                    verdict.latency += done - now;
                }
                Effect::Status(_)
                | Effect::EmptyMethodNotAllowed
                | Effect::LostReplyAfterEffect
                | Effect::LostBeforeEffect
                | Effect::TooManyRequests { .. }
                | Effect::Garbage
                | Effect::NothingThere => verdict.effect = Some(rule.effect),
            }
        }
        verdict
    }

    fn note(&self, seen: Seen) {
        let mut inner = self.lock();
        if seen.write {
            inner.writes += 1;
        } else {
            inner.reads += 1;
        }
        if inner.seen.len() == REQUESTS_KEPT {
            inner.seen.pop_front();
        }
        inner.seen.push_back(seen);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Durations as whole milliseconds in JSON.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
