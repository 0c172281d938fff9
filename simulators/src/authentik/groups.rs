//! `/core/groups/`: names are unique, PATCH replaces what it names, members come and go by their own actions.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Release;
use super::attributes::Filter;
use super::endpoint::Endpoint;
use super::events::{self, Action};
use super::fields::{Blank, Fields};
use super::page::Listing;
use super::reply::{Answer, Reply};
use super::roles;
use super::state::{Group, State};
use super::users::invalid_choice;
use super::wire::{Asked, Verb};

pub(super) fn collection(state: &mut State, asked: &Asked) -> Answer {
    match asked.verb {
        Verb::Get => list(state, asked),
        Verb::Post => create(state, asked),
        Verb::Put | Verb::Patch | Verb::Delete => Err(asked.method_not_allowed()),
    }
}

pub(super) fn item(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    let permission = match asked.verb {
        Verb::Get => "authentik_core.view_group",
        Verb::Put | Verb::Patch => "authentik_core.change_group",
        Verb::Delete => "authentik_core.delete_group",
        Verb::Post => return Err(asked.method_not_allowed()),
    };
    asked.need(state, permission)?;
    let pk = find(state, pk)?;
    match asked.verb {
        Verb::Get | Verb::Post => Ok(Reply::ok(show(state, asked, pk))),
        Verb::Put | Verb::Patch => update(state, asked, pk),
        Verb::Delete => {
            events::note(state, asked, Action::Deleted, &events::group(state, pk));
            state.groups.remove(&pk);
            let children: Vec<Uuid> = children(state, pk).map(|(child, _)| *child).collect();
            for child in children {
                if let Some(child) = state.groups.change(&child) {
                    child.parents.remove(&pk);
                }
            }
            Ok(Reply::no_content())
        }
    }
}

/// `add_user` and `remove_user`: doing it twice is fine.
pub(super) fn membership(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    if asked.verb != Verb::Post {
        return Err(asked.method_not_allowed());
    }
    let adds = matches!(asked.endpoint, Endpoint::GroupAddUser(_));
    let permission =
        if adds { "authentik_core.add_user_to_group" } else { "authentik_core.remove_user_from_group" };
    asked.need(state, permission)?;
    let pk = find(state, pk)?;
    let mut fields = Fields::of(asked);
    fields.require("pk");
    let user = fields.integer("pk");
    fields.finish()?;
    let Some(user) = user.filter(|user| state.users.contains(user)) else {
        return Err(Reply::not_found());
    };
    if let Some(group) = state.groups.change(&pk) {
        if adds {
            group.users.insert(user)
        } else {
            group.users.remove(&user)
        };
    }
    events::note(state, asked, Action::Updated, &events::group(state, pk));
    Ok(Reply::no_content())
}

fn list(state: &State, asked: &Asked) -> Answer {
    asked.need(state, "authentik_core.view_group")?;
    let filter = Filter::of(asked)?;
    let search = asked.query("search").unwrap_or_default();
    let searched = Filter::of_search(search);
    let search = search.to_lowercase();
    let member = member_asked_for(state, asked)?;
    let superuser = asked.flag("is_superuser");
    let wanted = |(_, group): &(Uuid, &Group)| {
        asked.query("name").is_none_or(|name| name.is_empty() || group.name == name)
            && superuser.is_none_or(|flag| group.is_superuser == flag)
            && member.as_ref().is_none_or(|member| group.users.contains(member))
            && filter.matches(&group.attributes)
            && match &searched {
                Some(searched) => searched.matches(&group.attributes),
                None => group.name.to_lowercase().contains(&search),
            }
    };
    let rows: Vec<(Uuid, &Group)> =
        state.groups.iter().map(|(pk, group)| (*pk, group)).filter(wanted).collect();
    let key = |(pk, group): &(Uuid, &Group), field: &str| match field {
        "name" => Some(json!(group.name)),
        "pk" | "group_uuid" => Some(json!(pk)),
        "is_superuser" => Some(json!(group.is_superuser)),
        _ => None,
    };
    let listing = Listing { rows, autocomplete: "group_autocomplete" }.ordered(asked, "name", key);
    listing.page(asked, |(pk, _)| show(state, asked, *pk))
}

/// A user who does not exist is a mistake, not an empty list.
fn member_asked_for(state: &State, asked: &Asked) -> Result<Option<i64>, Reply> {
    if let Some(text) = asked.query("members_by_pk") {
        let known = text.parse().ok().filter(|pk| state.users.contains(pk));
        return known.map(Some).ok_or_else(|| invalid_choice("members_by_pk", text));
    }
    if let Some(text) = asked.query("members_by_username") {
        let known = state.user_named(text).map(|(pk, _)| pk);
        return known.map(Some).ok_or_else(|| invalid_choice("members_by_username", text));
    }
    Ok(None)
}

struct Written {
    name: Option<String>,
    is_superuser: Option<bool>,
    attributes: Option<Map<String, Value>>,
    users: Option<BTreeSet<i64>>,
    parents: Option<BTreeSet<Uuid>>,
}

/// The body's fields, checked; `current` is the group they are for, if there is one.
fn read(state: &State, asked: &Asked, current: Option<Uuid>) -> Result<Written, Reply> {
    let mut fields = Fields::of(asked);
    fields.require("name");
    let name = fields.text("name", Blank::Refused);
    if let Some(name) = &name
        && state.group_named(name).is_some_and(|(pk, _)| Some(pk) != current)
    {
        fields.wrong("name", "Group with this name already exists.");
    }
    let is_superuser = fields.flag("is_superuser");
    if is_superuser == Some(true) && !state.is_superuser(asked.caller) {
        fields.wrong("is_superuser", "User does not have permission to set superuser status to True.");
    }
    let users = fields.keys("users", |item| item.as_i64().filter(|pk| state.users.contains(pk)));
    let known = |item: &Value| item.as_str()?.parse().ok().filter(|pk| state.groups.contains(pk));
    let parents = match asked.settings.release {
        Release::R2026_5 => fields.keys("parents", known),
        Release::R2025_10 => asked.body.get("parent").map(|parent| known(parent).into_iter().collect()),
    };
    let attributes = fields.attributes("attributes");
    fields.finish()?;
    Ok(Written { name, is_superuser, attributes, users, parents })
}

fn create(state: &mut State, asked: &Asked) -> Answer {
    asked.need(state, "authentik_core.add_group")?;
    let written = read(state, asked, None)?;
    let pk = state.next_uuid();
    let group = Group {
        name: written.name.unwrap_or_default(),
        is_superuser: written.is_superuser.unwrap_or_default(),
        parents: written.parents.unwrap_or_default(),
        users: written.users.unwrap_or_default(),
        attributes: written.attributes.unwrap_or_default(),
    };
    state.groups.insert(pk, group);
    events::note(state, asked, Action::Created, &events::group(state, pk));
    Ok(Reply::created(show(state, asked, pk)))
}

fn update(state: &mut State, asked: &Asked, pk: Uuid) -> Answer {
    let written = read(state, asked, Some(pk))?;
    if let Some(group) = state.groups.change(&pk) {
        group.name = written.name.unwrap_or_else(|| std::mem::take(&mut group.name));
        group.is_superuser = written.is_superuser.unwrap_or(group.is_superuser);
        if let Some(attributes) = written.attributes {
            group.attributes = attributes;
        }
        if let Some(parents) = written.parents {
            group.parents = parents;
        }
        match (written.users, asked.verb) {
            (Some(users), _) => group.users = users,
            // PUT without them is taken for an empty list.
            (None, Verb::Put) => group.users.clear(),
            (None, Verb::Get | Verb::Post | Verb::Patch | Verb::Delete) => {}
        }
    }
    events::note(state, asked, Action::Updated, &events::group(state, pk));
    Ok(Reply::ok(show(state, asked, pk)))
}

fn find(state: &State, pk: &str) -> Result<Uuid, Reply> {
    let pk: Uuid = pk.parse().map_err(|_| Reply::not_found())?;
    if state.groups.contains(&pk) { Ok(pk) } else { Err(Reply::no_such("Group")) }
}

fn children(state: &State, pk: Uuid) -> impl Iterator<Item = (&Uuid, &Group)> {
    state.groups.iter().filter(move |(_, group)| group.parents.contains(&pk))
}

/// Five digits that look like a key and are none.
pub(super) fn num_pk(pk: Uuid) -> u128 {
    10_000 + pk.as_u128() % 90_000
}

fn show(state: &State, asked: &Asked, pk: Uuid) -> Value {
    let Some(group) = state.groups.get(&pk) else {
        return Value::Null;
    };
    let users_obj = asked.flag("include_users").unwrap_or(true).then(|| {
        let users = group.users.iter().filter_map(|user| Some((user, state.users.get(user)?)));
        users.map(|(user, row)| row.show_as_member(*user)).collect::<Vec<_>>()
    });
    let children_obj = (asked.flag("include_children") == Some(true))
        .then(|| children(state, pk).map(show_relative).collect::<Vec<_>>());
    let roles = || state.roles.iter().filter(|(_, role)| role.groups.contains(&pk));
    let mut shown = json!({
        "pk": pk,
        "num_pk": num_pk(pk),
        "name": group.name,
        "is_superuser": group.is_superuser,
        "users": group.users,
        "users_obj": users_obj,
        "attributes": group.attributes,
        "roles": roles().map(|(pk, _)| pk).collect::<Vec<_>>(),
        "roles_obj": roles().map(|(pk, role)| roles::show(pk, role)).collect::<Vec<_>>(),
        "children": children(state, pk).map(|(pk, _)| pk).collect::<Vec<_>>(),
        "children_obj": children_obj,
    });
    let parents = show_parents(state, asked, group);
    if let (Value::Object(shown), Value::Object(parents)) = (&mut shown, parents) {
        shown.extend(parents);
    }
    shown
}

/// The release decides how many there can be.
fn show_parents(state: &State, asked: &Asked, group: &Group) -> Value {
    let mut parents = group.parents.iter().filter_map(|pk| Some((pk, state.groups.get(pk)?)));
    match asked.settings.release {
        Release::R2026_5 => {
            let shown = asked.flag("include_parents") == Some(true);
            let parents_obj = shown.then(|| parents.map(show_relative).collect::<Vec<_>>());
            json!({ "parents": group.parents, "parents_obj": parents_obj, "inherited_roles_obj": null })
        }
        Release::R2025_10 => {
            let (parent, name) = parents.next().map(|(pk, parent)| (pk, &parent.name)).unzip();
            json!({ "parent": parent, "parent_name": name })
        }
    }
}

/// A parent or a child.
fn show_relative((pk, group): (&Uuid, &Group)) -> Value {
    json!({
        "pk": pk,
        "name": group.name,
        "is_superuser": group.is_superuser,
        "attributes": group.attributes,
        "group_uuid": pk,
    })
}
