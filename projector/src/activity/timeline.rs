//! What a tenant's status was before and after each event: a fold of the few events that move it.

use std::collections::BTreeMap;

use domain::access::shuts_doors;
use schema::tenant::LivingPhase;
use schema::{Event, Recorded, TenantEvent};

/// What an event does to a tenant's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Pending,
    Active,
    Terminating,
    Terminated,
    Held,
    Freed,
}

impl Step {
    const ALL: [Self; 6] =
        [Self::Pending, Self::Active, Self::Terminating, Self::Terminated, Self::Held, Self::Freed];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Terminating => "terminating",
            Self::Terminated => "terminated",
            Self::Held => "held",
            Self::Freed => "freed",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.as_str() == word)
    }
}

pub(super) fn step(recorded: &Recorded) -> Option<Step> {
    use TenantEvent as E;
    let Event::Tenant(event) = &recorded.event else {
        return None;
    };
    match event {
        E::Created { .. } | E::Restored { lifecycle: LivingPhase::Pending, .. } => Some(Step::Pending),
        E::Activated { .. } | E::Restored { lifecycle: LivingPhase::Active, .. } => Some(Step::Active),
        E::HoldPlaced { kind, .. } => shuts_doors(*kind).then_some(Step::Held),
        E::HoldReleased { kind, .. } | E::HoldExpired { kind, .. } => {
            shuts_doors(*kind).then_some(Step::Freed)
        }
        E::TerminationScheduled { .. } => Some(Step::Terminating),
        E::Terminated {} => Some(Step::Terminated),
        E::Renamed { .. }
        | E::ProfileChanged { .. }
        | E::BillingInfoChanged { .. }
        | E::Suspended { .. }
        | E::Resumed { .. }
        | E::PartnerAttached { .. }
        | E::PartnerDetached { .. }
        | E::MemberAdded { .. }
        | E::MemberInvited { .. }
        | E::InvitationAccepted { .. }
        | E::InvitationDeclined { .. }
        | E::InvitationExpired { .. }
        | E::DomainClaimed { .. }
        | E::DomainVerified { .. }
        | E::PrimaryDomainChanged { .. }
        | E::DomainReleased { .. } => None,
    }
}

/// The status of one tenant after each of its steps, by position.
#[derive(Debug, Default)]
pub(super) struct Timeline(BTreeMap<u64, &'static str>);

impl Timeline {
    /// From stored steps in the order of positions.
    pub(super) fn new<'a>(steps: impl Iterator<Item = (u64, &'a str)>) -> Self {
        let mut lifecycle = Step::Pending;
        let mut held = 0_i64;
        let mut after = BTreeMap::new();
        for (position, word) in steps {
            match Step::of(word) {
                Some(Step::Held) => held += 1,
                Some(Step::Freed) => held -= 1,
                Some(step) => lifecycle = step,
                None => {}
            }
            let living = matches!(lifecycle, Step::Pending | Step::Active);
            after.insert(position, if living && held > 0 { "suspended" } else { lifecycle.as_str() });
        }
        Self(after)
    }

    /// Before and after an event, when it changed something.
    pub(super) fn change_at(&self, position: u64) -> Option<(Option<&'static str>, &'static str)> {
        let after = self.0.get(&position)?;
        let before = self.0.range(..position).next_back().map(|(_, status)| *status);
        (before != Some(*after)).then_some((before, *after))
    }
}
