//! Every attempt as a row, for thirty days: a flapping system must not grow the log.

use event_store::{Batch, Db, Expect, WriteError};
use schema::provisioning::Resource;
use schema::{System, Timestamp};

use crate::call::CallError;
use crate::subject::Subject;

/// How long attempts are kept.
const DAYS_KEPT: i64 = 30;

/// One attempt, when it is over.
#[derive(Debug)]
pub(crate) struct Tried<'a> {
    pub(crate) subject: Subject,
    pub(crate) system: System,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Timestamp,
    pub(crate) position: u64,
    pub(crate) generation: u32,
    pub(crate) steps: usize,
    /// `converged`, `waiting`, `observed` or `failed`.
    pub(crate) outcome: &'static str,
    pub(crate) error: Option<&'a CallError>,
}

/// The rows.
#[derive(Clone)]
pub(crate) struct Attempts {
    db: Db,
}

impl Attempts {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn note(&self, tried: &Tried<'_>) -> Result<(), WriteError> {
        let about =
            |of: fn(&Resource) -> String| tried.error.and_then(|error| error.resource.as_ref()).map(of);
        let mut batch = Batch::new();
        batch.run(
            "insert into attempts (subject, system, started_at, duration_ms, position, generation, steps,
                                   outcome, class, reason, summary, resource_kind, resource_key, upstream)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
             on conflict (subject, system, started_at) do nothing",
            vec![
                tried.subject.to_string().into(),
                tried.system.as_str().into(),
                tried.started_at.to_string().into(),
                tried.ended_at.millis_since(tried.started_at).into(),
                tried.position.into(),
                tried.generation.into(),
                i64::try_from(tried.steps).unwrap_or(i64::MAX).into(),
                tried.outcome.into(),
                tried.error.map(|error| error.class.as_str()).into(),
                tried.error.map(|error| error.reason.as_str()).into(),
                tried.error.map(|error| error.summary.clone()).into(),
                about(|about| about.kind.as_str().to_owned()).into(),
                about(|about| about.key.clone()).into(),
                tried.error.and_then(|error| error.upstream.clone()).into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Forgets attempts older than thirty days. How many.
    pub(crate) async fn prune(&self, now: Timestamp) -> Result<u64, WriteError> {
        let mut batch = Batch::new();
        let before = now.plus_days(-DAYS_KEPT).to_string();
        batch.run("delete from attempts where started_at < $1", vec![before.into()], Expect::Any);
        Ok(self.db.write(batch).await?.into_iter().sum())
    }
}
