//! The token endpoint of the identity provider in front of OCIS, for the one client that is allowed in.

use std::collections::BTreeMap;

use axum::extract::Query;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, Uri, header};
use serde_json::json;

use super::Settings;
use super::call::{Answer, Answered, Call, Refusal};
use super::state::{Holder, State};

/// authentik's default for an access token.
const LIFETIME_S: u64 = 300;

pub(super) fn issue(state: &mut State, settings: &Settings, call: &Call) -> Answered {
    let Some((client, secret)) = &settings.client else {
        return Err(Refusal::Bare(StatusCode::NOT_FOUND));
    };
    let form = form(&call.body);
    let field = |name: &str| form.get(name).map(String::as_str);
    if field("grant_type") != Some("client_credentials") {
        return Ok(refused("unsupported_grant_type"));
    }
    let (given_client, given_secret) = match in_header(call) {
        Some(pair) => pair,
        None => (
            field("client_id").unwrap_or_default().to_owned(),
            field("client_secret").unwrap_or_default().to_owned(),
        ),
    };
    if given_client != *client {
        return Ok(refused("invalid_client"));
    }
    if given_secret != *secret {
        return Ok(refused("invalid_grant"));
    }
    let token = new_token(state, Holder::Service);
    Ok(Answer::ok(json!({
        "access_token": token,
        "token_type": "Bearer",
        "scope": field("scope").unwrap_or_default(),
        "expires_in": LIFETIME_S,
    })))
}

/// A token for `holder`, good until it is revoked.
pub(super) fn new_token(state: &mut State, holder: Holder) -> String {
    let token = format!("{}{}", state.next_id().simple(), state.next_id().simple());
    state.tokens.insert(token.clone(), holder);
    token
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    let as_query = format!("/?{}", String::from_utf8_lossy(body));
    let Ok(uri) = as_query.parse::<Uri>() else {
        return BTreeMap::new();
    };
    Query::try_from_uri(&uri).map_or_else(|_| BTreeMap::new(), |Query(fields)| fields)
}

fn in_header(call: &Call) -> Option<(String, String)> {
    let encoded = call.header(header::AUTHORIZATION.as_str())?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (client, secret) = text.split_once(':')?;
    Some((client.to_owned(), secret.to_owned()))
}

fn refused(error: &str) -> Answer {
    let body = json!({ "error": error, "error_description": error, "request_id": "" });
    Answer::Json(StatusCode::BAD_REQUEST, body)
}
