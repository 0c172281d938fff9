//! What a look at authentik found.

use std::collections::{BTreeMap, BTreeSet};

use schema::UserId;
use serde_json::{Map, Value};

use super::wire::{Group, User};
use super::{Account, MARK, Owner};

/// An account as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountSeen {
    pub pk: i64,
    pub uuid: String,
    pub uid: String,
    pub username: String,
    pub email: String,
    pub name: String,
    pub account: Account,
    pub attributes: Map<String, Value>,
    /// No service account.
    pub is_person: bool,
    /// A superuser, or somebody with a role of their own.
    pub has_rights: bool,
    /// The groups it is in.
    pub groups: Vec<String>,
}

impl AccountSeen {
    /// The person our mark names.
    pub(crate) fn marked_for(&self) -> Option<&str> {
        self.attributes.get(MARK)?.get("userId")?.as_str()
    }

    pub(crate) fn is_marked_for(&self, user_id: UserId) -> bool {
        self.marked_for() == Some(user_id.to_string().as_str())
    }

    pub(crate) fn sessions_epoch(&self) -> u64 {
        self.attributes.get(MARK).and_then(|mark| mark.get("sessionsEpoch")?.as_u64()).unwrap_or(0)
    }
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSeen {
    pub pk: String,
    pub name: String,
    pub attributes: Map<String, Value>,
    pub users: BTreeSet<i64>,
    /// Whether its members may do something there because they are in it.
    pub gives_rights: bool,
    /// Whether other groups are part of it.
    pub has_children: bool,
}

impl GroupSeen {
    /// Whether our mark names this owner.
    pub(crate) fn is_marked_for(&self, owner: &Owner) -> bool {
        self.attributes.get(MARK).is_some_and(|mark| owner.is_named_by(mark))
    }

    /// Whether our mark names somebody else.
    pub(crate) fn is_marked_for_another(&self, owner: &Owner) -> bool {
        self.attributes.get(MARK).is_some_and(|mark| !mark["tenantId"].is_null() && !owner.is_named_by(mark))
    }

    /// Whether it is nothing but a mark of this owner: no members, no rights, no parts, nothing of others.
    pub(crate) fn is_but_a_mark_of(&self, owner: &Owner) -> bool {
        self.is_marked_for(owner)
            && self.attributes.len() == 1
            && self.users.is_empty()
            && !self.gives_rights
            && !self.has_children
    }
}

/// Why an account that answers to somebody's address is not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// Our mark names another person.
    OfAnother,
    /// A superuser, or somebody with a role.
    HasRights,
    /// A service account.
    NoPerson,
    /// More than one account answers.
    Several,
    /// Nothing but the address speaks for it, and addresses prove nothing there or it only looks like this one.
    Unproven,
}

impl Stranger {
    pub(crate) const fn summary(self) -> &'static str {
        match self {
            Self::OfAnother => "the account with this address is marked for somebody else",
            Self::HasRights => "the account of this person has rights there and is not taken over",
            Self::NoPerson => "the account with this address is a service account",
            Self::Several => "several accounts answer to this address",
            Self::Unproven => {
                "an account with this address exists and nothing proves that it is this person's"
            }
        }
    }
}

/// What is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Ours: by the id we bound, or by our mark.
    pub group: Option<GroupSeen>,
    /// Another group has the name and is not ours.
    pub name_is_taken: bool,
    /// Groups with the mark of this owner beside the one in use.
    pub twins: Vec<GroupSeen>,
    /// The entitlement group.
    pub entitled: Option<GroupSeen>,
    /// Accounts of the people of the spec.
    pub accounts: BTreeMap<UserId, AccountSeen>,
    /// People whose address answers for an account that is not theirs, or not theirs to be sure.
    pub strangers: BTreeMap<UserId, Stranger>,
    /// Members of the group with our mark who are not in the spec.
    pub strays: BTreeSet<i64>,
}

impl Observed {
    pub(super) fn is_entitled(&self, pk: i64) -> bool {
        self.entitled.as_ref().is_some_and(|group| group.users.contains(&pk))
    }

    /// The entitlement group, unless being in it would give more than entitlement.
    pub(super) fn usable_entitlement(&self) -> Option<&GroupSeen> {
        self.entitled.as_ref().filter(|group| !group.gives_rights)
    }
}

impl From<Group> for GroupSeen {
    fn from(group: Group) -> Self {
        Self {
            gives_rights: group.gives_rights(),
            has_children: !group.children.is_empty(),
            pk: group.pk,
            name: group.name,
            attributes: group.attributes,
            users: group.users.into_iter().collect(),
        }
    }
}

impl From<User> for AccountSeen {
    fn from(user: User) -> Self {
        Self {
            is_person: matches!(user.kind.as_deref(), None | Some("internal" | "external")),
            has_rights: user.is_superuser || !user.roles.is_empty(),
            groups: user.groups,
            pk: user.pk,
            uuid: user.uuid,
            uid: user.uid,
            username: user.username,
            email: user.email,
            name: user.name,
            account: if user.is_active { Account::Enabled } else { Account::Disabled },
            attributes: user.attributes,
        }
    }
}
