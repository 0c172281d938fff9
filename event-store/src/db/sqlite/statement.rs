//! Statements on one SQLite connection: parameters by name, rows as our values.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql};

use crate::db::{ByKeys, DbError, Row, Value};

/// Why a statement failed: the table refused it, or something else.
pub(super) enum Failure {
    Refused(DbError),
    Other(DbError),
}

impl From<Failure> for DbError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) | Failure::Other(error) => error,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

pub(super) fn query(connection: &Connection, sql: &str, params: &[Value]) -> Result<Vec<Row>, DbError> {
    let mut statement = prepare(connection, sql)?;
    bind(&mut statement, params)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failed("read rows", error))? {
        let values = (0..columns).map(|column| {
            row.get_ref(column).map_err(|error| failed("read a column", error)).and_then(value)
        });
        answer.push(Row(values.collect::<Result<_, _>>()?));
    }
    Ok(answer)
}

/// One look-up per key, in one transaction: there is no round trip to save here, and no list parameter.
pub(super) fn query_by_keys(connection: &mut Connection, reads: &[ByKeys]) -> Result<Vec<Vec<Row>>, DbError> {
    let moment = connection.transaction().map_err(|error| failed("begin to read rows by keys", error))?;
    let mut answers = Vec::with_capacity(reads.len());
    for read in reads {
        let mut found = Vec::new();
        for row in 0..read.keys.first().map_or(0, Vec::len) {
            let key = read.keys.iter().filter_map(|keys| keys.get(row));
            let key: Vec<Value> = key.map(|key| Value::Text(key.clone())).collect();
            found.extend(query(&moment, read.sql, &key)?);
        }
        answers.push(found);
    }
    Ok(answers)
}

pub(super) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64, Failure> {
    let mut statement = prepare(connection, sql).map_err(Failure::Other)?;
    bind(&mut statement, params).map_err(Failure::Other)?;
    statement.raw_execute().map(|rows| rows as u64).map_err(|error| classed("run a statement", error))
}

pub(super) fn insert(
    connection: &Connection,
    table: &str,
    columns: &[String],
    rows: &[Vec<Value>],
    on_conflict: &str,
) -> Result<u64, Failure> {
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    let sql =
        format!("insert into {table} ({}) values ({}) {on_conflict}", columns.join(", "), places.join(", "));
    let mut statement = prepare(connection, &sql).map_err(Failure::Other)?;
    let mut inserted = 0;
    for row in rows {
        for (index, value) in row.iter().enumerate() {
            statement
                .raw_bind_parameter(index + 1, value)
                .map_err(|error| Failure::Other(failed("bind a row", error)))?;
        }
        inserted += statement.raw_execute().map_err(|error| classed("insert a row", error))? as u64;
    }
    Ok(inserted)
}

fn prepare<'connection>(
    connection: &'connection Connection,
    sql: &str,
) -> Result<CachedStatement<'connection>, DbError> {
    connection.prepare_cached(sql).map_err(|error| failed("prepare a statement", error))
}

fn bind(statement: &mut CachedStatement<'_>, params: &[Value]) -> Result<(), DbError> {
    for (index, value) in params.iter().enumerate() {
        let place = statement
            .parameter_index(&format!("${}", index + 1))
            .map_err(|error| failed("bind a parameter", error))?
            .ok_or_else(|| DbError::new("bind a parameter the statement does not name"))?;
        statement.raw_bind_parameter(place, value).map_err(|error| failed("bind a parameter", error))?;
    }
    Ok(())
}

fn value(value: ValueRef<'_>) -> Result<Value, DbError> {
    match value {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .map(|text| Value::Text(text.to_owned()))
            .map_err(|error| DbError::because("read text", error)),
        ValueRef::Real(_) | ValueRef::Blob(_) => {
            Err(DbError::new("read a value that is neither number nor text"))
        }
    }
}

fn classed(attempted: &'static str, error: rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
            Failure::Refused(failed(attempted, error))
        }
        Some(_) | None => Failure::Other(failed(attempted, error)),
    }
}

pub(super) fn failed(attempted: &'static str, error: rusqlite::Error) -> DbError {
    DbError::because(attempted, error)
}
