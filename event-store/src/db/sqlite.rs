//! SQLite: one writer thread, a pool of reader threads, each with its own connection.

mod statement;
mod thread;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::batch::{Batch, Expect, Step};
use super::{ByKeys, DbError, Purpose, Query, Row, Value, WriteError};
use thread::Worker;

const READERS_MAX: usize = 8;
const READER_WAIT: Duration = Duration::from_secs(5);
const BULK_ROWS: usize = 5_000;

pub(super) struct Sqlite {
    writer: Worker,
    readers: Arc<Readers>,
    /// Keeps a temporary database until the last user is gone.
    _directory: Option<tempfile::TempDir>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Worker>>,
    permits: Arc<Semaphore>,
}

impl Sqlite {
    pub(super) fn open(path: &Path, purpose: Purpose) -> Result<Self, DbError> {
        // The views file may lose its last commits at power loss: rows and checkpoint are lost together.
        let synchronous = match purpose {
            Purpose::Log => "full",
            Purpose::Views => "normal",
        };
        Self::with(path, synchronous, None)
    }

    /// A new database that lives as long as its users. A file, because the in-memory kind cannot give a reader a snapshot
    /// while somebody writes.
    pub(super) fn open_temporary() -> Result<Self, DbError> {
        let directory = tempfile::Builder::new()
            .prefix("dezky-sqlite-")
            .tempdir()
            .map_err(|error| DbError::because("make a directory for a temporary database", error))?;
        let path = directory.path().join("memory.db");
        Self::with(&path, "off", Some(directory))
    }

    fn with(path: &Path, synchronous: &str, directory: Option<tempfile::TempDir>) -> Result<Self, DbError> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent)
                .map_err(|error| DbError::because("make the directory of a database", error))?;
        }
        let writer = Worker::start(
            path,
            &format!(
                "pragma busy_timeout = 5000; pragma journal_mode = wal; pragma synchronous = {synchronous};
                 pragma foreign_keys = on; pragma temp_store = memory; pragma journal_size_limit = 67108864;"
            ),
        )?;
        let readers = Readers {
            path: path.to_owned(),
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(READERS_MAX)),
        };
        Ok(Self { writer, readers: Arc::new(readers), _directory: directory })
    }

    pub(super) async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let reader = self.readers.check_out().await?;
        let (sql, params) = (sql.to_owned(), params.to_vec());
        reader.worker().ask(move |connection| statement::query(connection, &sql, &params)).await?
    }

    pub(super) async fn snapshot(&self) -> Result<Snapshot, DbError> {
        // Made before the transaction begins: whoever stops waiting for it must not leave it to the next reader.
        let snapshot = Snapshot { reader: self.readers.check_out().await? };
        // A deferred transaction sees nothing until its first read, so that read is made here.
        let begun = snapshot.reader.worker().ask(|connection| {
            connection.execute_batch("begin deferred; select 1 from sqlite_schema limit 1;")
        });
        begun.await?.map_err(|error| statement::failed("begin a snapshot", error))?;
        Ok(snapshot)
    }

    pub(super) async fn query_by_keys(&self, reads: Vec<ByKeys>) -> Result<Vec<Vec<Row>>, DbError> {
        let reader = self.readers.check_out().await?;
        reader.worker().ask(move |connection| statement::query_by_keys(connection, &reads)).await?
    }

    pub(super) async fn write(&self, batch: Batch) -> Result<Vec<u64>, WriteError> {
        // The thread finishes what it began even when nobody waits for the answer any more.
        match self.writer.ask(move |connection| write(connection, &batch)).await {
            Ok(answer) => answer,
            Err(error) => Err(WriteError::Unknown(error)),
        }
    }

    pub(super) async fn execute_ddl(&self, sql: &str) -> Result<(), DbError> {
        let sql = sql.to_owned();
        let done = self.writer.ask(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(&sql)?;
            transaction.commit()
        });
        done.await?.map_err(|error| statement::failed("change tables", error))
    }

    pub(super) async fn bulk_load(
        &self,
        table: &str,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<Value>> + Send,
    ) -> Result<u64, DbError> {
        let mut rows = rows.peekable();
        let mut loaded = 0;
        while rows.peek().is_some() {
            let chunk: Vec<_> = rows.by_ref().take(BULK_ROWS).collect();
            let mut batch = Batch::new();
            batch.insert_many(table, columns, chunk);
            let touched = self.write(batch).await.map_err(|error| DbError::because("load rows", error))?;
            loaded += touched.iter().sum::<u64>();
        }
        Ok(loaded)
    }
}

fn write(connection: &mut Connection, batch: &Batch) -> Result<Vec<u64>, WriteError> {
    let unavailable = |error| WriteError::Unavailable(statement::failed("begin a transaction", error));
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(unavailable)?;
    let mut touched = Vec::with_capacity(batch.steps.len());
    for (index, step) in batch.steps.iter().enumerate() {
        // Leaving early drops the transaction, which rolls it back.
        let rows = run(&transaction, step).map_err(|error| refused(index, error))?;
        if let Step::Run { expect: Expect::Rows(expected), .. } = step
            && rows != *expected
        {
            return Err(WriteError::Expectation { step: index, rows });
        }
        touched.push(rows);
    }
    transaction
        .commit()
        .map_err(|error| WriteError::Unknown(statement::failed("commit a transaction", error)))?;
    Ok(touched)
}

fn run(connection: &Connection, step: &Step) -> Result<u64, statement::Failure> {
    match step {
        Step::Run { sql, params, .. } => statement::execute(connection, sql, params),
        Step::Insert { table, columns, rows, on_conflict } => {
            statement::insert(connection, table, columns, rows, on_conflict)
        }
    }
}

fn refused(step: usize, failure: statement::Failure) -> WriteError {
    match failure {
        statement::Failure::Refused(source) => WriteError::Constraint { step, source },
        statement::Failure::Other(source) => WriteError::Unavailable(source),
    }
}

impl Readers {
    async fn check_out(self: &Arc<Self>) -> Result<Reader, DbError> {
        let permit = tokio::time::timeout(READER_WAIT, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| DbError::new("wait for a free reader"))?
            .map_err(|error| DbError::because("wait for a free reader", error))?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let worker = match idle {
            Some(worker) => worker,
            None => Worker::start(
                &self.path,
                "pragma busy_timeout = 5000; pragma query_only = on; pragma temp_store = memory;",
            )?,
        };
        Ok(Reader { worker: Some(worker), readers: Arc::clone(self), _permit: permit })
    }
}

/// One reader, for one user at a time.
struct Reader {
    worker: Option<Worker>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    fn worker(&self) -> &Worker {
        let Some(worker) = &self.worker else { panic!("a reader has its thread until it is dropped") };
        worker
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take().filter(Worker::is_alive) {
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
        }
    }
}

pub struct Snapshot {
    reader: Reader,
}

impl Snapshot {
    pub(super) async fn query_all(&mut self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, DbError> {
        let answers = self.reader.worker().ask(move |connection| {
            queries.iter().map(|(sql, params)| statement::query(connection, sql, params)).collect()
        });
        answers.await?
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // Jobs of one thread run in order: the rollback comes before whatever the next user asks.
        self.reader.worker().tell(|connection| drop(connection.execute_batch("rollback")));
    }
}
