//! Which request means what, and how an answer goes over the wire.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Settings;
use super::call::{Answer, Answered, Call, Refusal};
use super::caller::{Caller, authenticate};
use super::drive_view::Shape;
use super::listing::Extent;
use super::state::State;
use super::{drives, files, groups, listing, members, roles, token, users};

pub(super) fn answer(state: &mut State, settings: &Settings, call: &Call) -> Answered {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["status.php"]) => return Ok(status()),
        ("POST", ["application", "o", "token"]) => return token::issue(state, settings, call),
        _ => {}
    }
    let caller = authenticate(state, settings, call)?;
    dispatch(state, &caller, call)
}

pub(super) fn dispatch(state: &mut State, caller: &Caller, call: &Call) -> Answered {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["graph", "v1.0", "me"] if call.method == "GET" => users::me(state, caller, call),
        ["graph", "v1.0", "users", rest @ ..] => accounts(state, caller, call, rest),
        ["graph", "v1.0", "groups", rest @ ..] => directory(state, caller, call, rest),
        ["graph", "v1.0", "applications"] if call.method == "GET" => Ok(users::applications(state)),
        ["graph", version, "roleManagement", "permissions", "roleDefinitions"]
            if call.method == "GET" && *version == "v1beta1" =>
        {
            Ok(Answer::ok(roles::all()))
        }
        ["graph", version, rest @ ..] => spaces(state, caller, call, version, rest),
        ["dav", "spaces", drive, name] => match call.method.as_str() {
            "GET" => files::get(state, caller, drive, name),
            "PUT" => files::put(state, caller, drive, name, call),
            _ => Err(Refusal::MethodNotAllowed("GET, PUT")),
        },
        _ => Ok(no_such_page()),
    }
}

fn spaces(state: &mut State, caller: &Caller, call: &Call, version: &str, rest: &[&str]) -> Answered {
    let shape = match version {
        "v1.0" => Shape::Names,
        "v1beta1" => Shape::Definitions,
        _ => return Ok(no_such_page()),
    };
    let list = |state: &State, extent| listing::list(state, caller, call, extent, shape);
    match (shape, call.method.as_str(), rest) {
        (_, "GET", ["drives"]) => list(state, Extent::Visible),
        (_, "GET", ["me", "drives"]) => list(state, Extent::Own),
        (Shape::Names, "POST", ["drives"]) => drives::create(state, caller, call),
        (Shape::Names, _, ["drives"]) => Err(Refusal::MethodNotAllowed("POST, GET")),
        (Shape::Names, "GET", ["drives", id]) => drives::read(state, caller, id, call),
        (Shape::Names, "PATCH", ["drives", id]) => drives::update(state, caller, id, call),
        (Shape::Names, "DELETE", ["drives", id]) => drives::delete(state, caller, id, call),
        (Shape::Names, _, ["drives", _]) => Err(Refusal::MethodNotAllowed("PATCH, GET, DELETE")),
        (Shape::Definitions, "POST", ["drives", id, "root", "invite"]) => {
            members::invite(state, caller, id, call)
        }
        (Shape::Definitions, "GET", ["drives", id, "root", "permissions"]) => {
            members::list(state, caller, id)
        }
        (Shape::Definitions, "PATCH", ["drives", id, "root", "permissions", permission]) => {
            members::change(state, caller, id, permission, call)
        }
        (Shape::Definitions, "DELETE", ["drives", id, "root", "permissions", permission]) => {
            members::remove(state, caller, id, permission)
        }
        _ => Ok(no_such_page()),
    }
}

fn accounts(state: &mut State, caller: &Caller, call: &Call, rest: &[&str]) -> Answered {
    match (call.method.as_str(), rest) {
        ("GET", []) => users::list(state, caller, call),
        ("POST", []) => users::create(state, caller, call),
        ("GET", [id]) => users::read(state, id, call),
        ("PATCH", [id]) => users::update(state, caller, id, call),
        ("DELETE", [id]) => users::delete(state, caller, id),
        ("GET", [id, "appRoleAssignments"]) => users::assignments(state, id),
        ("POST", [id, "appRoleAssignments"]) => users::assign(state, caller, id, call),
        ("DELETE", [id, "appRoleAssignments", _]) => users::unassign(state, caller, id),
        _ => Ok(no_such_page()),
    }
}

fn directory(state: &mut State, caller: &Caller, call: &Call, rest: &[&str]) -> Answered {
    match (call.method.as_str(), rest) {
        ("GET", []) => groups::list(state, caller, call),
        ("POST", []) => groups::create(state, caller, call),
        ("GET", [id]) => groups::read(state, id, call),
        ("PATCH", [id]) => groups::update(state, caller, id, call),
        ("DELETE", [id]) => groups::delete(state, caller, id),
        ("GET", [id, "members"]) => groups::members(state, id, call),
        ("POST", [id, "members", "$ref"]) => groups::join(state, caller, id, call),
        ("DELETE", [id, "members", member, "$ref"]) => groups::leave(state, caller, id, member),
        _ => Ok(no_such_page()),
    }
}

fn status() -> Answer {
    Answer::ok(json!({
        "installed": true,
        "maintenance": false,
        "needsDbUpgrade": false,
        "version": "10.11.0.0",
        "versionstring": "10.11.0",
        "edition": "Community",
        "productname": "Infinite Scale",
        "product": "Infinite Scale",
        "productversion": "7.1.0-rc.4",
    }))
}

fn no_such_page() -> Answer {
    Answer::Text(StatusCode::NOT_FOUND, "404 page not found\n".to_owned())
}

/// What the wire needs to know beside the answer itself.
pub(super) struct Envelope {
    pub(super) request_id: String,
    pub(super) date: Timestamp,
    pub(super) offers_basic: bool,
}

/// `None` when the connection is to close without an answer.
pub(super) fn written(answered: Answered, call: &Call, envelope: &Envelope) -> Option<Response> {
    let mut response = match answered {
        Ok(Answer::Nothing) => return None,
        Ok(Answer::Empty(status)) | Err(Refusal::Bare(status)) => bare(status),
        Ok(Answer::Json(status, body)) => json_body(status, &body),
        Ok(Answer::Text(status, text)) => with_type(status, "text/plain; charset=utf-8", text.into()),
        Ok(Answer::Content(bytes)) => with_type(StatusCode::OK, "application/octet-stream", bytes.into()),
        Err(Refusal::Error { status, code, message }) => {
            let innererror = json!({ "date": envelope.date.to_string(), "request-id": envelope.request_id });
            let error = json!({ "code": code, "innererror": innererror, "message": message });
            json_body(status, &json!({ "error": error }))
        }
        Err(Refusal::Unauthenticated) => challenge(call, envelope.offers_basic),
        Err(Refusal::AccountDisabled) => bare(StatusCode::UNAUTHORIZED),
        Err(Refusal::MethodNotAllowed(allowed)) => {
            let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
            response
        }
    };
    if let Ok(id) = HeaderValue::from_str(&envelope.request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    Some(response)
}

/// The ways in, unless a script asks: a browser would open a dialog.
fn challenge(call: &Call, offers_basic: bool) -> Response {
    let mut response = bare(StatusCode::UNAUTHORIZED);
    if call.header("x-requested-with") == Some("XMLHttpRequest") {
        return response;
    }
    let schemes: &[&str] = if offers_basic { &["Bearer", "Basic"] } else { &["Bearer"] };
    for scheme in schemes {
        let text = format!("{scheme} realm=\"{}\", charset=\"UTF-8\"", call.host());
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(header::WWW_AUTHENTICATE, value);
        }
    }
    response
}

fn json_body(status: StatusCode, body: &Value) -> Response {
    with_type(status, "application/json", body.to_string().into())
}

fn with_type(status: StatusCode, kind: &'static str, body: Body) -> Response {
    let mut response = bare(status);
    *response.body_mut() = body;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
