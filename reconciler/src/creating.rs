//! Whether anything may be made in a system. What is missing alone was deleted by somebody and is made again; when much is
//! missing at once the system was restored, reset or swapped, or it lies, and making everything again would only add to
//! the trouble.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use projector::facts;
use schema::provisioning::{FailureClass, Reason, ResourceKind};
use schema::{System, Timestamp};
use tokio::sync::Mutex;

use crate::breaker::Verdict;
use crate::call::CallError;
use crate::config::SystemMode;
use crate::due::Lease;
use crate::integration::{Asked, Creating, Last};
use crate::losses::{Loss, LossWhy};
use crate::sweep::Everything;
use crate::{Reconciler, WorkError};

/// How long an answer to "is it still the same installation" holds.
const SAME_SECONDS: i64 = 30;
/// How long a count of what is missing holds: less than lies between two looks at something missing, so that the count
/// is never older than the first of them.
const COUNTED_SECONDS: i64 = 3;

/// Whether anything may be made in a system now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permit {
    Allowed,
    Stopped(LossWhy),
}

impl Permit {
    /// Whether ids that were bound there still name our objects.
    pub(crate) fn is_ours(self) -> bool {
        self != Self::Stopped(LossWhy::AnotherInstallation)
    }

    pub(crate) fn word(self) -> Creating {
        match self {
            Self::Allowed => Creating::Allowed,
            Self::Stopped(_) => Creating::Stopped,
        }
    }
}

/// What was found out about a system last.
#[derive(Debug, Clone, Copy)]
struct Found {
    permit: Permit,
    asked_at: Timestamp,
    counted_at: Option<Timestamp>,
}

impl Found {
    fn is_fresh(&self, how: How, now: Timestamp) -> bool {
        let is_within = |at: Timestamp, seconds: i64| (0..seconds * 1000).contains(&now.millis_since(at));
        match how {
            How::Asking => self.permit == Permit::Allowed && is_within(self.asked_at, SAME_SECONDS),
            How::Counting => self.counted_at.is_some_and(|at| is_within(at, COUNTED_SECONDS)),
        }
    }
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Whether it is the installation we know, and everything only if not.
    Asking,
    /// Everything we made there.
    Counting,
}

/// What was found out about each system; one finds out, the others wait for the answer.
#[derive(Debug, Default)]
pub(crate) struct Permits {
    systems: [Mutex<Option<Found>>; 3],
    /// Systems that are believed again, or whose loss was confirmed, and were not swept since.
    resumed: std::sync::Mutex<BTreeSet<System>>,
}

impl Permits {
    fn note_resumed(&self, system: System) {
        self.resumed.lock().unwrap_or_else(PoisonError::into_inner).insert(system);
    }

    fn resumed(&self) -> Vec<System> {
        std::mem::take(&mut *self.resumed.lock().unwrap_or_else(PoisonError::into_inner))
            .into_iter()
            .collect()
    }

    fn of(&self, system: System) -> &Mutex<Option<Found>> {
        let [authentik, stalwart, ocis] = &self.systems;
        match system {
            System::Authentik => authentik,
            System::Stalwart => stalwart,
            System::Ocis => ocis,
        }
    }
}

/// Everything there is in a system, as far as we may have made it.
pub(crate) trait Census {
    /// Whether an object is there.
    fn holds(&self, kind: ResourceKind, id: &str) -> bool;
}

/// How much of what we made is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) missing: u64,
    pub(crate) bound: u64,
}

impl Reconciler {
    /// Whether the holder of a row may make something. An error is one that the system says to everybody.
    pub(crate) async fn creating(
        &self,
        lease: &Lease,
        asked: Asked,
        last: Last,
    ) -> Result<Result<Permit, CallError>, WorkError> {
        // What has been missing once, or may have been made without our hearing of it, is made only after a count.
        if last == Last::Missing || lease.was(Reason::OutcomeUnknown) {
            return self.permit(lease.system, How::Counting).await;
        }
        if asked == Asked::Shut {
            // Doors wait for no question.
            let loss = self.0.losses.of(lease.system).await?;
            return Ok(Ok(loss.as_ref().map_or(Permit::Allowed, permit_of)));
        }
        self.permit(lease.system, How::Asking).await
    }

    async fn permit(&self, system: System, how: How) -> Result<Result<Permit, CallError>, WorkError> {
        let mut found = self.0.permits.of(system).lock().await;
        let now = self.now();
        if let Some(known) = found.filter(|known| known.is_fresh(how, now)) {
            return Ok(Ok(known.permit));
        }
        let loss = self.0.losses.of(system).await?;
        match self.find_out(system, how, loss.as_ref()).await? {
            Ok((permit, counted_at)) => {
                if permit == Permit::Allowed && found.is_some_and(|known| known.permit != Permit::Allowed) {
                    self.resume(system).await?;
                }
                *found = Some(Found { permit, asked_at: now, counted_at });
                Ok(Ok(permit))
            }
            Err(error) if matches!(error.class, FailureClass::Auth | FailureClass::RateLimited) => {
                Ok(Err(error))
            }
            // The attempt finds out by itself how much does not work. Meanwhile nothing is made on a doubt.
            Err(_) => Ok(Ok(match (how, &loss) {
                (_, Some(loss)) => permit_of(loss),
                (How::Asking, None) => Permit::Allowed,
                (How::Counting, None) => Permit::Stopped(LossWhy::Missing),
            })),
        }
    }

    async fn find_out(
        &self,
        system: System,
        how: How,
        loss: Option<&Loss>,
    ) -> Result<Result<(Permit, Option<Timestamp>), CallError>, WorkError> {
        let fingerprint = match self.0.systems.fingerprint(system).await {
            Ok(fingerprint) => fingerprint,
            Err(error) => return Ok(Err(error)),
        };
        let known = self.0.installations.of(system).await?;
        let is_another = match (&known, &fingerprint) {
            (Some(known), Some(said)) => known != said,
            (None, _) | (_, None) => false,
        };
        if how == How::Asking && !is_another && loss.is_none() {
            if let (None, Some(said)) = (&known, &fingerprint) {
                self.0.installations.note(system, said, self.now()).await?;
            }
            return Ok(Ok((Permit::Allowed, None)));
        }
        let counted_at = self.now();
        match self.count(system).await? {
            Ok(counted) => {
                let permit = self.judge_loss(system, fingerprint.as_deref(), counted).await?;
                Ok(Ok((permit, Some(counted_at))))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// What a process that starts finds out about systems in which nothing is made.
    pub(crate) async fn tell_losses(&self) -> Result<(), WorkError> {
        for loss in self.0.losses.list().await?.iter().filter(|loss| loss.confirmed_at.is_none()) {
            tell(loss.system, loss.why, Counted { missing: loss.missing, bound: loss.bound });
        }
        Ok(())
    }

    /// Compares everything that is bound in a system with everything that is there.
    async fn count(&self, system: System) -> Result<Result<Counted, CallError>, WorkError> {
        let bound = {
            let mut at = self.0.views.snapshot(&facts::MODEL).await?;
            facts::bound_in(&mut at, system).await?
        };
        Ok(Everything::read(&self.0.systems, system).await.map(|there| counted(&there, &bound)))
    }

    /// What a sweep's reading says of the system as a whole.
    pub(crate) async fn recount(
        &self,
        system: System,
        there: &Everything,
    ) -> Result<Result<Permit, CallError>, WorkError> {
        let mut found = self.0.permits.of(system).lock().await;
        let fingerprint = match self.0.systems.fingerprint(system).await {
            Ok(fingerprint) => fingerprint,
            Err(error) => return Ok(Err(error)),
        };
        let bound = {
            let mut at = self.0.views.snapshot(&facts::MODEL).await?;
            facts::bound_in(&mut at, system).await?
        };
        let permit = self.judge_loss(system, fingerprint.as_deref(), counted(there, &bound)).await?;
        *found = Some(Found { permit, asked_at: self.now(), counted_at: None });
        Ok(Ok(permit))
    }

    /// What a count says about the system as a whole.
    async fn judge_loss(
        &self,
        system: System,
        fingerprint: Option<&str>,
        counted: Counted,
    ) -> Result<Permit, WorkError> {
        let Counted { missing, bound } = counted;
        let known = self.0.installations.of(system).await?;
        let is_another = matches!((&known, fingerprint), (Some(known), Some(said)) if known != said)
            && missing * 2 > bound;
        let why = if is_another { LossWhy::AnotherInstallation } else { LossWhy::Missing };
        let loss = self.0.losses.of(system).await?;
        let now = self.now();
        if is_another || self.0.config.loss.is_exceeded(missing, bound) {
            if let Some(confirmed) = loss.as_ref().filter(|loss| loss.confirmed_at.is_some()) {
                if let Some(said) = fingerprint {
                    self.0.installations.note(system, said, now).await?;
                }
                return Ok(permit_of(confirmed));
            }
            self.0.losses.note(system, why, (missing, bound), now).await?;
            if loss.is_none() {
                tell(system, why, counted);
            }
            return Ok(Permit::Stopped(why));
        }
        if let Some(said) = fingerprint.filter(|said| known.as_deref() != Some(*said)) {
            self.0.installations.note(system, said, now).await?;
        }
        if loss.is_some() {
            self.0.losses.forget(system).await?;
            metrics::gauge!("dezky_creating_stopped", "system" => system.as_str()).set(0);
            tracing::info!(%system, missing, bound, "what we made is there again: missing objects are made as usual");
            self.resume(system).await?;
        }
        Ok(Permit::Allowed)
    }

    /// Something may be made there again: whoever waited for that is looked at now, and whoever differs soon.
    async fn resume(&self, system: System) -> Result<(), WorkError> {
        self.0.permits.note_resumed(system);
        self.0.due.unblock(system, self.now()).await?;
        self.0.woken.of(system).notify_one();
        Ok(())
    }

    /// Looks again at systems in which nothing is made, and sweeps those that are believed again: who differs was not
    /// asked for meanwhile. How many losses there are.
    pub async fn watch_losses(&self) -> Result<usize, WorkError> {
        let losses = self.0.losses.list().await?;
        for loss in &losses {
            let is_stopped = u8::from(loss.confirmed_at.is_none());
            metrics::gauge!("dezky_creating_stopped", "system" => loss.system.as_str()).set(is_stopped);
            let is_enforced = self.0.systems.mode(loss.system) == SystemMode::Enforce;
            if is_enforced && self.0.breakers.ask(loss.system, self.now()) == Verdict::Go {
                drop(self.permit(loss.system, How::Counting).await?);
            }
        }
        let resumed = self.0.permits.resumed();
        if !resumed.is_empty() {
            self.sweep_some(&resumed).await?;
        }
        Ok(losses.len())
    }
}

/// The one loud line.
fn tell(system: System, why: LossWhy, counted: Counted) {
    let Counted { missing, bound } = counted;
    metrics::gauge!("dezky_creating_stopped", "system" => system.as_str()).set(1);
    tracing::error!(
        %system, why = why.as_str(), missing, bound,
        "too much of what we made is missing: nothing is made there until it is back or `dezky confirm-loss {system}`"
    );
}

fn permit_of(loss: &Loss) -> Permit {
    match loss.confirmed_at {
        Some(_) => Permit::Allowed,
        None => Permit::Stopped(loss.why),
    }
}

/// Counts objects by what is bound: kinds with their ids there.
fn counted(census: &impl Census, bound: &BTreeSet<(ResourceKind, String)>) -> Counted {
    let missing = bound.iter().filter(|(kind, id)| !census.holds(*kind, id)).count();
    Counted {
        missing: u64::try_from(missing).unwrap_or(u64::MAX),
        bound: u64::try_from(bound.len()).unwrap_or(u64::MAX),
    }
}
