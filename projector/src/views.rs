//! The door to the read models: the database, how far it is, and consistent looks into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_store::{Db, DbError, DbUrl, Purpose, Query, Row, Snapshot, Value};
use futures::future::BoxFuture;
use schema::Timestamp;
use tokio::sync::watch;

use crate::api::{AsOf, Moment};
use crate::model::ReadModel;
use crate::select::QueryError;
use crate::storage::{self, StorageError};

/// How far the followers of this process are, by read model.
pub(crate) type Progress = BTreeMap<&'static str, u64>;

/// A swap takes milliseconds; meeting several in a row does not happen.
const LOOKS_MAX: u32 = 5;

/// The read models of one installation. Cheap to clone.
#[derive(Clone)]
pub struct Views {
    db: Db,
    progress: Arc<watch::Sender<Progress>>,
}

impl Views {
    /// Opens the database and makes the tables of read models that have none yet. Migrations must have been applied.
    pub async fn open(url: &DbUrl) -> Result<Self, StorageError> {
        Self::with(Db::open(url, Purpose::Views).await?).await
    }

    /// The same in a database that is open already.
    pub fn with(db: Db) -> BoxFuture<'static, Result<Self, StorageError>> {
        Box::pin(Self::opening(db))
    }

    async fn opening(db: Db) -> Result<Self, StorageError> {
        storage::create_missing(&db).await?;
        Ok(Self { db, progress: Arc::new(watch::Sender::default()) })
    }

    /// The database, for working rows that are not read models.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// One moment of a read model: every query through it sees the same position.
    pub fn snapshot(&self, model: &'static ReadModel) -> BoxFuture<'_, Result<At, QueryError>> {
        Box::pin(self.looking(model))
    }

    async fn looking(&self, model: &'static ReadModel) -> Result<At, QueryError> {
        let mut last = QueryError::NotReady(model.name);
        for _ in 0..LOOKS_MAX {
            match self.look(model).await {
                Ok(Some(at)) => return Ok(at),
                Ok(None) => {}
                Err(error @ QueryError::NotReady(_)) => return Err(error),
                // Views are replaced in one transaction; a statement that meets it half-way is asked again.
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Nothing when copies were swapped between this moment and the first look at it: the views then show a copy whose
    /// rows of this moment nobody vouches for.
    async fn look(&self, model: &'static ReadModel) -> Result<Option<At>, QueryError> {
        let mut snapshot = self.db.snapshot().await?;
        let sql = format!(
            "select c.position, c.recorded_at, c.definition,
                    (select count(distinct p.stream) from parked p
                      where p.read_model = c.read_model and p.version = c.version),
                    c.version, (select cast(m.copy as bigint) from {} m)
               from live l join checkpoints c on c.read_model = l.read_model and c.version = l.version
              where l.read_model = $1",
            storage::mark_of(model)
        );
        let found = snapshot.query(&sql, &[Value::from(model.name)]).await?;
        let row = found.first().ok_or(QueryError::NotReady(model.name))?;
        if row.count(2)? != u64::from(model.version) {
            return Err(QueryError::NotReady(model.name));
        }
        if row.count(4)? != row.count(5)? {
            return Ok(None);
        }
        let time = row.text(1)?.parse::<Timestamp>().ok().map(Moment);
        Ok(Some(At { as_of: AsOf { position: row.count(0)?, time }, parked: row.count(3)?, snapshot }))
    }

    pub(crate) fn note_progress(&self, model: &'static str, position: u64) {
        self.progress.send_modify(|progress| {
            progress.insert(model, position);
        });
    }

    /// Nobody in this process follows it any more: look at the checkpoint instead.
    pub(crate) fn forget_progress(&self, model: &'static str) {
        self.progress.send_modify(|progress| {
            progress.remove(model);
        });
    }

    pub(crate) fn watch_progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

/// One moment of one read model.
pub struct At {
    as_of: AsOf,
    parked: u64,
    snapshot: Snapshot,
}

impl At {
    /// Which moment.
    pub const fn as_of(&self) -> AsOf {
        self.as_of
    }

    /// The last event it contains.
    pub const fn position(&self) -> u64 {
        self.as_of.position
    }

    /// How many streams could not be digested: with any, results are incomplete.
    pub const fn parked_streams(&self) -> u64 {
        self.parked
    }

    /// One read of this moment.
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        self.snapshot.query(sql, params).await
    }

    pub(crate) fn into_snapshot(self) -> Snapshot {
        self.snapshot
    }

    /// Several reads that do not depend on each other.
    pub async fn query_all(&mut self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, DbError> {
        self.snapshot.query_all(queries).await
    }
}
