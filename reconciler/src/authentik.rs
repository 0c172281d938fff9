//! Identity: one group per tenant, one account per person, the entitlement group as the door.

mod apply;
pub mod client;
mod groups;
mod observe;
mod people;
mod plan;
mod resolve;
mod seen;
pub mod spec;
mod step;
pub mod wire;
mod words;

use schema::provisioning::{ConvergedReason, Counts, Resource, ResourceKind};
use schema::{System, TenantId, UserId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::call::CallError;
use crate::integration::{Applied, Desired, Door, Integration, Plan, Seen};
use crate::lane::Lane;
pub use client::Client;
pub(crate) use groups::{choose, entitlement};
pub(crate) use resolve::{Claim, resolve};
pub use seen::{AccountSeen, GroupSeen, Observed, Stranger};
pub use step::Step;

/// Who is in it may use mail and files; the policies of the applications look at it.
pub(crate) const ENTITLED_GROUP: &str = "dezky-entitled";
/// Members of it may ask for operator tokens.
pub(crate) const ADMINS_GROUP: &str = "dezky-platform-admins";
/// The folder of accounts made here.
pub(crate) const USER_PATH: &str = "dezky";
/// The one attribute that is ours; everything beside it belongs to others.
pub(crate) const MARK: &str = "dezky";

/// What should be, comparable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// The group's name.
    pub group: String,
    /// Whose group it is.
    pub owner: Owner,
    /// Everybody who is or was a member.
    pub people: Vec<PersonSpec>,
}

/// Whose group it is, written into the group's attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Owner {
    /// A tenant's members.
    #[serde(rename_all = "camelCase")]
    Tenant {
        /// Which.
        tenant_id: TenantId,
        /// For policies and claims.
        slug: String,
    },
    /// The platform's administrators. A blueprint may have made the group, so its name alone makes it ours.
    Platform,
}

impl Owner {
    pub(crate) fn mark(&self) -> Value {
        match self {
            Self::Tenant { tenant_id, slug } => json!({ "tenantId": tenant_id, "slug": slug }),
            Self::Platform => json!({ "platform": "admins" }),
        }
    }

    /// Whether the mark of a group names us; the slug beside it may be out of date.
    pub(crate) fn is_named_by(&self, mark: &Value) -> bool {
        match self {
            Self::Tenant { tenant_id, .. } => mark["tenantId"] == json!(tenant_id),
            Self::Platform => *mark == self.mark(),
        }
    }

    /// The group as a resource of ours.
    pub(crate) fn resource(&self) -> Resource {
        let key = match self {
            Self::Tenant { tenant_id, .. } => tenant_id.to_string(),
            Self::Platform => ADMINS_GROUP.to_owned(),
        };
        Resource { kind: ResourceKind::Group, key }
    }
}

/// Whether an account is made or only kept right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// Make it if it is missing.
    Ensure,
    /// Leave it missing: a former member.
    IfPresent,
}

/// Whether somebody belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Belongs {
    /// In it.
    Inside,
    /// Not in it.
    Outside,
}

impl Belongs {
    pub(crate) fn when(inside: bool) -> Self {
        if inside { Self::Inside } else { Self::Outside }
    }
}

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Account {
    /// Yes.
    Enabled,
    /// No.
    Disabled,
}

/// One person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonSpec {
    /// Who.
    pub user_id: UserId,
    /// Lower-case e-mail address: user name and address.
    pub username: String,
    /// The name shown; empty leaves it alone.
    pub name: String,
    /// Made if missing, or not.
    pub presence: Presence,
    /// In the tenant's group.
    pub membership: Belongs,
    /// In the entitlement group.
    pub entitlement: Belongs,
    /// Enabled.
    pub account: Account,
    /// Sessions that began before it are ended.
    pub sessions_epoch: u64,
    /// Instances and subjects that stand for them: no part of what should be, but it tells whose an account is.
    #[serde(skip)]
    pub identities: Vec<(String, String)>,
}

impl PersonSpec {
    /// The account as a resource of ours.
    pub(crate) fn resource(&self) -> Resource {
        Resource { kind: ResourceKind::User, key: self.user_id.to_string() }
    }
}

/// authentik.
#[derive(Debug, Clone)]
pub struct Authentik {
    client: Client,
    /// The name of this installation in identities.
    instance: String,
    /// Whether an account may be adopted by its address.
    trusts_addresses: bool,
}

impl Authentik {
    pub fn new(client: Client, instance: String, trusts_addresses: bool) -> Self {
        Self { client, instance, trusts_addresses }
    }

    /// The name of this installation in identities.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// What makes an account somebody's here.
    pub(crate) fn claim<'a>(&'a self, desired: &Desired<Spec>, person: &'a PersonSpec) -> Claim<'a> {
        Claim {
            person,
            bound: desired.known.get(&person.resource()).and_then(|pk| pk.parse().ok()),
            instance: &self.instance,
            trusts_addresses: self.trusts_addresses,
        }
    }
}

impl Integration for Authentik {
    const SYSTEM: System = System::Authentik;
    type Spec = Spec;
    type Observed = Observed;
    type Step = Step;

    fn counts(spec: &Spec) -> Counts {
        let wanted = spec.people.iter().filter(|person| person.presence == Presence::Ensure).count();
        Counts { groups: 1, users: u32::try_from(wanted).unwrap_or(u32::MAX), ..Counts::default() }
    }

    fn reason(_: &Spec) -> ConvergedReason {
        ConvergedReason::Converged
    }

    fn wants(spec: &Spec, resource: &Resource) -> bool {
        match resource.kind {
            ResourceKind::User => spec.people.iter().any(|person| person.resource() == *resource),
            ResourceKind::Group
            | ResourceKind::Domain
            | ResourceKind::Account
            | ResourceKind::Role
            | ResourceKind::Space => true,
        }
    }

    fn about(spec: &Spec, _: &Observed, step: &Step) -> Option<Resource> {
        let person = |user_id: &UserId| Resource { kind: ResourceKind::User, key: user_id.to_string() };
        match step {
            Step::EndSessions { people } => match people.as_slice() {
                [(user_id, _)] => Some(person(user_id)),
                [] | [_, _, ..] => None,
            },
            Step::DropEntitlement { user_id, .. }
            | Step::Disable { user_id, .. }
            | Step::DisableForGood { user_id, .. }
            | Step::Reenable { user_id, .. }
            | Step::MarkUser { user_id, .. }
            | Step::CreateUser { user_id }
            | Step::UpdateUser { user_id, .. }
            | Step::AddMember { user_id, .. }
            | Step::Entitle { user_id, .. }
            | Step::Enable { user_id, .. } => Some(person(user_id)),
            Step::RemoveMember { .. }
            | Step::CreateGroup { .. }
            | Step::RemoveTwin { .. }
            | Step::RenameGroup { .. }
            | Step::MarkGroup { .. } => Some(spec.owner.resource()),
            Step::CreateEntitlementGroup => None,
        }
    }

    fn lane(&self) -> &Lane {
        self.client.lane()
    }

    async fn observe(&self, desired: &Desired<Spec>) -> Result<Observed, CallError> {
        observe::observe(self, desired).await
    }

    fn plan(desired: &Desired<Spec>, observed: &Observed) -> Plan<Step> {
        plan::plan(desired, observed)
    }

    async fn apply(&self, desired: &Desired<Spec>, observed: &Observed, steps: &[Step]) -> Applied {
        apply::apply(self, desired, observed, steps).await
    }

    fn seen(desired: &Desired<Spec>, observed: &Observed) -> Seen {
        let spec = &desired.spec;
        let mut seen = Seen::default();
        if let Some(group) = &observed.group {
            seen.objects.insert(spec.owner.resource(), group.pk.clone());
        }
        for person in &spec.people {
            let Some(account) = observed.accounts.get(&person.user_id) else {
                continue;
            };
            if !account.is_marked_for(person.user_id) {
                continue;
            }
            seen.objects.insert(person.resource(), account.pk.to_string());
            let subjects = [&account.uuid, &account.uid].into_iter().filter(|subject| !subject.is_empty());
            seen.identities.extend(subjects.map(|subject| (person.user_id, subject.clone())));
            seen.doors.extend(doors(person, account, observed));
        }
        seen
    }
}

/// A person who may use another tenant is no door of this one.
fn doors(person: &PersonSpec, account: &AccountSeen, observed: &Observed) -> Vec<Door> {
    if person.entitlement == Belongs::Inside {
        return Vec::new();
    }
    let is_entitled = observed.is_entitled(account.pk);
    let is_ended = account.sessions_epoch() >= person.sessions_epoch;
    vec![
        Door {
            check: format!("user.{}.entitlement", person.user_id),
            outcome: if is_entitled { "granted" } else { "none" },
            is_shut: !is_entitled,
        },
        Door {
            check: format!("user.{}.sessions", person.user_id),
            outcome: if is_ended { "ended" } else { "live" },
            is_shut: is_ended,
        },
    ]
}

#[cfg(test)]
mod tests;
