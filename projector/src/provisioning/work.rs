//! What the reconciler has noted about a tenant, beside the log.

use std::collections::BTreeMap;

use event_store::{Row, Value};
use schema::{System, TenantId, Timestamp};

use super::{DifferencesView, FailedResource};
use crate::api::Moment;
use crate::health;
use crate::parts::text;
use crate::select::QueryError;
use crate::standing::{Acting, Ahead, Differing, ahead_of, differing};
use crate::views::At;

/// Letters shown of what an outside system said.
const UPSTREAM_LETTERS_MAX: usize = 300;

/// What is noted about a tenant in each system.
#[derive(Default)]
pub(super) struct Work {
    key: String,
    ahead: Ahead,
    /// Failures in a row.
    attempts: BTreeMap<System, u64>,
    attempted_at: BTreeMap<System, Timestamp>,
    said: BTreeMap<System, Said>,
    differing: BTreeMap<System, Differing>,
}

/// The last failed attempt.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    /// The object it failed on.
    pub(super) resource: Option<FailedResource>,
    /// The system's own words.
    pub(super) upstream: Option<String>,
}

/// The rows of one tenant.
pub(super) async fn of(at: &mut At, id: TenantId) -> Result<Work, QueryError> {
    let key: [Value; 1] = [text(id)];
    let ahead = ahead_of(at, &key).await?;
    let attempts = at.query("select system, attempts from due where subject = $1", &key).await?;
    let last = "select system, max(started_at) from attempts where subject = $1 group by system";
    let last = at.query(last, &key).await?;
    let failed = "select a.system, a.resource_kind, a.resource_key, a.upstream from attempts a
                   where a.subject = $1 and a.started_at = (select max(b.started_at) from attempts b
                         where b.subject = a.subject and b.system = a.system and b.outcome = 'failed')";
    let failed = at.query(failed, &key).await?;
    Ok(Work {
        key: id.to_string(),
        ahead,
        attempts: by_system(&attempts, |row| row.count(1).ok()),
        attempted_at: by_system(&last, |row| row.text(1).ok()?.parse().ok()),
        said: by_system(&failed, said),
        differing: differing(at, id).await?,
    })
}

fn by_system<T>(rows: &[Row], read: impl Fn(&Row) -> Option<T>) -> BTreeMap<System, T> {
    rows.iter().filter_map(|row| Some((row.text(0).ok()?.parse().ok()?, read(row)?))).collect()
}

fn said(row: &Row) -> Option<Said> {
    let (kind, key) = (row.opt_text(1).ok()?, row.opt_text(2).ok()?);
    let resource =
        kind.zip(key).map(|(kind, key)| FailedResource { kind: kind.to_owned(), key: key.to_owned() });
    let upstream = row.opt_text(3).ok()?.map(|text| text.chars().take(UPSTREAM_LETTERS_MAX).collect());
    Some(Said { resource, upstream })
}

impl Work {
    /// How the reconciler may act there.
    pub(super) fn acting(&self, system: System) -> Acting {
        self.ahead.acting(system)
    }

    /// Systems that are paused by setting.
    pub(super) fn paused(&self) -> Vec<System> {
        self.ahead.paused()
    }

    /// Failures in a row so far.
    pub(super) fn attempts(&self, system: System) -> u64 {
        self.attempts.get(&system).copied().unwrap_or_default()
    }

    /// When it was looked at last.
    pub(super) fn attempted_at(&self, system: System) -> Option<Timestamp> {
        self.attempted_at.get(&system).copied()
    }

    /// When it is looked at next.
    pub(super) fn next(&self, system: System) -> Option<Timestamp> {
        self.ahead.next(&self.key, system)
    }

    /// What the last failed attempt met.
    pub(super) fn said(&self, system: System) -> Said {
        self.said.get(&system).cloned().unwrap_or_default()
    }

    /// What would be changed, where it is only observed.
    pub(super) fn differences(&self, system: System) -> Option<DifferencesView> {
        let acting = self.acting(system);
        let found =
            self.differing.get(&system).filter(|found| acting == Acting::Observe && found.count > 0)?;
        let changes = if found.count == 1 { "change" } else { "changes" };
        Some(DifferencesView {
            message: format!(
                "{}; {} {changes} would be made",
                health::held_back(system, acting).unwrap_or_default(),
                found.count
            ),
            seen_at: Moment(found.at),
            count: found.count,
            steps: found.steps.clone(),
        })
    }
}
