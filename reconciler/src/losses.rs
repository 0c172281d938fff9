//! What is missing at once, and which installation our objects are in, as rows: both outlive a restart, and operators
//! answer them from another process.

use event_store::{Batch, Db, DbError, Expect, Row, WriteError};
use schema::{System, Timestamp};

/// Why a system is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossWhy {
    /// Too much of what we made there is missing at once.
    Missing,
    /// It is another installation than the one our objects are in.
    AnotherInstallation,
}

impl LossWhy {
    const ALL: [Self; 2] = [Self::Missing, Self::AnotherInstallation];

    /// The word used in rows and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::AnotherInstallation => "another-installation",
        }
    }
}

/// A system in which nothing is made for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Which.
    pub system: System,
    /// Why.
    pub why: LossWhy,
    /// Since when.
    pub since: Timestamp,
    /// How many objects of ours are missing.
    pub missing: u64,
    /// Of how many.
    pub bound: u64,
    /// When an operator said that they are gone: they are made again.
    pub confirmed_at: Option<Timestamp>,
}

/// The rows.
#[derive(Clone)]
pub(crate) struct LossRows {
    db: Db,
}

impl LossRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Notes a loss, or how large one has become. A confirmation holds for the reason it was given for, and no other.
    pub(crate) async fn note(
        &self,
        system: System,
        why: LossWhy,
        (missing, bound): (u64, u64),
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "insert into losses (system, why, since, missing, bound) values ($1, $2, $3, $4, $5)
             on conflict (system) do update set
                 since = case when losses.why = excluded.why then losses.since else excluded.since end,
                 confirmed_at = case when losses.why = excluded.why then losses.confirmed_at else null end,
                 why = excluded.why, missing = excluded.missing, bound = excluded.bound",
            vec![
                system.as_str().into(),
                why.as_str().into(),
                now.to_string().into(),
                missing.into(),
                bound.into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// What was missing is back, or was made again.
    pub(crate) async fn forget(&self, system: System) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run("delete from losses where system = $1", vec![system.as_str().into()], Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    /// Every loss there is.
    pub(crate) async fn list(&self) -> Result<Vec<Loss>, DbError> {
        let sql = "select system, why, since, missing, bound, confirmed_at from losses order by system";
        let rows = self.db.query(sql, &[]).await?;
        Ok(rows.iter().filter_map(loss).collect())
    }

    /// The loss of one system.
    pub(crate) async fn of(&self, system: System) -> Result<Option<Loss>, DbError> {
        Ok(self.list().await?.into_iter().find(|loss| loss.system == system))
    }

    /// An operator says that what is missing is gone. False when nothing is missing. The first time counts.
    pub(crate) async fn confirm(&self, system: System, now: Timestamp) -> Result<bool, WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "update losses set confirmed_at = coalesce(confirmed_at, $2) where system = $1",
            vec![system.as_str().into(), now.to_string().into()],
            Expect::Any,
        );
        Ok(self.db.write(batch).await?.into_iter().sum::<u64>() > 0)
    }
}

fn loss(row: &Row) -> Option<Loss> {
    let word = row.text(1).ok()?;
    Some(Loss {
        system: row.text(0).ok()?.parse().ok()?,
        why: LossWhy::ALL.into_iter().find(|why| why.as_str() == word)?,
        since: row.text(2).ok()?.parse().ok()?,
        missing: row.count(3).ok()?,
        bound: row.count(4).ok()?,
        confirmed_at: row.opt_text(5).ok()?.and_then(|at| at.parse().ok()),
    })
}

/// Which installation of each system our objects are in.
#[derive(Clone)]
pub(crate) struct InstallationRows {
    db: Db,
}

impl InstallationRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// What only that installation says of itself; nothing before the first look.
    pub(crate) async fn of(&self, system: System) -> Result<Option<String>, DbError> {
        let sql = "select fingerprint from installations where system = $1";
        let rows = self.db.query(sql, &[system.as_str().into()]).await?;
        rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()
    }

    /// From now on this is the one. The same again keeps its time.
    pub(crate) async fn note(
        &self,
        system: System,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "insert into installations (system, fingerprint, since) values ($1, $2, $3)
             on conflict (system) do update set
                 since = case when installations.fingerprint = excluded.fingerprint
                              then installations.since else excluded.since end,
                 fingerprint = excluded.fingerprint",
            vec![system.as_str().into(), fingerprint.into(), now.to_string().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }
}
