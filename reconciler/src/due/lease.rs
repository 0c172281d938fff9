//! Who works on what: the row of one subject in one system is taken by one worker, for a while.

use event_store::{Batch, DbError, Expect, Row, Value, WriteError};
use schema::provisioning::Reason;
use schema::{System, Timestamp};

use super::{DueRows, Haste, Waits};
use crate::subject::Subject;

/// How long a worker may be silent before somebody else takes over.
const LEASE_SECONDS: i64 = 30;

/// A row we hold alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) subject: Subject,
    pub(crate) system: System,
    pub(crate) token: String,
    /// Facts must have reached this.
    pub(crate) position: u64,
    /// Failures in a row so far.
    pub(crate) failures: u32,
    /// The last event that shuts a door and is not carried out yet; 0 for none.
    pub(crate) closing: u64,
    /// The word for what was wrong at the last look, if something was.
    pub(crate) reason: Option<String>,
}

impl Lease {
    fn key(&self) -> Vec<Value> {
        vec![self.subject.to_string().into(), self.system.as_str().into(), self.token.as_str().into()]
    }

    /// Whether the last look ended for this reason.
    pub(crate) fn was(&self, reason: Reason) -> bool {
        self.reason.as_deref() == Some(reason.as_str())
    }
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
    pub(crate) fn unblamed(lease: &'a Lease, until: Timestamp) -> Self {
        Self {
            until,
            failures: lease.failures,
            waits: Waits::Retry,
            reason: lease.reason.as_deref().unwrap_or(Reason::Waiting.as_str()),
            haste: Haste::Closing,
        }
    }

    /// The look ended in a fault of ours: aside for a while, and everybody else goes on.
    pub(crate) fn crashed(lease: &'a Lease, until: Timestamp) -> Self {
        let failures = lease.failures.saturating_add(1);
        Self { failures, waits: Waits::Crashed, ..Self::unblamed(lease, until) }
    }
}

impl DueRows {
    /// Nobody else works on this database: what a killed process held is free.
    pub(crate) async fn release_all(&self) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run("update due set lease_until = null, lease_owner = null", vec![], Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    /// Subjects with something of that haste due in a system, the longest waiting first.
    pub(crate) async fn waiting(
        &self,
        system: System,
        haste: Haste,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Subject>, DbError> {
        let of_haste = match haste {
            Haste::Closing => "closing > 0",
            Haste::Usual => "closing = 0",
        };
        let sql = format!(
            "select subject from due
              where system = $1 and due_at <= $2 and (lease_until is null or lease_until <= $2) and {of_haste}
              order by due_at, subject limit $3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = [system.as_str().into(), now.to_string().into(), limit.into()];
        let rows = self.db.query(&sql, &params).await?;
        Ok(rows.iter().filter_map(|row| row.text(0).ok()?.parse().ok()).collect())
    }

    /// Doors of a system that wait for a free hand.
    pub(crate) async fn doors_waiting(&self, system: System, now: Timestamp) -> Result<u64, DbError> {
        let sql = "select count(*) from due
                    where system = $1 and due_at <= $2 and (lease_until is null or lease_until <= $2) and closing > 0";
        let rows = self.db.query(sql, &[system.as_str().into(), now.to_string().into()]).await?;
        Ok(rows.first().map(|row| row.count(0)).transpose()?.unwrap_or_default())
    }

    /// Whether doors were asked shut after a row was taken.
    pub(crate) async fn is_overtaken(&self, lease: &Lease) -> Result<bool, DbError> {
        let sql = "select count(*) from due where subject = $1 and system = $2 and closing > $3";
        let params = [lease.subject.to_string().into(), lease.system.as_str().into(), lease.position.into()];
        let rows = self.db.query(sql, &params).await?;
        Ok(rows.first().map(|row| row.count(0)).transpose()? > Some(0))
    }

    /// Gives a lease back as it was taken.
    pub(crate) async fn release(&self, lease: &Lease) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null
              where subject = $1 and system = $2 and lease_owner = $3",
            lease.key(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Gives a lease back to the hands that do not shut doors: its doors were asked open again.
    pub(crate) async fn opens_again(&self, lease: &Lease) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null,
                            closing = case when closing > $4 then closing else 0 end
              where subject = $1 and system = $2 and lease_owner = $3",
            [lease.key(), vec![lease.position.into()]].concat(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Takes what is due of a subject in a system, if nobody else has it.
    pub(crate) async fn take(
        &self,
        subject: Subject,
        system: System,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Lease>, WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = $4, lease_owner = $5
              where subject = $1 and system = $2 and due_at <= $3 and (lease_until is null or lease_until <= $3)",
            vec![
                subject.to_string().into(),
                system.as_str().into(),
                now.to_string().into(),
                lease_end(now),
                token.into(),
            ],
            Expect::Any,
        );
        if self.db.write(batch).await?.first().is_none_or(|rows| *rows == 0) {
            return Ok(None);
        }
        let rows = self
            .db
            .query(
                "select position, attempts, closing, reason from due
                  where subject = $1 and system = $2 and lease_owner = $3",
                &[subject.to_string().into(), system.as_str().into(), token.into()],
            )
            .await
            .map_err(WriteError::Unknown)?;
        Ok(rows.first().and_then(|row| held(row, subject, system, token)))
    }

    /// Still at work.
    pub(crate) async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = $4 where subject = $1 and system = $2 and lease_owner = $3",
            [lease.key(), vec![lease_end(now)]].concat(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Nothing is left to do, unless something was asked meanwhile: then the row is due as it was asked.
    pub(crate) async fn done(&self, lease: &Lease, worked: u64) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "delete from due where subject = $1 and system = $2 and lease_owner = $3 and position <= $4",
            [lease.key(), vec![worked.into()]].concat(),
            Expect::Any,
        );
        batch.run(
            "update due set lease_until = null, lease_owner = null, attempts = 0, state = null, reason = null,
                            closing = case when closing > $4 then closing else 0 end
              where subject = $1 and system = $2 and lease_owner = $3",
            [lease.key(), vec![worked.into()]].concat(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Later, unless something was asked meanwhile: then the row is due as it was asked.
    pub(crate) async fn postpone(&self, lease: &Lease, later: &Later<'_>) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null, attempts = $4, state = $6,
                            reason = case when closing > $8 then null else $7 end,
                            due_at = case when closing > $8 then due_at
                                          when position > $8 and $7 <> 'ExternalDeleted' then due_at else $5 end,
                            closing = case when closing > $8 then closing else $9 end
              where subject = $1 and system = $2 and lease_owner = $3",
            [
                lease.key(),
                vec![
                    later.failures.into(),
                    later.until.to_string().into(),
                    later.waits.as_str().into(),
                    later.reason.into(),
                    lease.position.into(),
                    match later.haste {
                        Haste::Closing => lease.closing.into(),
                        Haste::Usual => 0_i64.into(),
                    },
                ],
            ]
            .concat(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// When the next row of a system is due.
    pub(crate) async fn next(&self, system: System, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
        let sql =
            "select min(due_at) from due where system = $1 and (lease_until is null or lease_until <= $2)";
        let rows = self.db.query(sql, &[system.as_str().into(), now.to_string().into()]).await?;
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

fn held(row: &Row, subject: Subject, system: System, token: &str) -> Option<Lease> {
    Some(Lease {
        subject,
        system,
        token: token.to_owned(),
        position: row.count(0).ok()?,
        failures: u32::try_from(row.count(1).ok()?).ok()?,
        closing: row.count(2).ok()?,
        reason: row.opt_text(3).ok()?.map(str::to_owned),
    })
}

fn lease_end(now: Timestamp) -> Value {
    now.plus_seconds(LEASE_SECONDS).to_string().into()
}
