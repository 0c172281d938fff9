//! What can be done with users beside reading and writing them.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Map, json};

use super::{USERNAME_CHARS_MAX, find};
use crate::authentik::events::{self, Action};
use crate::authentik::fields::{Blank, Fields};
use crate::authentik::reply::{Answer, Reply};
use crate::authentik::state::{Group, State, Token, later};
use crate::authentik::wire::{Asked, Verb};

const APP_PASSWORD_LIFE: SignedDuration = SignedDuration::from_hours(360 * 24);
const DURATION_UNITS: [&str; 7] =
    ["weeks", "days", "hours", "minutes", "seconds", "milliseconds", "microseconds"];

fn only_post(asked: &Asked) -> Result<(), Reply> {
    if asked.verb == Verb::Post { Ok(()) } else { Err(asked.method_not_allowed()) }
}

/// Any password will do, and nothing ends because of it.
pub(in crate::authentik) fn set_password(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    only_post(asked)?;
    asked.need(state, "authentik_core.reset_user_password")?;
    let pk = find(state, pk)?;
    let mut fields = Fields::of(asked);
    fields.require("password");
    fields.text("password", Blank::Refused);
    fields.finish()?;
    let moment = state.moment(asked.now);
    state.change_user(pk, |user| {
        user.password_change_date = moment.clone();
        user.last_updated = moment;
    });
    Ok(Reply::no_content())
}

/// The same link every time; a malformed duration is one of the things the real one does not survive.
pub(in crate::authentik) fn recovery(state: &mut State, asked: &Asked, pk: &str) -> Answer {
    only_post(asked)?;
    asked.need(state, "authentik_core.reset_user_password")?;
    let pk = find(state, pk)?;
    let Some(flow) = &asked.settings.recovery_flow else {
        return Err(Reply::invalid(json!({ "non_field_errors": "No recovery flow set." })));
    };
    let duration = asked.body.get("token_duration").and_then(|duration| duration.as_str());
    if duration.is_some_and(|duration| !duration.split(';').all(is_duration)) {
        return Err(Reply::server_failed());
    }
    let token = state.users.get(&pk).map(|user| user.uuid.simple().to_string()).unwrap_or_default();
    let link = format!("{}/if/flow/{flow}/?flow_token={token}", asked.origin);
    Ok(Reply::ok(json!({ "link": link })))
}

fn is_duration(text: &str) -> bool {
    text.split_once('=').is_some_and(|(unit, number)| {
        DURATION_UNITS.contains(&unit.trim()) && number.trim().parse::<f64>().is_ok()
    })
}

/// The token it answers is an app password, of no use for this API.
pub(in crate::authentik) fn service_account(state: &mut State, asked: &Asked) -> Answer {
    only_post(asked)?;
    asked.need(state, "authentik_core.add_user")?;
    let mut fields = Fields::of(asked);
    fields.require("name");
    let name = fields.text_of_at_most("name", USERNAME_CHARS_MAX);
    let exists = |name: &String| state.user_named(name).is_some() || state.group_named(name).is_some();
    if name.as_ref().is_some_and(exists) {
        fields.wrong("name", "This field must be unique.");
    }
    let with_group = fields.flag("create_group").unwrap_or(false);
    let expiring = fields.flag("expiring").unwrap_or(true);
    fields.finish()?;
    let name = name.unwrap_or_default();
    let user = state.new_user(&name, asked.now);
    state.change_user(user, |row| {
        row.name.clone_from(&name);
        "service_account".clone_into(&mut row.kind);
        "goauthentik.io/service-accounts".clone_into(&mut row.path);
        row.attributes = Map::from_iter([("goauthentik.io/user/token-expires".to_owned(), expiring.into())]);
    });
    let token = Token {
        pk: state.next_uuid(),
        intent: "app_password".to_owned(),
        user,
        key: state.next_key(),
        description: String::new(),
        expires: later(asked.now, APP_PASSWORD_LIFE),
        expiring,
    };
    let mut shown = json!({ "username": name, "user_pk": user, "token": token.key });
    shown["user_uid"] = json!(state.users.get(&user).map(|row| &row.uid));
    state.tokens.insert(format!("service-account-{name}-password"), token);
    if with_group {
        let pk = state.next_uuid();
        let (parents, attributes) = (BTreeSet::new(), Map::new());
        let group = Group { name, is_superuser: false, parents, users: BTreeSet::from([user]), attributes };
        state.groups.insert(pk, group);
        shown["group_pk"] = json!(pk);
    }
    events::note(state, asked, Action::Created, &events::user(state, user));
    Ok(Reply::ok(shown))
}

/// Every path that users have.
pub(in crate::authentik) fn paths(state: &State, asked: &Asked) -> Answer {
    if asked.verb != Verb::Get {
        return Err(asked.method_not_allowed());
    }
    asked.need(state, "authentik_core.view_user")?;
    let paths: BTreeSet<&String> = state.users.values().map(|user| &user.path).collect();
    Ok(Reply::ok(json!({ "paths": paths })))
}
