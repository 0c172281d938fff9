//! `/rbac/roles/`: permissions for accounts that are not superusers.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::endpoint::Endpoint;
use super::fields::{Blank, Fields};
use super::page::Listing;
use super::reply::{Answer, Reply};
use super::state::{Role, State};
use super::wire::{Asked, Verb};

/// What can be assigned here. The number of a permission is its place, counted from [`FIRST_ID`].
pub(super) const PERMISSIONS: [&str; 15] = [
    "authentik_core.view_group",
    "authentik_core.add_group",
    "authentik_core.change_group",
    "authentik_core.delete_group",
    "authentik_core.add_user_to_group",
    "authentik_core.remove_user_from_group",
    "authentik_core.view_user",
    "authentik_core.add_user",
    "authentik_core.change_user",
    "authentik_core.delete_user",
    "authentik_core.reset_user_password",
    "authentik_core.view_token",
    "authentik_core.view_authenticatedsession",
    "authentik_core.delete_authenticatedsession",
    "authentik_events.view_event",
];
const FIRST_ID: usize = 250;

pub(super) fn collection(state: &mut State, asked: &Asked) -> Answer {
    superuser(state, asked)?;
    match asked.verb {
        Verb::Get => {
            let wanted =
                |(_, role): &(&Uuid, &Role)| asked.query("name").is_none_or(|name| role.name == name);
            let rows: Vec<(&Uuid, &Role)> = state.roles.iter().filter(wanted).collect();
            let key = |(_, role): &(&Uuid, &Role), field: &str| (field == "name").then(|| json!(role.name));
            let listing = Listing { rows, autocomplete: "" }.ordered(asked, "name", key);
            listing.page(asked, |(pk, role)| show(pk, role))
        }
        Verb::Post => {
            let name = name(state, asked, None)?.unwrap_or_default();
            let pk = state.next_uuid();
            let role =
                Role { name, permissions: BTreeSet::new(), users: BTreeSet::new(), groups: BTreeSet::new() };
            let shown = show(&pk, &role);
            state.roles.insert(pk, role);
            Ok(Reply::created(shown))
        }
        Verb::Put | Verb::Patch | Verb::Delete => Err(asked.method_not_allowed()),
    }
}

pub(super) fn item(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    superuser(state, asked)?;
    let pk = find(state, pk)?;
    match asked.verb {
        Verb::Get => {}
        Verb::Put | Verb::Patch => {
            if let (Some(name), Some(role)) = (name(state, asked, Some(pk))?, state.roles.change(&pk)) {
                role.name = name;
            }
        }
        Verb::Delete => {
            state.roles.remove(&pk);
            return Ok(Reply::no_content());
        }
        Verb::Post => return Err(asked.method_not_allowed()),
    }
    Ok(Reply::ok(state.roles.get(&pk).map_or(Value::Null, |role| show(&pk, role))))
}

pub(super) fn membership(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    only_post(asked)?;
    superuser(state, asked)?;
    let pk = find(state, pk)?;
    let mut fields = Fields::of(asked);
    fields.require("pk");
    let user = fields.integer("pk");
    fields.finish()?;
    let user = user.filter(|user| state.users.contains(user)).ok_or_else(Reply::not_found)?;
    if let Some(role) = state.roles.change(&pk) {
        let adds = matches!(asked.endpoint, Endpoint::RoleAddUser(_));
        if adds {
            role.users.insert(user)
        } else {
            role.users.remove(&user)
        };
    }
    Ok(Reply::no_content())
}

/// Doing it twice is fine; a permission that does not exist is one of the things the real one does not survive.
pub(super) fn assign(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    only_post(asked)?;
    superuser(state, asked)?;
    let pk = find(state, pk)?;
    let wanted = asked.body.get("permissions").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut ids = Vec::new();
    let mut names = Vec::new();
    for permission in wanted.iter().filter_map(Value::as_str) {
        let place =
            PERMISSIONS.iter().position(|known| *known == permission).ok_or_else(Reply::server_failed)?;
        ids.push(json!({ "id": (FIRST_ID + place).to_string() }));
        names.push(permission.to_owned());
    }
    if let Some(role) = state.roles.change(&pk) {
        role.permissions.extend(names);
    }
    Ok(Reply::ok(json!(ids)))
}

fn superuser(state: &State, asked: &Asked) -> Result<(), Reply> {
    if state.is_superuser(asked.caller) { Ok(()) } else { Err(Reply::forbidden()) }
}

fn only_post(asked: &Asked) -> Result<(), Reply> {
    if asked.verb == Verb::Post { Ok(()) } else { Err(asked.method_not_allowed()) }
}

fn find(state: &State, pk: &str) -> Result<Uuid, Reply> {
    let pk: Uuid = pk.parse().map_err(|_| Reply::not_found())?;
    if state.roles.contains(&pk) { Ok(pk) } else { Err(Reply::no_such("Role")) }
}

fn name(state: &State, asked: &Asked, current: Option<Uuid>) -> Result<Option<String>, Reply> {
    let mut fields = Fields::of(asked);
    fields.require("name");
    let name = fields.text("name", Blank::Refused);
    let taken =
        |name: &String| state.roles.iter().any(|(pk, role)| role.name == *name && Some(*pk) != current);
    if name.as_ref().is_some_and(taken) {
        fields.wrong("name", "Role with this name already exists.");
    }
    fields.finish()?;
    Ok(name)
}

pub(super) fn show(pk: &Uuid, role: &Role) -> Value {
    json!({ "pk": pk, "name": role.name })
}
