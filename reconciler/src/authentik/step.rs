//! One change in authentik: when its turn is, and what a person reads of it.

use std::fmt;

use schema::UserId;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// As many people as one call takes.
    EndSessions {
        people: Vec<(UserId, i64)>,
    },
    DropEntitlement {
        user_id: UserId,
        pk: i64,
    },
    Disable {
        user_id: UserId,
        pk: i64,
    },
    /// The epoch goes with it: nothing is left to end once the account is disabled.
    DisableForGood {
        user_id: UserId,
        pk: i64,
        sessions_epoch: u64,
    },
    /// Somebody who stays enabled was disabled for a moment; the epoch is stored last.
    Reenable {
        user_id: UserId,
        pk: i64,
        sessions_epoch: u64,
    },
    RemoveMember {
        group: String,
        pk: i64,
    },
    MarkUser {
        user_id: UserId,
        pk: i64,
        sessions_epoch: u64,
    },
    CreateGroup {
        name: String,
    },
    CreateEntitlementGroup,
    MarkGroup {
        pk: String,
    },
    RemoveTwin {
        pk: String,
    },
    RenameGroup {
        pk: String,
        name: String,
    },
    CreateUser {
        user_id: UserId,
    },
    UpdateUser {
        user_id: UserId,
        pk: i64,
        fields: Vec<&'static str>,
    },
    AddMember {
        group: String,
        user_id: UserId,
        pk: i64,
    },
    Entitle {
        user_id: UserId,
        pk: i64,
    },
    Enable {
        user_id: UserId,
        pk: i64,
    },
}

impl crate::integration::Step for Step {
    fn path(&self) -> &'static str {
        match self {
            Self::EndSessions { .. } => "user.sessions",
            Self::DropEntitlement { .. } | Self::Entitle { .. } => "user.entitlement",
            Self::Disable { .. }
            | Self::DisableForGood { .. }
            | Self::Reenable { .. }
            | Self::Enable { .. } => "user.isActive",
            Self::RemoveMember { .. } | Self::AddMember { .. } => "group.members",
            Self::MarkUser { .. } => "user.attributes",
            Self::CreateGroup { .. } => "group",
            Self::RenameGroup { .. } => "group.name",
            Self::RemoveTwin { .. } => "group.twin",
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
            | Self::DisableForGood { .. }
            | Self::Reenable { .. }
            | Self::RemoveMember { .. } => true,
            Self::MarkUser { .. }
            | Self::CreateGroup { .. }
            | Self::RenameGroup { .. }
            | Self::RemoveTwin { .. }
            | Self::MarkGroup { .. }
            | Self::CreateEntitlementGroup
            | Self::CreateUser { .. }
            | Self::UpdateUser { .. }
            | Self::AddMember { .. }
            | Self::Entitle { .. }
            | Self::Enable { .. } => false,
        }
    }

    /// Two updates of one object never share a stage: the server writes whole rows, and one would undo the other.
    fn stage(&self) -> u8 {
        match self {
            Self::EndSessions { .. } => 0,
            Self::DropEntitlement { .. } | Self::Disable { .. } | Self::DisableForGood { .. } => 1,
            Self::Reenable { .. } => 2,
            Self::RemoveMember { .. } => 3,
            Self::MarkUser { .. }
            | Self::CreateGroup { .. }
            | Self::CreateEntitlementGroup
            | Self::MarkGroup { .. }
            | Self::RemoveTwin { .. } => 4,
            Self::RenameGroup { .. }
            | Self::CreateUser { .. }
            | Self::UpdateUser { .. }
            | Self::AddMember { .. } => 5,
            // Entitled first: an account that opens without it would be refused everywhere.
            Self::Entitle { .. } => 6,
            Self::Enable { .. } => 7,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndSessions { people } => match people.as_slice() {
                [(user_id, _)] => write!(out, "end the sessions of {user_id}"),
                [] | [_, _, ..] => write!(out, "end the sessions of {} people", people.len()),
            },
            Self::DropEntitlement { user_id, .. } => write!(out, "take the entitlement from {user_id}"),
            Self::Disable { user_id, .. } => {
                write!(out, "disable the account of {user_id}, which ends its tokens")
            }
            Self::DisableForGood { user_id, sessions_epoch, .. } => {
                write!(
                    out,
                    "disable the account of {user_id}, which ends its tokens, sessions epoch {sessions_epoch}"
                )
            }
            Self::Reenable { user_id, sessions_epoch, .. } => {
                write!(out, "enable the account of {user_id} again, sessions epoch {sessions_epoch}")
            }
            Self::RemoveMember { group, pk } => write!(out, "take user {pk} out of group {group}"),
            Self::MarkUser { user_id, sessions_epoch, .. } => {
                write!(out, "mark the account of {user_id}, sessions epoch {sessions_epoch}")
            }
            Self::CreateGroup { name } => write!(out, "create group {name}"),
            Self::RenameGroup { name, .. } => write!(out, "rename the group to {name}"),
            Self::RemoveTwin { pk } => write!(out, "remove group {pk}, an empty twin"),
            Self::MarkGroup { pk } => write!(out, "mark group {pk} as ours"),
            Self::CreateEntitlementGroup => write!(out, "create group {}", super::ENTITLED_GROUP),
            Self::CreateUser { user_id } => write!(out, "create the account of {user_id}"),
            Self::UpdateUser { user_id, fields, .. } => {
                write!(out, "correct {} of the account of {user_id}", fields.join(", "))
            }
            Self::AddMember { group, user_id, .. } => write!(out, "add {user_id} to group {group}"),
            Self::Entitle { user_id, .. } => write!(out, "entitle {user_id}"),
            Self::Enable { user_id, .. } => write!(out, "enable the account of {user_id}"),
        }
    }
}
