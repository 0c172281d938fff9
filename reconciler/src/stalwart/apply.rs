//! Steps of one stage in Stalwart as calls: changes of one kind go together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use schema::provisioning::{FailureClass, Reason};
use serde_json::{Map, Value, json};

use super::client::{Change, Client, Query, WRITES_MAX, Wrote, refused};
use super::observe::Row;
use super::{GATE_NAMESPACE, GATE_SCRIPT, MARK_WORD, Observed, Spec, Stalwart, Step, Switch, token};
use crate::call::CallError;
use crate::integration::{Applied, Integration as _, Step as _, each};

/// One change, and the step it is for.
struct Write<'a> {
    step: &'a Step,
    kind: &'static str,
    change: Change,
}

pub(super) async fn apply(client: &Client, spec: &Spec, observed: &Observed, steps: &[Step]) -> Applied {
    let at_once = client.at_once();
    let client = if steps.iter().any(Step::shuts) { &at_once } else { client };
    let about = |step: &Step| Stalwart::about(spec, observed, step);
    let mut applied = Applied::default();
    if steps.contains(&Step::InstallGate) {
        applied.note(install_gate(client).await);
    }
    let going: Vec<&str> = steps.iter().filter_map(Step::destroyed_domain).collect();
    if let Err(error) = destroy_keys(client, &going).await {
        applied.note(Err(error));
        return applied;
    }
    let mut by_kind: BTreeMap<&'static str, Vec<Write<'_>>> = BTreeMap::new();
    for write in steps.iter().filter_map(|step| write_of(spec, observed, step)) {
        by_kind.entry(write.kind).or_default().push(write);
    }
    let chunks: Vec<&[Write<'_>]> = by_kind.values().flat_map(|writes| writes.chunks(WRITES_MAX)).collect();
    let noted = Mutex::new(applied);
    let note = |outcome| noted.lock().unwrap_or_else(PoisonError::into_inner).note(outcome);
    let calls = each(client.lane().limit(), &chunks, |chunk| async {
        let changes: Vec<&Change> = chunk.iter().map(|write| &write.change).collect();
        let Some(first) = chunk.first() else { return Ok(()) };
        let outcomes = client.change(first.kind, &changes).await.map_err(|error| match **chunk {
            [Write { step, .. }] => error.or_about(about(step)),
            // Of which of them, nobody knows.
            _ => error,
        })?;
        for (write, outcome) in chunk.iter().zip(outcomes) {
            let done = outcome.and_then(|wrote| judge(write, wrote));
            note(done.map_err(|error| error.or_about(about(write.step))));
        }
        Ok(())
    })
    .await;
    let mut applied = noted.into_inner().unwrap_or_else(PoisonError::into_inner);
    applied.errors.extend(calls.errors);
    if steps.iter().any(|step| matches!(step, Step::AcceptMail { .. })) {
        // It counts with the keys it loads.
        if let Err(error) = client.action("ReloadLookupStores").await {
            applied.errors.push(error);
        }
    }
    applied
}

/// The one change most steps are.
fn write_of<'a>(spec: &Spec, observed: &Observed, step: &'a Step) -> Option<Write<'a>> {
    let mark = || format!("{MARK_WORD} {}", token(spec.tenant_id));
    let update = |id: &String, patch| Change::Update(id.clone(), patch);
    let (kind, change) = match step {
        Step::SetSwitch { role, switch } => {
            ("Role", update(role, json!({ "disabledPermissions": set(&switch.disabled()) })))
        }
        Step::CreateRole { switch } => ("Role", Change::Create(new_role(observed, &mark(), *switch))),
        Step::MarkRole { role } => ("Role", update(role, json!({ "description": mark() }))),
        Step::SetRoleBase { role, base } => ("Role", update(role, json!({ "roleIds": set(base) }))),
        Step::DestroyTwin { role } => ("Role", Change::Destroy(role.clone())),
        Step::CreateDomain { name } => {
            ("Domain", Change::Create(json!({ "name": name, "description": mark() })))
        }
        Step::MarkDomain { id, .. } => ("Domain", update(id, json!({ "description": mark() }))),
        Step::DestroyDomain { id, .. } => ("Domain", Change::Destroy(id.clone())),
        Step::CreateAccount { user_id, role } => {
            let account = spec.accounts.iter().find(|account| account.user_id == *user_id)?;
            ("Account", Change::Create(new_account(observed, account, role)?))
        }
        Step::GiveRole { account, role } => {
            let roles = json!({ "@type": "Custom", "roleIds": { role: true } });
            ("Account", update(account, json!({ "roles": roles })))
        }
        Step::SetPermissions { account, switch } => {
            ("Account", update(account, json!({ "permissions": permissions(*switch) })))
        }
        // A pointer, so that other quotas stay.
        Step::SetQuota { account, quota } => {
            ("Account", update(account, json!({ "quotas/maxDiskQuota": quota })))
        }
        Step::InstallGate => return None,
        // It takes effect when the gate is loaded.
        Step::RefuseMail { name } => (
            "MemoryLookupKey",
            Change::Create(json!({ "namespace": GATE_NAMESPACE, "key": name, "isGlobPattern": false })),
        ),
        Step::AcceptMail { key, .. } => ("MemoryLookupKey", Change::Destroy(key.clone())),
    };
    Some(Write { step, kind, change })
}

/// What a step's change came to. A taken name may be ours of a moment ago: then the next look finds it. Else an alias or
/// a list has it, which is somebody's.
fn judge(write: &Write<'_>, outcome: Wrote) -> Result<(), CallError> {
    match (write.step, outcome) {
        (Step::CreateDomain { .. } | Step::CreateAccount { .. }, Wrote::Taken(words)) => {
            let summary = "stalwart: the name is an alias or a list of somebody else";
            Err(CallError::new(FailureClass::Permanent, Reason::OwnedByAnother, summary).in_words(&words))
        }
        (Step::DestroyTwin { .. } | Step::DestroyDomain { .. }, Wrote::Linked(words)) => {
            let what = format!("destroy {}", write.kind);
            Err(refused(&what, "others still refer to it", Reason::Conflict).in_words(&words))
        }
        // The next look says what is left to do.
        (_, Wrote::Done | Wrote::Taken(_) | Wrote::Gone | Wrote::Linked(_)) => Ok(()),
    }
}

fn new_role(observed: &Observed, mark: &str, switch: Switch) -> Value {
    json!({
        "description": mark,
        "roleIds": set(&observed.default_roles),
        "enabledPermissions": {},
        "disabledPermissions": set(&switch.disabled()),
    })
}

/// Without credentials: nobody logs in but through the identity system.
fn new_account(observed: &Observed, account: &super::AccountSpec, role: &str) -> Option<Value> {
    let domain = observed.domains.get(&account.domain)?;
    let quotas = account.quota.map_or_else(|| json!({}), |bytes| json!({ "maxDiskQuota": bytes }));
    Some(json!({
        "@type": "User",
        "name": account.local,
        "domainId": domain.id,
        "roles": { "@type": "Custom", "roleIds": { role: true } },
        "permissions": permissions(account.switch),
        "quotas": quotas,
    }))
}

/// A domain with keys cannot go.
async fn destroy_keys(client: &Client, domains: &[&str]) -> Result<(), CallError> {
    let queries: Vec<Query> = domains
        .iter()
        .map(|id| Query {
            kind: "DkimSignature",
            filter: json!({ "domainId": id }),
            sort: "id",
            properties: &["id"],
        })
        .collect();
    let keys = client.lists::<Row>(&queries).await?.into_iter().flatten();
    let changes: Vec<Change> = keys.map(|key| Change::Destroy(key.id)).collect();
    for chunk in changes.chunks(WRITES_MAX) {
        // One that stays keeps its domain, which says so itself.
        client.change("DkimSignature", &chunk.iter().collect::<Vec<_>>()).await?;
    }
    Ok(())
}

/// Written in the order that is harmless when it stops half-way: a stage without its script would defer all mail. It
/// takes effect when the gate is loaded.
async fn install_gate(client: &Client) -> Result<(), CallError> {
    let contents = "require [\"reject\"];\nreject \"550 5.7.1 This domain no longer receives mail\";\n";
    let script = json!({ "name": GATE_SCRIPT, "isActive": true, "contents": contents });
    write(client, "SieveSystemScript", Change::Create(script)).await?;
    let stage = client.singleton("MtaStageRcpt", &["script"]).await?;
    let script = with_our_rule(&stage["script"]);
    write(client, "MtaStageRcpt", Change::Update("singleton".to_owned(), json!({ "script": script }))).await
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

/// One change by itself. Taken is no failure: the next look says by whom.
async fn write(client: &Client, kind: &str, change: Change) -> Result<(), CallError> {
    let outcomes = client.change(kind, &[&change]).await?;
    outcomes.into_iter().try_for_each(|outcome| outcome.map(drop))
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
