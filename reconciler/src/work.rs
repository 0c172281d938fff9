//! The loop: takes what is due, a few subjects at a time, and waits for more.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_store::Dialect;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered};
use tokio_util::sync::CancellationToken;

use crate::due::{Haste, Later, Lease};
use crate::subject::Subject;
use crate::{Reconciler, WorkError};

/// Subjects taken at a time; the rest stays for other workers.
const TAKEN_MAX: usize = 64;
/// How often a worker says that it is still at work; a lease is three times as long.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How long rows of others may stay unseen when nothing of ours happens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// At least between two looks at what is due.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Hands that only shut doors.
const CLOSING_HANDS: usize = 4;
/// Before the next try when our own databases do not answer.
const OWN_TROUBLE: Duration = Duration::from_secs(1);

impl Reconciler {
    /// Follows the log and works, until told to stop. What is in hand is finished.
    pub fn run(&self, stop: CancellationToken) -> BoxFuture<'_, Result<(), WorkError>> {
        Box::pin(self.running(stop))
    }

    async fn running(&self, stop: CancellationToken) -> Result<(), WorkError> {
        if self.0.views.db().dialect() == Dialect::Sqlite {
            // The only process there is: whoever held a lease is dead.
            self.0.due.release_all().await?;
        }
        self.0.left_alone.forget_all().await?;
        tokio::join!(
            self.until(&stop, Self::follow_forever(self)),
            self.work_until(&stop),
            self.until(&stop, Self::timers_forever(self)),
        );
        Ok(())
    }

    async fn until(&self, stop: &CancellationToken, work: impl Future<Output = ()>) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// Keeps its hands full without waiting for the slowest; at the end what is in hand is finished.
    async fn work_until(&self, stop: &CancellationToken) {
        let mut running = FuturesUnordered::new();
        let mut in_hand = BTreeMap::new();
        loop {
            let pause = if stop.is_cancelled() {
                if running.is_empty() {
                    return;
                }
                LOOK_EVERY
            } else {
                for (subject, haste) in self.next_subjects(&in_hand).await {
                    in_hand.insert(subject, haste);
                    running.push(async move {
                        self.work_on(subject).await;
                        subject
                    });
                }
                self.pause(running.len()).await
            };
            tokio::select! {
                () = stop.cancelled(), if !stop.is_cancelled() => {}
                Some(subject) = running.next() => drop(in_hand.remove(&subject)),
                () = self.0.woken.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// As many as there are free hands for. Doors to shut go first and have hands of their own; they leave one to the
    /// rest, however many of them fail again and again.
    async fn next_subjects(&self, in_hand: &BTreeMap<Subject, Haste>) -> Vec<(Subject, Haste)> {
        let hands = 4;
        let all = hands + CLOSING_HANDS;
        let mut next = Vec::new();
        for haste in [Haste::Closing, Haste::Usual] {
            let most = match haste {
                Haste::Closing => all - 1,
                Haste::Usual => hands,
            };
            let busy = in_hand.values().filter(|of| **of == haste).count();
            let free = most.saturating_sub(busy).min(all.saturating_sub(in_hand.len() + next.len()));
            if free == 0 {
                continue;
            }
            match self.0.due.waiting(haste, self.now(), free + in_hand.len()).await {
                Ok(waiting) => {
                    let fresh = waiting.into_iter().filter(|subject| !in_hand.contains_key(subject));
                    next.extend(fresh.take(free).map(|subject| (subject, haste)));
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "could not look what is due");
                }
            }
        }
        next
    }

    /// How long nothing is due.
    async fn pause(&self, in_hand: usize) -> Duration {
        if in_hand >= 4 {
            return LOOK_EVERY;
        }
        let now = self.now();
        let next = self.0.due.next(now).await.ok().flatten();
        let millis = next.map_or(i64::MAX, |next| next.millis_since(now));
        Duration::from_millis(u64::try_from(millis).unwrap_or(0)).clamp(LOOK_AGAIN, LOOK_EVERY)
    }

    /// Works once on everything that is due now. How many subjects.
    pub async fn run_once(&self) -> Result<usize, WorkError> {
        let now = self.now();
        let mut subjects = self.0.due.waiting(Haste::Closing, now, TAKEN_MAX).await?;
        subjects.extend(self.0.due.waiting(Haste::Usual, now, TAKEN_MAX).await?);
        let worked: Vec<bool> =
            stream::iter(subjects).map(|subject| self.work_on(subject)).buffer_unordered(4).collect().await;
        Ok(worked.into_iter().filter(|worked| *worked).count())
    }

    /// Whether there was anything to take.
    async fn work_on(&self, subject: Subject) -> bool {
        let token = format!("{}:{}", self.0.owner, self.0.leases.fetch_add(1, Ordering::Relaxed));
        let lease = match self.0.due.take(subject, &token, self.now()).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return false,
            Err(error) => {
                tracing::error!(%subject, error = &error as &dyn std::error::Error, "could not take a lease");
                return false;
            }
        };
        let outcome = tokio::select! {
            outcome = self.pass(&lease) => outcome,
            () = self.keep(&lease) => Ok(()),
            // Dropped like by a kill: the next pass begins with the doors.
            () = self.overtaken(&lease) => {
                tracing::info!(%subject, "a pass gives way: doors are to be shut");
                self.0.due.release(&lease).await.map_err(WorkError::from)
            }
        };
        if let Err(error) = outcome {
            tracing::error!(%subject, error = &error as &dyn std::error::Error, "a pass was cut short");
            self.later(&lease).await;
        }
        true
    }

    /// Says again and again that we are at work.
    async fn keep(&self, lease: &Lease) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if let Err(error) = self.0.due.renew(lease, self.now()).await {
                tracing::warn!(subject = %lease.subject, error = &error as &dyn std::error::Error, "could not renew a lease");
            }
        }
    }

    /// Ends when doors of the subject in hand were asked shut meanwhile.
    async fn overtaken(&self, lease: &Lease) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.0.due.is_overtaken(lease).await.unwrap_or(false) {
                return;
            }
        }
    }

    /// Our own trouble is nobody's failure.
    async fn later(&self, lease: &Lease) {
        let until = crate::backoff::after(self.now(), OWN_TROUBLE);
        for row in &lease.rows {
            if let Err(error) = self.0.due.postpone(lease, row, &Later::unblamed(row, until)).await {
                tracing::warn!(subject = %lease.subject, error = &error as &dyn std::error::Error, "could not give a lease back");
            }
        }
    }
}
