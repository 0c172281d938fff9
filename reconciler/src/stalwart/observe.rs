//! What is in Stalwart for one tenant: one request when everything is where it should be.

use std::collections::{BTreeMap, BTreeSet};

use schema::provisioning::{FailureClass, Reason, ResourceKind};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Ask, Client, Query, typed};
use super::ours::{add_domain, bind_role, is_our_domain};
use super::{
    AccountSeen, DomainSeen, GATE_NAMESPACE, GATE_SCRIPT, GateSeen, Observed, Permissions, Receiving,
    RoleSeen, Spec, domain_resource, is_marked, token,
};
use crate::call::CallError;
use crate::integration::{Asked, Desired};

/// One row of any kind, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) key: Option<String>,
    #[serde(default)]
    pub(crate) domain_id: Option<String>,
    #[serde(default)]
    pub(crate) role_ids: Value,
    #[serde(default)]
    pub(crate) roles: Value,
    #[serde(default)]
    pub(crate) permissions: Value,
    #[serde(default)]
    pub(crate) disabled_permissions: Value,
    #[serde(default)]
    pub(crate) enabled_permissions: Value,
    #[serde(default)]
    pub(crate) quotas: Value,
    #[serde(default, rename = "@type")]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) is_active: Option<bool>,
}

impl Row {
    /// Of an account: whether it is one of a person, and not a group.
    pub(crate) fn is_mailbox(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "User")
    }
}

pub(crate) const ROLE_PROPERTIES: &[&str] =
    &["id", "description", "roleIds", "enabledPermissions", "disabledPermissions"];
pub(crate) const DOMAIN_PROPERTIES: &[&str] = &["id", "name", "description"];
pub(crate) const ACCOUNT_PROPERTIES: &[&str] =
    &["id", "@type", "name", "domainId", "roles", "permissions", "quotas"];

/// Rounds of reading: by mark and by what we bound, then names nothing led to, then what is in domains found so.
const READS_MAX: usize = 3;

/// Something to read, and what for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Defaults,
    Roles,
    BoundRole,
    MarkedDomains,
    GateKeys,
    Scripts,
    Stage,
    /// A domain by its name.
    Named(String),
    /// Accounts by the id of their domain.
    Accounts(String),
    /// Lists of all domains: they cannot be asked for by one.
    MailingLists,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Found {
    defaults: Value,
    roles: Vec<Row>,
    domains: Vec<Row>,
    gate_keys: Vec<Row>,
    scripts: Vec<Row>,
    stage: Value,
    accounts: BTreeMap<String, Vec<AccountSeen>>,
    occupied: BTreeSet<String>,
    asked: BTreeSet<About>,
}

/// What needs no answer to be asked for goes in one request: nothing but it stands before a switch that has to be shut.
pub(super) async fn observe(client: &Client, desired: &Desired<Spec>) -> Result<Observed, CallError> {
    let at_once = client.at_once();
    let client = if desired.asked == Asked::Shut { &at_once } else { client };
    let token = token(desired.spec.tenant_id);
    let mut found = Found::default();
    let mut asks = at_first(desired, &token);
    for _ in 0..READS_MAX {
        let (about, what): (Vec<About>, Vec<Ask>) = asks.into_iter().unzip();
        for (about, rows) in about.into_iter().zip(client.read(&what).await?) {
            found.add(about, rows)?;
        }
        asks = then(desired, &token, &found);
        if asks.is_empty() {
            break;
        }
    }
    Ok(observed(desired, &token, found))
}

fn at_first(desired: &Desired<Spec>, token: &str) -> Vec<(About, Ask)> {
    let spec = &desired.spec;
    let mut asks = vec![(About::Defaults, defaults())];
    // For roles the filter named `description` is a search for words.
    asks.push((About::Roles, list("Role", json!({ "description": token }), "id", ROLE_PROPERTIES)));
    if let Some(id) = desired.known.get(&spec.role_resource()) {
        let bound = Ask::One { kind: "Role", id: id.clone(), properties: ROLE_PROPERTIES };
        asks.push((About::BoundRole, bound));
    }
    asks.push((About::MarkedDomains, list("Domain", json!({ "text": token }), "name", DOMAIN_PROPERTIES)));
    asks.push((About::GateKeys, Ask::List(gate_keys())));
    if spec.receiving == Receiving::Refused {
        asks.extend([(About::Scripts, Ask::List(scripts())), (About::Stage, stage())]);
    }
    let bound = desired.known.iter().filter(|(resource, _)| resource.kind == ResourceKind::Domain);
    asks.extend(bound.map(|(_, id)| accounts(id)));
    let unknown = spec.domains.iter().filter(|name| !desired.known.contains_key(&domain_resource(name)));
    asks.extend(unknown.map(|name| named(name)));
    asks
}

/// Wanted names that no mark led to, and accounts of domains that are ours.
fn then(desired: &Desired<Spec>, token: &str, found: &Found) -> Vec<(About, Ask)> {
    let ours = |row: &&Row| is_our_domain(row, desired, token);
    let seen: BTreeSet<&str> = found.domains.iter().filter_map(|row| row.name.as_deref()).collect();
    let missing = desired.spec.domains.iter().filter(|name| !seen.contains(name.as_str()));
    let may_go = |row: &Row| {
        row.name.as_ref().is_some_and(|name| !desired.spec.domains.contains(name))
            && found.accounts.get(&row.id).is_some_and(Vec::is_empty)
    };
    let mailing_lists = found
        .domains
        .iter()
        .any(|row| ours(&row) && may_go(row))
        .then(|| (About::MailingLists, Ask::List(mailing_lists())));
    let asks =
        missing.map(|name| named(name)).chain(found.domains.iter().filter(ours).map(|row| accounts(&row.id)));
    asks.chain(mailing_lists).filter(|(about, _)| !found.asked.contains(about)).collect()
}

impl Found {
    fn add(&mut self, about: About, rows: Vec<Value>) -> Result<(), CallError> {
        self.asked.insert(about.clone());
        match about {
            About::Defaults => self.defaults = rows.into_iter().next().ok_or_else(no_defaults)?,
            About::Roles | About::BoundRole => {
                let rows: Vec<Row> = typed(rows)?;
                let is_new = |row: &Row| self.roles.iter().all(|known| known.id != row.id);
                let rows: Vec<Row> = rows.into_iter().filter(is_new).collect();
                self.roles.extend(rows);
            }
            About::MarkedDomains => self.domains.extend(typed::<Row>(rows)?),
            About::Named(name) => {
                let rows: Vec<Row> = typed(rows)?;
                let is_new = |row: &Row| self.domains.iter().all(|known| known.id != row.id);
                let rows: Vec<Row> =
                    rows.into_iter().filter(|row| row.name.as_ref() == Some(&name) && is_new(row)).collect();
                self.domains.extend(rows);
            }
            About::GateKeys => self.gate_keys = typed(rows)?,
            About::Scripts => self.scripts = typed(rows)?,
            About::Stage => self.stage = rows.into_iter().next().unwrap_or_default(),
            About::Accounts(id) => {
                let rows: Vec<Row> = typed(rows)?;
                self.occupied.extend(rows.iter().any(|row| !row.is_mailbox()).then(|| id.clone()));
                self.accounts.insert(id, rows.into_iter().filter_map(account_of).collect());
            }
            About::MailingLists => {
                self.occupied.extend(typed::<Row>(rows)?.into_iter().filter_map(|row| row.domain_id));
            }
        }
        Ok(())
    }
}

fn observed(desired: &Desired<Spec>, token: &str, found: Found) -> Observed {
    let mut observed = Observed { default_roles: default_roles(&found.defaults), ..Observed::default() };
    for row in found.domains {
        add_domain(row, desired, token, &mut observed);
    }
    let ours: BTreeSet<&String> = observed.domains.values().map(|domain| &domain.id).collect();
    observed.accounts = found.accounts.into_iter().filter(|(id, _)| ours.contains(id)).collect();
    observed.occupied = found.occupied;
    bind_role(found.roles, desired, token, &mut observed);
    observed.gate_keys = found
        .gate_keys
        .into_iter()
        .filter_map(|row| Some((row.key?, row.id)))
        .filter(|(name, _)| observed.domains.contains_key(name))
        .collect();
    observed.gate = match desired.spec.receiving {
        Receiving::Accepted => GateSeen::NotNeeded,
        Receiving::Refused => gate_of(&found.scripts, &found.stage),
    };
    observed
}

fn list(kind: &'static str, filter: Value, sort: &'static str, properties: &'static [&'static str]) -> Ask {
    Ask::List(Query { kind, filter, sort, properties })
}

fn named(name: &str) -> (About, Ask) {
    let ask = list("Domain", json!({ "name": name }), "name", DOMAIN_PROPERTIES);
    (About::Named(name.to_owned()), ask)
}

fn accounts(domain: &str) -> (About, Ask) {
    let ask = list("Account", json!({ "domainId": domain }), "name", ACCOUNT_PROPERTIES);
    (About::Accounts(domain.to_owned()), ask)
}

fn defaults() -> Ask {
    Ask::singleton("Authentication", &["defaultUserRoleIds"])
}

pub(crate) fn default_roles(authentication: &Value) -> BTreeSet<String> {
    keys(&authentication["defaultUserRoleIds"])
}

/// Without them a role would be taken for changed.
fn no_defaults() -> CallError {
    let summary = "stalwart: read the default roles: the answer could not be understood";
    CallError::new(FailureClass::Transient, Reason::UpstreamUnavailable, summary)
}

pub(crate) fn gate_keys() -> Query {
    let filter = json!({ "namespace": GATE_NAMESPACE });
    Query { kind: "MemoryLookupKey", filter, sort: "id", properties: &["id", "namespace", "key"] }
}

pub(crate) fn mailing_lists() -> Query {
    Query { kind: "MailingList", filter: json!({}), sort: "id", properties: &["id", "domainId"] }
}

fn scripts() -> Query {
    Query {
        kind: "SieveSystemScript",
        filter: json!({}),
        sort: "id",
        properties: &["id", "name", "isActive"],
    }
}

fn stage() -> Ask {
    Ask::singleton("MtaStageRcpt", &["script"])
}

pub(crate) async fn gate(client: &Client) -> Result<GateSeen, CallError> {
    let scripts = client.lists::<Row>(&[scripts()]).await?.into_iter().next().unwrap_or_default();
    let stage = client.singleton("MtaStageRcpt", &["script"]).await?;
    Ok(gate_of(&scripts, &stage))
}

fn gate_of(scripts: &[Row], stage: &Value) -> GateSeen {
    let has_script =
        scripts.iter().any(|row| row.name.as_deref() == Some(GATE_SCRIPT) && row.is_active != Some(false));
    let has_stage = stage["script"].to_string().contains(GATE_SCRIPT);
    if has_script && has_stage { GateSeen::Installed } else { GateSeen::Missing }
}

pub(crate) fn role_of(row: Row, token: &str) -> RoleSeen {
    RoleSeen {
        is_marked: is_marked(row.description.as_deref(), token),
        role_ids: keys(&row.role_ids),
        disabled: keys(&row.disabled_permissions),
        id: row.id,
    }
}

pub(crate) fn domain_of(row: Row, token: &str) -> DomainSeen {
    DomainSeen {
        is_marked: is_marked(row.description.as_deref(), token),
        name: row.name.unwrap_or_default(),
        id: row.id,
    }
}

/// A mailbox; groups and lists in the domain are the tenant's own business.
pub(crate) fn account_of(row: Row) -> Option<AccountSeen> {
    if !row.is_mailbox() {
        return None;
    }
    let disabled = keys(&row.permissions["disabledPermissions"]);
    let permissions = match row.permissions["@type"].as_str() {
        Some("Inherit") | None => Permissions::Inherit,
        Some("Merge") if keys(&row.permissions["enabledPermissions"]).is_empty() => {
            Permissions::Merge { disabled }
        }
        Some(_) => Permissions::Other,
    };
    Some(AccountSeen {
        id: row.id,
        name: row.name?,
        domain_id: row.domain_id.unwrap_or_default(),
        role_ids: (row.roles["@type"] == "Custom").then(|| keys(&row.roles["roleIds"])),
        permissions,
        quota: row.quotas["maxDiskQuota"].as_u64(),
    })
}

/// A set as the server writes it: names mapped to true.
pub(crate) fn keys(set: &Value) -> BTreeSet<String> {
    let Some(set) = set.as_object() else {
        return BTreeSet::new();
    };
    set.iter().filter(|(_, present)| **present != Value::Bool(false)).map(|(key, _)| key.clone()).collect()
}
