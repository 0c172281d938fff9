//! A simulated authentik: groups, users, tokens, sessions, roles and events of its management API.
//!
//! Beside the API there are, for tests and development: [`Authentik::login`] (also `POST /_simulator/login`), which
//! answers like a login page, [`Authentik::door`], which tells what a person can get in with, and
//! [`Authentik::by_hand`], which changes things behind everybody's back.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use http::Method;
use jiff::Timestamp;
use serde_json::Value;

use crate::faults::Faults;
use crate::journal::Kept;
use crate::serve::{Running, serve};

mod attributes;
mod endpoint;
mod events;
mod fields;
mod groups;
mod login;
mod oauth;
mod page;
mod reply;
mod roles;
mod sessions;
mod state;
mod system;
mod tokens;
mod users;
mod wire;

pub use login::{Door, Login, LoginRefused};
use state::State;

/// The versions whose differences a client meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// One `parent` per group, and sessions cannot be deleted for several users at once.
    R2025_10,
    /// The recorded one.
    R2026_5,
}

/// What the simulator takes from outside.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The key of the bootstrap token, which belongs to the superuser `akadmin`.
    pub token: String,
    pub release: Release,
    /// The slug of the recovery flow of the brand; a fresh authentik has none.
    pub recovery_flow: Option<String>,
    pub now: fn() -> Timestamp,
}

/// A simulated authentik. Clones share its state and its faults.
#[derive(Clone)]
pub struct Authentik {
    settings: Settings,
    kept: Kept<State>,
    pub faults: Faults,
}

impl Authentik {
    pub fn new(settings: Settings) -> Self {
        Self::with(settings, Kept::in_memory(State::default()))
    }

    /// Like [`Authentik::new`], with a journal at `path` that is read if it exists.
    pub fn persisted(settings: Settings, path: PathBuf) -> io::Result<Self> {
        Ok(Self::with(settings, Kept::persisted(State::default(), path)?))
    }

    fn with(settings: Settings, kept: Kept<State>) -> Self {
        kept.write(|state| state.bootstrap(&settings));
        Self { settings, kept, faults: Faults::default() }
    }

    pub fn router(&self) -> Router {
        let api = Router::new().fallback(wire::answer).with_state(self.clone());
        crate::assemble(api, &self.faults, &self.kept).merge(login::router(self.clone()))
    }

    pub async fn start(&self, listen: SocketAddr) -> io::Result<Running> {
        serve(self.router(), listen, self.faults.clone()).await
    }

    /// The whole state, to be given to [`Authentik::load`].
    pub fn save(&self) -> Value {
        self.kept.save()
    }

    pub fn load(&self, saved: &Value) -> io::Result<()> {
        self.kept.load(saved)
    }

    /// Another installation answers from now on: fresh, with ids and hashes of its own.
    pub fn swap(&self) {
        self.kept.write(|state| state.replace(&self.settings));
    }

    /// Does what a superuser's request would do, past faults, log and network: drift made by hand.
    pub fn by_hand(&self, method: &Method, path: &str, body: Value) -> (u16, Value) {
        let reply = wire::by_hand(self, method, path, body);
        (reply.status.as_u16(), reply.json())
    }
}
