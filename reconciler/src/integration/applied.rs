//! What became of the steps of one stage, and how they go at the same time.

use std::future::Future;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use schema::provisioning::FailureClass;

use crate::call::CallError;

/// Failures that may pass after which nothing more of a stage is begun: one lost answer must not keep the doors of
/// hundreds of others open, and a system that answers nobody is not asked for everybody.
const FAILURES_MAX: usize = 3;

/// What became of the steps of one stage.
#[derive(Debug, Default)]
pub struct Applied {
    /// Steps done.
    pub done: usize,
    /// What failed, each about its object where there is one.
    pub errors: Vec<CallError>,
}

impl Applied {
    /// One more step is over.
    pub fn note(&mut self, outcome: Result<(), CallError>) {
        match outcome {
            Ok(()) => self.done += 1,
            Err(error) => self.errors.push(error),
        }
    }

    /// Whether the rest of the stage has to wait for another look.
    pub fn must_stop(&self) -> bool {
        let passing = |error: &&CallError| error.class != FailureClass::Permanent;
        let is_for_all = |error: &CallError| {
            matches!(error.class, FailureClass::Auth | FailureClass::RateLimited | FailureClass::Blocked)
        };
        self.errors.iter().any(is_for_all) || self.errors.iter().filter(passing).count() >= FAILURES_MAX
    }
}

/// Runs work for each item, at most `limit` at a time; begins nothing more once [`Applied::must_stop`] holds.
pub async fn each<'a, T, F>(limit: usize, items: &'a [T], work: impl Fn(&'a T) -> F) -> Applied
where
    F: Future<Output = Result<(), CallError>>,
{
    let mut applied = Applied::default();
    let mut waiting = items.iter();
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < limit.max(1) && !applied.must_stop() {
            let Some(item) = waiting.next() else { break };
            running.push(work(item));
        }
        match running.next().await {
            Some(outcome) => applied.note(outcome),
            None => return applied,
        }
    }
}
