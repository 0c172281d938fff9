//! The seam between our SQL and the two databases it runs on. One text for both; `$1, $2` are bound by name on SQLite.
//!
//! # What always holds
//! * A write is one transaction: all of its steps, or none.
//! * `WriteError::Unavailable` means certainly nothing was written; `Unknown` means nobody can say without looking.
//! * Readers cannot write, on either database.

mod batch;
mod postgres;
mod sqlite;
mod url;
mod value;

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

pub use batch::{Batch, Expect};
pub use url::{DbUrl, DbUrlError};
pub use value::{Row, Value};

use url::Place;

/// What a database is for, and so how durable a commit must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The log: a commit survives a power loss.
    Log,
    /// Read models: rows and checkpoint may be lost together.
    Views,
}

/// For the few places that must differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// A file beside us.
    Sqlite,
    /// A server.
    Postgres,
}

/// Why a database did not do what was asked. Never holds a value of a row.
#[derive(Debug, thiserror::Error)]
#[error("{attempted}")]
pub struct DbError {
    attempted: Cow<'static, str>,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl DbError {
    pub(crate) fn new(attempted: impl Into<Cow<'static, str>>) -> Self {
        Self { attempted: attempted.into(), source: None }
    }

    pub(crate) fn because(
        attempted: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { attempted: attempted.into(), source: Some(source.into()) }
    }
}

/// Why a transaction did not succeed, by what a caller may do next.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A step touched another number of rows than it had to. Nothing was written.
    #[error("step {step} of a transaction touched {rows} rows")]
    Expectation {
        /// Which step, from 0.
        step: usize,
        /// How many rows it touched; 0 when the commit was sent with the steps and nobody counted.
        rows: u64,
    },
    /// A key, a check or a value was refused. Nothing was written.
    #[error("step {step} of a transaction was refused by the table")]
    Constraint {
        /// Which step, from 0.
        step: usize,
        /// What the database said.
        #[source]
        source: DbError,
    },
    /// Certainly nothing was written.
    #[error("write a transaction")]
    Unavailable(#[source] DbError),
    /// The connection was lost around the commit: look before you say anything.
    #[error("learn whether a transaction was committed")]
    Unknown(#[source] DbError),
}

/// A database. Cheap to clone.
#[derive(Clone)]
pub struct Db(Arc<Kind>);

enum Kind {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Db {
    /// Opens a database; the file is created when it is not there, a server must be.
    pub async fn open(url: &DbUrl, purpose: Purpose) -> Result<Self, DbError> {
        let kind = match &url.0 {
            Place::File(path) => Kind::Sqlite(sqlite::Sqlite::open(path, purpose)?),
            Place::Memory => Kind::Sqlite(sqlite::Sqlite::open_temporary()?),
            Place::Postgres(server) => Kind::Postgres(postgres::Postgres::open(server, purpose).await?),
        };
        Ok(Self(Arc::new(kind)))
    }

    /// Which of the two this is.
    pub fn dialect(&self) -> Dialect {
        match &*self.0 {
            Kind::Sqlite(_) => Dialect::Sqlite,
            Kind::Postgres(_) => Dialect::Postgres,
        }
    }

    /// One read.
    pub async fn query(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        match &*self.0 {
            Kind::Sqlite(db) => db.query(sql, params).await,
            Kind::Postgres(db) => db.query(sql, params).await,
        }
    }

    /// Several reads of one moment.
    pub async fn snapshot(&self) -> Result<Snapshot, DbError> {
        match &*self.0 {
            Kind::Sqlite(db) => db.snapshot().await.map(Snapshot::Sqlite),
            Kind::Postgres(db) => db.snapshot().await.map(Snapshot::Postgres),
        }
    }

    /// Rows for many keys, several statements in one round trip and of one moment.
    pub async fn query_by_keys(&self, reads: Vec<ByKeys>) -> Result<Vec<Vec<Row>>, DbError> {
        match &*self.0 {
            Kind::Sqlite(db) => db.query_by_keys(reads).await,
            Kind::Postgres(db) => db.query_by_keys(reads).await,
        }
    }

    /// The texts [`Self::query_by_keys`] sends.
    #[cfg(test)]
    pub(crate) fn by_keys(&self, reads: &[ByKeys]) -> Vec<String> {
        match self.dialect() {
            Dialect::Sqlite => reads.iter().map(|read| read.sql.to_owned()).collect(),
            Dialect::Postgres => vec![postgres::by_keys(reads)],
        }
    }

    /// One transaction; the rows each step touched.
    pub async fn write(&self, batch: Batch) -> Result<Vec<u64>, WriteError> {
        match &*self.0 {
            Kind::Sqlite(db) => db.write(batch).await,
            Kind::Postgres(db) => db.write(batch).await,
        }
    }

    /// Several statements without parameters in one transaction: tables, views, indexes.
    pub async fn execute_ddl(&self, sql: &str) -> Result<(), DbError> {
        match &*self.0 {
            Kind::Sqlite(db) => db.execute_ddl(sql).await,
            Kind::Postgres(db) => db.execute_ddl(sql).await,
        }
    }

    /// Many rows into a table nobody reads yet. On SQLite in several transactions: after a failure drop the table.
    pub async fn bulk_load(
        &self,
        table: &str,
        columns: &[&str],
        rows: impl Iterator<Item = Vec<Value>> + Send,
    ) -> Result<u64, DbError> {
        match &*self.0 {
            Kind::Sqlite(db) => db.bulk_load(table, columns, rows).await,
            Kind::Postgres(db) => db.bulk_load(table, columns, rows).await,
        }
    }
}

/// A read-only view of one moment. Dropping it lets go of the moment.
pub enum Snapshot {
    /// Of a file.
    #[doc(hidden)]
    Sqlite(sqlite::Snapshot),
    /// Of a server.
    #[doc(hidden)]
    Postgres(postgres::Snapshot),
}

impl Snapshot {
    /// One read.
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut answers = self.query_all(vec![(sql.to_owned().into(), params.to_vec())]).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Several reads that do not depend on each other, in one round trip.
    pub async fn query_all(&mut self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, DbError> {
        match self {
            Self::Sqlite(snapshot) => snapshot.query_all(queries).await,
            Self::Postgres(snapshot) => snapshot.query_all(queries).await,
        }
    }
}

/// A statement about one key, `$1` or `$1` and `$2`, and the keys it is asked for. One look-up by index per key, however
/// many rows the table has and whatever the planner believes about them. Statements that are asked together have the same
/// columns.
#[derive(Debug, Clone)]
pub struct ByKeys {
    /// The statement. Its rows are in its order for each key, and in no order across keys.
    pub sql: &'static str,
    /// What `$1` stands for, one after the other, and beside it `$2`.
    pub keys: Vec<Vec<String>>,
}

/// A statement and its parameters.
pub type Query = (Cow<'static, str>, Vec<Value>);
