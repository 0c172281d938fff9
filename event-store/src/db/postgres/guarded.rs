//! A guarded transaction as one statement: the server commits it by itself, so it costs one message each way.
//!
//! # What always holds
//! * The guard is the first lock: every insert reads from it, so none of them writes a row before it has moved.
//! * A guard that moved nothing inserts nothing.
//! * `Ok` means the server is ready for the next statement, and so the commit of this one returned.

use std::fmt::Write as _;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error;
use tokio_postgres::error::Severity;

use super::columns::Columns;
use super::statement::{borrowed, failed};
use crate::db::batch::{Batch, Expect, Sending, Step};
use crate::db::{Value, WriteError};

/// A guard that has to touch one row, and the rows it guards.
pub(super) struct Guarded<'batch> {
    guard: &'batch str,
    params: &'batch [Value],
    inserts: Vec<Insert<'batch>>,
}

struct Insert<'batch> {
    table: &'batch str,
    columns: Columns<'batch>,
    rows: usize,
    on_conflict: &'static str,
}

impl<'batch> Guarded<'batch> {
    /// The batch, if it has this form.
    pub(super) fn of(batch: &'batch Batch) -> Option<Self> {
        let [Step::Run { sql, params, expect: Expect::Rows(1) }, rest @ ..] = &batch.steps[..] else {
            return None;
        };
        if batch.sending != Sending::OneFlush {
            return None;
        }
        let inserts = rest.iter().map(|step| match step {
            Step::Insert { table, columns, rows, on_conflict } => {
                let columns = Columns::of(columns, rows);
                Some(Insert { table, columns, rows: rows.len(), on_conflict })
            }
            Step::Run { .. } => None,
        });
        Some(Self { guard: sql, params, inserts: inserts.collect::<Option<_>>()? })
    }

    pub(super) async fn write(&self, client: &ClientWrapper) -> Result<Vec<u64>, WriteError> {
        let unavailable = |error| WriteError::Unavailable(failed("prepare a statement", error));
        let statement = client.prepare_cached(&self.sql()).await.map_err(unavailable)?;
        let mut params = borrowed(self.params);
        for insert in &self.inserts {
            params.extend(insert.columns.params());
        }
        match client.execute(&statement, &params).await {
            Ok(1) => {
                Ok(std::iter::once(1).chain(self.inserts.iter().map(|insert| insert.rows as u64)).collect())
            }
            Ok(rows) => Err(WriteError::Expectation { step: 0, rows }),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn sql(&self) -> String {
        let mut sql = format!("with guard as ({} returning 1)", self.guard);
        let mut place = self.params.len();
        for (step, insert) in self.inserts.iter().enumerate() {
            let Insert { table, columns, on_conflict, .. } = insert;
            let (names, arrays) = (columns.names(), columns.unnested(&mut place));
            // Writing to a string cannot fail.
            let _ = write!(
                sql,
                ", step{step} as (insert into {table} ({names}) select {arrays} from guard {on_conflict})"
            );
        }
        sql.push_str(" select 1 from guard");
        sql
    }

    fn refused(&self, error: Error) -> WriteError {
        let Some(said) = error.as_db_error() else {
            return WriteError::Unknown(failed("write a transaction", error));
        };
        // A session that was ended says so with an error too, perhaps after its commit.
        if said.parsed_severity() != Some(Severity::Error) {
            return WriteError::Unknown(failed("write a transaction", error));
        }
        let code = said.code().code();
        if code.starts_with("22") || code.starts_with("23") {
            let step = self.inserts.iter().position(|insert| Some(insert.table) == said.table());
            let step = step.map_or(0, |insert| insert + 1);
            return WriteError::Constraint { step, source: failed("write a transaction", error) };
        }
        WriteError::Unavailable(failed("write a transaction", error))
    }
}
