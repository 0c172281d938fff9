//! From a request to its reply: the order of checks is the real one's (path, credentials, method, body).

use axum::body::to_bytes;
use axum::extract::{Query, Request, State as Handle};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::endpoint::Endpoint;
use super::oauth::Kind;
use super::reply::{Answer, Reply};
use super::state::{ADMIN, State, Timed};
use super::{Authentik, Release, Settings, events, groups, oauth, roles, sessions, system, tokens, users};

const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// A request that passed the checks.
pub(super) struct Asked<'a> {
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
    pub(super) verb: Verb,
    pub(super) endpoint: Endpoint,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Map<String, Value>,
    /// The pk of the user whose token was sent; 0 where none is needed.
    pub(super) caller: i64,
    /// Scheme and host under which the caller sees this server.
    pub(super) origin: String,
    pub(super) request_id: String,
}

impl Asked<'_> {
    /// The first value of a query parameter.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn queries(&self, name: &str) -> Vec<&str> {
        self.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// A flag as Django reads it; anything else is as good as absent.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.query(name)?.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    pub(super) fn need(&self, state: &State, permission: &str) -> Result<(), Reply> {
        if state.may(self.caller, permission) { Ok(()) } else { Err(Reply::forbidden()) }
    }

    pub(super) fn method_not_allowed(&self) -> Reply {
        method_not_allowed(match self.verb {
            Verb::Get => &Method::GET,
            Verb::Post => &Method::POST,
            Verb::Put => &Method::PUT,
            Verb::Patch => &Method::PATCH,
            Verb::Delete => &Method::DELETE,
        })
    }
}

pub(super) async fn answer(Handle(authentik): Handle<Authentik>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    let request_id = Uuid::new_v4().simple().to_string();
    let endpoint = find(&authentik, parts.uri.path());
    let allow = endpoint.as_ref().map(Endpoint::allow);
    let Some(endpoint) = endpoint else {
        let read = matches!(parts.method, Method::GET | Method::HEAD);
        let reply = if read { Reply::page_not_found() } else { Reply::server_failed() };
        return reply.into_response(None, &request_id);
    };
    let reply = authentik.kept.write(|state| {
        let caller = if endpoint.public() { 0 } else { caller(state, &authentik.settings, &parts.headers)? };
        let verb = verb(&parts.method)?;
        let body = parse(&parts.headers, &bytes)?;
        let origin = origin(&parts.headers, &parts.uri);
        let asked =
            asked(&authentik.settings, (verb, endpoint), &parts.uri, body, (caller, origin, &request_id));
        dispatch(state, &asked)
    });
    reply.unwrap_or_else(|refused| refused).into_response(allow, &request_id)
}

/// The same, as the superuser, without a network in between.
pub(super) fn by_hand(authentik: &Authentik, method: &Method, path: &str, body: Value) -> Reply {
    let answer = authentik.kept.write(|state| {
        let uri: Uri = path.parse().map_err(|_| Reply::page_not_found())?;
        let endpoint = find(authentik, uri.path()).ok_or_else(Reply::page_not_found)?;
        let admin = state.user_named(ADMIN).map_or(0, |(pk, _)| pk);
        let origin = "http://localhost".to_owned();
        let body = object(body)?;
        let asked =
            asked(&authentik.settings, (verb(method)?, endpoint), &uri, body, (admin, origin, "by-hand"));
        dispatch(state, &asked)
    });
    answer.unwrap_or_else(|refused| refused)
}

fn find(authentik: &Authentik, path: &str) -> Option<Endpoint> {
    match (Endpoint::find(path)?, authentik.settings.release) {
        // Before 2026.2 the words are taken for the id of a session.
        (Endpoint::SessionsBulkDelete, Release::R2025_10) => {
            Some(Endpoint::Session("bulk_delete".to_owned()))
        }
        (endpoint, Release::R2025_10 | Release::R2026_5) => Some(endpoint),
    }
}

fn asked<'a>(
    settings: &'a Settings,
    (verb, endpoint): (Verb, Endpoint),
    uri: &Uri,
    body: Map<String, Value>,
    (caller, origin, request_id): (i64, String, &str),
) -> Asked<'a> {
    let query = Query::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default();
    let (now, path, request_id) = ((settings.now)(), uri.path().to_owned(), request_id.to_owned());
    Asked { settings, now, verb, endpoint, path, query, body, caller, origin, request_id }
}

/// Whose token it is. The management API has no 401.
fn caller(state: &State, settings: &Settings, headers: &HeaderMap) -> Result<i64, Reply> {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key = match sent.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() => key.trim(),
        _ => {
            let detail = "Authentication credentials were not provided.";
            return Err(Reply::detail(StatusCode::FORBIDDEN, detail));
        }
    };
    let now = Timed::from((settings.now)());
    let valid = |token: &&super::state::Token| {
        token.key == key
            && token.intent == "api"
            && !(token.expiring && token.expires <= now)
            && state.users.get(&token.user).is_some_and(|user| user.is_active)
    };
    let token = state.tokens.values().find(valid);
    token.map(|token| token.user).ok_or_else(|| Reply::detail(StatusCode::FORBIDDEN, "Token invalid/expired"))
}

fn verb(method: &Method) -> Result<Verb, Reply> {
    match *method {
        Method::GET | Method::HEAD => Ok(Verb::Get),
        Method::POST => Ok(Verb::Post),
        Method::PUT => Ok(Verb::Put),
        Method::PATCH => Ok(Verb::Patch),
        Method::DELETE => Ok(Verb::Delete),
        _ => Err(method_not_allowed(method)),
    }
}

fn method_not_allowed(method: &Method) -> Reply {
    Reply::detail(StatusCode::METHOD_NOT_ALLOWED, &format!("Method \"{method}\" not allowed."))
}

fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Map<String, Value>, Reply> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if sent.split(';').next().map(str::trim) != Some("application/json") {
        let detail = format!("Unsupported media type \"{sent}\" in request.");
        return Err(Reply::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail));
    }
    object(serde_json::from_slice(bytes).map_err(|error| unreadable(&error, bytes.len()))?)
}

fn unreadable(error: &serde_json::Error, length: usize) -> Reply {
    let (what, column) = if error.is_eof() {
        ("unexpected end of data", length + 1)
    } else {
        ("unexpected character", error.column())
    };
    let place = format!("line {} column {column} (char {})", error.line(), column.saturating_sub(1));
    Reply::detail(StatusCode::BAD_REQUEST, &format!("JSON parse error - {what}: {place}"))
}

fn object(body: Value) -> Result<Map<String, Value>, Reply> {
    let found = match body {
        Value::Object(body) => return Ok(body),
        Value::Null => return Ok(Map::new()),
        Value::Array(_) => "list",
        Value::String(_) => "str",
        Value::Bool(_) => "bool",
        Value::Number(_) => "int",
    };
    let text = format!("Invalid data. Expected a dictionary, but got {found}.");
    Err(Reply::invalid(json!({ "non_field_errors": [text] })))
}

/// What links to this server are made of.
fn origin(headers: &HeaderMap, uri: &Uri) -> String {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let host = text("host").or_else(|| uri.host()).unwrap_or("localhost");
    format!("{}://{host}", text("x-forwarded-proto").unwrap_or("http"))
}

fn dispatch(state: &mut State, asked: &Asked) -> Answer {
    match &asked.endpoint {
        Endpoint::Health => Ok(Reply::healthy()),
        Endpoint::RootConfig => system::root_config(asked),
        Endpoint::Version => system::version(asked),
        Endpoint::Workers => system::workers(asked),
        Endpoint::Me => users::me(state, asked),
        Endpoint::Groups => groups::collection(state, asked),
        Endpoint::Group(pk) => groups::item(state, asked, pk),
        Endpoint::GroupAddUser(pk) | Endpoint::GroupRemoveUser(pk) => groups::membership(state, asked, pk),
        Endpoint::Users => users::collection(state, asked),
        Endpoint::UserPaths => users::paths(state, asked),
        Endpoint::ServiceAccount => users::service_account(state, asked),
        Endpoint::User(pk) => users::item(state, asked, pk),
        Endpoint::UserSetPassword(pk) => users::set_password(state, asked, pk),
        Endpoint::UserRecovery(pk) => users::recovery(state, asked, pk),
        Endpoint::Tokens => tokens::collection(state, asked),
        Endpoint::Token(identifier) => tokens::item(state, asked, identifier),
        Endpoint::TokenViewKey(identifier) => tokens::view_key(state, asked, identifier),
        Endpoint::TokenSetKey(identifier) => tokens::set_key(state, asked, identifier),
        Endpoint::Sessions => sessions::collection(state, asked),
        Endpoint::SessionsBulkDelete => sessions::bulk_delete(state, asked),
        Endpoint::Session(uuid) => sessions::item(state, asked, uuid),
        Endpoint::AccessTokens => oauth::collection(state, asked, Kind::Access),
        Endpoint::RefreshTokens => oauth::collection(state, asked, Kind::Refresh),
        Endpoint::AccessToken(pk) => oauth::item(state, asked, Kind::Access, pk),
        Endpoint::RefreshToken(pk) => oauth::item(state, asked, Kind::Refresh, pk),
        Endpoint::Roles => roles::collection(state, asked),
        Endpoint::Role(pk) => roles::item(state, asked, pk),
        Endpoint::RoleAddUser(pk) | Endpoint::RoleRemoveUser(pk) => roles::membership(state, asked, pk),
        Endpoint::RoleAssign(pk) => roles::assign(state, asked, pk),
        Endpoint::Events => events::collection(state, asked),
    }
}
