//! What is kept of an attempt: transitions in the log, a row in the side table, the due row's next time.

use std::sync::Arc;

use domain::acts::ReconcilerLink;
use event_store::ExecuteError;
use schema::provisioning::Reason;
use schema::{System, Timestamp};

use super::{End, Input, Part};
use crate::attempts::Tried;
use crate::backoff;
use crate::due::{Later, Lease, Waits};
use crate::integration::{Attempt, Last, Settled};
use crate::record::{Record, Reported};
use crate::{Reconciler, WorkError};

impl Reconciler {
    /// What the attempt says about the system itself.
    pub(super) async fn judge(&self, system: System, attempt: &Attempt) -> Result<(), WorkError> {
        match &attempt.outcome {
            Err(error) => self.does_not_work(system, error).await,
            Ok(_) => self.works(system).await,
        }
    }

    pub(super) async fn report(
        &self,
        lease: &Lease,
        input: &Input,
        part: &Part<'_>,
        started_at: Timestamp,
        attempt: &Attempt,
    ) -> Result<(), WorkError> {
        let now = self.now();
        let failures = part.row.failures.saturating_add(u32::from(attempt.outcome.is_err()));
        let reported = Reported {
            before: &part.before,
            spec: &part.spec,
            generation: part.generation,
            is_new_spec: part.is_new_spec,
            asked: input.asked,
            attempt,
            failures,
            now,
        };
        self.record(Record(vec![(lease.subject.stream(part.row.system), reported.commands())])).await?;
        if part.row.system == System::Authentik {
            self.link(input, attempt).await?;
        }
        let (outcome, error) = match &attempt.outcome {
            Ok(Settled::Level) => ("converged", None),
            Ok(Settled::Waiting) => ("waiting", None),
            Ok(Settled::Observed) => ("observed", None),
            Err(error) => ("failed", Some(error)),
        };
        let tried = Tried {
            subject: lease.subject,
            system: part.row.system,
            started_at,
            ended_at: now,
            position: input.position,
            generation: part.generation,
            steps: attempt.steps_done,
            outcome,
            error,
        };
        Ok(self.0.attempts.note(&tried).await?)
    }

    /// Records under which subjects people will sign in, so that the first sign-in is known.
    async fn link(&self, input: &Input, attempt: &Attempt) -> Result<(), WorkError> {
        let (Some(seen), Some(authentik)) = (&attempt.seen, &self.0.systems.authentik) else {
            return Ok(());
        };
        let instance = authentik.instance();
        for person in input.people() {
            let is_known = |subject: &String| {
                person.identities.iter().any(|(at, known)| at == instance && known == subject)
            };
            let subjects: Vec<String> = seen
                .identities
                .iter()
                .filter(|(user_id, subject)| *user_id == person.user_id && !is_known(subject))
                .map(|(_, subject)| subject.clone())
                .collect();
            if subjects.is_empty() {
                continue;
            }
            let act = ReconcilerLink { user_id: person.user_id, instance: instance.to_owned(), subjects };
            match self.0.store.execute(Arc::new(act), self.request()).await {
                Ok(_) => {}
                Err(ExecuteError::Rejected(rejection)) => {
                    tracing::warn!(user = %person.user_id, code = rejection.code(), "the identity belongs to somebody else");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(super) async fn finish(
        &self,
        lease: &Lease,
        input: &Input,
        part: &Part<'_>,
        end: End,
        since: Timestamp,
    ) -> Result<(), WorkError> {
        let (row, now) = (part.row, self.now());
        let frees_identity = end.is_in_place() && row.system != System::Authentik;
        let later = match end {
            End::Settled(Settled::Level | Settled::Observed) => None,
            End::Settled(Settled::Waiting) => {
                let opens = backoff::after(since, self.0.config.door_wait);
                let until = opens.min(backoff::after(now, backoff::BLOCKED)).max(now);
                Some((until, 0, Waits::Blocked, Reason::DependencyNotReady))
            }
            End::Blocked(until, reason) => {
                let reason = if part.last() == Last::Missing { Reason::ExternalDeleted } else { reason };
                Some((until, row.failures, Waits::Blocked, reason))
            }
            End::Failed(error) => {
                let failures = row.failures.saturating_add(1);
                let pause = backoff::pause(&error, failures, self.0.config.jitter);
                tracing::warn!(
                    subject = %lease.subject, system = %row.system, failures, pause_ms = pause.as_millis(),
                    error = &error as &dyn std::error::Error, "an attempt failed"
                );
                Some((backoff::after(now, pause), failures, Waits::Retry, error.reason))
            }
        };
        match later {
            None => self.0.due.done(lease, row, input.position).await?,
            Some((until, failures, waits, reason)) => {
                let haste = input.haste();
                let later = Later { until, failures, waits, reason: reason.as_str(), haste };
                self.0.due.postpone(lease, row, &later).await?;
            }
        }
        if frees_identity {
            self.0.due.nudge(lease.subject, System::Authentik, now).await?;
        }
        Ok(())
    }
}
