//! The authentik simulator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use jiff::Timestamp;
use serde_json::Value;

use crate::faults::Faults;
use crate::journal::{Kept, Rows, Tables};
use crate::serve::{Running, serve};

/// What the simulator takes from outside.
#[derive(Clone)]
pub struct Settings {
    /// The key of the bootstrap token of `akadmin`.
    pub token: String,
    /// The clock of `last_updated` and expiries.
    pub now: fn() -> Timestamp,
}

/// A simulated authentik. Clones share its state.
#[derive(Clone)]
pub struct Authentik {
    kept: Kept<State>,
    pub faults: Faults,
}

struct State {}

impl Tables for State {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)> {
        Vec::new()
    }
}

impl Authentik {
    pub fn new(_settings: Settings) -> Self {
        Self {
            kept: Kept::in_memory(State {}),
            faults: Faults::default(),
        }
    }

    /// As [`Authentik::new`], with a journal at `path` that is read if it exists.
    pub fn persisted(_settings: Settings, path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            kept: Kept::persisted(State {}, path)?,
            faults: Faults::default(),
        })
    }

    pub fn router(&self) -> Router {
        crate::assemble(Router::new(), &self.faults, &self.kept)
    }

    pub async fn start(&self, listen: SocketAddr) -> io::Result<Running> {
        serve(self.router(), listen, self.faults.clone()).await
    }

    pub fn save(&self) -> Value {
        self.kept.save()
    }

    pub fn load(&self, saved: &Value) -> io::Result<()> {
        self.kept.load(saved)
    }
}
