//! The loops: each system has hands of its own, takes what is due there, and waits for more. None waits for another
//! system, however slow that is.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_store::Dialect;
use event_store::guard::caught;
use event_store::trouble::Trouble;
use futures::StreamExt as _;
use futures::future::{BoxFuture, join_all};
use futures::stream::{self, FuturesUnordered};
use schema::System;
use tokio_util::sync::CancellationToken;

use crate::config::SystemMode;
use crate::due::{Haste, Later, Lease};
use crate::subject::Subject;
use crate::{Reconciler, WorkError, backoff};

/// Subjects taken at a time when a step is asked for; the rest stays for other workers.
const TAKEN_MAX: usize = 64;
/// How often a worker says that it is still at work; a lease is three times as long.
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How long rows of others may stay unseen when nothing of ours happens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// At least between two looks at what is due.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// Between two looks at systems in which nothing is made.
const WATCH_EVERY: Duration = Duration::from_secs(5);
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
        self.tell_modes().await?;
        self.tell_losses().await?;
        tokio::join!(
            self.until(&stop, self.follow_forever()),
            join_all(System::ALL.map(|system| self.work_in(system, &stop))),
            self.until(&stop, self.timers_forever()),
            self.until(&stop, self.watch_losses_forever()),
        );
        Ok(())
    }

    /// Says how we were started, to people and to other processes.
    async fn tell_modes(&self) -> Result<(), WorkError> {
        self.note_modes().await?;
        for system in System::ALL {
            let mode = self.0.systems.mode(system);
            if mode != SystemMode::Observe {
                self.0.differences.forget_all(system).await?;
            }
            match mode {
                SystemMode::Paused => tracing::warn!(%system, "paused by its setting: nothing is done there"),
                SystemMode::Observe => {
                    tracing::warn!(%system, "only observed by its setting: nothing is changed there");
                }
                SystemMode::Enforce | SystemMode::Disabled => {}
            }
        }
        Ok(())
    }

    async fn until(&self, stop: &CancellationToken, work: impl Future<Output = ()>) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = work => {}
        }
    }

    /// Keeps a system's hands full without waiting for the slowest; at the end what is in hand is finished.
    async fn work_in(&self, system: System, stop: &CancellationToken) {
        let mut running = FuturesUnordered::new();
        let mut in_hand = BTreeMap::new();
        let mut ended = Vec::new();
        loop {
            let pause = if stop.is_cancelled() {
                if running.is_empty() {
                    return;
                }
                LOOK_EVERY
            } else {
                let next = self.next_subjects(system, &in_hand);
                for (subject, haste) in beside(&mut running, &mut ended, next).await {
                    in_hand.insert(subject, haste);
                    running.push(async move {
                        Box::pin(self.work_on(subject, system)).await;
                        subject
                    });
                }
                let pause = self.pause(system, running.len());
                let pause = beside(&mut running, &mut ended, pause).await;
                if ended.is_empty() { pause } else { Duration::ZERO }
            };
            for subject in ended.drain(..) {
                in_hand.remove(&subject);
            }
            tokio::select! {
                () = stop.cancelled(), if !stop.is_cancelled() => {}
                Some(subject) = running.next() => drop(in_hand.remove(&subject)),
                () = self.0.woken.of(system).notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// As many as there are free hands for. Doors to shut go first and have as many hands again for themselves; they leave
    /// one to the rest, however many of them fail again and again.
    async fn next_subjects(
        &self,
        system: System,
        in_hand: &BTreeMap<Subject, Haste>,
    ) -> Vec<(Subject, Haste)> {
        if self.0.systems.mode(system) == SystemMode::Paused {
            return Vec::new();
        }
        match self.free_hands(system, in_hand).await {
            Ok(next) => {
                self.database_answers();
                next
            }
            Err(error) => {
                self.database_is_away(&error);
                Vec::new()
            }
        }
    }

    async fn free_hands(
        &self,
        system: System,
        in_hand: &BTreeMap<Subject, Haste>,
    ) -> Result<Vec<(Subject, Haste)>, WorkError> {
        let now = self.now();
        if self.0.due.next(system, now).await?.is_none_or(|next| next > now) {
            self.doors_due(system, 0);
            return Ok(Vec::new());
        }
        let hands = self.0.systems.hands(system);
        let mut next = Vec::new();
        for (haste, most) in [(Haste::Closing, hands * 2 - 1), (Haste::Usual, hands)] {
            let busy = in_hand.values().filter(|of| **of == haste).count();
            let all = (hands * 2).saturating_sub(in_hand.len() + next.len());
            let free = most.saturating_sub(busy).min(all);
            if haste == Haste::Closing {
                let waiting =
                    usize::try_from(self.0.due.doors_waiting(system, now).await?).unwrap_or(usize::MAX);
                self.doors_due(system, waiting.saturating_sub(free));
            }
            if free == 0 {
                continue;
            }
            let waiting = self.0.due.waiting(system, haste, now, free + in_hand.len()).await?;
            let fresh = waiting.into_iter().filter(|subject| !in_hand.contains_key(subject));
            next.extend(fresh.take(free).map(|subject| (subject, haste)));
        }
        Ok(next)
    }

    /// Bulk work of a system holds back for doors that wait for a hand.
    fn doors_due(&self, system: System, count: usize) {
        if let Some(lane) = self.0.systems.lane(system) {
            lane.doors_due(count);
        }
    }

    /// How long nothing is due.
    async fn pause(&self, system: System, in_hand: usize) -> Duration {
        let trouble = self.database_pause();
        if !trouble.is_zero() {
            return trouble;
        }
        if in_hand >= self.0.systems.hands(system) || self.0.systems.mode(system) == SystemMode::Paused {
            return LOOK_EVERY;
        }
        let now = self.now();
        let next = self.0.due.next(system, now).await.ok().flatten();
        let millis = next.map_or(i64::MAX, |next| next.millis_since(now));
        Duration::from_millis(u64::try_from(millis).unwrap_or(0)).clamp(LOOK_AGAIN, LOOK_EVERY)
    }

    /// Works once on everything that is due now. How many rows.
    pub async fn run_once(&self) -> Result<usize, WorkError> {
        let worked = join_all(System::ALL.map(|system| self.run_once_in(system))).await;
        worked.into_iter().sum()
    }

    async fn run_once_in(&self, system: System) -> Result<usize, WorkError> {
        if self.0.systems.mode(system) == SystemMode::Paused {
            return Ok(0);
        }
        let now = self.now();
        let mut subjects = self.0.due.waiting(system, Haste::Closing, now, TAKEN_MAX).await?;
        subjects.extend(self.0.due.waiting(system, Haste::Usual, now, TAKEN_MAX).await?);
        let worked: Vec<bool> = stream::iter(subjects)
            .map(|subject| self.work_on(subject, system))
            .buffer_unordered(self.0.systems.hands(system))
            .collect()
            .await;
        Ok(worked.into_iter().filter(|worked| *worked).count())
    }

    /// Whether there was anything to take.
    async fn work_on(&self, subject: Subject, system: System) -> bool {
        let token = format!("{}:{}", self.0.owner, self.0.leases.fetch_add(1, Ordering::Relaxed));
        let lease = match self.0.due.take(subject, system, &token, self.now()).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return false,
            Err(error) => {
                self.database_is_away(&error.into());
                return false;
            }
        };
        let outcome = tokio::select! {
            outcome = caught(self.pass(&lease)) => outcome,
            () = self.keep(&lease) => Ok(Ok(())),
            // Dropped like by a kill: the next pass begins with the doors.
            () = self.overtaken(&lease) => {
                tracing::info!(%subject, %system, "a pass gives way: doors are to be shut");
                Ok(self.0.due.release(&lease).await.map_err(WorkError::from))
            }
        };
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_of_the_database() => {
                self.database_is_away(&error);
                let until = backoff::after(self.now(), OWN_TROUBLE);
                self.give_back(&lease, &Later::unblamed(&lease, until)).await;
            }
            Ok(Err(error)) => {
                tracing::error!(%subject, %system, error = &error as &dyn std::error::Error, "a pass was cut short");
                self.set_aside(&lease).await;
            }
            Err(panicked) => {
                drop(panicked.told("reconcile", format_args!("{subject} in {system}")));
                self.set_aside(&lease).await;
            }
        }
        true
    }

    /// Says again and again that we are at work.
    async fn keep(&self, lease: &Lease) {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            if let Err(error) = self.0.due.renew(lease, self.now()).await {
                self.database_is_away(&error.into());
            }
        }
    }

    /// Ends when doors of what is in hand were asked shut meanwhile.
    async fn overtaken(&self, lease: &Lease) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.0.due.is_overtaken(lease).await.unwrap_or(false) {
                return;
            }
        }
    }

    /// A fault of ours, or data we cannot read: later and later, and nobody else waits for it.
    async fn set_aside(&self, lease: &Lease) {
        let pause = backoff::of_a_fault(lease.failures.saturating_add(1));
        let until = backoff::after(self.now(), pause);
        self.give_back(lease, &Later::crashed(lease, until)).await;
    }

    async fn give_back(&self, lease: &Lease, later: &Later<'_>) {
        if let Err(error) = self.0.due.postpone(lease, later).await {
            // Nothing is lost: the lease runs out.
            self.database_is_away(&error.into());
        }
    }

    async fn watch_losses_forever(&self) {
        let mut trouble = Trouble::default();
        loop {
            let pause = match caught(self.watch_losses()).await {
                Ok(Ok(_)) => {
                    trouble.tell_works("losses are looked at");
                    WATCH_EVERY
                }
                Ok(Err(error)) => self.tell(&mut trouble, "losses could not be looked at", &error),
                Err(panicked) => trouble.tell_panicked(&panicked, "watch-losses", "every system"),
            };
            tokio::time::sleep(pause.max(WATCH_EVERY)).await;
        }
    }
}

/// Goes on with what is in hand while something else is waited for. What is in hand may have been given what everybody
/// waits for, a connection to a database say, and gives it back only when it goes on.
async fn beside<F: Future<Output = Subject>, T>(
    running: &mut FuturesUnordered<F>,
    ended: &mut Vec<Subject>,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(subject) = running.next() => ended.push(subject),
        }
    }
}
