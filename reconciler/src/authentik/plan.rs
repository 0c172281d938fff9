//! What would have to be done in authentik. Doors shut first, objects next, doors open last.

use std::fmt;

use schema::UserId;
use schema::provisioning::Reason;

use super::{Account, AccountSeen, Belongs, Observed, PersonSpec, Presence, Spec};
use crate::integration::{Desired, Gate, Plan, Refusal};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    EndSessions { user_id: UserId, pk: i64 },
    DropEntitlement { user_id: UserId, pk: i64 },
    Disable { user_id: UserId, pk: i64 },
    Reenable { user_id: UserId, pk: i64 },
    StoreEpoch { user_id: UserId, pk: i64, sessions_epoch: u64 },
    RemoveMember { group: String, pk: i64 },
    MarkUser { user_id: UserId, pk: i64, sessions_epoch: u64 },
    CreateGroup { name: String },
    RenameGroup { pk: String, name: String },
    MarkGroup { pk: String },
    CreateEntitlementGroup,
    CreateUser { user_id: UserId },
    UpdateUser { user_id: UserId, pk: i64, fields: Vec<&'static str> },
    AddMember { group: String, user_id: UserId, pk: i64 },
    Entitle { user_id: UserId, pk: i64 },
    Enable { user_id: UserId, pk: i64 },
}

impl crate::integration::Step for Step {
    fn path(&self) -> &'static str {
        match self {
            Self::EndSessions { .. } => "user.sessions",
            Self::DropEntitlement { .. } | Self::Entitle { .. } => "user.entitlement",
            Self::Disable { .. } | Self::Reenable { .. } | Self::Enable { .. } => "user.isActive",
            Self::RemoveMember { .. } | Self::AddMember { .. } => "group.members",
            Self::StoreEpoch { .. } | Self::MarkUser { .. } => "user.attributes",
            Self::CreateGroup { .. } => "group",
            Self::RenameGroup { .. } => "group.name",
            Self::MarkGroup { .. } => "group.attributes",
            Self::CreateEntitlementGroup => "entitlementGroup",
            Self::CreateUser { .. } => "user",
            Self::UpdateUser { .. } => "user.profile",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::CreateGroup { .. } | Self::CreateEntitlementGroup | Self::CreateUser { .. })
    }

    /// An account that was disabled to end its sessions is enabled, and its epoch stored, without waiting either: until
    /// then nobody can say that the door is shut.
    fn shuts(&self) -> bool {
        match self {
            Self::EndSessions { .. }
            | Self::DropEntitlement { .. }
            | Self::Disable { .. }
            | Self::Reenable { .. }
            | Self::StoreEpoch { .. }
            | Self::RemoveMember { .. } => true,
            Self::MarkUser { .. }
            | Self::CreateGroup { .. }
            | Self::RenameGroup { .. }
            | Self::MarkGroup { .. }
            | Self::CreateEntitlementGroup
            | Self::CreateUser { .. }
            | Self::UpdateUser { .. }
            | Self::AddMember { .. }
            | Self::Entitle { .. }
            | Self::Enable { .. } => false,
        }
    }

    fn stage(&self) -> u8 {
        match self {
            Self::EndSessions { .. } => 0,
            Self::DropEntitlement { .. } | Self::Disable { .. } => 1,
            Self::Reenable { .. } => 2,
            Self::StoreEpoch { .. } => 3,
            Self::RemoveMember { .. } => 4,
            Self::MarkUser { .. } | Self::CreateGroup { .. } | Self::CreateEntitlementGroup => 5,
            Self::RenameGroup { .. } | Self::MarkGroup { .. } | Self::CreateUser { .. } => 6,
            Self::UpdateUser { .. } => 7,
            Self::AddMember { .. } => 8,
            Self::Entitle { .. } => 9,
            Self::Enable { .. } => 10,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndSessions { user_id, .. } => {
                write!(out, "disable the account of {user_id} and end its sessions and tokens")
            }
            Self::DropEntitlement { user_id, .. } => write!(out, "take the entitlement from {user_id}"),
            Self::Disable { user_id, .. } => write!(out, "disable the account of {user_id}"),
            Self::RemoveMember { group, pk } => write!(out, "take user {pk} out of group {group}"),
            Self::StoreEpoch { user_id, sessions_epoch, .. }
            | Self::MarkUser { user_id, sessions_epoch, .. } => {
                write!(out, "mark the account of {user_id}, sessions epoch {sessions_epoch}")
            }
            Self::CreateGroup { name } => write!(out, "create group {name}"),
            Self::RenameGroup { name, .. } => write!(out, "rename the group to {name}"),
            Self::MarkGroup { pk } => write!(out, "mark group {pk} as ours"),
            Self::CreateEntitlementGroup => write!(out, "create group {}", super::ENTITLED_GROUP),
            Self::CreateUser { user_id } => write!(out, "create the account of {user_id}"),
            Self::UpdateUser { user_id, fields, .. } => {
                write!(out, "correct {} of the account of {user_id}", fields.join(", "))
            }
            Self::AddMember { group, user_id, .. } => write!(out, "add {user_id} to group {group}"),
            Self::Entitle { user_id, .. } => write!(out, "entitle {user_id}"),
            Self::Reenable { user_id, .. } | Self::Enable { user_id, .. } => {
                write!(out, "enable the account of {user_id}")
            }
        }
    }
}

pub(super) fn plan(desired: &Desired<Spec>, observed: &Observed) -> Plan<Step> {
    let mut plan = Plan::default();
    for person in &desired.spec.people {
        if let Some(account) = observed.accounts.get(&person.user_id) {
            plan.steps.extend(close(person, account, observed));
        }
    }
    plan.steps.extend(leave(&desired.spec, observed));
    group(&desired.spec, observed, &mut plan);
    if observed.entitled.is_none()
        && desired.spec.people.iter().any(|person| person.entitlement == Belongs::Inside)
    {
        plan.steps.push(Step::CreateEntitlementGroup);
    }
    for person in &desired.spec.people {
        match observed.accounts.get(&person.user_id) {
            Some(account) => plan.steps.extend(profile(person, account)),
            None if observed.taken.contains(&person.user_id) => plan.refusals.push(Refusal {
                resource: person.resource(),
                reason: Reason::OwnedByAnother,
                summary: "the account with this address is marked for somebody else",
            }),
            None if person.presence == Presence::Ensure => {
                plan.steps.push(Step::CreateUser { user_id: person.user_id });
            }
            None => {}
        }
    }
    for person in &desired.spec.people {
        if let Some(account) = observed.accounts.get(&person.user_id) {
            plan.steps.extend(join(person, account, observed));
            open(desired.gate, person, account, observed, &mut plan);
        }
    }
    plan
}

/// Sessions and tokens end before the entitlement goes, and the epoch is stored last: a failure in between repeats.
/// Only disabling an account ends its refresh tokens for sure (a token without superuser rights does not even see
/// them), so an account that stays enabled is disabled in between; its portal door is not the one that waits.
fn close(person: &PersonSpec, account: &AccountSeen, observed: &Observed) -> Vec<Step> {
    let (user_id, pk) = (person.user_id, account.pk);
    let mut steps = Vec::new();
    let stored = account.sessions_epoch();
    let is_ending = stored < person.sessions_epoch;
    if is_ending {
        steps.push(Step::EndSessions { user_id, pk });
    }
    if person.entitlement == Belongs::Outside && observed.is_entitled(pk) {
        steps.push(Step::DropEntitlement { user_id, pk });
    }
    match person.account {
        Account::Enabled if is_ending => steps.push(Step::Reenable { user_id, pk }),
        Account::Disabled if account.account == Account::Enabled && !is_ending => {
            steps.push(Step::Disable { user_id, pk });
        }
        Account::Enabled | Account::Disabled => {}
    }
    let is_marked = account.marked_for() == Some(user_id.to_string().as_str());
    let sessions_epoch = stored.max(person.sessions_epoch);
    if is_ending {
        steps.push(Step::StoreEpoch { user_id, pk, sessions_epoch });
    } else if !is_marked {
        steps.push(Step::MarkUser { user_id, pk, sessions_epoch });
    }
    steps
}

fn leave(spec: &Spec, observed: &Observed) -> Vec<Step> {
    let Some(group) = &observed.group else {
        return Vec::new();
    };
    let former = spec
        .people
        .iter()
        .filter(|person| person.membership == Belongs::Outside)
        .filter_map(|person| observed.accounts.get(&person.user_id))
        .map(|account| account.pk)
        .filter(|pk| group.users.contains(pk));
    let leaving: std::collections::BTreeSet<i64> = former.chain(observed.strays.iter().copied()).collect();
    leaving.into_iter().map(|pk| Step::RemoveMember { group: group.pk.clone(), pk }).collect()
}

fn group(spec: &Spec, observed: &Observed, plan: &mut Plan<Step>) {
    let Some(group) = &observed.group else {
        if observed.name_is_taken {
            plan.refusals.push(Refusal {
                resource: spec.owner.resource(),
                reason: Reason::OwnedByAnother,
                summary: "a group of this name exists and is not marked as ours",
            });
        } else {
            plan.steps.push(Step::CreateGroup { name: spec.group.clone() });
        }
        return;
    };
    if group.name != spec.group && observed.name_is_taken {
        plan.refusals.push(Refusal {
            resource: spec.owner.resource(),
            reason: Reason::OwnedByAnother,
            summary: "our group was renamed and another one has its name",
        });
    } else if group.name != spec.group {
        plan.steps.push(Step::RenameGroup { pk: group.pk.clone(), name: spec.group.clone() });
    }
    if group.attributes.get(super::MARK) != Some(&spec.owner.mark()) {
        plan.steps.push(Step::MarkGroup { pk: group.pk.clone() });
    }
}

fn profile(person: &PersonSpec, account: &AccountSeen) -> Option<Step> {
    let differs = [
        ("username", account.username != person.username),
        ("email", account.email != person.username),
        ("name", !person.name.is_empty() && account.name != person.name),
    ];
    let fields: Vec<&'static str> =
        differs.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect();
    (!fields.is_empty()).then_some(Step::UpdateUser { user_id: person.user_id, pk: account.pk, fields })
}

fn join(person: &PersonSpec, account: &AccountSeen, observed: &Observed) -> Option<Step> {
    let group = observed.group.as_ref()?;
    let is_missing = person.membership == Belongs::Inside && !group.users.contains(&account.pk);
    is_missing.then(|| Step::AddMember { group: group.pk.clone(), user_id: person.user_id, pk: account.pk })
}

fn open(gate: Gate, person: &PersonSpec, account: &AccountSeen, observed: &Observed, plan: &mut Plan<Step>) {
    let (user_id, pk) = (person.user_id, account.pk);
    let mut steps = Vec::new();
    // Entitled first: an account that opens without it would be refused everywhere.
    if person.entitlement == Belongs::Inside && observed.entitled.is_some() && !observed.is_entitled(pk) {
        steps.push(Step::Entitle { user_id, pk });
    }
    let is_ending = account.sessions_epoch() < person.sessions_epoch;
    if person.account == Account::Enabled && account.account == Account::Disabled && !is_ending {
        steps.push(Step::Enable { user_id, pk });
    }
    match gate {
        Gate::Open => plan.steps.extend(steps),
        Gate::Waiting => plan.waiting |= !steps.is_empty(),
    }
}
