//! What the reconciler says of itself in rows beside the log: how it may act in each system, what it leaves alone, what
//! it does not believe. For the API, which does not know the reconciler.

use std::collections::BTreeMap;

use event_store::{Db, DbError, Query, Row};
use schema::{System, Timestamp};
use serde::Serialize;

use crate::api::Moment;
use crate::parts::text;
use crate::select::QueryError;
use crate::views::{At, Views};

/// How the reconciler may act in a system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Acting {
    /// It makes everything right. What nobody ever said otherwise about.
    #[default]
    Enforce,
    /// It looks, and says what it would do.
    Observe,
    /// It does nothing there for now.
    Paused,
    /// The system is no part of this installation.
    Disabled,
}

impl Acting {
    /// The word used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    fn of(word: &str) -> Option<Self> {
        [Self::Enforce, Self::Observe, Self::Paused, Self::Disabled]
            .into_iter()
            .find(|acting| acting.as_str() == word)
    }
}

/// How the reconciler stands, for who looks after the installation. At most one entry of each kind per system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Readiness and are explained there")]
pub struct Standing {
    /// Systems in which it does not act as usual.
    pub modes: BTreeMap<System, Acting>,
    pub left_alone: Vec<LeftAlone>,
    pub losses: Vec<Loss>,
    /// Looks that ended the task they ran in and are tried again.
    pub crashed: u64,
}

/// A system nobody calls for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Readiness and are explained there")]
pub struct LeftAlone {
    pub system: System,
    pub why: String,
    pub since: Moment,
    pub until: Moment,
}

/// A system in which nothing is made for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Readiness and are explained there")]
pub struct Loss {
    pub system: System,
    pub why: String,
    pub missing: u64,
    pub bound: u64,
    pub since: Moment,
    pub confirmed: bool,
}

const MODES: &str = "select system, mode from modes";

/// How the reconciler stands. A row nobody of this build wrote is passed over.
pub async fn standing(views: &Views) -> Result<Standing, DbError> {
    let db: &Db = views.db();
    let modes = db.query(MODES, &[]).await?;
    let left_alone =
        db.query("select system, why, since, until from left_alone order by system", &[]).await?;
    let losses = "select system, why, missing, bound, since, confirmed_at from losses order by system";
    let losses = db.query(losses, &[]).await?;
    let crashed = db.query("select count(*) from due where state = 'crashed'", &[]).await?;
    Ok(Standing {
        modes: modes_in(&modes).into_iter().filter(|(_, acting)| *acting != Acting::Enforce).collect(),
        left_alone: left_alone.iter().filter_map(left_alone_in).collect(),
        losses: losses.iter().filter_map(loss_in).collect(),
        crashed: crashed.first().map(|row| row.count(0)).transpose()?.unwrap_or_default(),
    })
}

fn modes_in(rows: &[Row]) -> BTreeMap<System, Acting> {
    rows.iter()
        .filter_map(|row| Some((row.text(0).ok()?.parse().ok()?, Acting::of(row.text(1).ok()?)?)))
        .collect()
}

fn left_alone_in(row: &Row) -> Option<LeftAlone> {
    Some(LeftAlone {
        system: row.text(0).ok()?.parse().ok()?,
        why: row.text(1).ok()?.to_owned(),
        since: Moment(row.text(2).ok()?.parse().ok()?),
        until: Moment(row.text(3).ok()?.parse().ok()?),
    })
}

fn loss_in(row: &Row) -> Option<Loss> {
    Some(Loss {
        system: row.text(0).ok()?.parse().ok()?,
        why: row.text(1).ok()?.to_owned(),
        missing: row.count(2).ok()?,
        bound: row.count(3).ok()?,
        since: Moment(row.text(4).ok()?.parse().ok()?),
        confirmed: row.opt_text(5).ok()?.is_some(),
    })
}

/// How the reconciler may act, and when it looks at some tenants next.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ahead {
    modes: BTreeMap<System, Acting>,
    next: BTreeMap<(String, System), Timestamp>,
}

impl Ahead {
    pub(crate) fn acting(&self, system: System) -> Acting {
        self.modes.get(&system).copied().unwrap_or_default()
    }

    pub(crate) fn next(&self, subject: &str, system: System) -> Option<Timestamp> {
        self.next.get(&(subject.to_owned(), system)).copied()
    }

    /// Systems that are paused by setting.
    pub(crate) fn paused(&self) -> Vec<System> {
        System::ALL.into_iter().filter(|system| self.acting(*system) == Acting::Paused).collect()
    }
}

/// The same from rows: two queries however many tenants, in one round trip.
pub(crate) async fn ahead_of(at: &mut At, subjects: &[event_store::Value]) -> Result<Ahead, QueryError> {
    if subjects.is_empty() {
        return Ok(Ahead::default());
    }
    let places = (1..=subjects.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    let next = format!("select subject, system, due_at from due where subject in ({places})");
    let queries: Vec<Query> = vec![(MODES.into(), vec![]), (next.into(), subjects.to_vec())];
    let mut answers = at.query_all(queries).await?.into_iter();
    let modes = modes_in(&answers.next().unwrap_or_default());
    let rows = answers.next().unwrap_or_default();
    let next = rows.iter().filter_map(|row| {
        let subject = row.text(0).ok()?.to_owned();
        Some(((subject, row.text(1).ok()?.parse().ok()?), row.text(2).ok()?.parse().ok()?))
    });
    Ok(Ahead { modes, next: next.collect() })
}

/// What a look would have changed for a tenant in systems that are only observed.
pub(crate) struct Differing {
    pub(crate) at: Timestamp,
    pub(crate) steps: Vec<String>,
    pub(crate) count: u64,
}

pub(crate) async fn differing(
    at: &mut At,
    subject: impl std::fmt::Display,
) -> Result<BTreeMap<System, Differing>, QueryError> {
    let sql = "select system, at, steps, count from differences where subject = $1";
    let rows = at.query(sql, &[text(subject)]).await?;
    let read = |row: &Row| {
        let differing = Differing {
            at: row.text(1).ok()?.parse().ok()?,
            steps: serde_json::from_str(row.text(2).ok()?).ok()?,
            count: row.count(3).ok()?,
        };
        Some((row.text(0).ok()?.parse().ok()?, differing))
    };
    Ok(rows.iter().filter_map(read).collect())
}
