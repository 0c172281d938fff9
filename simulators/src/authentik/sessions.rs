//! `/core/authenticated_sessions/`: what a person is logged in with, and how that ends.

use serde_json::json;
use uuid::Uuid;

use super::page::Listing;
use super::reply::{Answer, Reply};
use super::state::{Session, State};
use super::system::constant;
use super::wire::{Asked, Verb};

pub(super) fn collection(state: &State, asked: &Asked) -> Answer {
    if asked.verb != Verb::Get {
        return Err(asked.method_not_allowed());
    }
    let username = |session: &Session| state.users.get(&session.user).map_or("", |user| &user.username);
    let all = state.may(asked.caller, "authentik_core.view_authenticatedsession");
    let wanted = |(_, session): &(&Uuid, &Session)| {
        (all || session.user == asked.caller)
            && asked.query("user__username").is_none_or(|wanted| wanted == username(session))
    };
    let rows: Vec<(&Uuid, &Session)> = state.sessions.iter().filter(wanted).collect();
    let key = |(_, session): &(&Uuid, &Session), field: &str| match field {
        "user__username" => Some(json!(username(session))),
        "expires" => Some(session.expires.json()),
        "last_used" => Some(session.last_used.json()),
        _ => None,
    };
    let listing = Listing { rows, autocomplete: "" }.ordered(asked, "user__username", key);
    listing.page(asked, |(uuid, session)| show(uuid, session))
}

pub(super) fn item(state: &mut State, asked: &Asked, uuid: &str) -> Answer {
    let right = match asked.verb {
        Verb::Get => "authentik_core.view_authenticatedsession",
        Verb::Delete => "authentik_core.delete_authenticatedsession",
        Verb::Post | Verb::Put | Verb::Patch => return Err(asked.method_not_allowed()),
    };
    let uuid: Uuid = uuid.parse().map_err(|_| Reply::not_found())?;
    let Some(session) = state.sessions.get(&uuid) else {
        return Err(Reply::no_such("AuthenticatedSession"));
    };
    if session.user != asked.caller {
        asked.need(state, right)?;
    }
    if asked.verb == Verb::Get {
        return Ok(Reply::ok(show(&uuid, session)));
    }
    state.sessions.remove(&uuid);
    state.access_tokens.retain(|_, token| token.session != uuid);
    Ok(Reply::no_content())
}

/// Takes the access tokens with them; refresh tokens live on.
pub(super) fn bulk_delete(state: &mut State, asked: &Asked) -> Answer {
    if asked.verb != Verb::Delete {
        return Err(asked.method_not_allowed());
    }
    asked.need(state, "authentik_core.delete_authenticatedsession")?;
    let users: Vec<i64> = asked.queries("user_pks").iter().filter_map(|pk| pk.parse().ok()).collect();
    let deleted: usize = users.iter().map(|user| state.end_sessions(*user)).sum();
    Ok(Reply::ok(json!({ "deleted": deleted })))
}

fn show(uuid: &Uuid, session: &Session) -> serde_json::Value {
    json!({
        "uuid": uuid,
        "current": false,
        "user_agent": constant("session_user_agent"),
        "geo_ip": null,
        "asn": null,
        "user": session.user,
        "last_ip": "127.0.0.1",
        "last_user_agent": "simulator",
        "last_used": session.last_used.json(),
        "expires": session.expires.json(),
    })
}
