//! How we may act in each system, as rows: what a process was started with is shown by others.

use event_store::{Batch, Db, DbError, Row, WriteError};
use schema::{System, Timestamp};

use crate::config::SystemMode;

/// How we may act in a system, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moded {
    /// Where.
    pub system: System,
    /// How.
    pub mode: SystemMode,
    /// Since the first start with this mode.
    pub since: Timestamp,
}

/// The rows.
#[derive(Clone)]
pub(crate) struct ModeRows {
    db: Db,
}

impl ModeRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Says how this process may act. What has not changed keeps its time.
    pub(crate) async fn note_all(
        &self,
        modes: &[(System, SystemMode)],
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let rows = modes
            .iter()
            .map(|(system, mode)| vec![system.as_str().into(), mode.as_str().into(), now.to_string().into()]);
        let mut batch = Batch::new();
        batch.insert_many_or(
            "modes",
            &["system", "mode", "since"],
            rows.collect(),
            "on conflict (system) do update set
                 since = case when modes.mode = excluded.mode then modes.since else excluded.since end,
                 mode = excluded.mode",
        );
        if batch.is_empty() { Ok(()) } else { self.db.write(batch).await.map(drop) }
    }

    /// Every system that a reconciler was ever started for.
    pub(crate) async fn list(&self) -> Result<Vec<Moded>, DbError> {
        let rows = self.db.query("select system, mode, since from modes order by system", &[]).await?;
        Ok(rows.iter().filter_map(moded).collect())
    }
}

fn moded(row: &Row) -> Option<Moded> {
    let word = row.text(1).ok()?;
    let all = [SystemMode::Enforce, SystemMode::Observe, SystemMode::Paused, SystemMode::Disabled];
    Some(Moded {
        system: row.text(0).ok()?.parse().ok()?,
        mode: all.into_iter().find(|mode| mode.as_str() == word)?,
        since: row.text(2).ok()?.parse().ok()?,
    })
}
