//! One step in Stalwart as calls.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::client::{Change, Client, Wrote};
use super::observe::Row;
use super::{GATE_NAMESPACE, GATE_SCRIPT, MARK_WORD, Observed, Spec, Step, Switch, token};
use crate::call::CallError;
use crate::stalwart::client::Query;

pub(super) async fn apply(
    client: &Client,
    spec: &Spec,
    observed: &Observed,
    step: &Step,
) -> Result<(), CallError> {
    let mark = format!("{MARK_WORD} {}", token(spec.tenant_id));
    match step {
        Step::SetSwitch { role, switch } => {
            let patch = json!({ "disabledPermissions": set(&switch.disabled()) });
            update(client, "Role", role, patch).await
        }
        Step::CreateRole { switch } => {
            let role = json!({
                "description": mark,
                "roleIds": set(&observed.default_roles),
                "enabledPermissions": {},
                "disabledPermissions": set(&switch.disabled()),
            });
            create(client, "Role", role).await
        }
        Step::MarkRole { role } => update(client, "Role", role, json!({ "description": mark })).await,
        Step::SetRoleBase { role, base } => {
            update(client, "Role", role, json!({ "roleIds": set(base) })).await
        }
        Step::DestroyTwin { role } => destroy(client, "Role", role).await,
        Step::CreateDomain { name } => {
            create(client, "Domain", json!({ "name": name, "description": mark })).await
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
            update(
                client,
                "Account",
                account,
                json!({ "permissions": permissions(*switch) }),
            )
            .await
        }
        // A pointer, so that other quotas stay.
        Step::SetQuota { account, quota } => {
            update(
                client,
                "Account",
                account,
                json!({ "quotas/maxDiskQuota": quota }),
            )
            .await
        }
        Step::InstallGate => install_gate(client).await,
        Step::RefuseMail { name } => {
            let key = json!({ "namespace": GATE_NAMESPACE, "key": name, "isGlobPattern": false });
            create(client, "MemoryLookupKey", key).await?;
            client.action("ReloadLookupStores").await
        }
        Step::AcceptMail { key, .. } => {
            destroy(client, "MemoryLookupKey", key).await?;
            client.action("ReloadLookupStores").await
        }
    }
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
    let quotas = account
        .quota
        .map_or_else(|| json!({}), |bytes| json!({ "maxDiskQuota": bytes }));
    // No credentials: nobody logs in but through the identity system.
    let body = json!({
        "@type": "User",
        "name": account.local,
        "domainId": domain.id,
        "roles": { "@type": "Custom", "roleIds": { role: true } },
        "permissions": permissions(account.switch),
        "quotas": quotas,
    });
    match client.change("Account", Change::Create(body)).await? {
        Wrote::Done | Wrote::Gone | Wrote::Linked => Ok(()),
        // Either it came into being meanwhile, and the next look finds it, or an alias or a list has the address.
        Wrote::Taken => Ok(()),
    }
}

async fn destroy_domain(client: &Client, id: &str) -> Result<(), CallError> {
    let keys = Query {
        kind: "DkimSignature",
        filter: json!({ "domainId": id }),
        sort: "id",
        properties: &["id"],
    };
    let keys: Vec<Row> = client
        .lists(&[keys])
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    for key in keys {
        destroy(client, "DkimSignature", &key.id).await?;
    }
    destroy(client, "Domain", id).await
}

/// Written in the order that is harmless when it stops half-way: a stage without its script would defer all mail.
async fn install_gate(client: &Client) -> Result<(), CallError> {
    let contents = "require [\"reject\"];\nreject \"550 5.7.1 This domain no longer receives mail\";\n";
    let script = json!({ "name": GATE_SCRIPT, "isActive": true, "contents": contents });
    create(client, "SieveSystemScript", script).await?;
    let rule = json!({
        "if": format!("key_exists('{GATE_NAMESPACE}', rcpt_domain)"),
        "then": format!("'{GATE_SCRIPT}'"),
    });
    let stage = json!({ "script": { "match": { "0": rule }, "else": "false" } });
    update(client, "MtaStageRcpt", "singleton", stage).await?;
    client.action("ReloadSettings").await
}

async fn create(client: &Client, kind: &str, object: Value) -> Result<(), CallError> {
    // Taken is no failure: the next look says by whom.
    client
        .change(kind, Change::Create(object))
        .await
        .map(|_: Wrote| ())
}

async fn update(client: &Client, kind: &str, id: &str, patch: Value) -> Result<(), CallError> {
    client
        .change(kind, Change::Update(id, patch))
        .await
        .map(|_: Wrote| ())
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
    Value::Object(
        names
            .iter()
            .map(|name| (name.clone(), Value::Bool(true)))
            .collect::<Map<_, _>>(),
    )
}
