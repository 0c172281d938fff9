//! Mail: one role per tenant (the switch), one domain per verified domain, one account per managed member.

mod apply;
pub mod client;
pub(crate) mod observe;
pub(crate) mod ours;
mod plan;
pub mod spec;

use std::collections::{BTreeMap, BTreeSet};

use schema::provisioning::{ConvergedReason, Counts, Resource, ResourceKind};
use schema::{System, TenantId, UserId};
use serde::Serialize;

use crate::call::CallError;
use crate::integration::{Applied, Asked, Desired, Door, Integration, Plan, Seen};
use crate::lane::Lane;
pub use client::Client;
pub use plan::Step;

/// The namespace of look-up keys for domains that no longer receive.
pub(crate) const GATE_NAMESPACE: &str = "refused";
/// The script that answers for them.
pub(crate) const GATE_SCRIPT: &str = "dezky-refused";
/// The word in front of our mark in descriptions.
pub(crate) const MARK_WORD: &str = "dezky";
/// What a shut door takes away. Never `emailReceive`: that bounces after acceptance.
pub(crate) const SHUT: [&str; 2] = ["authenticate", "emailSend"];

/// Digits of a token.
const TOKEN_DIGITS: usize = 32;

/// The token that marks what is a tenant's: 32 hex digits, one word for the server's search.
pub(crate) fn token(tenant: TenantId) -> String {
    tenant.uuid().simple().to_string()
}

/// Whether a description carries a tenant's token; text beside it belongs to others.
pub(crate) fn is_marked(description: Option<&str>, token: &str) -> bool {
    description.is_some_and(|text| words(text).any(|word| word == token))
}

/// The tokens of tenants in a description of ours, whoever they are.
pub(crate) fn tokens(description: Option<&str>) -> impl Iterator<Item = &str> {
    let text = description.filter(|text| words(text).any(|word| word == MARK_WORD)).unwrap_or_default();
    words(text)
        .filter(|word| word.len() == TOKEN_DIGITS && word.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// Whether a description says that something is another tenant's.
pub(crate) fn is_of_another(description: Option<&str>, token: &str) -> bool {
    !is_marked(description, token) && tokens(description).next().is_some()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
}

/// Whether log-in and sending are possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Switch {
    /// Yes.
    Open,
    /// No. Receiving goes on.
    Shut,
}

impl Switch {
    pub(crate) fn open_when(open: bool) -> Self {
        if open { Self::Open } else { Self::Shut }
    }

    /// The permissions taken away, as a computed set.
    pub(crate) fn disabled(self) -> BTreeSet<String> {
        match self {
            Self::Open => BTreeSet::new(),
            Self::Shut => SHUT.iter().map(|word| (*word).to_owned()).collect(),
        }
    }
}

/// Whether mail for a tenant's domains is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Receiving {
    /// Yes.
    Accepted,
    /// Refused for good at RCPT: the tenant is terminated.
    Refused,
}

/// Whether an account is made or only kept right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Presence {
    /// Make it if it is missing.
    Ensure,
    /// Leave it missing.
    IfPresent,
}

/// One mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountSpec {
    /// Whose.
    pub user_id: UserId,
    /// The part before the `@`, in lower case.
    pub local: String,
    /// The domain.
    pub domain: String,
    /// Made if missing, or not.
    pub presence: Presence,
    /// The member's own switch, beside the tenant's.
    pub switch: Switch,
    /// Bytes; absent means unlimited.
    pub quota: Option<u64>,
}

impl AccountSpec {
    /// The mailbox as a resource of ours.
    pub(crate) fn resource(&self) -> Resource {
        Resource { kind: ResourceKind::Account, key: self.user_id.to_string() }
    }
}

/// What should be, comparable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Spec {
    /// Whose.
    pub tenant_id: TenantId,
    /// The tenant's switch.
    pub switch: Switch,
    /// Verified domains.
    pub domains: BTreeSet<String>,
    /// Mailboxes of managed people.
    pub accounts: Vec<AccountSpec>,
    /// Whether mail is taken.
    pub receiving: Receiving,
}

impl Spec {
    /// The role as a resource of ours.
    pub(crate) fn role_resource(&self) -> Resource {
        Resource { kind: ResourceKind::Role, key: self.tenant_id.to_string() }
    }
}

/// A domain as a resource of ours.
pub(crate) fn domain_resource(name: &str) -> Resource {
    Resource { kind: ResourceKind::Domain, key: name.to_owned() }
}

/// A role as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSeen {
    pub id: String,
    pub is_marked: bool,
    pub role_ids: BTreeSet<String>,
    pub disabled: BTreeSet<String>,
}

/// A domain as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainSeen {
    pub id: String,
    pub name: String,
    pub is_marked: bool,
}

/// What an account may do beside its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permissions {
    Inherit,
    Merge {
        disabled: BTreeSet<String>,
    },
    /// Set by hand to something we do not compute.
    Other,
}

impl Permissions {
    /// What the computed switch looks like here.
    pub(crate) fn of(switch: Switch) -> Self {
        match switch {
            Switch::Open => Self::Inherit,
            Switch::Shut => Self::Merge { disabled: switch.disabled() },
        }
    }
}

/// An account as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSeen {
    pub id: String,
    pub name: String,
    pub domain_id: String,
    /// The roles it holds, if it holds chosen ones.
    pub role_ids: Option<BTreeSet<String>>,
    pub permissions: Permissions,
    pub quota: Option<u64>,
}

/// Whether the gate is in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GateSeen {
    /// Script and stage are there.
    Installed,
    /// One of them is missing.
    #[default]
    Missing,
    /// Not looked at: nothing is refused.
    NotNeeded,
}

/// What is.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// What every role of a tenant builds on.
    pub default_roles: BTreeSet<String>,
    /// The tenant's role: the one we bound, else the first with our mark.
    pub role: Option<RoleSeen>,
    /// Further roles with our mark, left by a lost answer.
    pub twins: Vec<String>,
    /// Our domains by name: wanted ones, and marked ones no longer wanted.
    pub domains: BTreeMap<String, DomainSeen>,
    /// Wanted names that exist and are not ours.
    pub taken: BTreeSet<String>,
    /// Accounts by the id of our domains.
    pub accounts: BTreeMap<String, Vec<AccountSeen>>,
    /// Ids of domains that hold groups or lists, which are the tenant's own business.
    pub occupied: BTreeSet<String>,
    /// Keys of the gate by domain name, of our domains only.
    pub gate_keys: BTreeMap<String, String>,
    /// The gate itself.
    pub gate: GateSeen,
}

impl Observed {
    pub(crate) fn account(&self, spec: &AccountSpec) -> Option<&AccountSeen> {
        let domain = self.domains.get(&spec.domain)?;
        self.accounts.get(&domain.id)?.iter().find(|account| account.name == spec.local)
    }
}

/// Stalwart.
#[derive(Debug, Clone)]
pub struct Stalwart {
    client: Client,
}

impl Stalwart {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}

impl Integration for Stalwart {
    const SYSTEM: System = System::Stalwart;
    type Spec = Spec;
    type Observed = Observed;
    type Step = Step;

    fn counts(spec: &Spec) -> Counts {
        let wanted = spec.accounts.iter().filter(|account| account.presence == Presence::Ensure).count();
        Counts {
            domains: u32::try_from(spec.domains.len()).unwrap_or(u32::MAX),
            accounts: u32::try_from(wanted).unwrap_or(u32::MAX),
            ..Counts::default()
        }
    }

    fn reason(spec: &Spec) -> ConvergedReason {
        if spec.domains.is_empty() { ConvergedReason::NoDomains } else { ConvergedReason::Converged }
    }

    fn wants(spec: &Spec, resource: &Resource) -> bool {
        match resource.kind {
            ResourceKind::Domain => spec.domains.contains(&resource.key),
            ResourceKind::Account => spec.accounts.iter().any(|account| account.resource() == *resource),
            ResourceKind::Role | ResourceKind::Group | ResourceKind::User | ResourceKind::Space => true,
        }
    }

    fn about(spec: &Spec, observed: &Observed, step: &Step) -> Option<Resource> {
        let account = |id: &String| {
            let found = observed.accounts.values().flatten().find(|account| account.id == *id)?;
            let domain = observed.domains.values().find(|domain| domain.id == found.domain_id)?;
            let is_it = |wanted: &&AccountSpec| wanted.local == found.name && wanted.domain == domain.name;
            spec.accounts.iter().find(is_it).map(AccountSpec::resource)
        };
        match step {
            Step::SetSwitch { .. }
            | Step::CreateRole { .. }
            | Step::MarkRole { .. }
            | Step::SetRoleBase { .. }
            | Step::DestroyTwin { .. } => Some(spec.role_resource()),
            Step::CreateDomain { name }
            | Step::MarkDomain { name, .. }
            | Step::DestroyDomain { name, .. }
            | Step::RefuseMail { name }
            | Step::AcceptMail { name, .. } => Some(domain_resource(name)),
            Step::CreateAccount { user_id, .. } => {
                Some(Resource { kind: ResourceKind::Account, key: user_id.to_string() })
            }
            Step::GiveRole { account: id, .. }
            | Step::SetPermissions { account: id, .. }
            | Step::SetQuota { account: id, .. } => account(id),
            Step::InstallGate => None,
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
        if let Some(role) = &observed.role {
            seen.objects.insert(spec.role_resource(), role.id.clone());
        }
        for domain in observed.domains.values() {
            let resource = domain_resource(&domain.name);
            seen.objects.insert(resource.clone(), domain.id.clone());
            if !spec.domains.contains(&domain.name) {
                seen.retained.insert(resource);
            }
        }
        for account in &spec.accounts {
            if let Some(found) = observed.account(account) {
                seen.objects.insert(account.resource(), found.id.clone());
            }
        }
        seen.doors = doors(observed);
        seen
    }

    /// Keys, script and stage of the gate do nothing before they are loaded.
    async fn settle(&self, desired: &Desired<Spec>) -> Result<(), CallError> {
        // It is part of shutting: it makes room for nobody.
        match desired.spec.receiving {
            Receiving::Accepted => Ok(()),
            Receiving::Refused => self.client.at_once().load_gate().await,
        }
    }
}

/// The role shuts whoever holds it; an account outside it is an open door whatever the role says.
fn doors(observed: &Observed) -> Vec<Door> {
    let Some(role) = &observed.role else {
        return Vec::new();
    };
    let mut doors: Vec<Door> = SHUT
        .iter()
        .map(|permission| {
            let is_shut = role.disabled.contains(*permission);
            let outcome = if is_shut { "disabled" } else { "allowed" };
            Door { check: format!("role.{permission}"), outcome, is_shut }
        })
        .collect();
    let outside = observed
        .accounts
        .values()
        .flatten()
        .filter(|account| !account.role_ids.as_ref().is_some_and(|ids| ids.contains(&role.id)))
        .count();
    doors.push(Door {
        check: "accounts.role".to_owned(),
        outcome: if outside == 0 { "all" } else { "not all" },
        is_shut: outside == 0,
    });
    doors
}

#[cfg(test)]
mod tests;
