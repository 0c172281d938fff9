//! Who needs a look in which system: one row however many events asked. Losing the rows is harmless.

use event_store::{Batch, Db, DbError, Expect, Row, Value, WriteError};
use schema::{System, Timestamp};

use crate::subject::Subject;

/// How long a worker may be silent before somebody else takes over.
const LEASE_SECONDS: i64 = 30;
/// The name of our position in the tail, beside those of the read models.
const CHECKPOINT: &str = "reconciler";

const ASK_AGAIN: &str = "on conflict (subject, system) do update set
     position = case when excluded.position > due.position then excluded.position else due.position end,
     due_at = case when excluded.due_at < due.due_at then excluded.due_at else due.due_at end";

/// Why a row waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// After a failure.
    Retry,
    /// For the system, the door, or somebody who paused it.
    Blocked,
}

impl Waits {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Blocked => "blocked",
        }
    }
}

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

/// A row as `status` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub subject: Subject,
    /// In which system.
    pub system: System,
    /// When it is looked at.
    pub due_at: Timestamp,
    /// Failures in a row so far.
    pub failures: u32,
    /// Why it waits; nothing for a fresh one.
    pub state: Option<String>,
    /// The word for what is wrong.
    pub reason: Option<String>,
}

/// The rows.
#[derive(Clone)]
pub(crate) struct DueRows {
    db: Db,
}

impl DueRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Asks for looks, and moves our position in the tail in the same transaction.
    pub(crate) async fn ask(
        &self,
        wanted: impl IntoIterator<Item = (Subject, System)>,
        position: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        self.put(&mut batch, wanted, position, now);
        if batch.is_empty() {
            Ok(())
        } else {
            self.db.write(batch).await.map(drop)
        }
    }

    /// The same, and everything up to `position` of the tail has been taken in.
    pub(crate) async fn absorb(
        &self,
        wanted: impl IntoIterator<Item = (Subject, System)>,
        position: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        self.put(&mut batch, wanted, position, now);
        batch.run(
            "insert into checkpoints (read_model, version, definition, position, recorded_at, epoch, state)
             values ($1, 1, 1, $2, $3, 0, 'live')
             on conflict (read_model, version) do update set
                 recorded_at = case when excluded.position > checkpoints.position
                                    then excluded.recorded_at else checkpoints.recorded_at end,
                 position = case when excluded.position > checkpoints.position
                                 then excluded.position else checkpoints.position end",
            vec![CHECKPOINT.into(), position.into(), now.to_string().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    fn put(
        &self,
        batch: &mut Batch,
        wanted: impl IntoIterator<Item = (Subject, System)>,
        position: u64,
        now: Timestamp,
    ) {
        let rows = wanted
            .into_iter()
            .map(|(subject, system)| {
                vec![
                    subject.to_string().into(),
                    system.as_str().into(),
                    position.into(),
                    now.to_string().into(),
                    0_i64.into(),
                ]
            })
            .collect();
        batch.insert_many_or(
            "due",
            &["subject", "system", "position", "due_at", "attempts"],
            rows,
            ASK_AGAIN,
        );
    }

    /// How far the tail has been taken in; nothing before the first time.
    pub(crate) async fn position(&self) -> Result<Option<u64>, DbError> {
        let sql = "select position from checkpoints where read_model = $1 and version = 1";
        let rows = self.db.query(sql, &[CHECKPOINT.into()]).await?;
        rows.first().map(|row| row.count(0)).transpose()
    }

    /// Somebody asked by hand: at once, and as if nothing had failed before.
    pub(crate) async fn reset(
        &self,
        subject: Subject,
        systems: &[System],
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        self.put(
            &mut batch,
            systems.iter().map(|system| (subject, *system)),
            0,
            now,
        );
        for system in systems {
            batch.run(
                "update due set attempts = 0, due_at = $3, state = null, reason = null
                  where subject = $1 and system = $2",
                vec![
                    subject.to_string().into(),
                    system.as_str().into(),
                    now.to_string().into(),
                ],
                Expect::Any,
            );
        }
        self.db.write(batch).await.map(drop)
    }

    /// The system works again: whoever waited for it is looked at now.
    pub(crate) async fn unblock(&self, system: System, now: Timestamp) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set due_at = $2 where system = $1 and state = 'blocked' and due_at > $2 and lease_until is null",
            vec![system.as_str().into(), now.to_string().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// What a subject's row was waiting for has come.
    pub(crate) async fn nudge(
        &self,
        subject: Subject,
        system: System,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set due_at = $3
              where subject = $1 and system = $2 and state = 'blocked' and due_at > $3 and lease_until is null",
            vec![subject.to_string().into(), system.as_str().into(), now.to_string().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Nobody else works on this database: what a killed process held is free.
    pub(crate) async fn release_all(&self) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = null, lease_owner = null",
            vec![],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Subjects with something due, longest waiting first.
    pub(crate) async fn waiting(&self, now: Timestamp, limit: usize) -> Result<Vec<Subject>, DbError> {
        let rows = self
            .db
            .query(
                "select subject, min(due_at) from due
                  where due_at <= $1 and (lease_until is null or lease_until <= $1)
                    and subject not in (select subject from due where lease_until > $1)
                  group by subject order by min(due_at), subject limit $2",
                &[
                    now.to_string().into(),
                    i64::try_from(limit).unwrap_or(i64::MAX).into(),
                ],
            )
            .await?;
        Ok(rows
            .iter()
            .filter_map(|row| row.text(0).ok()?.parse().ok())
            .collect())
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
            vec![
                subject.to_string().into(),
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
                "select system, position, attempts from due where subject = $1 and lease_owner = $2 order by system",
                &[subject.to_string().into(), token.into()],
            )
            .await
            .map_err(WriteError::Unknown)?;
        let rows: Vec<Held> = rows.iter().filter_map(held).collect();
        Ok((!rows.is_empty()).then(|| Lease {
            subject,
            token: token.to_owned(),
            rows,
        }))
    }

    /// Still at work.
    pub(crate) async fn renew(&self, lease: &Lease, now: Timestamp) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set lease_until = $3 where subject = $1 and lease_owner = $2",
            vec![
                lease.subject.to_string().into(),
                lease.token.as_str().into(),
                lease_end(now),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Nothing is left to do, unless something was asked meanwhile.
    pub(crate) async fn done(
        &self,
        lease: &Lease,
        row: &Held,
        worked: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        let key = || -> Vec<Value> {
            vec![
                lease.subject.to_string().into(),
                row.system.as_str().into(),
                lease.token.as_str().into(),
            ]
        };
        batch.run(
            "delete from due where subject = $1 and system = $2 and lease_owner = $3 and position <= $4",
            [key(), vec![worked.into()]].concat(),
            Expect::Any,
        );
        batch.run(
            "update due set lease_until = null, lease_owner = null, attempts = 0, due_at = $4, state = null, reason = null
              where subject = $1 and system = $2 and lease_owner = $3",
            [key(), vec![now.to_string().into()]].concat(),
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// Later.
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
            "update due set lease_until = null, lease_owner = null, attempts = $4, due_at = $5, state = $6, reason = $7
              where subject = $1 and system = $2 and lease_owner = $3",
            vec![
                lease.subject.to_string().into(),
                row.system.as_str().into(),
                lease.token.as_str().into(),
                failures.into(),
                until.to_string().into(),
                why.0.as_str().into(),
                why.1.into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// When the next row is due.
    pub(crate) async fn next(&self, now: Timestamp) -> Result<Option<Timestamp>, DbError> {
        let sql = "select min(due_at) from due where lease_until is null or lease_until <= $1";
        let rows = self.db.query(sql, &[now.to_string().into()]).await?;
        Ok(rows
            .first()
            .and_then(|row| row.opt_text(0).ok().flatten()?.parse().ok()))
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
        Ok(!untried.iter().any(|row| {
            row.text(0)
                .is_ok_and(|open| systems.iter().any(|system| system.as_str() == open))
        }))
    }

    /// Every row, for people.
    pub(crate) async fn list(&self) -> Result<Vec<Waiting>, DbError> {
        let sql = "select subject, system, due_at, attempts, state, reason from due order by due_at, subject, system";
        let rows = self.db.query(sql, &[]).await?;
        Ok(rows.iter().filter_map(waiting).collect())
    }
}

fn lease_end(now: Timestamp) -> Value {
    now.plus_seconds(LEASE_SECONDS).to_string().into()
}

fn held(row: &Row) -> Option<Held> {
    Some(Held {
        system: row.text(0).ok()?.parse().ok()?,
        position: row.count(1).ok()?,
        failures: u32::try_from(row.count(2).ok()?).ok()?,
    })
}

fn waiting(row: &Row) -> Option<Waiting> {
    Some(Waiting {
        subject: row.text(0).ok()?.parse().ok()?,
        system: row.text(1).ok()?.parse().ok()?,
        due_at: row.text(2).ok()?.parse().ok()?,
        failures: u32::try_from(row.count(3).ok()?).ok()?,
        state: row.opt_text(4).ok()?.map(str::to_owned),
        reason: row.opt_text(5).ok()?.map(str::to_owned),
    })
}
