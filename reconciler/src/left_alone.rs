//! What breakers decided, as rows: `dezky status` is another process and cannot ask them.

use event_store::{Batch, Db, DbError, Expect, Row, WriteError};
use schema::{System, Timestamp};

use crate::breaker::Opened;

/// A system nobody calls for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Which.
    pub system: System,
    /// `credentials`, `rate-limit` or `down`.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when; then one probe.
    pub until: Timestamp,
}

/// The rows.
#[derive(Clone)]
pub(crate) struct LeftAloneRows {
    db: Db,
}

impl LeftAloneRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    pub(crate) async fn note(
        &self,
        system: System,
        (why, until): (Opened, Timestamp),
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "insert into left_alone (system, why, since, until) values ($1, $2, $3, $4)
             on conflict (system) do update set why = excluded.why, until = excluded.until",
            vec![
                system.as_str().into(),
                why.as_str().into(),
                now.to_string().into(),
                until.to_string().into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    pub(crate) async fn forget(&self, system: System) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run("delete from left_alone where system = $1", vec![system.as_str().into()], Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    /// A process that has just started leaves nobody alone.
    pub(crate) async fn forget_all(&self) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run("delete from left_alone", vec![], Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    pub(crate) async fn list(&self) -> Result<Vec<LeftAlone>, DbError> {
        let rows =
            self.db.query("select system, why, since, until from left_alone order by system", &[]).await?;
        Ok(rows.iter().filter_map(left_alone).collect())
    }
}

fn left_alone(row: &Row) -> Option<LeftAlone> {
    Some(LeftAlone {
        system: row.text(0).ok()?.parse().ok()?,
        why: row.text(1).ok()?.to_owned(),
        since: row.text(2).ok()?.parse().ok()?,
        until: row.text(3).ok()?.parse().ok()?,
    })
}
