//! Who works on what: a subject's due rows are taken together, by one worker, for a while.

use event_store::{Batch, DbError, Expect, Row, Value, WriteError};
use schema::provisioning::Reason;
use schema::{System, Timestamp};

use super::{DueRows, Haste, Waits};
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
    /// The last event that shuts a door and is not carried out yet; 0 for none.
    pub(crate) closing: u64,
    /// The word for what was wrong at the last look, if something was.
    pub(crate) reason: Option<String>,
}

/// When a row that was not done is looked at again, and why not now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Later<'a> {
    pub(crate) until: Timestamp,
    pub(crate) failures: u32,
    pub(crate) waits: Waits,
    pub(crate) reason: &'a str,
    /// A closing row stays one as long as doors are to be shut.
    pub(crate) haste: Haste,
}

impl<'a> Later<'a> {
    /// Nobody failed: everything about the row stays as it was.
    pub(crate) fn unblamed(row: &'a Held, until: Timestamp) -> Self {
        Self {
            until,
            failures: row.failures,
            waits: Waits::Retry,
            reason: row.reason.as_deref().unwrap_or(Reason::Waiting.as_str()),
            haste: Haste::Closing,
        }
    }
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

    /// Subjects with something of that haste due, the longest waiting first.
    pub(crate) async fn waiting(
        &self,
        haste: Haste,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Subject>, DbError> {
        let of_haste = match haste {
            Haste::Closing => "max(closing) > 0",
            Haste::Usual => "max(closing) = 0",
        };
        let sql = format!(
            "select subject from due
              where due_at <= $1 and (lease_until is null or lease_until <= $1)
                and subject not in (select subject from due where lease_until > $1)
              group by subject having {of_haste} order by min(due_at), subject limit $2"
        );
        let params = [now.to_string().into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        let rows = self.db.query(&sql, &params).await?;
        Ok(rows.iter().filter_map(|row| row.text(0).ok()?.parse().ok()).collect())
    }

    /// Whether doors of a subject were asked shut after it was taken.
    pub(crate) async fn is_overtaken(&self, lease: &Lease) -> Result<bool, DbError> {
        let taken = lease.rows.iter().map(|row| row.position).max().unwrap_or_default();
        let sql = "select count(*) from due where subject = $1 and closing > $2";
        let rows = self.db.query(sql, &[lease.subject.to_string().into(), taken.into()]).await?;
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
                "select system, position, attempts, closing, reason from due
                  where subject = $1 and lease_owner = $2 order by system",
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
            "update due set lease_until = null, lease_owner = null, attempts = 0, state = null, reason = null,
                            closing = case when closing > $4 then closing else 0 end
              where subject = $1 and system = $2 and lease_owner = $3",
            [key(), vec![worked.into()]].concat(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Later, unless something was asked meanwhile: then the row is due as it was asked.
    pub(crate) async fn postpone(
        &self,
        lease: &Lease,
        row: &Held,
        later: &Later<'_>,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null, attempts = $4, state = $6,
                            reason = case when closing > $8 then null else $7 end,
                            due_at = case when closing > $8 then due_at
                                          when position > $8 and $7 <> 'ExternalDeleted' then due_at else $5 end,
                            closing = case when closing > $8 then closing else $9 end
              where subject = $1 and system = $2 and lease_owner = $3",
            vec![
                lease.subject.to_string().into(),
                row.system.as_str().into(),
                lease.token.as_str().into(),
                later.failures.into(),
                later.until.to_string().into(),
                later.waits.as_str().into(),
                later.reason.into(),
                row.position.into(),
                match later.haste {
                    Haste::Closing => row.closing.into(),
                    Haste::Usual => 0_i64.into(),
                },
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
        closing: row.count(3).ok()?,
        reason: row.opt_text(4).ok()?.map(str::to_owned),
    })
}

fn lease_end(now: Timestamp) -> Value {
    now.plus_seconds(LEASE_SECONDS).to_string().into()
}
