//! A simulated OCIS: project spaces, their members, groups and accounts of its libregraph API.
//!
//! It keeps its own clock, which moves with every change. Beside the API there are, for tests and development, files
//! in spaces, first logins through an identity provider and the [`Switch`]es of the installation; each is a method of
//! [`Ocis`] and a route under `/_simulator/`.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State as Shared};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::faults::Faults;
use crate::journal::Kept;
use crate::serve::{Connection, Running, serve};

mod call;
mod caller;
mod control;
mod drive_view;
mod drives;
mod files;
mod groups;
mod listing;
mod members;
mod roles;
mod routes;
mod state;
mod strict;
mod token;
mod users;

use call::Call;
pub use control::{LoggedIn, Login, Member, Space};
use state::State;

/// The storage of a simulator without a journal is the recorded one, and the same calls give the same ids.
const STORAGE: Uuid = Uuid::from_u128(0xf730_faaa_5196_4c1c_a2f0_10f1_49a5_8128);
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What an account may do in the whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Admin,
    SpaceAdmin,
    User,
    UserLight,
}

impl Role {
    const ALL: [Self; 4] = [Self::Admin, Self::SpaceAdmin, Self::User, Self::UserLight];

    fn app_role_id(self) -> &'static str {
        match self {
            Self::Admin => "71881883-1768-46bd-a24d-a356a2afdf7f",
            Self::SpaceAdmin => "2aadd357-682c-406b-8874-293091995fdd",
            Self::User => "d7beeea8-8ff4-406b-8fb6-ab2dd81e6b11",
            Self::UserLight => "38071a68-456a-4553-846a-fa67bf5596cc",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Admin => "Admin",
            Self::SpaceAdmin => "Space Admin",
            Self::User => "User",
            Self::UserLight => "User Light",
        }
    }
}

/// Who is let in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// User name and password of the service account, where basic authentication is on.
    pub basic: Option<(String, String)>,
    /// Id and secret of a client. The simulator then is its identity provider too, at
    /// `POST /application/o/token/`.
    pub client: Option<(String, String)>,
    /// Of the service account, however it comes in.
    pub service_role: Role,
}

/// What remains of a space when the process is killed while it is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HalfCreated {
    /// It is listed, and nobody is a member.
    WithoutPermissions,
    /// It can be read by its id, is in no list, and nobody is a member.
    Unlisted,
}

/// How this installation differs from a plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// With more project spaces than this, lists answer 500 and a space admin may not set quotas.
    ListedMax(Option<usize>),
    /// Bytes that a space gets when none are asked for.
    QuotaDefault(i64),
    QuotaMax(Option<i64>),
    /// The next create leaves this behind, and its connection closes without an answer.
    HalfCreateNext(HalfCreated),
    /// Every token issued so far is refused from now on.
    RevokeTokens,
}

/// A simulated OCIS. Clones share its state and its faults.
#[derive(Clone)]
pub struct Ocis {
    settings: Settings,
    kept: Kept<State>,
    pub faults: Faults,
}

impl Ocis {
    pub fn new(settings: Settings) -> Self {
        Self::with(settings, Kept::in_memory(State::new(STORAGE)))
    }

    /// Like [`Ocis::new`], with a journal at `path` that is read if it exists. A new one is a new installation: its ids
    /// are unlike those of any other.
    pub fn persisted(settings: Settings, path: PathBuf) -> io::Result<Self> {
        Ok(Self::with(settings, Kept::persisted(State::new(Uuid::new_v4()), path)?))
    }

    fn with(settings: Settings, kept: Kept<State>) -> Self {
        Self { settings, kept, faults: Faults::default() }
    }

    pub fn router(&self) -> Router {
        let api = Router::new().fallback(answer).with_state(self.clone());
        crate::assemble(api, &self.faults, &self.kept).merge(control::router(self.clone()))
    }

    pub async fn start(&self, listen: SocketAddr) -> io::Result<Running> {
        serve(self.router(), listen, self.faults.clone()).await
    }

    /// The whole state, to be given to [`Ocis::load`].
    pub fn save(&self) -> Value {
        self.kept.save()
    }

    pub fn load(&self, saved: &Value) -> io::Result<()> {
        self.kept.load(saved)
    }

    /// Another installation takes its place: nothing of before is there, and all its ids are unlike those before.
    pub fn install_anew(&self) -> io::Result<()> {
        let storage = self.kept.read(|state| Uuid::new_v5(&state.storage(), b"another installation"));
        self.kept.write(|state| state.tokens.clear());
        self.kept.load(&Kept::in_memory(State::new(storage)).save())
    }

    pub fn set(&self, switch: Switch) {
        self.kept.write(|state| state.set(switch));
    }

    /// Every project space, listed or not, by its id.
    pub fn spaces(&self) -> Vec<Space> {
        self.kept.read(control::spaces)
    }

    /// The names of project spaces that are not disabled: quick to ask for again and again.
    pub fn open_spaces(&self) -> BTreeSet<String> {
        self.kept.read(|state| {
            let open = state.spaces.values().filter(|space| !space.disabled);
            open.map(|space| space.name.clone()).collect()
        })
    }

    /// Writes a file as a member of the space would: 201 for a new one, 204 for another version.
    pub fn write_file(&self, space: &str, name: &str, content: &[u8]) -> Result<StatusCode, StatusCode> {
        self.kept.write(|state| {
            let space = drive_view::space_id(state, space).ok_or(StatusCode::NOT_FOUND)?;
            files::write(state, space, name, content)
        })
    }

    /// Reads a file as a member of the space would.
    pub fn read_file(&self, space: &str, name: &str) -> Result<Bytes, StatusCode> {
        self.kept.read(|state| {
            let space = drive_view::space_id(state, space).ok_or(StatusCode::NOT_FOUND)?;
            files::read(state, space, name)
        })
    }

    /// A login through the identity provider: the account appears if need be, and its memberships become those of the
    /// claim. `None` for an account that is disabled here.
    pub fn login(&self, login: &Login) -> Option<LoggedIn> {
        self.kept.write(|state| control::log_in(state, login))
    }

    /// Does what a request of the service account would do if it were an admin, past faults, log and network: drift
    /// made by hand.
    pub fn by_hand(&self, method: &Method, path: &str, body: &Value) -> (StatusCode, Value) {
        self.kept.write(|state| control::by_hand(state, &self.settings, method, path, body))
    }
}

/// A request as it comes in, to an answer or to a closed connection.
async fn answer(Shared(ocis): Shared<Ocis>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    if let Some(response) = respond(&ocis, parts.method, &parts.uri, parts.headers, body) {
        return response;
    }
    if let Some(ConnectInfo(connection)) = parts.extensions.get::<ConnectInfo<Connection>>() {
        connection.cut();
    }
    StatusCode::BAD_GATEWAY.into_response()
}

fn respond(ocis: &Ocis, method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Option<Response> {
    let call = Call::new(method, uri, headers, body);
    let (answered, envelope) = ocis.kept.write(|state| {
        let answered = routes::answer(state, &ocis.settings, &call);
        let number = state.next_request();
        let sent = call.header("x-request-id").map(ToOwned::to_owned);
        let envelope = routes::Envelope {
            request_id: sent.unwrap_or_else(|| format!("simulator/{number:06}")),
            date: state.now(),
            offers_basic: ocis.settings.basic.is_some(),
        };
        (answered, envelope)
    });
    routes::written(answered, &call, &envelope)
}
