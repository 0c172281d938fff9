//! The log: the one place where facts are kept, and the only crate that knows a database.
//!
//! # What always holds
//! * Positions start at 1, have no gaps, and become visible in order: every commit moves the one row of `log_head` from
//!   the position it expected to the position it leaves.
//! * A command is recorded only on top of the versions, guards and claims it was decided on.
//! * `Ok` means the head row moved, no statement failed, and the commit returned. Nothing else counts.
//! * Where the outcome of a commit is unknown, the log is asked; where it cannot be asked, the caller hears "unknown".
//!
//! # What is deliberately absent
//! Rules (`domain`), read models (`projector`), clocks, deletes and updates of events, an `EventStore` trait.

mod approach;
mod bounds;
mod chain;
mod claims;
pub mod copy;
pub mod db;
mod execute;
pub mod guard;
mod judge;
mod keys;
mod load;
mod locks;
mod migrate;
mod proposal;
mod remembered;
mod request;
mod stored;
mod tail;
pub mod trouble;
mod verify;
mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::claims::ClaimValue;
use domain::{Aggregate, board::State};
use schema::{Recorded, StreamId, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use bounds::{APPENDED_STREAMS_MAX, EVENTS_MAX, GUARDS_MAX, TooLarge};
pub use db::{
    Batch, Db, DbError, DbUrl, DbUrlError, Dialect, Expect, Purpose, Query, Row, Snapshot, Value, WriteError,
};
pub use migrate::{MigrationError, check_views, migrate_log, migrate_views};
pub use request::{ExecuteError, Key, MetaSeed, Outcome, Request};
pub use stored::Entry;
pub use tail::{Follower, TailError};
pub use verify::{LogProblem, LogReport};

use keys::InstallationKey;
use proposal::Proposal;
use remembered::{Events, Remembered};

/// How many commands may wait; one more is told to come back later.
const WAITING_MAX: usize = 4_096;
const KEYS_KEPT_DAYS: i64 = 7;

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database.
    #[error("use the log's database")]
    Db(#[from] DbError),
    /// A transaction.
    #[error("write to the log's database")]
    Write(#[from] WriteError),
    /// The tables.
    #[error("find the tables this version was made for")]
    Migration(#[from] MigrationError),
    /// A value of ours that is not JSON: a bug.
    #[error("encode an event")]
    Encode(#[source] serde_json::Error),
    /// An event in the way of a decision.
    #[error("read the event at position {position}")]
    Unreadable {
        /// Where.
        position: u64,
    },
    /// The log is shorter than it was: a backup was restored under a running process.
    #[error("continue a log that became shorter")]
    Shrunk,
    /// The writer is not there, or not any more.
    #[error("reach the writer of the log")]
    Closed,
}

/// How to open a log.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where.
    pub url: DbUrl,
    /// The clock. Only the time of commits comes from it.
    pub clock: fn() -> Timestamp,
}

/// The log. Cheap to clone.
#[derive(Clone)]
pub struct EventStore(Arc<Shared>);

pub(crate) struct Shared {
    db: Db,
    clock: fn() -> Timestamp,
    key: InstallationKey,
    proposals: mpsc::Sender<Proposal>,
    reads: mpsc::Sender<load::Waiting>,
    intake: Mutex<Option<Intake>>,
    tail: tail::Tail,
    remembered: Remembered,
    locks: locks::StreamLocks,
    in_flight: locks::KeysInFlight,
    approach: approach::Approach,
    running: AtomicBool,
    reachable: AtomicBool,
    overtaken: AtomicU64,
}

impl EventStore {
    /// Opens a migrated log; refuses one whose tables are not those of this build.
    pub async fn open(config: Config) -> Result<Self, StoreError> {
        let db = Db::open(&config.url, Purpose::Log).await?;
        Self::with(db, config.clock).await
    }

    /// Migrates and opens in one go: the only way to use `sqlite::memory:`.
    pub async fn create(config: Config) -> Result<Self, StoreError> {
        let db = Db::open(&config.url, Purpose::Log).await?;
        migrate::migrate_log_in(&db, (config.clock)()).await?;
        Self::with(db, config.clock).await
    }

    /// Brings the tables of the log up to date.
    pub async fn migrate(url: &DbUrl, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
        migrate_log(url, now).await
    }

    async fn with(db: Db, clock: fn() -> Timestamp) -> Result<Self, StoreError> {
        migrate::check_log(&db).await?;
        let key = InstallationKey::read(&db).await?;
        let head = load::head(&db).await?;
        let (proposals, waiting_proposals) = mpsc::channel(WAITING_MAX);
        let (reads, waiting_reads) = mpsc::channel(WAITING_MAX);
        Ok(Self(Arc::new(Shared {
            db,
            clock,
            key,
            proposals,
            reads,
            intake: Mutex::new(Some(Intake { proposals: waiting_proposals, reads: waiting_reads })),
            tail: tail::Tail::new(head),
            remembered: Remembered::default(),
            locks: locks::StreamLocks::default(),
            in_flight: locks::KeysInFlight::default(),
            approach: approach::Approach::default(),
            running: AtomicBool::new(false),
            reachable: AtomicBool::new(true),
            overtaken: AtomicU64::new(0),
        })))
    }

    /// Writes and watches until told to stop; commands already waiting are still answered. Once per opened store.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), StoreError> {
        let intake = self.0.intake.lock().unwrap_or_else(PoisonError::into_inner).take();
        let intake = intake.ok_or(StoreError::Closed)?;
        let _running = Running::begin(&self.0);
        // Reading goes on beside writing; it ends with this.
        let mut reading = JoinSet::new();
        reading.spawn(load::serve(Arc::clone(&self.0), intake.reads));
        // Whichever ends first takes the other with it.
        let ending = stop.child_token();
        let writing = async {
            writer::run(&self.0, intake.proposals, &ending).await;
            ending.cancel();
        };
        let watching = async {
            let watched = tail::watch_on(&self.0, &ending).await;
            ending.cancel();
            watched
        };
        let ((), watched) = futures::join!(writing, watching);
        watched
    }

    /// The last position this process knows of.
    pub fn head(&self) -> u64 {
        self.0.tail.head()
    }

    /// The last position there is.
    pub async fn read_head(&self) -> Result<u64, StoreError> {
        load::head(&self.0.db).await
    }

    /// Who has a name.
    pub async fn resolve(
        &self,
        scope: &'static str,
        value: &ClaimValue,
    ) -> Result<Option<StreamId>, StoreError> {
        let value = self.0.key.claim(value);
        let wanted = load::Wanted { claims: vec![(scope, value.clone())], ..load::Wanted::default() };
        Ok(self.0.read(wanted).await?.holder(scope, &value).cloned())
    }

    /// The events of a stream.
    pub async fn load(&self, stream: &StreamId) -> Result<Vec<Recorded>, StoreError> {
        self.events(stream).await.map(Arc::unwrap_or_clone)
    }

    async fn events(&self, stream: &StreamId) -> Result<Events, StoreError> {
        let wanted = load::Wanted { streams: [stream.clone()].into(), ..load::Wanted::default() };
        self.0.read(wanted).await?.stream(stream)
    }

    /// The state of a stream, and its version.
    pub async fn fold<D: Aggregate + Clone>(&self, stream: &StreamId) -> Result<(D, u64), StoreError> {
        let events = self.events(stream).await?;
        let mut state = State::empty(stream);
        for recorded in events.iter() {
            state.evolve(&recorded.event);
        }
        let Some(folded) = D::of(&state) else { panic!("{stream} is a stream of another aggregate") };
        Ok((folded.clone(), events.last().map_or(0, |last| last.version)))
    }

    /// Reads everything after a position, in order, as it comes.
    pub fn follow(&self, after: u64) -> Follower {
        Follower::new(Arc::clone(&self.0), after)
    }

    /// HMAC-SHA-256 with the installation's key, as hex.
    pub fn hash_secret(&self, text: &str) -> String {
        self.0.key.hash(text)
    }

    /// Recomputes everything that can be: positions, versions, hashes, claims.
    pub async fn verify(&self) -> Result<LogReport, StoreError> {
        verify::log(&self.0.db).await
    }

    /// Replaces the claims by what the events say.
    pub async fn rebuild_claims(&self) -> Result<u64, StoreError> {
        claims::rebuild(&self.0).await
    }

    /// Forgets stored answers older than seven days.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut batch = Batch::new();
        let before = now.plus_days(-KEYS_KEPT_DAYS).to_string();
        batch.run("delete from commands where recorded_at < $1", vec![before.into()], Expect::Any);
        Ok(self.0.db.write(batch).await?.iter().sum())
    }

    /// How often another process wrote first since this one opened the log. Correct, but slower than one writer.
    pub fn overtaken(&self) -> u64 {
        self.0.overtaken.load(Ordering::Relaxed)
    }

    /// Whether the writer runs and the database answered the last time the head was read. Says nothing about writing: a
    /// store that is only ever asked when it is well would never be asked again.
    pub fn is_alive(&self) -> bool {
        self.0.is_running() && self.0.reachable.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }
}

/// What waits for `run`.
struct Intake {
    proposals: mpsc::Receiver<Proposal>,
    reads: mpsc::Receiver<load::Waiting>,
}

/// True while `run` runs, however it ends.
struct Running<'store>(&'store Shared);

impl<'store> Running<'store> {
    fn begin(store: &'store Shared) -> Self {
        store.running.store(true, Ordering::Relaxed);
        Self(store)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod contract;
