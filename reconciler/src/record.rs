//! What is recorded of an attempt: transitions only. The log is not told that we tried, but what became different.

use std::sync::Arc;

use domain::provisioning::{Phase, Provisioning};
use domain::{Act, Asked, Board, Rejection};
use schema::provisioning::{Access, Adopted, ConvergedReason, Evidence, FailureClass, Resource, Retained};
use schema::{ProvisioningCommand, Recorded, StreamId, Timestamp};

use crate::integration::{self, Attempt, Seen, Settled};
use crate::systems::Spec;
use crate::{Reconciler, WorkError};

/// Commands recorded in one commit; each is one event at most. A tenant may have thousands of objects.
const PORTION: usize = 32;
/// Failures in a row before something that may pass is worth an event.
const PASSING_FAILURES_MIN: u32 = 3;
/// Looks at doors kept as evidence.
const EVIDENCE_MAX: usize = 20;

/// Commands on one stream of observations that are recorded together.
#[derive(Debug, Clone)]
struct Record {
    stream: StreamId,
    commands: Vec<ProvisioningCommand>,
}

impl Act for Record {
    fn streams(&self) -> Vec<StreamId> {
        vec![self.stream.clone()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        for command in &self.commands {
            board.run::<Provisioning>(&self.stream, command.clone(), asked)?;
        }
        Ok(())
    }
}

/// What became known by recording.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The log was read or written up to here.
    pub(crate) position: u64,
    /// What was news.
    pub(crate) news: Vec<Recorded>,
}

impl Reconciler {
    /// Records in portions, in order. It may be cut between any two: each command says what is, so the next look says the
    /// rest again. What claims that all is well comes last.
    pub(crate) async fn record(
        &self,
        stream: &StreamId,
        commands: Vec<ProvisioningCommand>,
    ) -> Result<Known, WorkError> {
        let mut known = Known::default();
        for portion in commands.chunks(PORTION) {
            let act = Record { stream: stream.clone(), commands: portion.to_vec() };
            let outcome = self.0.store.execute(Arc::new(act), self.request()).await?;
            known.position = known.position.max(outcome.position);
            known.news.extend(outcome.news);
        }
        Ok(known)
    }
}

/// One attempt with what was known before it.
pub(crate) struct Reported<'a> {
    pub(crate) before: &'a Provisioning,
    pub(crate) spec: &'a Spec,
    pub(crate) generation: u32,
    pub(crate) is_new_spec: bool,
    pub(crate) asked: integration::Asked,
    pub(crate) attempt: &'a Attempt,
    /// Failures in a row, this one included if it is one.
    pub(crate) failures: u32,
    pub(crate) now: Timestamp,
}

impl Reported<'_> {
    /// The commands; most of them turn out to be no news.
    pub(crate) fn commands(&self) -> Vec<ProvisioningCommand> {
        let mut commands = Vec::new();
        // What is not believed binds nothing and loses nothing.
        if let Some(seen) = self.attempt.seen.as_ref().filter(|_| self.attempt.believed) {
            self.gone(seen, &mut commands);
            self.drift(&mut commands);
            self.bound(seen, &mut commands);
        }
        self.access(&mut commands);
        match &self.attempt.outcome {
            Ok(Settled::Level) => {
                commands.push(converged(self.generation, self.spec.reason()));
            }
            Err(error) if is_worth_an_event(error.class, self.failures) => {
                commands.push(ProvisioningCommand::RecordFailed {
                    generation: self.generation,
                    class: error.class,
                    reason: error.reason,
                    resource: error.resource.clone(),
                    consecutive: self.failures,
                });
            }
            Ok(Settled::Waiting | Settled::Observed) | Err(_) => {}
        }
        commands
    }

    fn gone(&self, seen: &Seen, commands: &mut Vec<ProvisioningCommand>) {
        for (resource, id) in self.before.bound() {
            let resource = resource.clone();
            let is_another = seen.objects.get(&resource).is_some_and(|now| now != id);
            if seen.retained.contains(&resource) {
                commands.push(ProvisioningCommand::RecordReleased { resource, retained: Retained::Kept });
            } else if is_another || (!seen.objects.contains_key(&resource) && self.spec.wants(&resource)) {
                commands.push(ProvisioningCommand::RecordLost { resource });
            } else if !seen.objects.contains_key(&resource) {
                commands.push(ProvisioningCommand::RecordReleased { resource, retained: Retained::Removed });
            }
        }
    }

    /// What differed although it had been right and nothing else was wanted.
    fn drift(&self, commands: &mut Vec<ProvisioningCommand>) {
        let was_right = matches!(self.before.phase(), Phase::Converged(_)) && !self.is_new_spec;
        if was_right && !self.attempt.paths.is_empty() {
            commands.push(ProvisioningCommand::RecordDrift { paths: self.attempt.paths.clone() });
        }
    }

    fn bound(&self, seen: &Seen, commands: &mut Vec<ProvisioningCommand>) {
        let fresh = seen.objects.iter().filter(|(resource, id)| {
            self.before.bound().get(*resource) != Some(*id) && !seen.retained.contains(*resource)
        });
        commands.extend(fresh.map(|(resource, id)| ProvisioningCommand::RecordBound {
            resource: resource.clone(),
            external_id: id.clone(),
            adopted: self.adopted(resource),
        }));
    }

    fn adopted(&self, resource: &Resource) -> Adopted {
        if self.attempt.found.contains(resource) { Adopted::Found } else { Adopted::Made }
    }

    /// Shut means: asked for, and seen. Without a look only "not asked for" can be said.
    fn access(&self, commands: &mut Vec<ProvisioningCommand>) {
        let access = match (self.asked, &self.attempt.seen) {
            (integration::Asked::Shut, Some(seen)) if seen.doors.iter().all(|door| door.is_shut) => {
                Access::Revoked
            }
            (integration::Asked::Shut, None) => return,
            (integration::Asked::Nothing, _) | (integration::Asked::Shut, Some(_)) => Access::Open,
        };
        let doors = self.attempt.seen.iter().flat_map(|seen| &seen.doors).take(EVIDENCE_MAX);
        let evidence = doors
            .map(|door| Evidence {
                check: door.check.clone(),
                outcome: door.outcome.to_owned(),
                at: self.now,
            })
            .collect();
        commands.push(ProvisioningCommand::RecordAccess { access, evidence });
    }
}

/// Nothing is left to do.
pub(crate) fn converged(generation: u32, reason: ConvergedReason) -> ProvisioningCommand {
    ProvisioningCommand::RecordConverged { generation, reason }
}

/// A disturbance that may pass is an event only when it does not pass; what waits is no failure.
const fn is_worth_an_event(class: FailureClass, failures: u32) -> bool {
    match class {
        FailureClass::Auth | FailureClass::Permanent => true,
        FailureClass::Transient | FailureClass::Unknown | FailureClass::RateLimited => {
            failures >= PASSING_FAILURES_MIN
        }
        FailureClass::Blocked => false,
    }
}
