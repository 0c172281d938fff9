//! Logging in, and what a person can still get in with.

use axum::extract::State as Handle;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Authentik;
use super::state::{OauthToken, Session, State, User, later};

const SESSION_LIFE: SignedDuration = SignedDuration::from_hours(24);
const ACCESS_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(10);
const REFRESH_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a login left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    pub user: i64,
    pub session: Uuid,
    pub access_token: i64,
    pub refresh_token: i64,
}

/// The real login page does not tell the two apart; a test may want to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginRefused {
    Unknown,
    Inactive,
}

/// Everything a person can get in with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Door {
    pub user: i64,
    pub active: bool,
    pub sessions: usize,
    pub access_tokens: usize,
    pub refresh_tokens: usize,
    /// Names, in order.
    pub groups: Vec<String>,
    pub attributes: Map<String, Value>,
}

impl Authentik {
    /// A browser session and the tokens of one application. Username and e-mail address are matched without case.
    pub fn login(&self, username: &str) -> Result<Login, LoginRefused> {
        let now = (self.settings.now)();
        self.kept.write(|state| {
            let (user, row) = person(state, username).ok_or(LoginRefused::Unknown)?;
            if !row.is_active {
                return Err(LoginRefused::Inactive);
            }
            let moment = state.moment(now);
            state.change_user(user, |row| row.last_login = Some(moment.clone()));
            let session = state.next_uuid();
            state
                .sessions
                .insert(session, Session { user, last_used: moment, expires: later(now, SESSION_LIFE) });
            let (access_token, refresh_token) = (state.next("oauth_token", 1), state.next("oauth_token", 1));
            let token = |life| OauthToken { user, session, expires: later(now, life) };
            state.access_tokens.insert(access_token, token(ACCESS_TOKEN_LIFE));
            state.refresh_tokens.insert(refresh_token, token(REFRESH_TOKEN_LIFE));
            Ok(Login { user, session, access_token, refresh_token })
        })
    }

    /// `None` when there is no such person.
    pub fn door(&self, username: &str) -> Option<Door> {
        self.kept.read(|state| {
            let (user, row) = person(state, username)?;
            let mut groups: Vec<String> =
                state.groups_of(user).map(|(_, group)| group.name.clone()).collect();
            groups.sort();
            Some(Door {
                user,
                active: row.is_active,
                sessions: state.sessions.values().filter(|session| session.user == user).count(),
                access_tokens: state.access_tokens.values().filter(|token| token.user == user).count(),
                refresh_tokens: state.refresh_tokens.values().filter(|token| token.user == user).count(),
                groups,
                attributes: row.attributes.clone(),
            })
        })
    }
}

fn person<'a>(state: &'a State, username: &str) -> Option<(i64, &'a User)> {
    let same = |text: &str| text.to_lowercase() == username.to_lowercase();
    let found = state.user_named(username);
    found.or_else(|| {
        let mut users = state.users.iter().map(|(pk, user)| (*pk, user));
        users.find(|(_, user)| same(&user.username) || (!user.email.is_empty() && same(&user.email)))
    })
}

pub(super) fn router(authentik: Authentik) -> Router {
    Router::new()
        .route("/_simulator/login", post(login))
        .route("/_simulator/door/{username}", get(door))
        .with_state(authentik)
}

#[derive(Deserialize)]
struct LoginAsked {
    username: String,
}

async fn login(
    Handle(authentik): Handle<Authentik>,
    Json(asked): Json<LoginAsked>,
) -> Result<Json<Login>, (StatusCode, Json<Value>)> {
    let refused = |refused| (StatusCode::FORBIDDEN, Json(json!({ "refused": refused })));
    authentik.login(&asked.username).map(Json).map_err(refused)
}

async fn door(
    Handle(authentik): Handle<Authentik>,
    axum::extract::Path(username): axum::extract::Path<String>,
) -> Result<Json<Door>, StatusCode> {
    authentik.door(&username).map(Json).ok_or(StatusCode::NOT_FOUND)
}
