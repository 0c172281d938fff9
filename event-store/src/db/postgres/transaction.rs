//! Transactions on Postgres: pipelined on one connection, with an honest answer when the connection is lost.

use std::borrow::Cow;
use std::pin::pin;
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object, Pool};
use futures::FutureExt as _;
use futures::future::{join, join_all};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use tokio_postgres::{Error, Statement};

use super::columns::Columns;
use super::guarded::Guarded;
use super::statement::{borrowed, failed};
use crate::db::batch::{Batch, Expect, Sending, Step};
use crate::db::{DbError, Value, WriteError};

/// Longer than any timeout of the session: a server that keeps silent for so long is gone.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
const DIVISION_BY_ZERO: &str = "22012";

/// An open transaction; rolled back unless it says it is done.
struct Open<'client> {
    client: &'client ClientWrapper,
    finished: Finished,
}

#[derive(PartialEq, Eq)]
enum Finished {
    No,
    Yes,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.finished == Finished::No {
            roll_back(self.client);
        }
    }
}

/// Sends a rollback and does not wait: requests of one connection are answered in order, so the next user comes after it.
pub(super) fn roll_back(client: &ClientWrapper) {
    if !client.is_closed() {
        drop(pin!(client.batch_execute("rollback")).now_or_never());
    }
}

async fn writer(pool: &Pool) -> Result<Object, DbError> {
    pool.get().await.map_err(super::unreachable)
}

pub(super) async fn write(pool: &Pool, batch: &Batch) -> Result<Vec<u64>, WriteError> {
    let client = writer(pool).await.map_err(WriteError::Unavailable)?;
    match tokio::time::timeout(ANSWER_WITHIN, on(&client, batch)).await {
        Ok(answer) => answer,
        Err(silence) => {
            drop(Object::take(client));
            Err(WriteError::Unknown(DbError::because("wait for the database server", silence)))
        }
    }
}

async fn on(client: &ClientWrapper, batch: &Batch) -> Result<Vec<u64>, WriteError> {
    if let Some(guarded) = Guarded::of(batch) {
        return guarded.write(client).await;
    }
    let unavailable = |error| WriteError::Unavailable(failed("prepare a statement", error));
    let mut calls = Vec::with_capacity(batch.steps.len());
    for step in &batch.steps {
        calls.push(Call::prepare(client, step, batch.sending).await.map_err(unavailable)?);
    }
    let mut open = Open { client, finished: Finished::No };
    let steps = join_all(calls.iter().map(|call| call.send(client)));
    match batch.sending {
        Sending::OneFlush => {
            let ((begun, answers), committed) =
                join(join(client.batch_execute("begin"), steps), client.batch_execute("commit")).await;
            // A commit after a failed step is a rollback, so either way the transaction is over.
            open.finished = Finished::Yes;
            begun.map_err(lost_at("begin a transaction"))?;
            let touched = verdicts(&calls, answers)?;
            committed.map_err(|error| WriteError::Unknown(failed("commit a transaction", error)))?;
            Ok(touched)
        }
        Sending::Asking => {
            let (begun, answers) = join(client.batch_execute("begin"), steps).await;
            let nothing = |error| WriteError::Unavailable(failed("begin a transaction", error));
            begun.map_err(nothing)?;
            // No commit was sent, so whatever was lost here certainly was not written.
            let touched = verdicts(&calls, answers).map_err(certainly_nothing)?;
            let committed = client.batch_execute("commit").await;
            open.finished = Finished::Yes;
            committed.map_err(|error| WriteError::Unknown(failed("commit a transaction", error)))?;
            Ok(touched)
        }
    }
}

fn certainly_nothing(error: WriteError) -> WriteError {
    match error {
        WriteError::Unknown(source) => WriteError::Unavailable(source),
        other @ (WriteError::Expectation { .. }
        | WriteError::Constraint { .. }
        | WriteError::Unavailable(_)) => other,
    }
}

/// An answer from the server means the transaction failed; no answer means nobody knows.
fn lost_at(attempted: &'static str) -> impl Fn(Error) -> WriteError {
    move |error| {
        if error.as_db_error().is_some() {
            WriteError::Unavailable(failed(attempted, error))
        } else {
            WriteError::Unknown(failed(attempted, error))
        }
    }
}

fn verdicts(calls: &[Call<'_>], answers: Vec<Result<u64, Error>>) -> Result<Vec<u64>, WriteError> {
    let mut touched = Vec::with_capacity(answers.len());
    for (step, (call, answer)) in calls.iter().zip(answers).enumerate() {
        let rows = answer.map_err(|error| refused(step, call, error))?;
        match call.counted {
            Counted::Here(expected) if rows != expected => {
                return Err(WriteError::Expectation { step, rows });
            }
            Counted::Inside(expected) => touched.push(expected),
            Counted::Here(_) | Counted::Nowhere => touched.push(rows),
        }
    }
    Ok(touched)
}

fn refused(step: usize, call: &Call<'_>, error: Error) -> WriteError {
    let Some(code) = error.code().map(|code| code.code().to_owned()) else {
        return lost_at("run a statement")(error);
    };
    if code == DIVISION_BY_ZERO && matches!(call.counted, Counted::Inside(_)) {
        return WriteError::Expectation { step, rows: 0 };
    }
    // Classes 22 and 23: the value or the key is wrong, and will be wrong again.
    if code.starts_with("22") || code.starts_with("23") {
        return WriteError::Constraint { step, source: failed("run a statement", error) };
    }
    WriteError::Unavailable(failed("run a statement", error))
}

/// Who compares the rows a step touched with what it had to touch.
#[derive(Clone, Copy)]
enum Counted {
    Nowhere,
    Here(u64),
    /// The statement itself divides by zero when the number is wrong, so that a commit already on its way cannot succeed.
    Inside(u64),
}

struct Call<'step> {
    statement: Statement,
    params: Params<'step>,
    counted: Counted,
}

enum Params<'step> {
    Values(&'step [Value]),
    Columns(Columns<'step>),
}

impl<'step> Call<'step> {
    async fn prepare(client: &ClientWrapper, step: &'step Step, sending: Sending) -> Result<Self, Error> {
        match step {
            Step::Run { sql, params, expect } => {
                let (sql, counted) = match (expect, sending) {
                    (Expect::Any, _) => (Cow::Borrowed(&**sql), Counted::Nowhere),
                    (Expect::Rows(rows), Sending::Asking) => (Cow::Borrowed(&**sql), Counted::Here(*rows)),
                    (Expect::Rows(rows), Sending::OneFlush) => (
                        Cow::Owned(format!(
                            "with step as ({sql} returning 1) select 1 / (case when count(*) = {rows} then 1 else 0 end) from step"
                        )),
                        Counted::Inside(*rows),
                    ),
                };
                let statement = client.prepare_cached(&sql).await?;
                Ok(Self { statement, params: Params::Values(params), counted })
            }
            Step::Insert { table, columns, rows, on_conflict } => {
                let columns = Columns::of(columns, rows);
                let (names, arrays) = (columns.names(), columns.unnested(&mut 0));
                let sql = format!("insert into {table} ({names}) select {arrays} {on_conflict}");
                let statement = client.prepare_cached(&sql).await?;
                Ok(Self { statement, params: Params::Columns(columns), counted: Counted::Nowhere })
            }
        }
    }

    async fn send(&self, client: &ClientWrapper) -> Result<u64, Error> {
        match &self.params {
            Params::Values(values) => client.execute(&self.statement, &borrowed(values)).await,
            Params::Columns(columns) => {
                let params: Vec<_> = columns.params().collect();
                client.execute(&self.statement, &params).await
            }
        }
    }
}

pub(super) async fn execute_ddl(pool: &Pool, sql: &str) -> Result<(), DbError> {
    let client = writer(pool).await?;
    let mut open = Open { client: &client, finished: Finished::No };
    // An index over a large table takes its time; the wait for a lock stays short.
    let text = format!("begin; set local statement_timeout = '15min'; {sql}; commit");
    client.batch_execute(&text).await.map_err(|error| failed("change tables", error))?;
    open.finished = Finished::Yes;
    Ok(())
}

pub(super) async fn bulk_load(
    pool: &Pool,
    table: &str,
    columns: &[&str],
    rows: impl Iterator<Item = Vec<Value>> + Send,
) -> Result<u64, DbError> {
    let client = writer(pool).await?;
    let load = |error| failed("load rows", error);
    let names = columns.join(", ");
    let shape = client.prepare(&format!("select {names} from {table}")).await.map_err(load)?;
    let types: Vec<Type> = shape.columns().iter().map(|column| column.type_().clone()).collect();
    let mut open = Open { client: &client, finished: Finished::No };
    client.batch_execute("begin; set local statement_timeout = '15min'").await.map_err(load)?;
    let sink = client.copy_in(&format!("copy {table} ({names}) from stdin binary")).await.map_err(load)?;
    let mut copy = pin!(BinaryCopyInWriter::new(sink, &types));
    for row in rows {
        copy.as_mut().write(&borrowed(&row)).await.map_err(load)?;
    }
    let loaded = copy.finish().await.map_err(load)?;
    client.batch_execute("commit").await.map_err(load)?;
    open.finished = Finished::Yes;
    Ok(loaded)
}
