//! One step in authentik as calls. Attributes are read, merged and written: foreign keys stay.

use schema::UserId;
use serde_json::{Map, Value, json};

use super::client::{Client, Created};
use super::{Account, MARK, Observed, PersonSpec, Spec, Step, USER_PATH};
use crate::call::CallError;
use crate::integration::{Desired, Gate, Step as _};

pub(super) async fn apply(
    client: &Client,
    desired: &Desired<Spec>,
    observed: &Observed,
    step: &Step,
) -> Result<(), CallError> {
    let spec = &desired.spec;
    let at_once = client.at_once();
    let client = if step.shuts() { &at_once } else { client };
    match step {
        Step::EndSessions { user_id, pk } => end_sessions(client, observed, *user_id, *pk).await,
        Step::DropEntitlement { pk, .. } => match &observed.entitled {
            Some(group) => client.remove_user(&group.pk, *pk).await,
            None => Ok(()),
        },
        Step::Entitle { pk, .. } => match &observed.entitled {
            Some(group) => client.add_user(&group.pk, *pk).await,
            None => Ok(()),
        },
        Step::Disable { pk, .. } => client.patch_user(*pk, &json!({ "is_active": false })).await,
        Step::Reenable { pk, .. } | Step::Enable { pk, .. } => {
            client.patch_user(*pk, &json!({ "is_active": true })).await
        }
        Step::RemoveMember { group, pk } => client.remove_user(group, *pk).await,
        Step::AddMember { group, pk, .. } => client.add_user(group, *pk).await,
        Step::StoreEpoch { user_id, pk, sessions_epoch } | Step::MarkUser { user_id, pk, sessions_epoch } => {
            let mark = json!({ "userId": user_id, "sessionsEpoch": sessions_epoch });
            mark_user(client, observed, *user_id, *pk, mark).await
        }
        Step::CreateGroup { name } => create_group(client, name, spec.owner.mark()).await,
        Step::CreateEntitlementGroup => {
            client.create_entitlement_group(&merged(None, json!({ "platform": "entitled" }))).await
        }
        Step::RenameGroup { pk, name } => client.patch_group(pk, &json!({ "name": name })).await,
        Step::MarkGroup { pk } => {
            let foreign = observed.group.as_ref().map(|group| group.attributes.clone());
            client.patch_group(pk, &json!({ "attributes": merged(foreign, spec.owner.mark()) })).await
        }
        Step::CreateUser { user_id } => match person(spec, *user_id) {
            Some(person) => create_user(client, person, desired.gate).await,
            None => Ok(()),
        },
        Step::UpdateUser { user_id, pk, .. } => match person(spec, *user_id) {
            Some(person) => client.patch_user(*pk, &profile(person)).await,
            None => Ok(()),
        },
    }
}

/// The sessions first, while there are any whose portals can be told. Disabling ends every token.
async fn end_sessions(
    client: &Client,
    observed: &Observed,
    user_id: UserId,
    pk: i64,
) -> Result<(), CallError> {
    let account = observed.accounts.get(&user_id);
    client.end_sessions(pk, account.map_or("", |account| account.username.as_str())).await?;
    client.patch_user(pk, &json!({ "is_active": false })).await
}

async fn mark_user(
    client: &Client,
    observed: &Observed,
    user_id: UserId,
    pk: i64,
    mark: Value,
) -> Result<(), CallError> {
    let foreign = observed.accounts.get(&user_id).map(|account| account.attributes.clone());
    client.patch_user(pk, &json!({ "attributes": merged(foreign, mark) })).await
}

/// A taken name is no failure: the next look finds who took it.
async fn create_group(client: &Client, name: &str, mark: Value) -> Result<(), CallError> {
    client.create_group(name, &merged(None, mark)).await.map(|_: Created| ())
}

async fn create_user(client: &Client, person: &PersonSpec, gate: Gate) -> Result<(), CallError> {
    client.create_user(&new_user(person, gate)).await.map(|_: Created| ())
}

fn person(spec: &Spec, user_id: UserId) -> Option<&PersonSpec> {
    spec.people.iter().find(|person| person.user_id == user_id)
}

fn merged(foreign: Option<Map<String, Value>>, mark: Value) -> Value {
    let mut attributes = foreign.unwrap_or_default();
    attributes.insert(MARK.to_owned(), mark);
    Value::Object(attributes)
}

fn profile(person: &PersonSpec) -> Value {
    let mut body = json!({ "username": person.username, "email": person.username });
    if !person.name.is_empty() {
        body["name"] = json!(person.name);
    }
    body
}

/// A new account has no session to end: it starts with its epoch stored.
fn new_user(person: &PersonSpec, gate: Gate) -> Value {
    let mark = json!({ "userId": person.user_id, "sessionsEpoch": person.sessions_epoch });
    json!({
        "username": person.username,
        "email": person.username,
        "name": person.name,
        "path": USER_PATH,
        "type": "internal",
        "is_active": person.account == Account::Enabled && gate == Gate::Open,
        "attributes": merged(None, mark),
    })
}
