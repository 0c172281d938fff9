//! The routes of the management interface, and its refusals of whole requests.

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::auth::{self, Caller, Denied};
use super::permissions::Permissions;
use super::request;
use super::{Stalwart, dispatch, permissions, session};
use crate::stalwart::kind::Kind;

/// `maxCallsInRequest`.
const CALLS_MAX: usize = 16;
/// `maxSizeRequest`.
const REQUEST_BYTES_MAX: usize = 10_000_000;
const CHALLENGE_BEARER: &str =
    "Bearer realm=\"Stalwart Server\", resource_metadata=\"/.well-known/oauth-protected-resource\"";
const CHALLENGE_BASIC: &str = "Basic realm=\"Stalwart Server\"";

pub(crate) fn routes(server: Stalwart) -> Router {
    Router::new()
        .route("/jmap", post(jmap).fallback(not_found))
        .route("/jmap/", post(jmap).fallback(not_found))
        .route("/jmap/session", get(session))
        .route("/.well-known/jmap", get(well_known))
        .route("/api/account", get(account))
        .route("/healthz/live", get(healthy))
        .route("/healthz/ready", get(healthy))
        .fallback(not_found)
        .with_state(server)
}

async fn jmap(State(server): State<Stalwart>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let caller = match server.kept.read(|state| auth::caller(state, &server.settings, &parts.headers)) {
        Ok(caller) => caller,
        Err(denied) => return refused(denied),
    };
    if !is_json(&parts.headers) {
        return problem(
            StatusCode::BAD_REQUEST,
            json!({
                "type": "urn:ietf:params:jmap:error:notJSON",
                "detail": "Failed to parse JSON: The Content-Type header must be application/json.",
            }),
        );
    }
    let Ok(body) = to_bytes(body, REQUEST_BYTES_MAX).await else {
        return limit("maxSizeRequest", "The request is larger than the server is willing to process.");
    };
    answer(&server, &caller, &body)
}

fn answer(server: &Stalwart, caller: &Caller, body: &Bytes) -> Response {
    let Some(request) = request::Request::parse(body) else {
        // Recorded: whatever is wrong, the whole body comes back, secrets included.
        let echo = String::from_utf8_lossy(body);
        return problem(
            StatusCode::BAD_REQUEST,
            json!({ "type": "urn:ietf:params:jmap:error:notRequest", "detail": echo }),
        );
    };
    if request.method_calls.len() > CALLS_MAX {
        return limit(
            "maxCallsInRequest",
            "The request exceeds the maximum number of calls in a single request.",
        );
    }
    json_answer(&server.kept.write(|state| dispatch::answer(state, caller, &server.stumbles, request)))
}

async fn session(State(server): State<Stalwart>, headers: HeaderMap) -> Response {
    if !headers.contains_key(header::AUTHORIZATION) {
        return json_answer(&server.kept.read(|state| session::document(&state.hostname(), None)));
    }
    let found = server.kept.read(|state| {
        let caller = auth::caller(state, &server.settings, &headers)?;
        Ok(session::document(&state.hostname(), Some(&caller)))
    });
    found.map_or_else(refused, |document| json_answer(&document))
}

async fn account(State(server): State<Stalwart>, headers: HeaderMap) -> Response {
    let found = server.kept.read(|state| {
        let caller = auth::caller(state, &server.settings, &headers)?;
        let names = match &caller.permissions {
            Permissions::Only(names) => names.clone(),
            // The service account is an administrator, and so is the recovery administrator.
            Permissions::All => {
                let service = state.object(Kind::Account, super::seed::SERVICE_ACCOUNT);
                service.map(|service| permissions::of_account(state, service)).unwrap_or_default()
            }
        };
        Ok(json!({ "permissions": names, "edition": "oss", "locale": "en_US" }))
    });
    found.map_or_else(refused, |body| json_answer(&body))
}

async fn well_known() -> Response {
    (
        StatusCode::TEMPORARY_REDIRECT,
        [(header::LOCATION, "/jmap/session"), (header::CACHE_CONTROL, "no-cache")],
    )
        .into_response()
}

async fn healthy() -> Response {
    problem(StatusCode::OK, json!({ "type": "about:blank", "title": "OK", "detail": "OK" }))
}

async fn not_found() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        json!({
            "type": "about:blank", "title": "Not Found",
            "detail": "The requested resource does not exist on this server.",
        }),
    )
}

/// `Content-Type` may be absent, but not another one.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value.to_str().is_ok_and(|value| value.starts_with("application/json")))
}

fn refused(denied: Denied) -> Response {
    let unauthorized = json!({
        "type": "about:blank", "title": "Unauthorized", "detail": "You have to authenticate first.",
    });
    match denied {
        Denied::Unauthorized => {
            let mut response = problem(StatusCode::UNAUTHORIZED, unauthorized);
            for challenge in [CHALLENGE_BEARER, CHALLENGE_BASIC] {
                response
                    .headers_mut()
                    .append(header::WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge));
            }
            response
        }
        Denied::Expired => problem(StatusCode::UNAUTHORIZED, unauthorized),
        Denied::Forbidden => problem(
            StatusCode::FORBIDDEN,
            json!({
                "type": "about:blank", "title": "Forbidden",
                "detail": "You do not have enough permissions to access this resource.",
            }),
        ),
    }
}

fn limit(name: &str, detail: &str) -> Response {
    problem(
        StatusCode::BAD_REQUEST,
        json!({ "type": "urn:ietf:params:jmap:error:limit", "detail": detail, "limit": name }),
    )
}

fn problem(status: StatusCode, mut body: Value) -> Response {
    if let Some(body) = body.as_object_mut() {
        body.insert("status".to_owned(), json!(status.as_u16()));
    }
    (status, [(header::CONTENT_TYPE, "application/problem+json")], Body::from(body.to_string()))
        .into_response()
}

fn json_answer(body: &Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], Body::from(body.to_string()))
        .into_response()
}
