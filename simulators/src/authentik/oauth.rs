//! `/oauth2/access_tokens/` and `/oauth2/refresh_tokens/`: what applications were given for a person.

use serde_json::{Value, json};

use super::page::Listing;
use super::reply::{Answer, Reply};
use super::state::{OauthToken, State, Timed};
use super::system::constant;
use super::users::show_alone;
use super::wire::{Asked, Verb};
use crate::journal::Table;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Refresh,
}

impl Kind {
    fn table(self, state: &mut State) -> &mut Table<i64, OauthToken> {
        match self {
            Self::Access => &mut state.access_tokens,
            Self::Refresh => &mut state.refresh_tokens,
        }
    }

    fn rows(self, state: &State) -> &Table<i64, OauthToken> {
        match self {
            Self::Access => &state.access_tokens,
            Self::Refresh => &state.refresh_tokens,
        }
    }

    fn no_such(self) -> Reply {
        match self {
            Self::Access => Reply::no_such("AccessToken"),
            Self::Refresh => Reply::no_such("RefreshToken"),
        }
    }
}

pub(super) fn collection(state: &State, asked: &Asked, kind: Kind) -> Answer {
    if asked.verb != Verb::Get {
        return Err(asked.method_not_allowed());
    }
    let all = state.is_superuser(asked.caller);
    let user: Option<i64> = asked.query("user").and_then(|user| user.parse().ok());
    let wanted = |(_, token): &(&i64, &OauthToken)| {
        (all || token.user == asked.caller) && user.is_none_or(|user| token.user == user)
    };
    let rows: Vec<(&i64, &OauthToken)> = kind.rows(state).iter().filter(wanted).collect();
    let key =
        |(_, token): &(&i64, &OauthToken), field: &str| (field == "expires").then(|| token.expires.json());
    let listing = Listing { rows, autocomplete: "" }.ordered(asked, "expires", key);
    listing.page(asked, |(pk, token)| show(state, asked, **pk, token))
}

pub(super) fn item(state: &mut State, asked: &Asked, kind: Kind, pk: &str) -> Answer {
    let pk: i64 = pk.parse().map_err(|_| Reply::not_found())?;
    let token = kind.rows(state).get(&pk).ok_or_else(|| kind.no_such())?;
    if token.user != asked.caller && !state.is_superuser(asked.caller) {
        return Err(kind.no_such());
    }
    match asked.verb {
        Verb::Get => Ok(Reply::ok(show(state, asked, pk, token))),
        Verb::Delete => {
            kind.table(state).remove(&pk);
            Ok(Reply::no_content())
        }
        Verb::Post | Verb::Put | Verb::Patch => Err(asked.method_not_allowed()),
    }
}

fn show(state: &State, asked: &Asked, pk: i64, token: &OauthToken) -> Value {
    json!({
        "pk": pk,
        "provider": constant("oauth2_provider"),
        "user": show_alone(state, token.user),
        "is_expired": token.expires <= Timed::from(asked.now),
        "expires": token.expires.json(),
        "scope": ["offline_access", "openid", "profile", "email"],
        "id_token": "{}",
        "revoked": false,
    })
}
