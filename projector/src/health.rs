//! How well the outside systems are, in words: the summary of a tenant, and a sentence per failure.

use std::collections::BTreeMap;

use domain::provisioning::{Phase, SystemStatus};
use schema::provisioning::{FailureClass, Reason, Resource, ResourceKind};
use schema::{System, Timestamp};

use crate::parts::system::SystemRow;
use crate::standing::Acting;

/// The worst of a tenant's systems, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// All is as it should be.
    Ready,
    /// Something is on the way.
    Progressing,
    /// Something does not work right now, or was changed behind our back.
    Degraded,
    /// Somebody has to do something.
    Error,
}

impl Health {
    /// Every word, best first.
    pub const ALL: &'static [Self] = &[Self::Ready, Self::Progressing, Self::Degraded, Self::Error];

    /// The word used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Progressing => "progressing",
            Self::Degraded => "degraded",
            Self::Error => "error",
        }
    }

    /// The same as [`of`], over the columns of a row `s`; a number that grows with the trouble.
    pub(crate) const RANK_SQL: &str = "case
        when s.mode in ('disabledByConfig', 'disabledByPlan') then 0
        when s.phase = 'failed' and s.class = 'permanent' and s.failed_kind in ('user', 'account')
             and s.reason in ('ValidationRejected', 'Conflict', 'OwnedByAnother') then 2
        when s.phase = 'failed' and s.class in ('auth', 'permanent') then 3
        when s.phase = 'failed' and s.class = 'blocked' and s.drifted = 0 then 1
        when s.phase = 'failed' or s.drifted = 1 then 2
        when s.phase = 'converged' and s.unsettled = 0 then 0
        else 1 end";
}

/// The worst of all; a system nothing is known of is on the way.
pub(crate) fn summary(systems: &BTreeMap<System, SystemRow<'_>>) -> Health {
    let each = System::ALL.into_iter().map(|system| systems.get(&system).map_or(Health::Progressing, of));
    each.max().unwrap_or(Health::Progressing)
}

fn of(row: &SystemRow<'_>) -> Health {
    match (row.status(), &row.phase) {
        (SystemStatus::Skipped, _) => Health::Ready,
        (_, phase) if phase.is_of_a_person() => Health::Degraded,
        (_, Phase::Failed { class: FailureClass::Auth | FailureClass::Permanent, .. }) => Health::Error,
        (_, Phase::Failed { class: FailureClass::Blocked, .. }) if !row.drifted => Health::Progressing,
        (_, Phase::Failed { .. }) => Health::Degraded,
        (_, Phase::Progressing | Phase::Converged(_)) if row.drifted => Health::Degraded,
        (_, Phase::Progressing) => Health::Progressing,
        (_, Phase::Converged(_)) => Health::Ready,
    }
}

/// What a sentence about a failure may say beside the reason.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Told<'a> {
    /// What the person concerned is called; without it they are their id.
    pub(crate) person: Option<&'a str>,
    /// When it is tried again.
    pub(crate) next: Option<Timestamp>,
}

/// A sentence of ours for a recorded failure; what the system itself said stays with the attempts.
pub(crate) fn error_text(row: &SystemRow<'_>, told: Told<'_>) -> Option<String> {
    failure(row, told).filter(|_| row.status() == SystemStatus::Error)
}

/// The same for a failure that may concern one person alone.
pub(crate) fn failure(row: &SystemRow<'_>, told: Told<'_>) -> Option<String> {
    let Phase::Failed { reason, resource, .. } = &row.phase else {
        return None;
    };
    let mut said = sentence(row.system, *reason);
    if let Some(resource) = resource {
        said = format!("{said}: {}", object(resource, told.person));
    }
    if let Some(next) = told.next {
        said = format!("{said}; next attempt {}", to_the_second(next));
    }
    Some(said)
}

/// An object of ours, in words for people.
fn object(resource: &Resource, person: Option<&str>) -> String {
    match (resource.kind, person) {
        (ResourceKind::Domain, _) => format!("the domain {}", resource.key),
        (ResourceKind::Group, _) => "the tenant's group".to_owned(),
        (ResourceKind::Role, _) => "the tenant's role".to_owned(),
        (ResourceKind::Space, _) => "the tenant's space".to_owned(),
        (ResourceKind::User | ResourceKind::Account, Some(person)) => person.to_owned(),
        (ResourceKind::User | ResourceKind::Account, None) => format!("one person ({})", resource.key),
    }
}

fn to_the_second(at: Timestamp) -> String {
    let text = at.to_api();
    text.split_once('.').map_or_else(|| text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// What is said of a system that is not kept right because a setting says so.
pub(crate) fn held_back(system: System, acting: Acting) -> Option<String> {
    let (place, setting) = (place(system), format!("DEZKY_{}_MODE", system.as_str().to_uppercase()));
    match acting {
        Acting::Enforce => None,
        Acting::Observe => {
            Some(format!("{place} is only observed ({setting} is observe): nothing is changed there"))
        }
        Acting::Paused => Some(format!("{place} is paused ({setting} is paused): nothing is done there")),
        Acting::Disabled => Some(format!("{place} is switched off ({setting} is disabled)")),
    }
}

const fn place(system: System) -> &'static str {
    match system {
        System::Authentik => "The identity system",
        System::Stalwart => "The mail server",
        System::Ocis => "The file server",
    }
}

/// A sentence for a reason.
pub fn sentence(system: System, reason: Reason) -> String {
    let what = match reason {
        Reason::UpstreamUnavailable => "cannot be reached",
        Reason::Timeout => "does not answer in time",
        Reason::RateLimited => "asks us to slow down",
        Reason::AuthFailed => "refuses our credentials",
        Reason::PermissionDenied => "does not let us do this",
        Reason::ValidationRejected => "refuses a value of ours",
        Reason::Conflict => "holds something that contradicts us",
        Reason::OwnedByAnother => "has an object of this name that is not ours",
        Reason::QuotaExceeded => "has no room left",
        Reason::LicenceRequired => "needs a licence for this",
        Reason::OutcomeUnknown => "did not say whether it did what we asked",
        Reason::DependencyNotReady | Reason::Waiting => "waits for something else",
        Reason::ExternalDeleted => "has lost an object of ours",
        Reason::ProbeFailed => "could not be checked",
        Reason::DriftDetected => "was changed by somebody else",
        Reason::DriftCorrected => "was changed by somebody else and is corrected",
        Reason::Converged | Reason::NoDomains => "is as it should be",
        Reason::Disabled => "is switched off",
        Reason::NotRequested => "has nothing to do",
        Reason::InProgress => "is being set up",
        Reason::Paused => "is paused",
    };
    format!("{} {what}", place(system))
}
