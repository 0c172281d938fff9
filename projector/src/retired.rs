//! Copies that are no longer live are kept for a way back, and dropped when nobody will want to go back.

use event_store::{Batch, DbError, Expect, WriteError};
use schema::Timestamp;

use crate::READ_MODELS;
use crate::model::ReadModel;
use crate::storage;
use crate::views::Views;

/// How long `dezky rollback` can go back. Long enough to notice, short enough not to follow with twice the work for ever.
const DAYS_KEPT: i64 = 7;

/// Why copies stay for now.
#[derive(Debug, thiserror::Error)]
#[error("drop copies of read models that are no longer live")]
pub enum RetiredError {
    /// They could not be found.
    Read(#[from] DbError),
    /// They could not be dropped.
    Write(#[from] WriteError),
}

impl Views {
    /// Drops copies that have not been live for some days. Which: name and number.
    pub async fn drop_retired(&self, now: Timestamp) -> Result<Vec<(&'static str, u32)>, RetiredError> {
        let mut first_seen = Batch::new();
        first_seen.run(
            "update checkpoints set retired_at = $1
              where retired_at is null and exists (select 1 from live l
                    where l.read_model = checkpoints.read_model and l.version <> checkpoints.version)",
            vec![now.to_string().into()],
            Expect::Any,
        );
        self.db().write(first_seen).await?;
        let before = now.plus_days(-DAYS_KEPT).to_string();
        let rows = self
            .db()
            .query(
                "select c.read_model, c.version from checkpoints c
                   join live l on l.read_model = c.read_model and l.version <> c.version
                  where c.retired_at < $1 order by c.read_model, c.version",
                &[before.clone().into()],
            )
            .await?;
        let mut dropped = Vec::new();
        for row in &rows {
            let name = row.text(0)?;
            let Some(model) = READ_MODELS.iter().find(|model| model.name == name) else { continue };
            let Ok(copy) = u32::try_from(row.count(1)?) else { continue };
            match self.db().write(away_with(model, copy, &before)).await {
                Ok(_) => dropped.push((model.name, copy)),
                // Somebody has just gone back to it.
                Err(WriteError::Expectation { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(dropped)
    }
}

/// The checkpoint first: whoever follows the copy, or goes back to it at this moment, decides there.
fn away_with(model: &ReadModel, copy: u32, before: &str) -> Batch {
    let mut batch = Batch::new();
    batch
        .run(
            "delete from checkpoints where read_model = $1 and version = $2 and retired_at < $3",
            vec![model.name.into(), copy.into(), before.into()],
            Expect::Rows(1),
        )
        .run(
            "delete from parked where read_model = $1 and version = $2",
            vec![model.name.into(), copy.into()],
            Expect::Any,
        );
    for table in model.tables {
        batch.run(storage::drop_table(table, copy), vec![], Expect::Any);
    }
    batch
}
