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
mod creating;
mod differences;
mod due;
mod follow;
pub mod integration;
pub mod lane;
mod left_alone;
mod leftovers;
mod losses;
mod modes;
pub mod ocis;
mod order;
mod own_trouble;
mod pass;
mod plan;
mod record;
#[cfg(test)]
mod seen {
    mod tests;
}
pub mod stalwart;
mod subject;
mod sweep;
mod systems;
mod throttle;
mod timers;
mod wanted;
mod woken;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use domain::Asked;
use event_store::{DbError, EventStore, ExecuteError, Request, StoreError, TailError, WriteError};
use projector::{Lagging, QueryError, Views};
use schema::{Actor, ActorKind, System, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use config::{
    AUTHENTIK_CALLS_DEFAULT, AuthentikConfig, Config, LossLimit, OCIS_CALLS_DEFAULT, OcisConfig,
    STALWART_CALLS_DEFAULT, Size, StalwartConfig, SystemMode,
};
pub use due::{Waiting, WaitingCount};
pub use left_alone::LeftAlone;
pub use leftovers::{KnownLeftover, Leftover, LeftoverCount, LeftoverWhy};
pub use losses::{Loss, LossWhy};
pub use modes::Moded;
pub use ocis::Credentials;
pub use plan::SystemPlan;
pub use subject::Subject;
pub use sweep::{Orphan, SweepReport};

/// Rows of each list that [`Reconciler::status`] reads; counts say how many there are.
const STATUS_ROWS_MAX: usize = 50;

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
    modes: modes::ModeRows,
    differences: differences::DifferenceRows,
    losses: losses::LossRows,
    installations: losses::InstallationRows,
    leftovers: leftovers::LeftoverRows,
    permits: creating::Permits,
    databases: own_trouble::Databases,
    set_aside: timers::SetAside,
    woken: woken::Woken,
    /// This process, in leases.
    owner: String,
    leases: AtomicU64,
}

/// How the work stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Who waits for a look, and why: those that are looked at first.
    pub waiting: Vec<Waiting>,
    /// How many wait, by system and by why.
    pub waiting_counts: Vec<WaitingCount>,
    /// The first whose look ended the task it ran in.
    pub crashed: Vec<Waiting>,
    /// Systems that are left alone, why, and until when.
    pub left_alone: Vec<LeftAlone>,
    /// How the reconciler was last started, per system; nothing before its first start.
    pub modes: Vec<Moded>,
    /// How many subjects differ, per system that is only observed.
    pub differences: Vec<(System, u64)>,
    /// Systems in which nothing is made for now.
    pub losses: Vec<Loss>,
    /// How many objects with our mark are not in use.
    pub leftover_counts: Vec<LeftoverCount>,
    /// The ones seen first.
    pub leftovers: Vec<KnownLeftover>,
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
            modes: modes::ModeRows::new(views.db().clone()),
            differences: differences::DifferenceRows::new(views.db().clone()),
            losses: losses::LossRows::new(views.db().clone()),
            installations: losses::InstallationRows::new(views.db().clone()),
            leftovers: leftovers::LeftoverRows::new(views.db().clone()),
            permits: creating::Permits::default(),
            databases: own_trouble::Databases::default(),
            set_aside: timers::SetAside::default(),
            woken: woken::Woken::default(),
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
            waiting: self.0.due.list(STATUS_ROWS_MAX).await?,
            waiting_counts: self.0.due.counts().await?,
            crashed: self.0.due.crashed(STATUS_ROWS_MAX).await?,
            left_alone: self.0.left_alone.list().await?,
            modes: self.0.modes.list().await?,
            differences: self.0.differences.count_by_system().await?,
            losses: self.0.losses.list().await?,
            leftover_counts: self.0.leftovers.counts().await?,
            leftovers: self.0.leftovers.list(STATUS_ROWS_MAX).await?,
            position: self.0.due.position().await?.unwrap_or_default(),
        })
    }

    /// Says how this process may act in each system: other processes show it.
    pub async fn note_modes(&self) -> Result<(), WorkError> {
        let modes = System::ALL.map(|system| (system, self.0.systems.mode(system)));
        Ok(self.0.modes.note_all(&modes, self.now()).await?)
    }

    /// An operator says that what is missing in a system is gone: it is made again. Nothing when there is
    /// no loss.
    pub async fn confirm_loss(&self, system: System) -> Result<Option<Loss>, WorkError> {
        if !self.0.losses.confirm(system, self.now()).await? {
            return Ok(None);
        }
        Ok(self.0.losses.of(system).await?)
    }

    /// A system answered as it should: whoever waited for it is looked at now.
    async fn works(&self, system: System) -> Result<(), WorkError> {
        if self.0.breakers.succeeded(system) {
            tracing::info!(%system, "the system works again");
            metrics::gauge!("dezky_upstream_left_alone", "system" => system.as_str()).set(0);
            self.0.left_alone.forget(system).await?;
            self.0.due.unblock(system, self.now()).await?;
            self.0.woken.of(system).notify_one();
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
