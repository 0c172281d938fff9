//! What is kept of an attempt: transitions in the log, a row in the side table, the due row's next time.

use std::sync::Arc;

use domain::acts::ReconcilerLink;
use event_store::ExecuteError;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use projector::facts::PersonFacts;
use schema::provisioning::{FailureClass, Reason, ResourceKind};
use schema::{Event, ProvisioningEvent, Recorded, System, Timestamp};

use super::{End, Input, Wanted};
use crate::attempts::Tried;
use crate::backoff;
use crate::due::{Haste, Later, Lease, Waits};
use crate::integration::{Asked, Attempt, Last, Settled};
use crate::record::Reported;
use crate::{Reconciler, WorkError};

/// People whose identities are recorded at a time.
const LINKED_AT_ONCE: usize = 8;

impl Reconciler {
    /// What the attempt says about the system itself.
    pub(super) async fn judge(&self, system: System, attempt: &Attempt) -> Result<(), WorkError> {
        match &attempt.outcome {
            Err(error) if error.class == FailureClass::Blocked => Ok(()),
            Err(error) => self.does_not_work(system, error).await,
            Ok(_) => self.works(system).await,
        }
    }

    /// Keeps what became different. The position of the log by which it is known.
    pub(super) async fn report(
        &self,
        lease: &Lease,
        input: &Input,
        wanted: &Wanted,
        started_at: Timestamp,
        attempt: &Attempt,
    ) -> Result<u64, WorkError> {
        let now = self.now();
        let failures = lease.failures.saturating_add(u32::from(attempt.outcome.is_err()));
        let reported = Reported {
            before: &wanted.before,
            spec: &wanted.spec,
            generation: wanted.generation,
            is_new_spec: wanted.is_new,
            asked: input.asked,
            attempt,
            failures,
            now,
        };
        let stream = lease.subject.stream(lease.system);
        let known = self.record(&stream, reported.commands()).await?;
        let recorded_at = known.position;
        if lease.system == System::Authentik {
            self.link(input, attempt).await?;
            self.let_into_files(lease, &known.news, recorded_at).await?;
        }
        self.show_differences(lease, attempt).await?;
        let (outcome, error) = match &attempt.outcome {
            Ok(Settled::Level) => ("converged", None),
            Ok(Settled::Waiting) => ("waiting", None),
            Ok(Settled::Observed) => ("observed", None),
            Err(error) => ("failed", Some(error)),
        };
        let tried = Tried {
            subject: lease.subject,
            system: lease.system,
            started_at,
            ended_at: now,
            position: input.position,
            generation: wanted.generation,
            steps: attempt.steps_done,
            outcome,
            error,
        };
        self.0.attempts.note(&tried).await?;
        Ok(recorded_at)
    }

    /// Records under which subjects people will sign in, so that the first sign-in is known.
    async fn link(&self, input: &Input, attempt: &Attempt) -> Result<(), WorkError> {
        let (Some(seen), Some(authentik)) = (&attempt.seen, &self.0.systems.authentik) else {
            return Ok(());
        };
        if !attempt.believed {
            return Ok(());
        }
        let instance = authentik.instance();
        let news = input.people().iter().filter_map(|person| {
            let is_known = |subject: &String| {
                person.identities.iter().any(|(at, known)| at == instance && known == subject)
            };
            let theirs = seen.identities.iter().filter(|(user_id, _)| *user_id == person.user_id);
            let subjects: Vec<String> =
                theirs.map(|(_, subject)| subject).filter(|subject| !is_known(subject)).cloned().collect();
            (!subjects.is_empty()).then_some((person, subjects))
        });
        let links: Vec<_> =
            news.map(|(person, subjects)| self.link_one(person, instance, subjects)).collect();
        stream::iter(links).buffer_unordered(LINKED_AT_ONCE).try_collect().await
    }

    async fn link_one(
        &self,
        person: &PersonFacts,
        instance: &str,
        subjects: Vec<String>,
    ) -> Result<(), WorkError> {
        let act = ReconcilerLink { user_id: person.user_id, instance: instance.to_owned(), subjects };
        match self.0.store.execute(Arc::new(act), self.request()).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Rejected(rejection)) => {
                tracing::warn!(user = %person.user_id, code = rejection.code(), "the identity belongs to somebody else");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whose account is known to be theirs now may be let into the group of the file server, if they have been there.
    async fn let_into_files(
        &self,
        lease: &Lease,
        news: &[Recorded],
        recorded_at: u64,
    ) -> Result<(), WorkError> {
        let is_of_a_person = |recorded: &Recorded| {
            matches!(
                &recorded.event,
                Event::Provisioning(ProvisioningEvent::ResourceBound { resource, .. })
                    if resource.kind == ResourceKind::User
            )
        };
        let has_files = lease.subject.systems().contains(&System::Ocis);
        if !has_files || !news.iter().any(is_of_a_person) {
            return Ok(());
        }
        self.0.due.remind(lease.subject, System::Ocis, recorded_at, self.now()).await?;
        self.0.woken.of(System::Ocis).notify_one();
        Ok(())
    }

    /// What would have been done where we may only look; nothing to show where there is nothing.
    async fn show_differences(&self, lease: &Lease, attempt: &Attempt) -> Result<(), WorkError> {
        let now = self.now();
        match (&attempt.outcome, attempt.would_do.as_slice()) {
            (Ok(Settled::Observed), steps) => {
                self.0.differences.note(lease.subject, lease.system, steps, now).await?;
            }
            (Ok(Settled::Level), _) if attempt.seen.is_none() => {
                self.0.differences.forget(lease.subject, lease.system).await?;
            }
            (Ok(Settled::Level | Settled::Waiting) | Err(_), _) => {}
        }
        Ok(())
    }

    pub(super) async fn finish(
        &self,
        lease: &Lease,
        input: &Input,
        wanted: &Wanted,
        end: End,
        since: Timestamp,
        recorded_at: u64,
    ) -> Result<(), WorkError> {
        let now = self.now();
        // Who waits for this system opens doors. Once a tenant has been active, nobody waits while doors are asked shut.
        let may_wait = input.asked == Asked::Nothing || input.is_pending();
        let frees_identity = end.is_in_place() && lease.system != System::Authentik && may_wait;
        // Who makes room has shut its doors: it is one of those that wait, not one of those they wait for.
        let makes_room = matches!(&end, End::Failed(error) if error.makes_room());
        let haste = if makes_room { Haste::Usual } else { input.haste() };
        let later = match end {
            End::Settled(Settled::Level | Settled::Observed) => None,
            End::Settled(Settled::Waiting) => {
                let opens = backoff::after(since, self.0.config.door_wait);
                let until = opens.min(backoff::after(now, backoff::BLOCKED)).max(now);
                Some((until, 0, Waits::Blocked, Reason::DependencyNotReady))
            }
            End::Blocked(until) => {
                let is_missing = wanted.last(lease) == Last::Missing;
                let reason = if is_missing { Reason::ExternalDeleted } else { Reason::Waiting };
                Some((until, lease.failures, Waits::Blocked, reason))
            }
            End::Failed(error) => {
                let failures = lease.failures.saturating_add(1);
                let pause = backoff::pause(&error, failures, self.0.config.jitter);
                let waits = match error.class {
                    FailureClass::Blocked => Waits::Blocked,
                    FailureClass::Transient
                    | FailureClass::RateLimited
                    | FailureClass::Auth
                    | FailureClass::Permanent
                    | FailureClass::Unknown => Waits::Retry,
                };
                // What waits for something that was said loudly is not said for everybody.
                if waits == Waits::Retry {
                    tracing::warn!(
                        subject = %lease.subject, system = %lease.system, failures, pause_ms = pause.as_millis(),
                        object = error.object(), error = &error as &dyn std::error::Error, "an attempt failed"
                    );
                }
                Some((backoff::after(now, pause), failures, waits, error.reason))
            }
        };
        match later {
            None => self.0.due.done(lease, input.position).await?,
            Some((until, failures, waits, reason)) => {
                let later = Later { until, failures, waits, reason: reason.as_str(), haste };
                self.0.due.postpone(lease, &later).await?;
            }
        }
        if frees_identity {
            self.0.due.nudge(lease.subject, System::Authentik, recorded_at, now).await?;
            self.0.woken.of(System::Authentik).notify_one();
        }
        Ok(())
    }
}
