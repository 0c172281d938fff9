//! Who works on what: a subject's due rows are taken together, by one worker, for a while.

use event_store::{Batch, DbError, Expect, Row, Value, WriteError};
use schema::{System, Timestamp};

use super::{DueRows, Haste, Waits, closing_before};
use crate::subject::Subject;

/// How long a worker may be silent before somebody else takes over.
const LEASE_SECONDS: i64 = 30;

/// A row we hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) system: System,
    /// Facts must have reached this.
    pub(crate) position: u64,
    /// Failures in a row so far.
    pub(crate) failures: u32,
}

/// Every row of one subject that was due, held by us alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) subject: Subject,
    pub(crate) token: String,
    pub(crate) rows: Vec<Held>,
}

impl DueRows {
    /// Nobody else works on this database: what a killed process held is free.
    pub(crate) async fn release_all(&self) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run("update due set lease_until = null, lease_owner = null", vec![], Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    /// Subjects with something due: doors to shut first, then the longest waiting.
    pub(crate) async fn waiting(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Subject, Haste)>, DbError> {
        let rows = self
            .db
            .query(
                "select subject, min(due_at) from due
                  where due_at <= $1 and (lease_until is null or lease_until <= $1)
                    and subject not in (select subject from due where lease_until > $1)
                  group by subject order by min(due_at), subject limit $2",
                &[now.to_string().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()],
            )
            .await?;
        Ok(rows
            .iter()
            .filter_map(|row| {
                let due_at = row.text(1).ok()?.parse().ok()?;
                Some((row.text(0).ok()?.parse().ok()?, Haste::of(due_at, now)))
            })
            .collect())
    }

    /// Whether doors of a subject were asked shut after it was taken.
    pub(crate) async fn is_overtaken(&self, lease: &Lease, now: Timestamp) -> Result<bool, DbError> {
        let taken = lease.rows.iter().map(|row| row.position).max().unwrap_or_default();
        let sql = "select count(*) from due where subject = $1 and position > $2 and due_at <= $3";
        let params = [lease.subject.to_string().into(), taken.into(), closing_before(now).to_string().into()];
        let rows = self.db.query(sql, &params).await?;
        Ok(rows.first().map(|row| row.count(0)).transpose()? > Some(0))
    }

    /// Gives a lease back as it was taken.
    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null where subject = $1 and lease_owner = $2",
            vec![lease.subject.to_string().into(), lease.token.as_str().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Takes what is due of a subject, if nobody else has it.
    pub(crate) async fn take(
        &self,
        subject: Subject,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Lease>, WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = $3, lease_owner = $4
              where subject = $1 and due_at <= $2 and (lease_until is null or lease_until <= $2)
                and not exists (select 1 from due other where other.subject = $1 and other.lease_until > $2)",
            vec![subject.to_string().into(), now.to_string().into(), lease_end(now), token.into()],
            Expect::Any,
        );
        if self.db.write(batch).await?.first().is_none_or(|rows| *rows == 0) {
            return Ok(None);
        }
        let rows = self
            .db
            .query(
                "select system, position, attempts from due where subject = $1 and lease_owner = $2 order by system",
                &[subject.to_string().into(), token.into()],
            )
            .await
            .map_err(WriteError::Unknown)?;
        let rows: Vec<Held> = rows.iter().filter_map(held).collect();
        Ok((!rows.is_empty()).then(|| Lease { subject, token: token.to_owned(), rows }))
    }

    /// Still at work.
    pub(crate) async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = $3 where subject = $1 and lease_owner = $2",
            vec![lease.subject.to_string().into(), lease.token.as_str().into(), lease_end(now)],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Nothing is left to do, unless something was asked meanwhile: then the row is due as it was asked.
    pub(crate) async fn done(&self, lease: &Lease, row: &Held, worked: u64) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        let key = || -> Vec<Value> {
            vec![lease.subject.to_string().into(), row.system.as_str().into(), lease.token.as_str().into()]
        };
        batch.run(
            "delete from due where subject = $1 and system = $2 and lease_owner = $3 and position <= $4",
            [key(), vec![worked.into()]].concat(),
            Expect::Any,
        );
        batch.run(
            "update due set lease_until = null, lease_owner = null, attempts = 0, state = null, reason = null
              where subject = $1 and system = $2 and lease_owner = $3",
            key(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Later, unless something was asked meanwhile: then the row is due as it was asked.
    pub(crate) async fn postpone(
        &self,
        lease: &Lease,
        row: &Held,
        until: Timestamp,
        failures: u32,
        why: (Waits, &str),
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null, attempts = $4, state = $6, reason = $7,
                            due_at = case when position > $8 then due_at else $5 end
              where subject = $1 and system = $2 and lease_owner = $3",
            vec![
                lease.subject.to_string().into(),
                row.system.as_str().into(),
                lease.token.as_str().into(),
                failures.into(),
                until.to_string().into(),
                why.0.as_str().into(),
                why.1.into(),
                row.position.into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// When the next row is due.
    pub(crate) async fn next(&self, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
        let sql = "select min(due_at) from due where lease_until is null or lease_until <= $1";
        let rows = self.db.query(sql, &[now.to_string().into()]).await?;
        Ok(rows.first().and_then(|row| row.opt_text(0).ok().flatten()?.parse().ok()))
    }

    /// Whether these systems have followed the log up to a position for a subject: nothing to do, or tried and failed.
    pub(crate) async fn is_settled(
        &self,
        subject: Subject,
        systems: &[System],
        position: u64,
    ) -> Result<bool, DbError> {
        if self.position().await?.unwrap_or_default() < position {
            return Ok(false);
        }
        let sql = "select system from due where subject = $1 and state is null";
        let untried = self.db.query(sql, &[subject.to_string().into()]).await?;
        Ok(!untried
            .iter()
            .any(|row| row.text(0).is_ok_and(|open| systems.iter().any(|system| system.as_str() == open))))
    }
}

fn held(row: &Row) -> Option<Held> {
    Some(Held {
        system: row.text(0).ok()?.parse().ok()?,
        position: row.count(1).ok()?,
        failures: u32::try_from(row.count(2).ok()?).ok()?,
    })
}

fn lease_end(now: Timestamp) -> Value {
    now.plus_seconds(LEASE_SECONDS).to_string().into()
}
