//! What was observed of one tenant in one outside system: transitions only, and never older truth over newer.

use std::collections::BTreeMap;

use schema::provisioning::{
    Access, ConvergedReason, Counts, Evidence, FailureClass, Mode, Reason, Resource, Retained,
};
use schema::{ProvisioningCommand, ProvisioningEvent};

use crate::{Asked, Decider, Rejection};

/// A passing disturbance is worth an event only when it does not pass.
const TRANSIENT_FAILURES_MIN: u32 = 3;
const DRIFT_PATHS_MAX: usize = 20;

/// What is wanted and what was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provisioning {
    wanted: Option<Wanted>,
    phase: Phase,
    drifted: Vec<String>,
    access_revoked: bool,
    bound: BTreeMap<Resource, String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Wanted {
    generation: u32,
    spec_hash: String,
    mode: Mode,
}

/// How far the wanted state has been reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Phase {
    /// On the way.
    #[default]
    Progressing,
    /// Observed equals wanted.
    Converged(ConvergedReason),
    /// It does not work.
    Failed {
        /// What happens next.
        class: FailureClass,
        /// What is wrong.
        reason: Reason,
        /// The object concerned.
        resource: Option<Resource>,
    },
}

impl Phase {
    /// Whether what does not work concerns one person alone, and will not pass by itself.
    pub const fn is_of_a_person(&self) -> bool {
        match self {
            Self::Failed { class: FailureClass::Permanent, reason, resource: Some(resource) } => {
                reason.may_be_of_one_object() && resource.kind.is_of_a_person()
            }
            Self::Failed { .. } | Self::Progressing | Self::Converged(_) => false,
        }
    }
}

/// The word of a system in a tenant's representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemStatus {
    /// On the way, or never looked at.
    Pending,
    /// Observed equals wanted.
    Ok,
    /// It does not work.
    Error,
    /// Switched off, by configuration or by plan.
    Skipped,
}

impl SystemStatus {
    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }

    /// The word for what is wanted and seen. No mode: nothing has been wanted yet. One person who cannot be served is a
    /// matter of that person: everybody else is, and the system is in place.
    pub const fn of(mode: Option<Mode>, phase: &Phase) -> Self {
        match (mode, phase) {
            (Some(Mode::DisabledByConfig | Mode::DisabledByPlan), _) => Self::Skipped,
            (Some(Mode::Enforce), Phase::Converged(_)) => Self::Ok,
            (Some(Mode::Enforce), phase) if phase.is_of_a_person() => Self::Ok,
            (Some(Mode::Enforce), Phase::Failed { .. }) => Self::Error,
            (Some(Mode::Enforce), Phase::Progressing) | (None, _) => Self::Pending,
        }
    }

    /// Whether nothing more is to be done here before a tenant can be called active.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Ok | Self::Skipped)
    }
}

impl Provisioning {
    /// Counts the wanted states; 0 before the first.
    pub fn generation(&self) -> u32 {
        self.wanted.as_ref().map_or(0, |wanted| wanted.generation)
    }

    /// Keyed hash of the wanted state.
    pub fn spec_hash(&self) -> Option<&str> {
        self.wanted.as_ref().map(|wanted| wanted.spec_hash.as_str())
    }

    /// Whether we may act.
    pub fn mode(&self) -> Option<Mode> {
        self.wanted.as_ref().map(|wanted| wanted.mode)
    }

    /// How far the wanted state has been reached.
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The word in the tenant's representation.
    pub fn status(&self) -> SystemStatus {
        SystemStatus::of(self.mode(), &self.phase)
    }

    /// What somebody changed behind our back and is not yet corrected.
    pub fn drifted(&self) -> &[String] {
        &self.drifted
    }

    /// Whether the doors asked shut were seen shut.
    pub const fn access_revoked(&self) -> bool {
        self.access_revoked
    }

    /// Every object we know there, with its id there.
    pub const fn bound(&self) -> &BTreeMap<Resource, String> {
        &self.bound
    }

    fn spec(
        &self,
        spec_hash: String,
        mode: Mode,
        cause_position: u64,
        counts: Counts,
    ) -> Option<ProvisioningEvent> {
        let is_news =
            self.wanted.as_ref().is_none_or(|wanted| wanted.spec_hash != spec_hash || wanted.mode != mode);
        let generation = self.generation().saturating_add(1);
        is_news.then_some(ProvisioningEvent::SpecChanged {
            generation,
            spec_hash,
            mode,
            cause_position,
            counts,
        })
    }

    fn converged(&self, generation: u32, reason: ConvergedReason) -> Option<ProvisioningEvent> {
        let is_news = self.is_current(generation) && !matches!(self.phase, Phase::Converged(_));
        is_news.then_some(ProvisioningEvent::Converged { generation, reason })
    }

    fn failed(&self, generation: u32, failure: Failure, consecutive: u32) -> Option<ProvisioningEvent> {
        let Failure { class, reason, resource } = failure;
        let is_known = match &self.phase {
            Phase::Failed { class: known_class, reason: known_reason, resource: known } => {
                // Another object with the same trouble is news only where each object is a trouble of its own.
                let is_same = *known == resource || class != FailureClass::Permanent;
                *known_class == class && *known_reason == reason && is_same
            }
            Phase::Progressing | Phase::Converged(_) => false,
        };
        let may_pass = class == FailureClass::Transient && consecutive < TRANSIENT_FAILURES_MIN;
        let is_news = self.is_current(generation) && !is_known && !may_pass;
        is_news.then_some(ProvisioningEvent::Failed { generation, class, reason, resource })
    }

    fn drift(&self, mut paths: Vec<String>) -> Option<ProvisioningEvent> {
        paths.sort();
        paths.dedup();
        paths.truncate(DRIFT_PATHS_MAX);
        let is_news = self.wanted.is_some() && !paths.is_empty() && paths != self.drifted;
        is_news.then_some(ProvisioningEvent::DriftDetected { generation: self.generation(), paths })
    }

    fn access(&self, access: Access, evidence: Vec<Evidence>) -> Option<ProvisioningEvent> {
        self.wanted.as_ref()?;
        let generation = self.generation();
        match (access, self.access_revoked) {
            (Access::Revoked, false) => Some(ProvisioningEvent::AccessRevoked { generation, evidence }),
            (Access::Open, true) => Some(ProvisioningEvent::AccessRestored { generation, evidence }),
            (Access::Revoked, true) | (Access::Open, false) => None,
        }
    }

    fn lost(&self, resource: Resource) -> Option<ProvisioningEvent> {
        let external_id = self.bound.get(&resource)?.clone();
        Some(ProvisioningEvent::ResourceLost { resource, external_id })
    }

    fn released(&self, resource: Resource, retained: Retained) -> Option<ProvisioningEvent> {
        let external_id = self.bound.get(&resource)?.clone();
        Some(ProvisioningEvent::ResourceReleased { resource, external_id, retained })
    }

    /// A slow worker must not overwrite newer truth.
    fn is_current(&self, generation: u32) -> bool {
        generation != 0 && generation == self.generation()
    }

    /// Something is to be done again. A recorded failure stays what is known until it is solved or replaced.
    fn unsettle(&mut self) {
        if matches!(self.phase, Phase::Converged(_)) {
            self.phase = Phase::Progressing;
        }
    }
}

struct Failure {
    class: FailureClass,
    reason: Reason,
    resource: Option<Resource>,
}

impl Decider for Provisioning {
    type Command = ProvisioningCommand;
    type Event = ProvisioningEvent;

    fn decide(
        &self,
        command: ProvisioningCommand,
        _asked: &Asked,
    ) -> Result<Vec<ProvisioningEvent>, Rejection> {
        use ProvisioningCommand as C;
        let event = match command {
            C::RecordSpec { spec_hash, mode, cause_position, counts } => {
                self.spec(spec_hash, mode, cause_position, counts)
            }
            C::RecordBound { resource, external_id, adopted } => (self.bound.get(&resource)
                != Some(&external_id))
            .then_some(ProvisioningEvent::ResourceBound { resource, external_id, adopted }),
            C::RecordLost { resource } => self.lost(resource),
            C::RecordReleased { resource, retained } => self.released(resource, retained),
            C::RecordConverged { generation, reason } => self.converged(generation, reason),
            C::RecordFailed { generation, class, reason, resource, consecutive } => {
                self.failed(generation, Failure { class, reason, resource }, consecutive)
            }
            C::RecordDrift { paths } => self.drift(paths),
            C::RecordAccess { access, evidence } => self.access(access, evidence),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: &ProvisioningEvent) {
        match event {
            ProvisioningEvent::SpecChanged { generation, spec_hash, mode, .. } => {
                self.wanted =
                    Some(Wanted { generation: *generation, spec_hash: spec_hash.clone(), mode: *mode });
                self.phase = Phase::Progressing;
            }
            ProvisioningEvent::ResourceBound { resource, external_id, .. } => {
                self.bound.insert(resource.clone(), external_id.clone());
            }
            ProvisioningEvent::ResourceLost { resource, .. } => {
                self.bound.remove(resource);
                self.unsettle();
            }
            ProvisioningEvent::ResourceReleased { resource, .. } => drop(self.bound.remove(resource)),
            ProvisioningEvent::Converged { reason, .. } => {
                self.phase = Phase::Converged(*reason);
                self.drifted.clear();
            }
            ProvisioningEvent::Failed { class, reason, resource, .. } => {
                self.phase = Phase::Failed { class: *class, reason: *reason, resource: resource.clone() };
            }
            ProvisioningEvent::DriftDetected { paths, .. } => {
                self.drifted.clone_from(paths);
                self.unsettle();
            }
            ProvisioningEvent::AccessRevoked { .. } => self.access_revoked = true,
            ProvisioningEvent::AccessRestored { .. } => self.access_revoked = false,
        }
    }
}

#[cfg(test)]
mod tests;
