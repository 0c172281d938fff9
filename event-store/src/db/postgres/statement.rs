//! Statements on one Postgres connection: our values as parameters, rows as our values.

use std::error::Error;

use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::db::{ByKeys, DbError, Row, Value};

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) if *kind == Type::INT8 => number.to_sql(kind, out),
            Self::Int(number) if *kind == Type::INT4 => i32::try_from(*number)?.to_sql(kind, out),
            Self::Text(text) if <&str as ToSql>::accepts(kind) => text.as_str().to_sql(kind, out),
            Self::Int(_) | Self::Text(_) => Err(format!("a {kind} was given another kind of value").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

pub(super) fn borrowed(params: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

pub(super) async fn query(
    client: &ClientWrapper,
    sql: &str,
    params: &[Value],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let statement = client.prepare_cached(sql).await?;
    let found = client.query(&statement, &borrowed(params)).await?;
    found.iter().map(row).collect()
}

/// One statement for all keys. `offset 0` keeps the planner from turning look-ups into a join, which without statistics
/// reads a whole scope.
pub(in crate::db) fn by_keys(sql: &str) -> String {
    let one = sql.replace("$1", "wanted.key");
    format!(
        "select found.* from unnest($1::text[]) as wanted(key) cross join lateral ({one} offset 0) as found"
    )
}

pub(super) async fn query_by_keys(
    client: &ClientWrapper,
    reads: &[ByKeys],
) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let mut prepared = Vec::with_capacity(reads.len());
    for read in reads {
        prepared.push((client.prepare_cached(&by_keys(read.sql)).await?, read));
    }
    let answers = prepared.iter().map(|(statement, read)| async move {
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&read.keys];
        params.extend(borrowed(&read.rest));
        client.query(statement, &params).await
    });
    let mut found = Vec::with_capacity(reads.len());
    for answer in futures::future::join_all(answers).await {
        found.push(answer?.iter().map(row).collect::<Result<_, _>>()?);
    }
    Ok(found)
}

pub(super) async fn read(
    client: &ClientWrapper,
    statement: &Statement,
    params: &[Value],
) -> Result<Vec<tokio_postgres::Row>, tokio_postgres::Error> {
    client.query(statement, &borrowed(params)).await
}

pub(super) fn rows(found: &[tokio_postgres::Row]) -> Result<Vec<Row>, DbError> {
    found.iter().map(row).collect::<Result<_, _>>().map_err(|error| failed("read a row", error))
}

fn row(found: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let values = found.columns().iter().enumerate().map(|(index, column)| {
        Ok(match *column.type_() {
            Type::INT8 => found.try_get::<_, Option<i64>>(index)?.into(),
            Type::INT4 => found.try_get::<_, Option<i32>>(index)?.into(),
            // SQLite answers a comparison with 0 or 1.
            Type::BOOL => found.try_get::<_, Option<bool>>(index)?.map(i64::from).into(),
            // Anything else that is not text, such as the numeric of `sum`, fails here: cast it in the statement.
            _ => found.try_get::<_, Option<String>>(index)?.into(),
        })
    });
    values.collect::<Result<_, _>>().map(Row)
}

/// What the server said without `DETAIL`, which repeats the values of rows.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}")]
struct Said {
    code: String,
    message: String,
}

pub(super) fn failed(attempted: &'static str, error: tokio_postgres::Error) -> DbError {
    match error.as_db_error() {
        Some(said) => DbError::because(
            attempted,
            Said { code: said.code().code().to_owned(), message: said.message().to_owned() },
        ),
        None => DbError::because(attempted, error),
    }
}
