//! Makes the outside systems equal to what the log says should be.
//!
//! # What always holds
//! * A look takes no input but facts: an event says *look*, never what to do. There is one path, and every look takes it.
//! * What we create carries our mark; what does not carry it, and was not bound by us, is never changed.
//! * Doors shut at once and wait for nothing; the identity door opens last.
//! * The log is told transitions, never attempts. Text of the other side goes nowhere.
//! * Every call has a time limit, every loop a bound, and nothing is given up.
//!
//! # What is deliberately absent
//! Rules (`domain`), facts (`projector`), any way to delete data of customers.

mod attempts;
pub mod authentik;
mod backoff;
pub mod breaker;
pub mod call;
pub mod config;
mod due;
mod follow;
pub mod integration;
pub mod lane;
mod left_alone;
pub mod ocis;
mod order;
mod pass;
mod plan;
mod record;
pub mod stalwart;
mod subject;
mod sweep;
mod systems;
mod throttle;
mod timers;
mod wanted;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use domain::Asked;
use event_store::{DbError, EventStore, ExecuteError, Outcome, Request, StoreError, TailError, WriteError};
use projector::{Lagging, QueryError, Views};
use schema::{Actor, ActorKind, System, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use config::{
    AUTHENTIK_CALLS_DEFAULT, AuthentikConfig, Config, LossLimit, OCIS_CALLS_DEFAULT, OcisConfig,
    STALWART_CALLS_DEFAULT, Size, StalwartConfig, SystemMode,
};
pub use due::Waiting;
pub use left_alone::LeftAlone;
pub use ocis::Credentials;
pub use plan::SystemPlan;
pub use subject::Subject;
pub use sweep::{Orphan, SweepReport};

/// Why work on our own side stopped. What the outside systems do is never one of these.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's sentence is its documentation")]
pub enum WorkError {
    #[error("read working rows")]
    Read(#[from] DbError),
    #[error("write working rows")]
    Write(#[from] WriteError),
    #[error("read the log")]
    Log(#[from] StoreError),
    #[error("follow the log")]
    Tail(#[from] TailError),
    #[error("record what was observed")]
    Record(#[from] ExecuteError),
    #[error("read facts")]
    Facts(#[from] QueryError),
    #[error("wait for facts")]
    Lagging(#[from] Lagging),
}

/// The reconciler. Cheap to clone.
#[derive(Clone)]
pub struct Reconciler(Arc<Inner>);

/// What the clones share.
struct Inner {
    config: Config,
    store: EventStore,
    views: Views,
    systems: systems::Systems,
    due: due::DueRows,
    attempts: attempts::Attempts,
    breakers: breaker::Breakers,
    left_alone: left_alone::LeftAloneRows,
    woken: Notify,
    /// This process, in leases.
    owner: String,
    leases: AtomicU64,
}

/// How the work stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Who waits for a look, and why.
    pub waiting: Vec<Waiting>,
    /// Systems that are left alone, why, and until when.
    pub left_alone: Vec<LeftAlone>,
    /// How we may act, per system.
    pub modes: Vec<(System, SystemMode)>,
    /// How far the log has been taken in.
    pub position: u64,
}

impl Reconciler {
    /// Puts the parts together; nothing is called yet.
    pub fn new(config: Config, store: EventStore, views: Views) -> Result<Self, call::CallError> {
        let inner = Inner {
            systems: systems::Systems::new(&config)?,
            due: due::DueRows::new(views.db().clone()),
            attempts: attempts::Attempts::new(views.db().clone()),
            breakers: breaker::Breakers::default(),
            left_alone: left_alone::LeftAloneRows::new(views.db().clone()),
            woken: Notify::new(),
            owner: Uuid::new_v4().simple().to_string(),
            leases: AtomicU64::new(0),
            config,
            store,
            views,
        };
        Ok(Self(Arc::new(inner)))
    }

    /// How the work stands.
    pub async fn status(&self) -> Result<Status, WorkError> {
        Ok(Status {
            waiting: self.0.due.list().await?,
            left_alone: self.0.left_alone.list().await?,
            modes: System::ALL.map(|system| (system, self.0.systems.mode(system))).to_vec(),
            position: self.0.due.position().await?.unwrap_or_default(),
        })
    }

    /// A system answered as it should: whoever waited for it is looked at now.
    async fn works(&self, system: System) -> Result<(), WorkError> {
        if self.0.breakers.succeeded(system) {
            tracing::info!(%system, "the system works again");
            metrics::gauge!("dezky_upstream_left_alone", "system" => system.as_str()).set(0);
            self.0.left_alone.forget(system).await?;
            self.0.due.unblock(system, self.now()).await?;
        }
        Ok(())
    }

    /// A call failed: the system may be left alone from now on.
    async fn does_not_work(&self, system: System, error: &call::CallError) -> Result<(), WorkError> {
        if let Some(opened) = self.0.breakers.failed(system, error, self.now()) {
            metrics::gauge!("dezky_upstream_left_alone", "system" => system.as_str()).set(1);
            self.0.left_alone.note(system, opened, self.now()).await?;
        }
        Ok(())
    }

    /// Forgets old attempts. How many.
    pub async fn prune(&self) -> Result<u64, WorkError> {
        Ok(self.0.attempts.prune(self.now()).await?)
    }

    fn now(&self) -> Timestamp {
        (self.0.config.clock)()
    }

    async fn record(&self, record: record::Record) -> Result<Outcome, WorkError> {
        Ok(self.0.store.execute(Arc::new(record), self.request()).await?)
    }

    /// A command of ours, now.
    fn request(&self) -> Request {
        self.request_of(ActorKind::Reconciler, Uuid::new_v4())
    }

    fn request_of(&self, kind: ActorKind, command_id: Uuid) -> Request {
        Request::new(Asked { actor: Actor::service(kind), now: self.now(), command_id })
    }
}

/// Follows the log and makes systems right until told to stop.
pub async fn run(
    config: Config,
    store: EventStore,
    views: Views,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let reconciler = Reconciler::new(config, store, views)?;
    Ok(reconciler.run(stop).await?)
}

/// Why the reconciler did not run.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's sentence is its documentation")]
pub enum RunError {
    #[error("prepare the outside calls")]
    Setup(#[from] call::CallError),
    #[error("run the reconciler")]
    Work(#[from] WorkError),
}
