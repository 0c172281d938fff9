//! What looks would have changed where they may only look, as rows.

use event_store::{Batch, Db, DbError, Expect, WriteError};
use schema::{System, Timestamp};

use crate::subject::Subject;

/// Sentences kept per subject and system. The count says how many there were.
const STEPS_KEPT: usize = 20;
/// Letters kept of a sentence.
const LETTERS_KEPT: usize = 200;

/// The rows.
#[derive(Clone)]
pub(crate) struct DifferenceRows {
    db: Db,
}

impl DifferenceRows {
    pub(crate) fn new(db: Db) -> Self {
        Self { db }
    }

    /// Keeps what the last look would have changed, in place of what the one before would have.
    pub(crate) async fn note(
        &self,
        subject: Subject,
        system: System,
        steps: &[String],
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let kept: Vec<String> =
            steps.iter().take(STEPS_KEPT).map(|step| step.chars().take(LETTERS_KEPT).collect()).collect();
        let mut batch = Batch::new();
        batch.run(
            "insert into differences (subject, system, at, steps, count) values ($1, $2, $3, $4, $5)
             on conflict (subject, system) do update set
                 at = excluded.at, steps = excluded.steps, count = excluded.count",
            vec![
                subject.to_string().into(),
                system.as_str().into(),
                now.to_string().into(),
                // A list of texts can always be written.
                serde_json::to_string(&kept).unwrap_or_default().into(),
                i64::try_from(steps.len()).unwrap_or(i64::MAX).into(),
            ],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// The system is no longer only observed.
    pub(crate) async fn forget_all(&self, system: System) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run("delete from differences where system = $1", vec![system.as_str().into()], Expect::Any);
        self.db.write(batch).await.map(drop)
    }

    /// Nothing differs any more, or we may act again.
    pub(crate) async fn forget(&self, subject: Subject, system: System) -> Result<(), WriteError> {
        let mut batch = Batch::new();
        batch.run(
            "delete from differences where subject = $1 and system = $2",
            vec![subject.to_string().into(), system.as_str().into()],
            Expect::Any,
        );
        self.db.write(batch).await.map(drop)
    }

    /// How many subjects differ in each system; nothing where none does.
    pub(crate) async fn count_by_system(&self) -> Result<Vec<(System, u64)>, DbError> {
        let sql = "select system, count(*) from differences where count > 0 group by system order by system";
        let rows = self.db.query(sql, &[]).await?;
        Ok(rows
            .iter()
            .filter_map(|row| Some((row.text(0).ok()?.parse().ok()?, row.count(1).ok()?)))
            .collect())
    }
}
