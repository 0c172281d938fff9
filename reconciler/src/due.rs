//! Who needs a look in which system: one row of each however many events asked. Losing the rows is harmless.

mod lease;

use event_store::{Batch, Db, DbError, Expect, Row, WriteError};
use schema::{System, Timestamp};

use crate::subject::Subject;
pub(crate) use lease::{Later, Lease};

/// The name of our position in the tail, beside those of the read models.
const CHECKPOINT: &str = "reconciler";

/// What is to be looked at a second time keeps its distance to the first, unless doors are to be shut: then the first
/// look is repeated.
const ASK_AGAIN: &str = "on conflict (subject, system) do update set
     position = case when excluded.position > due.position then excluded.position else due.position end,
     due_at = case when due.reason = 'ExternalDeleted' and excluded.closing = 0 then due.due_at
                   when excluded.due_at < due.due_at then excluded.due_at else due.due_at end,
     reason = case when excluded.closing > 0 then null else due.reason end,
     closing = case when excluded.closing > due.closing then excluded.closing else due.closing end";

/// The same of somebody who saw that doors are open: whoever is about to shut them need not begin again.
const ASK_ONCE: &str = "on conflict (subject, system) do update set
     position = case when excluded.position > due.position then excluded.position else due.position end,
     due_at = case when due.reason = 'ExternalDeleted' and excluded.closing = 0 then due.due_at
                   when excluded.due_at < due.due_at then excluded.due_at else due.due_at end,
     reason = case when excluded.closing > 0 and due.closing = 0 then null else due.reason end,
     closing = case when due.closing = 0 then excluded.closing else due.closing end";

/// Whether a look shuts doors. Doors shut at once, however much other work there is, and after however many failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Haste {
    /// It overtakes everything.
    Closing,
    /// It waits its turn.
    Usual,
}

/// Why a row waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// After a failure.
    Retry,
    /// For the system, or the door.
    Blocked,
    /// After a fault of ours.
    Crashed,
}

impl Waits {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Blocked => "blocked",
            Self::Crashed => "crashed",
        }
    }
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

/// How many rows wait in a system for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingCount {
    /// In which system.
    pub system: System,
    /// Why they wait; nothing for fresh ones.
    pub state: Option<String>,
    /// The word for what is wrong.
    pub reason: Option<String>,
    /// How many.
    pub count: u64,
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

    /// Asks for looks at those who differ from what they should be.
    pub(crate) async fn ask(
        &self,
        wanted: impl IntoIterator<Item = ((Subject, System), Haste)>,
        position: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        put(&mut batch, wanted, position, now, ASK_ONCE);
        if batch.is_empty() { Ok(()) } else { self.db.write(batch).await.map(drop) }
    }

    /// Asks for looks because of events; everything up to `position` of the tail has been taken in.
    pub(crate) async fn absorb(
        &self,
        wanted: impl IntoIterator<Item = ((Subject, System), Haste)>,
        position: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        put(&mut batch, wanted, position, now, ASK_AGAIN);
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
        put(&mut batch, systems.iter().map(|system| ((subject, *system), Haste::Usual)), 0, now, ASK_AGAIN);
        for system in systems {
            batch.run(
                "update due set attempts = 0, due_at = $3, state = null, reason = null
                  where subject = $1 and system = $2",
                vec![subject.to_string().into(), system.as_str().into(), now.to_string().into()],
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

    /// A look is worth while, and not worth disturbing one that waits: whoever looks next sees what is known at `position`.
    pub(crate) async fn remind(
        &self,
        subject: Subject,
        system: System,
        position: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "insert into due (subject, system, position, due_at) values ($1, $2, $3, $4)
             on conflict (subject, system) do update set
                 position = case when excluded.position > due.position then excluded.position else due.position end",
            vec![
                subject.to_string().into(),
                system.as_str().into(),
                position.into(),
                now.to_string().into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// What a subject's row was waiting for has come with an event. Whoever holds the row, or takes it before the facts are
    /// there, has perhaps not seen it: the row asks for facts as new as the event, and is due again when it is given back.
    pub(crate) async fn nudge(
        &self,
        subject: Subject,
        system: System,
        position: u64,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update due set position = case when position < $3 then $3 else position end,
                            due_at = case when state = 'blocked' and lease_until is null and due_at > $4
                                          then $4 else due_at end
              where subject = $1 and system = $2",
            vec![subject.to_string().into(), system.as_str().into(), position.into(), now.to_string().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// The rows that are looked at first, for people.
    pub(crate) async fn list(&self, limit: usize) -> Result<Vec<Waiting>, DbError> {
        let sql = "select subject, system, due_at, attempts, state, reason from due
                    order by due_at, subject, system limit $1";
        let rows = self.db.query(sql, &[bound(limit)]).await?;
        Ok(rows.iter().filter_map(waiting).collect())
    }

    /// Rows whose last look ended the task it ran in.
    pub(crate) async fn crashed(&self, limit: usize) -> Result<Vec<Waiting>, DbError> {
        let sql = "select subject, system, due_at, attempts, state, reason from due where state = 'crashed'
                    order by due_at, subject, system limit $1";
        let rows = self.db.query(sql, &[bound(limit)]).await?;
        Ok(rows.iter().filter_map(waiting).collect())
    }

    /// How many rows wait, by system and by why.
    pub(crate) async fn counts(&self) -> Result<Vec<WaitingCount>, DbError> {
        let sql = "select system, state, reason, count(*) from due
                    group by system, state, reason order by system, state, reason";
        let rows = self.db.query(sql, &[]).await?;
        Ok(rows.iter().filter_map(counted).collect())
    }
}

fn put(
    batch: &mut Batch,
    wanted: impl IntoIterator<Item = ((Subject, System), Haste)>,
    position: u64,
    now: Timestamp,
    again: &'static str,
) {
    let rows = wanted
        .into_iter()
        .map(|((subject, system), haste)| {
            vec![
                subject.to_string().into(),
                system.as_str().into(),
                position.into(),
                now.to_string().into(),
                0_i64.into(),
                match haste {
                    Haste::Closing => position.into(),
                    Haste::Usual => 0_i64.into(),
                },
            ]
        })
        .collect();
    batch.insert_many_or(
        "due",
        &["subject", "system", "position", "due_at", "attempts", "closing"],
        rows,
        again,
    );
}

fn bound(limit: usize) -> event_store::Value {
    i64::try_from(limit).unwrap_or(i64::MAX).into()
}

fn counted(row: &Row) -> Option<WaitingCount> {
    Some(WaitingCount {
        system: row.text(0).ok()?.parse().ok()?,
        state: row.opt_text(1).ok()?.map(str::to_owned),
        reason: row.opt_text(2).ok()?.map(str::to_owned),
        count: row.count(3).ok()?,
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
