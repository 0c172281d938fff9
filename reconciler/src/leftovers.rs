//! Objects with our mark that are not the ones in use, as rows: what the last sweep of each system saw.

use std::collections::{BTreeMap, BTreeSet};

use event_store::{Batch, Db, DbError, Expect, Row, WriteError};
use schema::{System, Timestamp};
use serde::Serialize;

use crate::subject::Subject;

/// Why an object with our mark is not in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeftoverWhy {
    /// Its mark names nobody we know.
    UnknownOwner,
    /// Its owner has another one of the kind, and that is the one in use.
    Twin,
}

impl LeftoverWhy {
    const ALL: [Self; 2] = [Self::UnknownOwner, Self::Twin];

    /// The word used in rows and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownOwner => "unknown-owner",
            Self::Twin => "twin",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }
}

/// An object with our mark that is not the one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where.
    pub system: System,
    /// What it is there: `group`, `user`, `role`, `domain`, `space`.
    pub kind: String,
    /// Its id there.
    pub external_id: String,
    /// Whose it says it is.
    pub owner: String,
    /// Why it is one.
    pub why: LeftoverWhy,
}

/// The same, with what is known of it over several sweeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLeftover {
    /// The object.
    pub leftover: Leftover,
    /// When a sweep first saw it.
    pub since: Timestamp,
}

/// How many there are of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftoverCount {
    /// Where.
    pub system: System,
    /// What they are there.
    pub kind: String,
    /// Why they are leftovers.
    pub why: LeftoverWhy,
    /// How many.
    pub count: u64,
}

/// The rows.
#[derive(Clone)]
pub(crate) struct LeftoverRows {
    db: Db,
}

impl LeftoverRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// What a sweep of a whole system saw, in place of what the one before saw. What is seen again keeps its first
    /// time, and its emptiness as long as it is the same object of the same owner.
    pub(crate) async fn replace(
        &self,
        system: System,
        seen: &[Leftover],
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let seen: BTreeMap<_, _> = seen
            .iter()
            .filter(|leftover| leftover.system == system)
            .map(|leftover| ((leftover.kind.as_str(), leftover.external_id.as_str()), leftover))
            .collect();
        let of_system = || vec![system.as_str().into()];
        let mut batch = Batch::new();
        batch.run("update leftovers set seen_at = '' where system = $1", of_system(), Expect::Any);
        let rows = seen.values().map(|leftover| {
            vec![
                system.as_str().into(),
                leftover.kind.as_str().into(),
                leftover.external_id.as_str().into(),
                leftover.owner.as_str().into(),
                leftover.why.as_str().into(),
                now.to_string().into(),
                now.to_string().into(),
            ]
        });
        batch.insert_many_or(
            "leftovers",
            &["system", "kind", "external_id", "owner", "why", "since", "seen_at"],
            rows.collect(),
            "on conflict (system, kind, external_id) do update set
                 owner = excluded.owner, why = excluded.why, seen_at = excluded.seen_at",
        );
        batch.run("delete from leftovers where system = $1 and seen_at = ''", of_system(), Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    /// What says that it is this owner's.
    pub(crate) async fn of_owner(&self, system: System, owner: &str) -> Result<Vec<KnownLeftover>, DbError> {
        let sql = "select system, kind, external_id, owner, why, since from leftovers
                    where system = $1 and owner = $2 order by kind, external_id";
        let rows = self.db.query(sql, &[system.as_str().into(), owner.into()]).await?;
        Ok(rows.iter().filter_map(known).collect())
    }

    /// The ids of one owner's.
    pub(crate) async fn ids_of(&self, system: System, owner: Subject) -> Result<BTreeSet<String>, DbError> {
        let all = self.of_owner(system, &owner.to_string()).await?;
        Ok(all.into_iter().map(|known| known.leftover.external_id).collect())
    }

    /// How many there are, by system, kind and reason.
    pub(crate) async fn counts(&self) -> Result<Vec<LeftoverCount>, DbError> {
        let sql = "select system, kind, why, count(*) from leftovers
                    group by system, kind, why order by system, kind, why";
        let rows = self.db.query(sql, &[]).await?;
        Ok(rows.iter().filter_map(counted).collect())
    }

    /// The ones seen first.
    pub(crate) async fn list(&self, limit: usize) -> Result<Vec<KnownLeftover>, DbError> {
        let sql = "select system, kind, external_id, owner, why, since from leftovers
                    order by since, system, kind, external_id limit $1";
        let rows = self.db.query(sql, &[i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
        Ok(rows.iter().filter_map(known).collect())
    }
}

fn known(row: &Row) -> Option<KnownLeftover> {
    Some(KnownLeftover {
        leftover: Leftover {
            system: row.text(0).ok()?.parse().ok()?,
            kind: row.text(1).ok()?.to_owned(),
            external_id: row.text(2).ok()?.to_owned(),
            owner: row.text(3).ok()?.to_owned(),
            why: LeftoverWhy::of(row.text(4).ok()?)?,
        },
        since: row.text(5).ok()?.parse().ok()?,
    })
}

fn counted(row: &Row) -> Option<LeftoverCount> {
    Some(LeftoverCount {
        system: row.text(0).ok()?.parse().ok()?,
        kind: row.text(1).ok()?.to_owned(),
        why: LeftoverWhy::of(row.text(2).ok()?)?,
        count: row.count(3).ok()?,
    })
}
