//! `/core/users/`: usernames are unique to the letter, PATCH to inactive ends sessions and tokens.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::attributes::Filter;
use super::events::{self, Action};
use super::fields::{Blank, Fields};
use super::page::Listing;
use super::reply::{Answer, Reply};
use super::state::{State, User};
use super::wire::{Asked, Verb};

mod actions;
mod show;

pub(super) use actions::{paths, recovery, service_account, set_password};
pub(super) use show::{me, show, show_alone};

const USERNAME_CHARS_MAX: usize = 150;
const TYPES: [&str; 4] = ["internal", "external", "service_account", "internal_service_account"];

pub(super) fn collection(state: &mut State, asked: &Asked) -> Answer {
    match asked.verb {
        Verb::Get => list(state, asked),
        Verb::Post => create(state, asked),
        Verb::Put | Verb::Patch | Verb::Delete => Err(asked.method_not_allowed()),
    }
}

pub(super) fn item(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    let permission = match asked.verb {
        Verb::Get => "authentik_core.view_user",
        Verb::Put | Verb::Patch => "authentik_core.change_user",
        Verb::Delete => "authentik_core.delete_user",
        Verb::Post => return Err(asked.method_not_allowed()),
    };
    asked.need(state, permission)?;
    let pk = find(state, pk)?;
    match asked.verb {
        Verb::Get | Verb::Post => Ok(Reply::ok(show(state, asked, pk))),
        Verb::Put | Verb::Patch => update(state, asked, pk),
        Verb::Delete => {
            events::note(state, asked, Action::Deleted, &events::user(state, pk));
            state.set_groups(pk, &BTreeSet::new());
            state.end_sessions(pk);
            state.revoke_tokens(pk);
            state.tokens.retain(|_, token| token.user != pk);
            state.users.remove(&pk);
            Ok(Reply::no_content())
        }
    }
}

/// Only the number is a key; the UUID is not.
fn find(state: &State, pk: &str) -> Result<i64, Reply> {
    let pk: i64 = pk.parse().map_err(|_| Reply::not_found())?;
    if state.users.contains(&pk) { Ok(pk) } else { Err(Reply::no_such("User")) }
}

/// A filter whose value must exist and does not.
pub(super) fn invalid_choice(parameter: &str, value: &str) -> Reply {
    let text = format!("Select a valid choice. {value} is not one of the available choices.");
    Reply::invalid(json!({ parameter: [text] }))
}

fn list(state: &State, asked: &Asked) -> Answer {
    asked.need(state, "authentik_core.view_user")?;
    let filter = Filter::of(asked)?;
    let members = members_asked_for(state, asked)?;
    let uuid = match asked.query("uuid").map(str::parse::<Uuid>) {
        Some(Err(_)) => return Err(Reply::invalid(json!({ "uuid": ["Enter a valid UUID."] }))),
        Some(Ok(uuid)) => Some(uuid),
        None => None,
    };
    let active = asked.flag("is_active");
    let types = asked.queries("type");
    let search = asked.query("search").unwrap_or_default().to_lowercase();
    // Terms end at spaces and commas; all must be found, each in any of the fields.
    let terms: Vec<&str> = search.split([' ', ',']).filter(|term| !term.is_empty()).collect();
    let since =
        asked.query("last_updated__gt").and_then(|text| text.parse().ok()).map(super::state::Timed::from);
    let equal = |parameter: &str, value: &str| asked.query(parameter).is_none_or(|wanted| wanted == value);
    let wanted = |(pk, user): &(i64, &User)| {
        equal("username", &user.username)
            && equal("email", &user.email)
            && equal("name", &user.name)
            && equal("path", &user.path)
            && asked.query("path_startswith").is_none_or(|start| user.path.starts_with(start))
            && uuid.is_none_or(|uuid| user.uuid == uuid)
            && active.is_none_or(|active| user.is_active == active)
            && (types.is_empty() || types.contains(&user.kind.as_str()))
            && since.as_ref().is_none_or(|since| user.last_updated > *since)
            && members.as_ref().is_none_or(|members| members.contains(pk))
            && filter.matches(&user.attributes)
            && terms.iter().all(|term| {
                let fields = [&user.username, &user.name, &user.email, &user.uuid.to_string()];
                fields.iter().any(|text| text.to_lowercase().contains(term))
            })
    };
    let rows: Vec<(i64, &User)> = state.users.iter().map(|(pk, user)| (*pk, user)).filter(wanted).collect();
    let listing = Listing { rows, autocomplete: "user_autocomplete" }.ordered(asked, "username", order_key);
    listing.page(asked, |(pk, _)| show(state, asked, *pk))
}

/// The value of a field that lists can be ordered by.
fn order_key((pk, user): &(i64, &User), field: &str) -> Option<Value> {
    match field {
        "pk" | "id" => Some(json!(pk)),
        "username" => Some(json!(user.username)),
        "name" => Some(json!(user.name)),
        "email" => Some(json!(user.email)),
        "is_active" => Some(json!(user.is_active)),
        "path" => Some(json!(user.path)),
        "type" => Some(json!(user.kind)),
        "date_joined" => Some(user.date_joined.json()),
        "last_updated" => Some(user.last_updated.json()),
        "last_login" => Some(user.last_login.as_ref().map_or(Value::Null, super::state::Timed::json)),
        _ => None,
    }
}

/// The members of any of the groups named; a group that does not exist is a mistake.
fn members_asked_for(state: &State, asked: &Asked) -> Result<Option<BTreeSet<i64>>, Reply> {
    let mut members = None;
    for parameter in ["groups_by_name", "groups_by_pk"] {
        for value in asked.queries(parameter) {
            let group = match parameter {
                "groups_by_name" => state.group_named(value).map(|(_, group)| group),
                _ => value.parse().ok().and_then(|pk| state.groups.get(&pk)),
            };
            let Some(group) = group else {
                return Err(invalid_choice(parameter, value));
            };
            members.get_or_insert_with(BTreeSet::new).extend(group.users.iter().copied());
        }
    }
    Ok(members)
}

struct Written {
    username: Option<String>,
    name: Option<String>,
    email: Option<String>,
    is_active: Option<bool>,
    attributes: Option<Map<String, Value>>,
    path: Option<String>,
    kind: Option<String>,
    groups: Option<BTreeSet<Uuid>>,
}

/// The body's fields, checked; `current` is the user they are for, if there is one.
fn read(state: &State, asked: &Asked, current: Option<i64>) -> Result<Written, Reply> {
    let mut fields = Fields::of(asked);
    fields.require("username");
    fields.require("name");
    let username = fields.text_of_at_most("username", USERNAME_CHARS_MAX);
    if let Some(username) = &username
        && state.user_named(username).is_some_and(|(pk, _)| Some(pk) != current)
    {
        fields.wrong("username", "This field must be unique.");
    }
    let name = fields.text("name", Blank::Allowed);
    let email = fields.text("email", Blank::Allowed);
    if email.as_ref().is_some_and(|email| !email.is_empty() && !looks_like_email(email)) {
        fields.wrong("email", "Enter a valid email address.");
    }
    let path = fields.text("path", Blank::Refused);
    if path.as_ref().is_some_and(|path| path.starts_with('/') || path.ends_with('/')) {
        fields.wrong("path", "No leading or trailing slashes allowed.");
    }
    let kind = fields.choice("type", &TYPES);
    let was_internal = current.and_then(|pk| state.users.get(&pk)).map(|user| user.kind.as_str());
    let internal = Some("internal_service_account");
    if kind.as_deref() == internal && was_internal != internal {
        fields.wrong("type", "Setting a user to internal service account is not allowed.");
    }
    let groups =
        fields.keys("groups", |item| item.as_str()?.parse().ok().filter(|pk| state.groups.contains(pk)));
    let is_active = fields.flag("is_active");
    let attributes = fields.attributes("attributes");
    fields.finish()?;
    Ok(Written { username, name, email, is_active, attributes, path, kind, groups })
}

fn looks_like_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !text.contains(char::is_whitespace)
            && !domain.contains('@')
            && (domain == "localhost" || domain.split('.').filter(|label| !label.is_empty()).count() > 1)
    })
}

fn create(state: &mut State, asked: &Asked) -> Answer {
    asked.need(state, "authentik_core.add_user")?;
    let written = read(state, asked, None)?;
    let pk = state.new_user(written.username.as_deref().unwrap_or_default(), asked.now);
    write(state, pk, written);
    events::note(state, asked, Action::Created, &events::user(state, pk));
    Ok(Reply::created(show(state, asked, pk)))
}

fn update(state: &mut State, asked: &Asked, pk: i64) -> Answer {
    let mut written = read(state, asked, Some(pk))?;
    if asked.verb == Verb::Put {
        // PUT without them is taken for an empty list.
        written.groups.get_or_insert_default();
    }
    let disabled = written.is_active == Some(false);
    write(state, pk, written);
    let moment = state.moment(asked.now);
    state.change_user(pk, |user| user.last_updated = moment);
    if disabled {
        // PUT takes the tokens only and leaves the rows of the sessions.
        if asked.verb == Verb::Patch {
            state.end_sessions(pk);
        }
        state.revoke_tokens(pk);
    }
    events::note(state, asked, Action::Updated, &events::user(state, pk));
    Ok(Reply::ok(show(state, asked, pk)))
}

fn write(state: &mut State, pk: i64, written: Written) {
    if let Some(groups) = &written.groups {
        state.set_groups(pk, groups);
    }
    state.change_user(pk, |user| {
        let put = |old: &mut String, new: Option<String>| {
            if let Some(new) = new {
                *old = new;
            }
        };
        put(&mut user.username, written.username);
        put(&mut user.name, written.name);
        put(&mut user.email, written.email);
        put(&mut user.path, written.path);
        put(&mut user.kind, written.kind);
        user.is_active = written.is_active.unwrap_or(user.is_active);
        if let Some(attributes) = written.attributes {
            user.attributes = attributes;
        }
    });
}
