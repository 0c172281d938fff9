//! `/events/events/`: every change of a group, user or token leaves one, newest first.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::Listing;
use super::reply::Answer;
use super::state::{State, Timed, later};
use super::wire::{Asked, Verb};

/// The oldest go when there are more; the real one keeps a year.
const EVENTS_KEPT: usize = 20_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Action {
    #[serde(rename = "model_created")]
    Created,
    #[serde(rename = "model_updated")]
    Updated,
    #[serde(rename = "model_deleted")]
    Deleted,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Event {
    pk: Uuid,
    action: Action,
    model: Value,
    path: String,
    method: String,
    request_id: String,
    user: Value,
    created: Timed,
    expires: Timed,
}

/// How events name a group: the key without dashes.
pub(super) fn group(state: &State, pk: Uuid) -> Value {
    let name = state.groups.get(&pk).map(|group| group.name.clone());
    json!({ "pk": pk.simple().to_string(), "app": "authentik_core", "name": name, "model_name": "group" })
}

pub(super) fn user(state: &State, pk: i64) -> Value {
    let name = state.users.get(&pk).map(|user| user.name.clone());
    json!({ "pk": pk, "app": "authentik_core", "name": name, "model_name": "user" })
}

pub(super) fn note(state: &mut State, asked: &Asked, action: Action, model: &Value) {
    let caller = state.users.get(&asked.caller);
    let (username, email) = caller.map_or(("", ""), |user| (user.username.as_str(), user.email.as_str()));
    let user = json!({ "pk": asked.caller, "username": username, "email": email });
    let (number, pk) = (state.next("event", 1), state.next_uuid());
    let created = state.moment(asked.now);
    let event = Event {
        pk,
        action,
        model: model.clone(),
        path: asked.path.clone(),
        method: format!("{:?}", asked.verb).to_uppercase(),
        request_id: asked.request_id.clone(),
        user,
        created,
        expires: later(asked.now, jiff::SignedDuration::from_hours(24 * 365)),
    };
    state.events.insert(number, event);
    let oldest = state.events.iter().next().map(|(number, _)| *number);
    if let Some(oldest) = oldest.filter(|_| state.events.len() > EVENTS_KEPT) {
        state.events.remove(&oldest);
    }
}

pub(super) fn collection(state: &State, asked: &Asked) -> Answer {
    if asked.verb != Verb::Get {
        return Err(asked.method_not_allowed());
    }
    asked.need(state, "authentik_events.view_event")?;
    let model_is = |event: &Event, parameter: &str, field: &str| {
        asked.query(parameter).is_none_or(|wanted| text(&event.model, field) == wanted.replace('-', ""))
    };
    let wanted = |event: &&Event| {
        asked
            .query("action")
            .is_none_or(|action| text(&json!({ "action": event.action }), "action").contains(action))
            && asked.query("username").is_none_or(|username| text(&event.user, "username") == username)
            && model_is(event, "context_model_app", "app")
            && model_is(event, "context_model_name", "model_name")
            && model_is(event, "context_model_pk", "pk")
    };
    let rows: Vec<&Event> = state.events.values().filter(wanted).collect();
    let key = |event: &&Event, field: &str| match field {
        "created" => Some(event.created.json()),
        "action" => Some(json!(event.action)),
        _ => None,
    };
    let listing = Listing { rows, autocomplete: "event_autocomplete" }.ordered(asked, "-created", key);
    listing.page(asked, |event| show(event))
}

fn text(of: &Value, field: &str) -> String {
    match of.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

fn show(event: &Event) -> Value {
    json!({
        "pk": event.pk,
        "user": event.user,
        "action": event.action,
        "app": "authentik.events.middleware",
        "context": {
            "model": event.model,
            "http_request": {
                "args": {},
                "path": event.path,
                "method": event.method,
                "request_id": event.request_id,
                "user_agent": "simulator",
            },
        },
        "client_ip": "127.0.0.1",
        "created": event.created.json(),
        "expires": event.expires.json(),
        "brand": {
            "pk": "e03b96df610544c3a0937e6434d07d92",
            "app": "authentik_brands",
            "name": "Default brand",
            "model_name": "brand",
        },
    })
}
