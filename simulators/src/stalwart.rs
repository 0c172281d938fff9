//! The Stalwart simulator: the JMAP management interface of the mail server, and what it means for mail and sign-in.
//!
//! What always holds:
//! * calls run in order, objects inside a call in document order, and nothing is taken back when a later one fails;
//! * lookup keys and settings are effective only after they were reloaded;
//! * background work (DKIM keys, erasing mail) is pending until the request after the one that caused it has ended.
//!
//! Deliberately absent: SMTP and IMAP themselves, rate limits (loopback is exempt), `/changes`, OIDC directories.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use serde_json::Value;

use crate::control::assemble;
use crate::faults::Faults;
use crate::journal::Kept;
use crate::serve::{Running, serve};

mod actions;
mod auth;
mod control;
mod dispatch;
mod error;
mod get;
mod http;
mod id;
mod index;
mod keys;
mod kind;
mod mail;
mod names;
mod permissions;
mod query;
mod references;
mod request;
mod rules;
mod schema;
mod seed;
mod session;
mod set;
mod shelf;
mod state;
mod stumble;
mod tasks;
mod template;
mod zone;

pub use mail::{Delivery, Login, Submission};
use state::State;
use stumble::Stumbles;

/// Who may call.
#[derive(Clone)]
pub struct Settings {
    /// The API key of the service account, which is an administrator.
    pub token: String,
    /// Name and password of the recovery administrator.
    pub admin: Option<(String, String)>,
}

/// A mail server whose state outlives its listener. Clones share the state.
#[derive(Clone)]
pub struct Stalwart {
    kept: Kept<State>,
    settings: Arc<Settings>,
    faults: Faults,
    stumbles: Stumbles,
}

impl Stalwart {
    pub fn new(settings: Settings) -> Self {
        Self::keeping(Kept::in_memory(State::bootstrapped()), settings)
    }

    /// Continues with the state in the journal at `path`. A new one is a new installation: what it says of itself is
    /// unlike what any other says.
    pub fn persisted(settings: Settings, path: PathBuf) -> io::Result<Self> {
        Ok(Self::keeping(Kept::persisted(State::bootstrapped_sometime(), path)?, settings))
    }

    fn keeping(kept: Kept<State>, settings: Settings) -> Self {
        Self { kept, settings: Arc::new(settings), faults: Faults::default(), stumbles: Stumbles::default() }
    }

    pub async fn start(&self, listen: SocketAddr) -> io::Result<Running> {
        serve(self.router(), listen, self.faults.clone()).await
    }

    /// Another installation takes its place: nothing of before is there, and it says other things of itself.
    pub fn install_anew(&self) -> io::Result<()> {
        let fresh = Kept::in_memory(self.kept.read(State::bootstrapped_after));
        self.kept.load(&fresh.save())
    }

    /// The whole state, to be given to [`Stalwart::load`].
    pub fn save(&self) -> Value {
        self.kept.save()
    }

    pub fn load(&self, saved: &Value) -> io::Result<()> {
        self.kept.load(saved)
    }

    pub fn router(&self) -> Router {
        assemble(http::routes(self.clone()), &self.faults, &self.kept).merge(control::routes(self.clone()))
    }

    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// Hands a message for `to` to the MX.
    pub fn deliver(&self, to: &str) -> Delivery {
        self.kept.write(|state| mail::deliver(state, to))
    }

    /// Whether the account with this address may sign in; its password is taken to be right.
    pub fn login(&self, address: &str) -> Login {
        self.kept.read(|state| mail::login(state, address))
    }

    /// Whether the account with this address may send mail.
    pub fn submit(&self, from: &str) -> Submission {
        self.kept.read(|state| mail::submit(state, from))
    }

    /// The next call of `method` (`x:Domain/set`) commits `after` objects and then says `serverUnavailable`, as a lost
    /// write race does.
    pub fn stumble(&self, method: &str, after: usize) {
        self.stumbles.add(method, after);
    }

    /// How many messages lie in the mailbox of an address, if it has one.
    pub fn messages(&self, address: &str) -> Option<u64> {
        self.kept.read(|state| mail::stored(state, address))
    }
}
