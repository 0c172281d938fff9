//! What would have to be done in OCIS. The door shuts first; grants are planned only while the space is open.

use std::fmt;

use schema::UserId;
use schema::provisioning::Reason;

use super::observe::is_half_created;
use super::{Belongs, Managed, Observed, Space, SpaceSeen, Spec};
use crate::integration::{Plan, Refusal};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    DisableSpace { id: String },
    PurgeSpace { id: String },
    OpenTwin { id: String },
    SetAside { id: String },
    CreateSpace { name: String, quota: u64 },
    RestoreSpace { id: String },
    MarkSpace { id: String },
    RenameSpace { id: String, name: String },
    SetQuota { id: String, quota: u64 },
    CreateGroup { name: String },
    RenameGroup { id: String, name: String },
    GrantEditor { space: String, group: String },
    RemoveMember { group: String, user_id: UserId, id: String },
    AddMember { group: String, user_id: UserId, id: String },
}

impl crate::integration::Step for Step {
    fn path(&self) -> &'static str {
        match self {
            Self::DisableSpace { .. } | Self::RestoreSpace { .. } => "space.state",
            Self::PurgeSpace { .. }
            | Self::OpenTwin { .. }
            | Self::SetAside { .. }
            | Self::CreateSpace { .. } => "space",
            Self::MarkSpace { .. } => "space.description",
            Self::RenameSpace { .. } => "space.name",
            Self::SetQuota { .. } => "space.quota",
            Self::CreateGroup { .. } => "group",
            Self::RenameGroup { .. } => "group.name",
            Self::GrantEditor { .. } => "space.grant",
            Self::RemoveMember { .. } | Self::AddMember { .. } => "group.members",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::CreateSpace { .. } | Self::CreateGroup { .. })
    }

    fn shuts(&self) -> bool {
        match self {
            Self::DisableSpace { .. } | Self::RemoveMember { .. } => true,
            Self::PurgeSpace { .. }
            | Self::OpenTwin { .. }
            | Self::SetAside { .. }
            | Self::CreateSpace { .. }
            | Self::RestoreSpace { .. }
            | Self::MarkSpace { .. }
            | Self::RenameSpace { .. }
            | Self::SetQuota { .. }
            | Self::CreateGroup { .. }
            | Self::RenameGroup { .. }
            | Self::GrantEditor { .. }
            | Self::AddMember { .. } => false,
        }
    }

    fn stage(&self) -> u8 {
        match self {
            Self::DisableSpace { .. } => 0,
            Self::RemoveMember { .. } => 1,
            Self::PurgeSpace { .. } => 2,
            Self::RestoreSpace { .. } | Self::CreateSpace { .. } | Self::CreateGroup { .. } => 3,
            Self::MarkSpace { .. } | Self::RenameGroup { .. } => 4,
            Self::RenameSpace { .. } => 5,
            Self::SetQuota { .. } => 6,
            Self::AddMember { .. } => 7,
            Self::GrantEditor { .. } => 8,
            Self::OpenTwin { .. } | Self::SetAside { .. } => 9,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DisableSpace { id } => write!(out, "disable space {id}, keeping everything in it"),
            Self::PurgeSpace { id } => write!(out, "purge space {id}, which is empty and not used"),
            Self::OpenTwin { id } => write!(out, "restore space {id}, a twin, to see whether it is empty"),
            Self::SetAside { id } => write!(out, "disable space {id}, a twin that is not empty"),
            Self::CreateSpace { quota: 0, .. } => write!(out, "create the space without a quota"),
            Self::CreateSpace { quota, .. } => write!(out, "create the space with a quota of {quota} bytes"),
            Self::RestoreSpace { id } => write!(out, "restore space {id}"),
            Self::MarkSpace { id } => write!(out, "mark space {id} as ours"),
            Self::RenameSpace { id, .. } => write!(out, "rename space {id} to the tenant's name"),
            Self::SetQuota { id, quota } => write!(out, "set the quota of space {id} to {quota} bytes"),
            Self::CreateGroup { name } => write!(out, "create group {name}"),
            Self::RenameGroup { name, .. } => write!(out, "rename the group to {name}"),
            Self::GrantEditor { space, group } => write!(out, "let group {group} edit in space {space}"),
            Self::RemoveMember { user_id, .. } => write!(out, "take {user_id} out of the group"),
            Self::AddMember { user_id, .. } => write!(out, "add {user_id} to the group"),
        }
    }
}

pub(super) fn plan(spec: &Spec, observed: &Observed) -> Plan<Step> {
    let mut plan = Plan::default();
    let usable = observed.space.as_ref().filter(|space| !is_half_created(space));
    if let Some(space) = usable
        && spec.space == Space::Disabled
        && space.space == Space::Open
    {
        plan.steps.push(Step::DisableSpace { id: space.id.clone() });
    }
    plan.steps.extend(leave(spec, observed));
    for space in observed.space.iter().filter(|space| is_half_created(space)) {
        plan.steps.push(Step::PurgeSpace { id: space.id.clone() });
    }
    plan.steps.extend(observed.twins.iter().filter_map(twin));
    match usable {
        Some(space) => plan.steps.extend(correct(spec, space)),
        None => plan.steps.push(Step::CreateSpace { name: spec.name.clone(), quota: spec.quota }),
    }
    group(spec, observed, &mut plan);
    if let (Some(space), Some(group)) = (usable, &observed.group) {
        let is_granted = space.editors.contains(&group.id);
        // A disabled space freezes its membership; the grant follows when it is open again.
        let is_due = !is_granted && spec.space == Space::Open && space.space == Space::Open;
        if is_due && space.managed != Managed::ByUs {
            plan.refusals.push(Refusal {
                resource: spec.space_resource(),
                reason: Reason::PermissionDenied,
                summary: "we are no longer Manager of the space and cannot let the group in",
            });
        } else if is_due {
            plan.steps.push(Step::GrantEditor { space: space.id.clone(), group: group.id.clone() });
        }
    }
    plan
}

/// A twin goes once it is seen open, empty and ours alone. A disabled one does not say whether it is empty, so it is
/// opened for a look, which lets nobody in; if something is in it, it is put away again, marked, and left alone.
fn twin(twin: &SpaceSeen) -> Option<Step> {
    let id = twin.id.clone();
    match twin.space {
        _ if twin.others > 0 || !twin.is_marked => None,
        Space::Open if twin.is_empty() => Some(Step::PurgeSpace { id }),
        Space::Open if twin.was_opened() => Some(Step::SetAside { id }),
        Space::Disabled if !twin.is_set_aside() => Some(Step::OpenTwin { id }),
        Space::Open | Space::Disabled => None,
    }
}

fn correct(spec: &Spec, space: &SpaceSeen) -> Vec<Step> {
    let mut steps = Vec::new();
    if spec.space == Space::Open && space.space == Space::Disabled {
        steps.push(Step::RestoreSpace { id: space.id.clone() });
    }
    if !space.is_marked {
        steps.push(Step::MarkSpace { id: space.id.clone() });
    }
    if space.name != spec.name {
        steps.push(Step::RenameSpace { id: space.id.clone(), name: spec.name.clone() });
    }
    if space.quota != spec.quota {
        steps.push(Step::SetQuota { id: space.id.clone(), quota: spec.quota });
    }
    steps
}

fn group(spec: &Spec, observed: &Observed, plan: &mut Plan<Step>) {
    let Some(group) = &observed.group else {
        if observed.group_is_taken {
            plan.refusals.push(Refusal {
                resource: spec.group_resource(),
                reason: Reason::OwnedByAnother,
                summary: "a group of this name exists in the file server and has members of others",
            });
        } else {
            plan.steps.push(Step::CreateGroup { name: spec.group.clone() });
        }
        return;
    };
    if group.name != spec.group {
        plan.steps.push(Step::RenameGroup { id: group.id.clone(), name: spec.group.clone() });
    }
    for person in spec.people.iter().filter(|person| person.membership == Belongs::Inside) {
        if let Some(id) = observed.absent.get(&person.user_id) {
            plan.steps.push(Step::AddMember {
                group: group.id.clone(),
                user_id: person.user_id,
                id: id.clone(),
            });
        }
    }
}

fn leave(spec: &Spec, observed: &Observed) -> Vec<Step> {
    let Some(group) = &observed.group else {
        return Vec::new();
    };
    spec.people
        .iter()
        .filter(|person| person.membership == Belongs::Outside)
        .filter_map(|person| {
            let id = group.members.get(&person.username)?.clone();
            Some(Step::RemoveMember { group: group.id.clone(), user_id: person.user_id, id })
        })
        .collect()
}
