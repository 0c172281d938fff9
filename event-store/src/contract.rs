//! The contract every database must keep: each test runs on SQLite and on Postgres.

mod append;
mod database;
mod keys;
mod migrations;
mod panics;
mod processes;
mod races;

mod reading;
mod recovery;
mod roles;
mod soundness;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::partner::Partner;
use domain::{Act, Asked, Board, One, Rejection};
use schema::{Actor, ActorKind, Bps, DisplayName, PartnerCommand, PartnerId, StreamId, Timestamp};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    Config, Db, DbUrl, EventStore, ExecuteError, Key, Outcome, Purpose, Request, StoreError, Value,
    migrate_log,
};

/// Declares tests that run on both databases, as `…::sqlite::name` and `…::postgres::name`.
macro_rules! on_both_databases {
    ($(async fn $name:ident($place:ident: &Place) $body:block)*) => {
        $(async fn $name($place: &Place) $body)*

        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&super::Place::sqlite()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                if let Some(place) = super::Place::postgres().await {
                    super::$name(&place).await;
                }
            })*
        }
    };
}
use on_both_databases;

/// Where a test's log is.
struct Place {
    url: DbUrl,
    _directory: Option<tempfile::TempDir>,
}

impl Place {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { url: DbUrl::sqlite(directory.path().join("log.db")), _directory: Some(directory) }
    }

    async fn postgres() -> Option<Self> {
        let url = test_postgres::TestPostgres::database().await?;
        Some(Self { url: url.parse().unwrap(), _directory: None })
    }

    /// A connection beside the store, as a person at the database would have.
    async fn by_hand(&self) -> Db {
        Db::open(&self.url, Purpose::Log).await.unwrap()
    }

    async fn start(&self) -> TestLog {
        self.start_with(noon).await
    }

    /// Another process on the same log, or the first one.
    async fn start_with(&self, clock: fn() -> Timestamp) -> TestLog {
        migrate_log(&self.url, noon()).await.unwrap();
        let store = EventStore::open(Config { url: self.url.clone(), clock }).await.unwrap();
        TestLog::run(store)
    }
}

/// A running log.
struct TestLog {
    store: EventStore,
    stop: CancellationToken,
    running: JoinHandle<Result<(), StoreError>>,
}

impl TestLog {
    #[expect(clippy::disallowed_methods, reason = "the test ends it in `stop`, or with its runtime")]
    fn run(store: EventStore) -> Self {
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (store, stop) = (store.clone(), stop.clone());
            async move { store.run(stop).await }
        });
        Self { store, stop, running }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
    }

    async fn execute(&self, act: impl Act + 'static) -> Result<Outcome, ExecuteError> {
        self.store.execute(Arc::new(act), request()).await
    }

    async fn keyed(
        &self,
        act: impl Act + 'static,
        id: &str,
        fingerprint: &str,
    ) -> Result<Outcome, ExecuteError> {
        self.store.execute(Arc::new(act), Request { key: Some(key(id, fingerprint)), ..request() }).await
    }
}

fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn request() -> Request {
    Request::new(asked())
}

fn asked() -> Asked {
    Asked { actor: Actor::service(ActorKind::System), now: noon(), command_id: Uuid::now_v7() }
}

fn key(id: &str, fingerprint: &str) -> Key {
    Key {
        id: id.to_owned(),
        fingerprint: fingerprint.to_owned(),
        render: Arc::new(|outcome: &Outcome| {
            format!("{} events, at {}", outcome.news.len(), outcome.position)
        }),
    }
}

fn partner(number: u128) -> PartnerId {
    PartnerId::from_uuid(Uuid::from_u128(number))
}

fn register(number: u128, slug: &str) -> One<Partner> {
    One {
        stream: partner(number).into(),
        command: PartnerCommand::Register {
            slug: slug.parse().unwrap(),
            name: "Nordlys".parse().unwrap(),
            domain: None,
            margin: Bps::new(1000).unwrap(),
            contact_info: None,
            billing_info: None,
        },
    }
}

fn rename(number: u128, name: &str) -> One<Partner> {
    let name: DisplayName = name.parse().unwrap();
    One {
        stream: partner(number).into(),
        command: PartnerCommand::ChangeProfile { name: Some(name), domain: None },
    }
}

/// Every row of a table as text, in the order of its first column.
async fn rows(db: &Db, sql: &str) -> Vec<Vec<Value>> {
    db.query(sql, &[]).await.unwrap().into_iter().map(crate::Row::into_values).collect()
}

/// Dense positions, consecutive versions, matching hashes and claims.
async fn assert_sound(log: &TestLog) {
    let report = log.store.verify().await.unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

fn streams(numbers: impl IntoIterator<Item = u128>) -> Vec<StreamId> {
    numbers.into_iter().map(|number| partner(number).into()).collect()
}

/// A decision during which, the first time it accepts, something else happens: after loading, before the writer.
struct Meanwhile<A> {
    act: A,
    what: Box<dyn Fn() + Send + Sync>,
    decided: AtomicU32,
}

impl<A: Act> Meanwhile<A> {
    fn new(act: A, what: impl Fn() + Send + Sync + 'static) -> Self {
        Self { act, what: Box::new(what), decided: AtomicU32::new(0) }
    }
}

impl<A: Act> Act for Meanwhile<A> {
    fn streams(&self) -> Vec<StreamId> {
        self.act.streams()
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        self.act.decide(board, asked)?;
        if self.decided.fetch_add(1, Ordering::Relaxed) == 0 {
            (self.what)();
        }
        Ok(())
    }
}

/// Waits inside a decision, which is not async.
fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}
