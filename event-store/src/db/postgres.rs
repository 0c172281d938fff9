//! Postgres: a pool of writers and a pool of readers with different session settings.

mod columns;
mod guarded;
mod session;
mod statement;
mod transaction;

use deadpool_postgres::{Object, Pool, PoolError};
use tokio_postgres::error::SqlState;

use super::batch::Batch;
use super::url::Server;
use super::{ByKeys, DbError, Purpose, Query, Row, Value, WriteError};
#[cfg(test)]
pub(super) use statement::by_keys;
use statement::failed;

pub(super) struct Postgres {
    writers: Pool,
    readers: Pool,
}

impl Postgres {
    pub(super) async fn open(server: &Server, purpose: Purpose) -> Result<Self, DbError> {
        let db =
            Self { writers: session::writers(server, purpose)?, readers: session::readers(server, purpose)? };
        let rows = db
            .query("select current_setting('server_encoding'), current_setting('synchronous_commit')", &[])
            .await?;
        let row = rows.first().ok_or_else(|| DbError::new("read the settings of the server"))?;
        if row.text(0)? != "UTF8" {
            return Err(DbError::new(
                "use a database whose encoding is not UTF8: create one with encoding 'UTF8' template template0",
            ));
        }
        if purpose == Purpose::Log && row.text(1)? == "off" {
            tracing::warn!("synchronous_commit is off: the server may lose commands it has acknowledged");
        }
        Ok(db)
    }

    pub(super) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let client = reader(&self.readers).await?;
        match statement::query(&client, sql, params).await {
            Err(error) if client.is_closed() || is_stale(&error) => {
                // The connection died while it was idle, or a table behind the statement was swapped: once more, afresh.
                client.statement_cache.clear();
                drop(client);
                let client = reader(&self.readers).await?;
                statement::query(&client, sql, params).await.map_err(|error| failed("read rows", error))
            }
            answer => answer.map_err(|error| failed("read rows", error)),
        }
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, DbError> {
        let client = reader(&self.readers).await?;
        Ok(Snapshot { client, phase: Phase::Unbegun })
    }

    pub(super) async fn query_by_keys(&self, reads: Vec<ByKeys>) -> Result<Vec<Vec<Row>>, DbError> {
        let client = reader(&self.readers).await?;
        match statement::query_by_keys(&client, &reads).await {
            Err(error) if client.is_closed() || is_stale(&error) => {
                client.statement_cache.clear();
                drop(client);
                let client = reader(&self.readers).await?;
                statement::query_by_keys(&client, &reads)
                    .await
                    .map_err(|error| failed("read rows by keys", error))
            }
            answer => answer.map_err(|error| failed("read rows by keys", error)),
        }
    }

    pub(super) async fn write(&self, batch: Batch) -> Result<Vec<u64>, WriteError> {
        transaction::write(&self.writers, &batch).await
    }

    pub(super) async fn execute_ddl(&self, sql: &str) -> Result<(), DbError> {
        transaction::execute_ddl(&self.writers, sql).await
    }

    pub(super) async fn bulk_load(
        &self,
        table: &str,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<Value>> + Send,
    ) -> Result<u64, DbError> {
        transaction::bulk_load(&self.writers, table, columns, rows).await
    }
}

async fn reader(pool: &Pool) -> Result<Object, DbError> {
    pool.get().await.map_err(unreachable)
}

/// The server's words without the pool's around them.
fn unreachable(error: PoolError) -> DbError {
    let attempted = "reach the database server";
    match error {
        PoolError::Backend(source) => DbError::because(attempted, source),
        other @ (PoolError::Timeout(_)
        | PoolError::Closed
        | PoolError::NoRuntimeSpecified
        | PoolError::PostCreateHook(_)) => DbError::because(attempted, other),
    }
}

/// A prepared statement whose tables have changed under it.
fn is_stale(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        *code == SqlState::FEATURE_NOT_SUPPORTED || *code == SqlState::INVALID_SQL_STATEMENT_NAME
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Unbegun,
    Open,
}

pub struct Snapshot {
    client: Object,
    phase: Phase,
}

impl Snapshot {
    /// The first reads travel together with the begin, so a snapshot costs no round trip of its own.
    pub(super) async fn query_all(&mut self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, DbError> {
        let mut prepared = Vec::with_capacity(queries.len());
        for (sql, params) in &queries {
            let statement = self.client.prepare_cached(sql).await;
            prepared.push((statement.map_err(|error| failed("prepare a statement", error))?, params));
        }
        let client = &self.client;
        let opening = async {
            if self.phase == Phase::Unbegun {
                client.batch_execute("begin isolation level repeatable read, read only").await?;
            }
            Ok::<(), tokio_postgres::Error>(())
        };
        let reads = futures::future::join_all(
            prepared.iter().map(|(statement, params)| statement::read(client, statement, params)),
        );
        let (begun, answers) = futures::future::join(opening, reads).await;
        begun.map_err(|error| failed("begin a snapshot", error))?;
        self.phase = Phase::Open;
        let rows = answers.into_iter().map(|answer| {
            answer.map_err(|error| failed("read rows", error)).and_then(|found| statement::rows(&found))
        });
        rows.collect()
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Also when it is still `Unbegun`: a dropped query may have sent its begin already.
        transaction::roll_back(&self.client);
        if self.client.is_closed() {
            self.client.statement_cache.clear();
        }
    }
}
