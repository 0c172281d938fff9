//! What is in Stalwart for one tenant: three requests when everything is where it should be.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Query};
use super::{
    AccountSeen, DomainSeen, GATE_NAMESPACE, GATE_SCRIPT, GateSeen, Observed, Permissions, Receiving,
    RoleSeen, Spec, domain_resource, is_marked, token,
};
use crate::call::CallError;
use crate::integration::Desired;

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
    pub(crate) quotas: Value,
    #[serde(default, rename = "@type")]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) is_active: Option<bool>,
}

pub(crate) const ROLE_PROPERTIES: &[&str] = &["id", "description", "roleIds", "disabledPermissions"];
pub(crate) const DOMAIN_PROPERTIES: &[&str] = &["id", "name", "description"];
pub(crate) const ACCOUNT_PROPERTIES: &[&str] =
    &["id", "@type", "name", "domainId", "roles", "permissions", "quotas"];

pub(super) async fn observe(client: &Client, desired: &Desired<Spec>) -> Result<Observed, CallError> {
    let spec = &desired.spec;
    let token = token(spec.tenant_id);
    let mut observed = Observed::default();
    let defaults = client.singleton("Authentication", &["defaultUserRoleIds"]).await?;
    observed.default_roles = keys(&defaults["defaultUserRoleIds"]);

    let mut lists = client.lists::<Row>(&marked(&token)).await?.into_iter();
    let roles = lists.next().unwrap_or_default();
    let domains = lists.next().unwrap_or_default();
    let gate_keys = lists.next().unwrap_or_default();
    bind_role(client, desired, roles, &token, &mut observed).await?;
    for row in domains.into_iter().filter(|row| is_marked(row.description.as_deref(), &token)) {
        let domain = domain_of(row, &token);
        observed.domains.insert(domain.name.clone(), domain);
    }
    look_for_names(client, desired, &token, &mut observed).await?;
    observed.accounts = accounts_of(client, &observed).await?;
    observed.gate_keys = gate_keys
        .into_iter()
        .filter_map(|row| Some((row.key?, row.id)))
        .filter(|(name, _)| observed.domains.contains_key(name))
        .collect();
    observed.gate = match spec.receiving {
        Receiving::Accepted => GateSeen::NotNeeded,
        Receiving::Refused => gate(client).await?,
    };
    Ok(observed)
}

fn marked(token: &str) -> [Query; 3] {
    [
        // For roles the filter named `description` is a search for words.
        Query {
            kind: "Role",
            filter: json!({ "description": token }),
            sort: "id",
            properties: ROLE_PROPERTIES,
        },
        Query {
            kind: "Domain",
            filter: json!({ "text": token }),
            sort: "name",
            properties: DOMAIN_PROPERTIES,
        },
        gate_keys(),
    ]
}

pub(crate) fn gate_keys() -> Query {
    let filter = json!({ "namespace": GATE_NAMESPACE });
    Query { kind: "MemoryLookupKey", filter, sort: "id", properties: &["id", "namespace", "key"] }
}

/// The role we bound, else the first with our mark; what else carries it is a twin.
async fn bind_role(
    client: &Client,
    desired: &Desired<Spec>,
    rows: Vec<Row>,
    token: &str,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let bound = desired.known.get(&desired.spec.role_resource());
    let mut roles: Vec<RoleSeen> = rows
        .into_iter()
        .filter(|row| is_marked(row.description.as_deref(), token))
        .map(|row| role_of(row, token))
        .collect();
    if let Some(id) = bound
        && !roles.iter().any(|role| role.id == *id)
    {
        let row: Option<Row> = client.by_id("Role", id, ROLE_PROPERTIES).await?;
        // A mark of another tenant on it would make it theirs.
        roles.extend(row.map(|row| role_of(row, token)));
    }
    roles.sort_by_key(|role| (bound != Some(&role.id), role.id.len(), role.id.clone()));
    let mut roles = roles.into_iter();
    observed.role = roles.next();
    observed.twins = roles.filter(|role| role.is_marked).map(|role| role.id).collect();
    Ok(())
}

/// Wanted names that no mark led to: ours if we bound them, somebody else's otherwise, or absent.
async fn look_for_names(
    client: &Client,
    desired: &Desired<Spec>,
    token: &str,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let missing: Vec<&String> =
        desired.spec.domains.iter().filter(|name| !observed.domains.contains_key(*name)).collect();
    let queries: Vec<Query> = missing
        .iter()
        .map(|name| Query {
            kind: "Domain",
            filter: json!({ "name": name }),
            sort: "name",
            properties: DOMAIN_PROPERTIES,
        })
        .collect();
    let found = client.lists::<Row>(&queries).await?;
    for (name, rows) in missing.into_iter().zip(found) {
        let Some(row) = rows.into_iter().find(|row| row.name.as_ref() == Some(name)) else {
            continue;
        };
        let is_bound = desired.known.get(&domain_resource(name)) == Some(&row.id);
        let is_foreign = row.description.as_deref().is_some_and(|text| text.starts_with("dezky "));
        if is_bound && !is_foreign {
            observed.domains.insert(name.clone(), domain_of(row, token));
        } else {
            observed.taken.insert(name.clone());
        }
    }
    Ok(())
}

async fn accounts_of(
    client: &Client,
    observed: &Observed,
) -> Result<BTreeMap<String, Vec<AccountSeen>>, CallError> {
    let ids: Vec<String> = observed.domains.values().map(|domain| domain.id.clone()).collect();
    let queries: Vec<Query> = ids
        .iter()
        .map(|id| Query {
            kind: "Account",
            filter: json!({ "domainId": id }),
            sort: "name",
            properties: ACCOUNT_PROPERTIES,
        })
        .collect();
    let lists = client.lists::<Row>(&queries).await?;
    Ok(ids
        .into_iter()
        .zip(lists)
        .map(|(id, rows)| (id, rows.into_iter().filter_map(account_of).collect()))
        .collect())
}

pub(crate) async fn gate(client: &Client) -> Result<GateSeen, CallError> {
    let scripts = Query {
        kind: "SieveSystemScript",
        filter: json!({}),
        sort: "id",
        properties: &["id", "name", "isActive"],
    };
    let scripts = client.lists::<Row>(&[scripts]).await?.into_iter().next().unwrap_or_default();
    let has_script =
        scripts.iter().any(|row| row.name.as_deref() == Some(GATE_SCRIPT) && row.is_active != Some(false));
    let stage = client.singleton("MtaStageRcpt", &["script"]).await?;
    let has_stage = stage["script"].to_string().contains(GATE_SCRIPT);
    Ok(if has_script && has_stage { GateSeen::Installed } else { GateSeen::Missing })
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
    if row.kind.as_deref().is_some_and(|kind| kind != "User") {
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
