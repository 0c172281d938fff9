//! What tests and development need beside the API: spaces at a glance, files, logins, switches, changes by hand.

use axum::extract::{Path, State as Shared};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Answer, Call, Refusal};
use super::caller::{self, Caller};
use super::drive_view::drive_id;
use super::state::{Grantee, Holder, SpaceRole, State, Switches, User};
use super::{Ocis, Role, Settings, Switch, drives, groups, routes, token};

/// A project space at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Space {
    pub id: String,
    pub name: String,
    pub alias: String,
    pub description: String,
    pub disabled: bool,
    /// In bytes; 0 has no limit.
    pub quota: i64,
    pub members: Vec<Member>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Of the permission: `u:…` or `g:…`.
    pub id: String,
    /// Of the account or group; empty when that is gone.
    pub name: String,
    /// `viewer`, `editor` or `manager`.
    pub role: &'static str,
}

/// The claims of a token of the identity provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Login {
    pub username: String,
    /// Missing means none, and ends every membership.
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub display_name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub subject: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoggedIn {
    pub id: String,
    /// A bearer token to act as this person.
    pub token: String,
    /// The names of the person's groups.
    pub groups: Vec<String>,
    /// The ids of the project spaces this person sees.
    pub spaces: Vec<String>,
}

pub(super) fn router(ocis: Ocis) -> Router {
    Router::new()
        .route("/_simulator/spaces", get(all_spaces))
        .route("/_simulator/files/{space}/{name}", put(write_file).get(read_file))
        .route("/_simulator/login", post(login))
        .route("/_simulator/switches", put(switch))
        .with_state(ocis)
}

async fn all_spaces(Shared(ocis): Shared<Ocis>) -> Json<Value> {
    Json(json!({ "value": ocis.spaces() }))
}

async fn write_file(
    Shared(ocis): Shared<Ocis>,
    Path((space, name)): Path<(String, String)>,
    content: Bytes,
) -> StatusCode {
    ocis.write_file(&space, &name, &content).unwrap_or_else(|refused| refused)
}

async fn read_file(
    Shared(ocis): Shared<Ocis>,
    Path((space, name)): Path<(String, String)>,
) -> Result<Bytes, StatusCode> {
    ocis.read_file(&space, &name)
}

async fn login(Shared(ocis): Shared<Ocis>, Json(login): Json<Login>) -> Response {
    match ocis.login(&login) {
        Some(session) => Json(session).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn switch(Shared(ocis): Shared<Ocis>, Json(switch): Json<Switch>) -> StatusCode {
    ocis.set(switch);
    StatusCode::NO_CONTENT
}

impl State {
    pub(super) fn set(&mut self, switch: Switch) {
        let Switches { listed_max, quota_default, quota_max, half_created } = &mut self.switches;
        match switch {
            Switch::ListedMax(max) => *listed_max = max,
            Switch::QuotaDefault(bytes) => *quota_default = bytes,
            Switch::QuotaMax(bytes) => *quota_max = bytes,
            Switch::HalfCreateNext(half) => half_created.push(half),
            Switch::RevokeTokens => self.tokens.clear(),
        }
    }
}

pub(super) fn spaces(state: &State) -> Vec<Space> {
    let name = |to: Grantee| match to {
        Grantee::User(id) => state.users.get(&id).map(|user| user.username.clone()),
        Grantee::Group(id) => state.groups.get(&id).map(|group| group.name.clone()),
    };
    let space = |space: &super::state::Space| Space {
        id: drive_id(state, space.id),
        name: space.name.clone(),
        alias: space.alias.clone(),
        description: space.description.clone(),
        disabled: space.disabled,
        quota: space.quota,
        members: space
            .grants
            .iter()
            .map(|grant| Member {
                id: grant.to.permission_id(),
                name: name(grant.to).unwrap_or_default(),
                role: match grant.role {
                    SpaceRole::Viewer => "viewer",
                    SpaceRole::Editor => "editor",
                    SpaceRole::Manager => "manager",
                },
            })
            .collect(),
    };
    state.spaces.values().map(space).collect()
}

/// A real OCIS looks at the groups of one person at most once in five minutes; here every login counts.
pub(super) fn log_in(state: &mut State, login: &Login) -> Option<LoggedIn> {
    let known = state.user_named(&login.username).map(|user| user.id);
    if known.and_then(|id| state.users.get(&id)).is_some_and(|user| !user.enabled) {
        return None;
    }
    let id = known.unwrap_or_else(|| provision(state, login));
    let signed_in = state.tick();
    if let Some(user) = state.users.change(&id) {
        user.signed_in = Some(signed_in);
        if let Some(display_name) = &login.display_name {
            user.display_name.clone_from(display_name);
        }
        if let Some(email) = &login.email {
            user.mail = Some(email.clone());
        }
    }
    groups::synchronise(state, id, &login.groups);
    let caller = caller::enter(state, id).ok()?;
    let token = token::new_token(state, Holder::User(id));
    let mine = state.groups.values().filter(|group| group.members.contains(&id));
    let seen = state.spaces.values().filter(|space| !space.unlisted);
    let seen = seen.filter(|space| {
        state.role_in(space, id).is_some() && drives::may_see(state, &caller.unprivileged(), space)
    });
    Some(LoggedIn {
        id: id.to_string(),
        token,
        groups: mine.map(|group| group.name.clone()).collect(),
        spaces: seen.map(|space| drive_id(state, space.id)).collect(),
    })
}

fn provision(state: &mut State, login: &Login) -> uuid::Uuid {
    let id = state.next_id();
    let user = User {
        id,
        username: login.username.clone(),
        display_name: login.display_name.clone().unwrap_or_else(|| login.username.clone()),
        mail: login.email.clone(),
        password: None,
        enabled: true,
        assignment: None,
        subject: Some(login.subject.clone().unwrap_or_else(|| login.username.clone())),
        signed_in: None,
        personal: None,
    };
    state.users.insert(id, user);
    id
}

pub(super) fn by_hand(
    state: &mut State,
    settings: &Settings,
    method: &Method,
    path: &str,
    body: &Value,
) -> (StatusCode, Value) {
    let Ok(uri) = path.parse::<Uri>() else {
        return (StatusCode::BAD_REQUEST, Value::Null);
    };
    let content = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let call = Call::new(method.clone(), &uri, HeaderMap::new(), content);
    let service = caller::service(state, settings);
    let caller = Caller { id: service, role: Role::Admin };
    match routes::dispatch(state, &caller, &call) {
        Ok(Answer::Json(status, body)) => (status, body),
        Ok(Answer::Empty(status)) | Err(Refusal::Bare(status)) => (status, Value::Null),
        Ok(Answer::Text(status, text)) => (status, text.into()),
        Ok(Answer::Content(_)) => (StatusCode::OK, Value::Null),
        Ok(Answer::Nothing) => (StatusCode::BAD_GATEWAY, Value::Null),
        Err(Refusal::Error { status, code, message }) => {
            (status, json!({ "error": { "code": code, "message": message } }))
        }
        Err(Refusal::MethodNotAllowed(_)) => (StatusCode::METHOD_NOT_ALLOWED, Value::Null),
        Err(Refusal::Unauthenticated | Refusal::AccountDisabled) => (StatusCode::UNAUTHORIZED, Value::Null),
    }
}
