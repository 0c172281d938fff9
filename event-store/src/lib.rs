//! The log: the one place where facts are kept, and the only crate that knows a database.

pub mod db;

pub use db::{Batch, Db, DbError, DbUrl, Dialect, Expect, Purpose, Row, Snapshot, Value, WriteError};
