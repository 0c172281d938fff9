//! One step in Stalwart as calls.

use std::collections::BTreeSet;

use schema::provisioning::{FailureClass, Reason, Resource};
use serde_json::{Map, Value, json};

use super::client::{Change, Client, Wrote};
use super::observe::Row;
use super::{GATE_NAMESPACE, GATE_SCRIPT, MARK_WORD, Observed, Spec, Step, Switch, token};
use crate::call::CallError;
use crate::integration::Step as _;
use crate::stalwart::client::Query;

pub(super) async fn apply(
    client: &Client,
    spec: &Spec,
    observed: &Observed,
    step: &Step,
) -> Result<(), CallError> {
    let mark = format!("{MARK_WORD} {}", token(spec.tenant_id));
    let at_once = client.at_once();
    let client = if step.shuts() { &at_once } else { client };
    match step {
        Step::SetSwitch { role, switch } => {
            let patch = json!({ "disabledPermissions": set(&switch.disabled()) });
            update(client, "Role", role, patch).await
        }
        Step::CreateRole { switch } => create_role(client, observed, &mark, *switch).await,
        Step::MarkRole { role } => update(client, "Role", role, json!({ "description": mark })).await,
        Step::SetRoleBase { role, base } => {
            update(client, "Role", role, json!({ "roleIds": set(base) })).await
        }
        Step::DestroyTwin { role } => destroy(client, "Role", role).await,
        Step::CreateDomain { name } => {
            let domain = json!({ "name": name, "description": mark });
            claim(client, "Domain", domain, super::domain_resource(name)).await
        }
        Step::MarkDomain { id, .. } => update(client, "Domain", id, json!({ "description": mark })).await,
        Step::DestroyDomain { id, .. } => destroy_domain(client, id).await,
        Step::CreateAccount { user_id, role } => {
            match spec.accounts.iter().find(|account| account.user_id == *user_id) {
                Some(account) => create_account(client, observed, account, role).await,
                None => Ok(()),
            }
        }
        Step::GiveRole { account, role } => {
            let roles = json!({ "@type": "Custom", "roleIds": { role: true } });
            update(client, "Account", account, json!({ "roles": roles })).await
        }
        Step::SetPermissions { account, switch } => {
            let patch = json!({ "permissions": permissions(*switch) });
            update(client, "Account", account, patch).await
        }
        Step::SetQuota { account, quota } => {
            // A pointer, so that other quotas stay.
            let patch = json!({ "quotas/maxDiskQuota": quota });
            update(client, "Account", account, patch).await
        }
        Step::InstallGate => install_gate(client).await,
        Step::RefuseMail { name } => refuse_mail(client, name).await,
        Step::AcceptMail { key, .. } => {
            destroy(client, "MemoryLookupKey", key).await?;
            client.action("ReloadLookupStores").await
        }
    }
}

async fn create_role(
    client: &Client,
    observed: &Observed,
    mark: &str,
    switch: Switch,
) -> Result<(), CallError> {
    let role = json!({
        "description": mark,
        "roleIds": set(&observed.default_roles),
        "enabledPermissions": {},
        "disabledPermissions": set(&switch.disabled()),
    });
    create(client, "Role", role).await
}

/// It takes effect when the gate is loaded.
async fn refuse_mail(client: &Client, name: &str) -> Result<(), CallError> {
    let key = json!({ "namespace": GATE_NAMESPACE, "key": name, "isGlobPattern": false });
    create(client, "MemoryLookupKey", key).await
}

async fn create_account(
    client: &Client,
    observed: &Observed,
    account: &super::AccountSpec,
    role: &str,
) -> Result<(), CallError> {
    let Some(domain) = observed.domains.get(&account.domain) else {
        return Ok(());
    };
    let quotas = account.quota.map_or_else(|| json!({}), |bytes| json!({ "maxDiskQuota": bytes }));
    // No credentials: nobody logs in but through the identity system.
    let body = json!({
        "@type": "User",
        "name": account.local,
        "domainId": domain.id,
        "roles": { "@type": "Custom", "roleIds": { role: true } },
        "permissions": permissions(account.switch),
        "quotas": quotas,
    });
    claim(client, "Account", body, account.resource()).await
}

async fn destroy_domain(client: &Client, id: &str) -> Result<(), CallError> {
    let keys =
        Query { kind: "DkimSignature", filter: json!({ "domainId": id }), sort: "id", properties: &["id"] };
    let keys: Vec<Row> = client.lists(&[keys]).await?.into_iter().next().unwrap_or_default();
    for key in keys {
        destroy(client, "DkimSignature", &key.id).await?;
    }
    destroy(client, "Domain", id).await
}

/// Written in the order that is harmless when it stops half-way: a stage without its script would defer all mail. It
/// takes effect when the gate is loaded.
async fn install_gate(client: &Client) -> Result<(), CallError> {
    let contents = "require [\"reject\"];\nreject \"550 5.7.1 This domain no longer receives mail\";\n";
    let script = json!({ "name": GATE_SCRIPT, "isActive": true, "contents": contents });
    create(client, "SieveSystemScript", script).await?;
    let stage = client.singleton("MtaStageRcpt", &["script"]).await?;
    let script = with_our_rule(&stage["script"]);
    update(client, "MtaStageRcpt", "singleton", json!({ "script": script })).await
}

/// Our rule in front of whatever an operator has put there.
fn with_our_rule(script: &Value) -> Value {
    let ours = json!({
        "if": format!("key_exists('{GATE_NAMESPACE}', rcpt_domain)"),
        "then": format!("'{GATE_SCRIPT}'"),
    });
    let mut theirs: Vec<(u64, &Value)> = script["match"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, rule)| **rule != ours)
        .map(|(place, rule)| (place.parse().unwrap_or(u64::MAX), rule))
        .collect();
    theirs.sort_by_key(|(place, _)| *place);
    let rules = std::iter::once(&ours).chain(theirs.into_iter().map(|(_, rule)| rule));
    let rules: Map<String, Value> =
        rules.enumerate().map(|(place, rule)| (place.to_string(), rule.clone())).collect();
    let otherwise = script["else"].as_str().unwrap_or("false");
    json!({ "match": rules, "else": otherwise })
}

/// Creates what has a name of its own. A taken one may be ours of a moment ago: then the next look finds it. Else an
/// alias or a list has it, which is somebody's.
async fn claim(client: &Client, kind: &str, object: Value, resource: Resource) -> Result<(), CallError> {
    match client.change(kind, Change::Create(object)).await? {
        Wrote::Done | Wrote::Gone | Wrote::Linked => Ok(()),
        Wrote::Taken => Err(CallError::new(
            FailureClass::Permanent,
            Reason::OwnedByAnother,
            "stalwart: the name is an alias or a list of somebody else",
        )
        .about(resource)),
    }
}

async fn create(client: &Client, kind: &str, object: Value) -> Result<(), CallError> {
    // Taken is no failure: the next look says by whom.
    client.change(kind, Change::Create(object)).await.map(|_: Wrote| ())
}

async fn update(client: &Client, kind: &str, id: &str, patch: Value) -> Result<(), CallError> {
    client.change(kind, Change::Update(id, patch)).await.map(|_: Wrote| ())
}

async fn destroy(client: &Client, kind: &str, id: &str) -> Result<(), CallError> {
    client.change(kind, Change::Destroy(id)).await.map(|_: Wrote| ())
}

fn permissions(switch: Switch) -> Value {
    match switch {
        Switch::Open => json!({ "@type": "Inherit" }),
        Switch::Shut => json!({
            "@type": "Merge",
            "enabledPermissions": {},
            "disabledPermissions": set(&switch.disabled()),
        }),
    }
}

/// A set as the server writes it.
fn set(names: &BTreeSet<String>) -> Value {
    Value::Object(names.iter().map(|name| (name.clone(), Value::Bool(true))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests;
