//! Groups and who is in them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Answer, Answered, Call, Refusal};
use super::caller::Caller;
use super::state::{Group, State};
use super::strict;
use super::users;

/// The description is taken and forgotten.
const FIELDS: [&str; 6] = ["description", "displayName", "groupTypes", "id", "members", "members@odata.bind"];
const BOUND_MAX: usize = 20;
const NOT_FOUND: &str = "not found";

pub(super) fn administrators_only(caller: &Caller) -> Result<(), Refusal> {
    if caller.administers() { Ok(()) } else { Err(Refusal::denied("Forbidden")) }
}

pub(super) fn create(state: &mut State, caller: &Caller, call: &Call) -> Answered {
    administrators_only(caller)?;
    let fields = strict::fields(&call.body, &FIELDS)?;
    if fields.has("id") {
        return Err(Refusal::invalid("group id is a read-only attribute"));
    }
    let name = match fields.text("displayName")? {
        None => return Err(Refusal::invalid("Missing Required Attribute")),
        Some("") => return Err(Refusal::invalid("Invalid displayName")),
        Some(name) => name,
    };
    if state.group_named(name).is_some() {
        return Err(Refusal::exists("group already exists"));
    }
    let id = add(state, name);
    let group = state.groups.get(&id).ok_or(Refusal::not_found(NOT_FOUND))?;
    Ok(Answer::created(view(group)))
}

pub(super) fn add(state: &mut State, name: &str) -> Uuid {
    let id = state.next_id();
    state.groups.insert(id, Group { id, name: name.to_owned(), members: BTreeSet::new() });
    id
}

pub(super) fn list(state: &State, caller: &Caller, call: &Call) -> Answered {
    let search = users::searched(caller, call)?.to_lowercase();
    let found = state.groups.values().filter(|group| group.name.to_lowercase().contains(&search));
    let groups: Vec<Value> = found.map(|group| expanded(state, group, call)).collect();
    Ok(Answer::ok(json!({ "value": groups })))
}

pub(super) fn read(state: &State, id: &str, call: &Call) -> Answered {
    let group = find(state, id).ok_or(Refusal::not_found(NOT_FOUND))?;
    Ok(Answer::ok(expanded(state, group, call)))
}

/// By id only; a name is not found.
pub(super) fn update(state: &mut State, caller: &Caller, id: &str, call: &Call) -> Answered {
    administrators_only(caller)?;
    let fields = strict::fields(&call.body, &FIELDS)?;
    let bound = fields.texts("members@odata.bind")?;
    if bound.len() > BOUND_MAX {
        return Err(Refusal::invalid("Request is limited to 20 members"));
    }
    let name = fields.text("displayName")?;
    let id = by_id(state, id)?;
    if name.and_then(|name| state.group_named(name)).is_some_and(|other| other.id != id) {
        return Err(Refusal::exists("group already exists"));
    }
    let members: Option<Vec<Uuid>> =
        bound.into_iter().map(|reference| referenced(state, reference)).collect();
    let members = members.ok_or(Refusal::not_found(NOT_FOUND))?;
    if let Some(group) = state.groups.change(&id) {
        if let Some(name) = name {
            name.clone_into(&mut group.name);
        }
        group.members.extend(members);
    }
    Ok(Answer::done())
}

/// Grants to the group stay behind in its spaces.
pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Answered {
    administrators_only(caller)?;
    let id = by_id(state, id)?;
    state.groups.remove(&id);
    Ok(Answer::done())
}

pub(super) fn members(state: &State, id: &str, call: &Call) -> Answered {
    let group = find(state, id).ok_or(Refusal::not_found(NOT_FOUND))?;
    Ok(Answer::ok(members_of(state, group, call).into()))
}

pub(super) fn join(state: &mut State, caller: &Caller, id: &str, call: &Call) -> Answered {
    administrators_only(caller)?;
    let fields = strict::fields(&call.body, &["@odata.id"])?;
    let reference = fields.text("@odata.id")?;
    let reference = reference.ok_or(Refusal::invalid("@odata.id reference is missing"))?;
    let group = find(state, id).map(|group| group.id).ok_or(Refusal::not_found(NOT_FOUND))?;
    let member = referenced(state, reference).ok_or(Refusal::not_found(NOT_FOUND))?;
    if let Some(group) = state.groups.change(&group) {
        group.members.insert(member);
    }
    Ok(Answer::done())
}

pub(super) fn leave(state: &mut State, caller: &Caller, id: &str, member: &str) -> Answered {
    administrators_only(caller)?;
    let group = find(state, id).map(|group| group.id).ok_or(Refusal::not_found(NOT_FOUND))?;
    let member = member.parse::<Uuid>().map_err(|_| Refusal::not_found(NOT_FOUND))?;
    let left = state.groups.change(&group).is_some_and(|group| group.members.remove(&member));
    if left { Ok(Answer::done()) } else { Err(Refusal::not_found(NOT_FOUND)) }
}

pub(super) fn leave_all(state: &mut State, member: Uuid) {
    let mine = state.groups.values().filter(|group| group.members.contains(&member));
    for id in mine.map(|group| group.id).collect::<Vec<_>>() {
        if let Some(group) = state.groups.change(&id) {
            group.members.remove(&member);
        }
    }
}

/// Membership as the identity provider claims it: unknown groups appear, and every other membership ends.
pub(super) fn synchronise(state: &mut State, member: Uuid, claimed: &[String]) {
    let mut wanted = BTreeSet::new();
    for name in claimed {
        let known = state.group_named(name).map(|group| group.id);
        wanted.insert(known.unwrap_or_else(|| add(state, name)));
    }
    let differs = |group: &&Group| group.members.contains(&member) != wanted.contains(&group.id);
    for id in state.groups.values().filter(differs).map(|group| group.id).collect::<Vec<_>>() {
        let Some(group) = state.groups.change(&id) else {
            continue;
        };
        if !group.members.remove(&member) {
            group.members.insert(member);
        }
    }
}

pub(super) fn of_member(state: &State, member: Uuid) -> Vec<Value> {
    state.groups.values().filter(|group| group.members.contains(&member)).map(view).collect()
}

fn find<'a>(state: &'a State, id: &str) -> Option<&'a Group> {
    let by_id = id.parse::<Uuid>().ok().and_then(|id| state.groups.get(&id));
    by_id.or_else(|| state.group_named(id))
}

fn by_id(state: &State, id: &str) -> Result<Uuid, Refusal> {
    let id = id.parse::<Uuid>().ok().filter(|id| state.groups.contains(id));
    id.ok_or(Refusal::not_found(NOT_FOUND))
}

/// The account at the end of a reference, whatever host it names.
fn referenced(state: &State, reference: &str) -> Option<Uuid> {
    let (_, id) = reference.rsplit_once("/users/")?;
    id.parse::<Uuid>().ok().filter(|id| state.users.contains(id))
}

fn view(group: &Group) -> Value {
    json!({ "displayName": group.name, "groupTypes": [], "id": group.id })
}

fn expanded(state: &State, group: &Group, call: &Call) -> Value {
    let mut shown = view(group);
    if call.expands("members")
        && let Value::Object(fields) = &mut shown
    {
        fields.insert("members".to_owned(), members_of(state, group, call).into());
    }
    shown
}

fn members_of(state: &State, group: &Group, call: &Call) -> Vec<Value> {
    let members = group.members.iter().filter_map(|id| state.users.get(id));
    members.map(|user| users::with_mail(user, &call.base_url()).into()).collect()
}
