//! Files: one project space per tenant, found by the mark in its description, and the group that may edit in it.

mod apply;
pub mod client;
pub mod credentials;
pub(crate) mod observe;
mod plan;
pub mod spec;
pub mod wire;

use std::collections::BTreeMap;

use schema::provisioning::{ConvergedReason, Counts, Resource, ResourceKind};
use schema::{System, TenantId, UserId};
use serde::Serialize;

use crate::call::CallError;
use crate::integration::{Applied, Asked, Desired, Door, Integration, Plan, Seen};
use crate::lane::Lane;
pub use client::Client;
pub use credentials::Credentials;
pub use plan::Step;

/// Bytes of a space's name at most.
const NAME_BYTES_MAX: usize = 255;
/// Letters a space's name must not have.
const NAME_FORBIDDEN: &str = "/\\.:?*\"><|";

/// What our marks start with.
pub(crate) const MARK_PREFIX: &str = "dezky:ten_";

/// The text by which a space is ours. Names and aliases are not unique, and members may edit the alias.
pub(crate) fn mark(tenant: TenantId) -> String {
    format!("dezky:{tenant}")
}

/// The word beside our mark on a second space that is opened to see whether it is empty.
pub(crate) const OPENED: &str = "dezky-opened";
/// The word beside our mark on a second space that holds something: it stays disabled and is left alone.
pub(crate) const KEPT: &str = "dezky-kept";

/// The marks of ours in a description, of any tenant.
pub(crate) fn marks(description: &str) -> impl Iterator<Item = &str> {
    description.split_whitespace().filter(|word| word.starts_with(MARK_PREFIX))
}

/// A tenant's name as a space may have it.
pub(crate) fn legal_name(name: &str, fallback: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| if NAME_FORBIDDEN.contains(letter) || letter.is_control() { ' ' } else { letter })
        .collect();
    let mut legal = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    while legal.len() > NAME_BYTES_MAX {
        legal.pop();
    }
    let legal = legal.trim_end();
    if legal.is_empty() { fallback.to_owned() } else { legal.to_owned() }
}

/// Whether a space is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Space {
    /// Usable.
    Open,
    /// Disabled, with everything in it.
    Disabled,
}

/// Whether somebody belongs into the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Belongs {
    /// An active member.
    Inside,
    /// A former or disabled one.
    Outside,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonSpec {
    /// Who.
    pub user_id: UserId,
    /// The user name: the lower-case address.
    pub username: String,
    /// In the group, or not.
    pub membership: Belongs,
    /// Whether the account of this name in the identity system is known to be this person's: the file server knows people
    /// by that name alone, and only then is its account of that name let in. No part of the hash.
    #[serde(skip)]
    pub proven: Proven,
}

/// Whether a name is known to be a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proven {
    /// The identity system has an account of ours for them, or is none of ours to know.
    Yes,
    /// Not yet, or somebody else has it.
    No,
}

/// What should be, comparable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Whose.
    pub tenant_id: TenantId,
    /// The space's name.
    pub name: String,
    /// Bytes; 0 means unlimited.
    pub quota: u64,
    /// Open or disabled.
    pub space: Space,
    /// The group's name, the same as in the identity system: tokens carry it.
    pub group: String,
    /// People who are or were members.
    pub people: Vec<PersonSpec>,
}

impl Spec {
    /// The space as a resource of ours.
    pub(crate) fn space_resource(&self) -> Resource {
        Resource { kind: ResourceKind::Space, key: self.tenant_id.to_string() }
    }

    /// The group as a resource of ours.
    pub(crate) fn group_resource(&self) -> Resource {
        Resource { kind: ResourceKind::Group, key: self.tenant_id.to_string() }
    }
}

/// Whether we may grant in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Managed {
    /// We are Manager.
    ByUs,
    /// Others have permissions, we are no Manager.
    ByOthers,
    /// Nobody has any permission: left by a create that was cut.
    ByNobody,
}

/// A space as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceSeen {
    pub id: String,
    pub name: String,
    pub is_marked: bool,
    pub description: String,
    pub quota: u64,
    /// Absent while it is disabled.
    pub used: Option<u64>,
    pub space: Space,
    pub managed: Managed,
    /// Permissions beside our own.
    pub others: usize,
    /// Groups that may edit in it.
    pub editors: Vec<String>,
}

impl SpaceSeen {
    /// Certainly holds nothing of anybody: may go.
    pub(crate) fn is_empty(&self) -> bool {
        self.used == Some(0) && self.others == 0
    }

    /// Known to hold something, and put away for that.
    pub(crate) fn is_set_aside(&self) -> bool {
        self.has_word(KEPT)
    }

    /// Opened by us for a look, or about to be put away.
    pub(crate) fn was_opened(&self) -> bool {
        self.has_word(OPENED) || self.has_word(KEPT)
    }

    fn has_word(&self, wanted: &str) -> bool {
        self.description.split_whitespace().any(|word| word == wanted)
    }

    /// Whether it is marked as another tenant's and not as this one's.
    pub(crate) fn is_of_another(&self) -> bool {
        !self.is_marked && marks(&self.description).next().is_some()
    }
}

/// A group as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSeen {
    pub id: String,
    pub name: String,
    /// User names to ids.
    pub members: BTreeMap<String, String>,
}

/// What is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Ours: by the id we bound, or by our mark.
    pub space: Option<SpaceSeen>,
    /// Further spaces with our mark: from the list of all, or by the ids a sweep left.
    pub twins: Vec<SpaceSeen>,
    /// Ours: by the id we bound, or by name with members of the tenant only.
    pub group: Option<GroupSeen>,
    /// A group of our name has members who are not the tenant's.
    pub group_is_taken: bool,
    /// Accounts that exist and should be in the group but are not.
    pub absent: BTreeMap<UserId, String>,
}

/// OCIS.
#[derive(Debug, Clone)]
pub struct Ocis {
    client: Client,
}

impl Ocis {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl Integration for Ocis {
    const SYSTEM: System = System::Ocis;
    type Spec = Spec;
    type Observed = Observed;
    type Step = Step;

    fn counts(_: &Spec) -> Counts {
        Counts { groups: 1, spaces: 1, ..Counts::default() }
    }

    fn reason(_: &Spec) -> ConvergedReason {
        ConvergedReason::Converged
    }

    fn wants(_: &Spec, _: &Resource) -> bool {
        true
    }

    fn about(spec: &Spec, _: &Observed, step: &Step) -> Option<Resource> {
        let person = |user_id: &UserId| Resource { kind: ResourceKind::User, key: user_id.to_string() };
        match step {
            Step::DisableSpace { .. }
            | Step::PurgeSpace { .. }
            | Step::OpenTwin { .. }
            | Step::SetAside { .. }
            | Step::CreateSpace { .. }
            | Step::RestoreSpace { .. }
            | Step::MarkSpace { .. }
            | Step::RenameSpace { .. }
            | Step::SetQuota { .. }
            | Step::GrantEditor { .. } => Some(spec.space_resource()),
            Step::CreateGroup { .. } | Step::RenameGroup { .. } => Some(spec.group_resource()),
            Step::RemoveMember { user_id, .. } | Step::AddMember { user_id, .. } => Some(person(user_id)),
        }
    }

    fn lane(&self) -> &Lane {
        self.client.lane()
    }

    async fn observe(&self, desired: &Desired<Spec>) -> Result<Observed, CallError> {
        observe::observe(&self.client, desired).await
    }

    fn plan(desired: &Desired<Spec>, observed: &Observed) -> Plan<Step> {
        plan::plan(&desired.spec, observed)
    }

    async fn apply(&self, desired: &Desired<Spec>, observed: &Observed, steps: &[Step]) -> Applied {
        // A hand that shuts doors never waits for others that do.
        let at_once = self.client.at_once();
        let client = if desired.asked == Asked::Shut { &at_once } else { &self.client };
        apply::apply(client, &desired.spec, observed, steps).await
    }

    fn seen(desired: &Desired<Spec>, observed: &Observed) -> Seen {
        let spec = &desired.spec;
        let mut seen = Seen::default();
        if let Some(space) = &observed.space {
            seen.objects.insert(spec.space_resource(), space.id.clone());
            let is_shut = space.space == Space::Disabled;
            let outcome = if is_shut { "trashed" } else { "open" };
            seen.doors.push(Door { check: "space.state".to_owned(), outcome, is_shut });
        }
        if let Some(group) = &observed.group {
            seen.objects.insert(spec.group_resource(), group.id.clone());
        }
        seen
    }
}

#[cfg(test)]
mod tests;
