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

/// One statement for all keys of all reads: what is read together is of one moment. `offset 0` keeps the planner from
/// turning look-ups into a join, which without statistics reads a whole scope.
pub(in crate::db) fn by_keys(reads: &[ByKeys]) -> String {
    let mut place = 0;
    let branches = reads.iter().enumerate().map(|(read, ByKeys { sql, keys })| {
        let mut one = (*sql).to_owned();
        let (mut arrays, mut names) = (Vec::new(), Vec::new());
        for key in 1..=keys.len() {
            place += 1;
            one = one.replace(&format!("${key}"), &format!("wanted.key{key}"));
            arrays.push(format!("${place}::text[]"));
            names.push(format!("key{key}"));
        }
        let (arrays, names) = (arrays.join(", "), names.join(", "));
        format!(
            "select {read} as read, found.* from unnest({arrays}) as wanted({names}) \
             cross join lateral ({one} offset 0) as found"
        )
    });
    branches.collect::<Vec<_>>().join(" union all ")
}

pub(super) async fn query_by_keys(
    client: &ClientWrapper,
    reads: &[ByKeys],
) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
    let statement = client.prepare_cached(&by_keys(reads)).await?;
    let keys = reads.iter().flat_map(|read| &read.keys).map(|keys| keys as &(dyn ToSql + Sync));
    let mut answers = vec![Vec::new(); reads.len()];
    for found in client.query(&statement, &keys.collect::<Vec<_>>()).await? {
        let read: i32 = found.try_get(0)?;
        if let Some(answer) = usize::try_from(read).ok().and_then(|read| answers.get_mut(read)) {
            answer.push(values(&found, 1)?);
        }
    }
    Ok(answers)
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
    values(found, 0)
}

/// The columns from one on.
fn values(found: &tokio_postgres::Row, first: usize) -> Result<Row, tokio_postgres::Error> {
    let values = found.columns().iter().enumerate().skip(first).map(|(index, column)| {
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
