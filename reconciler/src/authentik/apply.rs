//! Steps in authentik as calls. Attributes are read, merged and written: foreign keys stay.

use schema::UserId;
use schema::provisioning::{FailureClass, Reason, Resource};
use serde_json::{Map, Value, json};

use super::client::{Bulk, Client, Created};
use super::{
    Account, Authentik, Belongs, GroupSeen, MARK, Observed, PersonSpec, Spec, Step, USER_PATH, groups,
};
use crate::call::CallError;
use crate::integration::{Applied, Asked, Desired, Gate, Integration as _, Step as _, each};

/// Steps of one stage, as many at a time as the system bears.
pub(super) async fn apply(
    authentik: &Authentik,
    desired: &Desired<Spec>,
    observed: &Observed,
    steps: &[Step],
) -> Applied {
    let limit = authentik.lane().limit();
    // A hand that shuts doors never waits for others that do.
    let at_once = authentik.client().at_once();
    let client = if desired.asked == Asked::Shut { &at_once } else { authentik.client() };
    let belongs = match belonging(client, desired, observed, steps, limit).await {
        Ok(belongs) => belongs,
        Err(error) => return Applied { done: 0, errors: vec![error] },
    };
    let work = Work { client, desired, observed, belongs, limit };
    let one = |step| {
        let work = &work;
        async move {
            let about = || Authentik::about(&desired.spec, observed, step);
            work.step(step).await.map_err(|error| error.or_about(about()))
        }
    };
    each(limit, steps, one).await
}

/// The groups that new accounts are made with.
#[derive(Default)]
struct Belonging {
    group: Option<String>,
    entitled: Option<String>,
}

/// Groups made a stage ago are looked up once for all accounts of this one.
async fn belonging(
    client: &Client,
    desired: &Desired<Spec>,
    observed: &Observed,
    steps: &[Step],
    limit: usize,
) -> Result<Belonging, CallError> {
    let of = |observed: &Observed| {
        let pk = |group: &GroupSeen| group.pk.clone();
        Belonging { group: observed.group.as_ref().map(pk), entitled: observed.usable_entitlement().map(pk) }
    };
    if !steps.iter().any(|step| matches!(step, Step::CreateUser { .. })) {
        return Ok(Belonging::default());
    }
    if observed.group.is_some() && observed.entitled.is_some() {
        return Ok(of(observed));
    }
    Ok(of(&groups::look(client, desired, limit).await?))
}

struct Work<'a> {
    client: &'a Client,
    desired: &'a Desired<Spec>,
    observed: &'a Observed,
    belongs: Belonging,
    limit: usize,
}

impl Work<'_> {
    async fn step(&self, step: &Step) -> Result<(), CallError> {
        let at_once = self.client.at_once();
        let client = if step.shuts() { &at_once } else { self.client };
        let (spec, observed) = (&self.desired.spec, self.observed);
        match step {
            Step::EndSessions { people } => self.end_sessions(client, people).await,
            Step::DropEntitlement { pk, .. } => match &observed.entitled {
                Some(group) => client.remove_user(&group.pk, *pk).await,
                None => Ok(()),
            },
            Step::Entitle { pk, .. } => match observed.usable_entitlement() {
                Some(group) => client.add_user(&group.pk, *pk).await,
                None => Ok(()),
            },
            Step::Disable { pk, .. } => client.patch_user(*pk, &json!({ "is_active": false })).await,
            Step::Enable { pk, .. } => client.patch_user(*pk, &json!({ "is_active": true })).await,
            Step::DisableForGood { user_id, pk, sessions_epoch } => {
                let attributes = self.marked(*user_id, *sessions_epoch);
                client.patch_user(*pk, &json!({ "is_active": false, "attributes": attributes })).await
            }
            Step::Reenable { user_id, pk, sessions_epoch } => {
                let attributes = self.marked(*user_id, *sessions_epoch);
                client.patch_user(*pk, &json!({ "is_active": true, "attributes": attributes })).await
            }
            Step::MarkUser { user_id, pk, sessions_epoch } => {
                let attributes = self.marked(*user_id, *sessions_epoch);
                client.patch_user(*pk, &json!({ "attributes": attributes })).await
            }
            Step::RemoveMember { group, pk } => client.remove_user(group, *pk).await,
            Step::AddMember { group, pk, .. } => client.add_user(group, *pk).await,
            Step::CreateGroup { name } => {
                create_group(client, name, spec.owner.mark(), spec.owner.resource()).await
            }
            Step::CreateEntitlementGroup => {
                client.create_entitlement_group(&merged(None, json!({ "platform": "entitled" }))).await
            }
            Step::RenameGroup { pk, name } => client.patch_group(pk, &json!({ "name": name })).await,
            Step::RemoveTwin { pk } => self.remove_twin(client, pk).await,
            Step::MarkGroup { pk } => {
                let foreign = observed.group.as_ref().map(|group| group.attributes.clone());
                client.patch_group(pk, &json!({ "attributes": merged(foreign, spec.owner.mark()) })).await
            }
            Step::CreateUser { user_id } => match person(spec, *user_id) {
                Some(person) => self.create_user(client, person).await,
                None => Ok(()),
            },
            Step::UpdateUser { user_id, pk, fields } => match person(spec, *user_id) {
                Some(person) => client.patch_user(*pk, &profile(person, fields)).await,
                None => Ok(()),
            },
        }
    }

    /// While there are sessions, portals can be told; disabling, which comes next, ends every token.
    async fn end_sessions(&self, client: &Client, people: &[(UserId, i64)]) -> Result<(), CallError> {
        let users: Vec<i64> = people.iter().map(|(_, pk)| *pk).collect();
        if client.end_sessions(&users).await? == Bulk::Done {
            return Ok(());
        }
        let one = |(user_id, _): &'_ (UserId, i64)| {
            let account = self.observed.accounts.get(user_id);
            let username = account.map_or("", |account| account.username.as_str()).to_owned();
            async move { client.end_sessions_singly(&username).await }
        };
        let mut ended = each(self.limit, people, one).await;
        ended.errors.pop().map_or(Ok(()), Err)
    }

    /// Looked at once more: what somebody has begun to use since stays.
    async fn remove_twin(&self, client: &Client, pk: &str) -> Result<(), CallError> {
        let now = client.group(pk).await?.map(GroupSeen::from);
        match now {
            Some(twin) if twin.is_but_a_mark_of(&self.desired.spec.owner) => client.delete_group(pk).await,
            Some(_) | None => Ok(()),
        }
    }

    /// One write, groups and all. A new account has no session to end: it starts with its epoch stored.
    async fn create_user(&self, client: &Client, person: &PersonSpec) -> Result<(), CallError> {
        let is_open = self.desired.gate == Gate::Open;
        let member = self.belongs.group.as_ref().filter(|_| person.membership == Belongs::Inside);
        let entitled =
            self.belongs.entitled.as_ref().filter(|_| person.entitlement == Belongs::Inside && is_open);
        let mark = json!({ "userId": person.user_id, "sessionsEpoch": person.sessions_epoch });
        let body = json!({
            "username": person.username,
            "email": person.username,
            "name": person.name,
            "path": USER_PATH,
            "type": "internal",
            "is_active": person.account == Account::Enabled && is_open,
            "attributes": merged(None, mark),
            "groups": member.into_iter().chain(entitled).collect::<Vec<_>>(),
        });
        match client.create_user(&body).await? {
            Created::Made => Ok(()),
            Created::Taken => Err(taken(person.resource())),
        }
    }

    fn marked(&self, user_id: UserId, sessions_epoch: u64) -> Value {
        let foreign = self.observed.accounts.get(&user_id).map(|account| account.attributes.clone());
        merged(foreign, json!({ "userId": user_id, "sessionsEpoch": sessions_epoch }))
    }
}

async fn create_group(client: &Client, name: &str, mark: Value, resource: Resource) -> Result<(), CallError> {
    match client.create_group(name, &merged(None, mark)).await? {
        Created::Made => Ok(()),
        Created::Taken => Err(taken(resource)),
    }
}

/// The next look finds by whom, perhaps by an earlier try of ours; if it finds nobody, this is what is told.
fn taken(resource: Resource) -> CallError {
    let summary = "authentik: the name is taken there by something that does not show itself";
    CallError::new(FailureClass::Permanent, Reason::Conflict, summary).about(resource)
}

fn person(spec: &Spec, user_id: UserId) -> Option<&PersonSpec> {
    spec.people.iter().find(|person| person.user_id == user_id)
}

fn merged(foreign: Option<Map<String, Value>>, mark: Value) -> Value {
    let mut attributes = foreign.unwrap_or_default();
    attributes.insert(MARK.to_owned(), mark);
    Value::Object(attributes)
}

/// Only what differs, so that nothing else is written over.
fn profile(person: &PersonSpec, fields: &[&'static str]) -> Value {
    let value = |field: &str| if field == "name" { &person.name } else { &person.username };
    fields.iter().map(|field| ((*field).to_owned(), json!(value(field)))).collect::<Map<_, _>>().into()
}
