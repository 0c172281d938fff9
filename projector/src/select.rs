//! Reading rows: whole rows into memory, and pages of keys by filters. Values are always parameters.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use event_store::{DbError, Value};

use crate::list::{Direction, ListQuery};
use crate::memory::{FoldError, Memory, RowError};
use crate::model::{ReadModel, Table};
use crate::views::At;

/// Values one statement names: databases take 32,766 parameters and 65,535, whoever has however many. Lists are filled up
/// to a power of two with their last value, so that there are few texts to prepare, not one for every length.
const VALUES_MAX: usize = 1_024;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The database did not answer.
    #[error("query a read model")]
    Db(#[from] DbError),
    /// A row holds something we did not write.
    #[error("make a representation")]
    Row(#[from] RowError),
    /// A row does not fit the definition.
    #[error("take a row into memory")]
    Fold(#[from] FoldError),
    /// The read model has no tables of this build's definition yet.
    #[error("the read model {0} is not ready")]
    NotReady(&'static str),
}

/// The columns of a table, as a list in SQL.
pub(crate) fn columns_of(table: &Table) -> String {
    table.columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(", ")
}

/// Every row whose column has one of some values.
pub(crate) async fn load(
    at: &mut At,
    model: &'static ReadModel,
    memory: &mut Memory,
    table: &'static str,
    column: &'static str,
    values: &[Value],
) -> Result<(), QueryError> {
    load_many(at, model, memory, &[(table, column)], values).await
}

/// The same for several tables, in one round trip for every thousand values.
pub(crate) async fn load_many(
    at: &mut At,
    model: &'static ReadModel,
    memory: &mut Memory,
    tables: &[(&'static str, &'static str)],
    values: &[Value],
) -> Result<(), QueryError> {
    for values in values.chunks(VALUES_MAX) {
        let places = values.len().next_power_of_two();
        let queries = tables.iter().filter_map(|(name, column)| {
            let columns = columns_of(model.table(name)?);
            let list = (1..=places).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
            let padded = values.iter().chain(values.last().into_iter().cycle()).take(places).cloned();
            let sql = format!("select {columns} from {name} where {column} in ({list})");
            Some((sql.into(), padded.collect()))
        });
        let answers = at.query_all(queries.collect()).await?;
        take(memory, tables.iter().map(|(name, _)| *name), answers)?;
    }
    Ok(())
}

/// Every row of some tables, in one round trip.
pub(crate) async fn load_all(
    at: &mut At,
    model: &'static ReadModel,
    memory: &mut Memory,
) -> Result<(), QueryError> {
    let queries = model
        .tables
        .iter()
        .map(|table| (format!("select {} from {}", columns_of(table), table.name).into(), vec![]));
    let answers = at.query_all(queries.collect()).await?;
    take(memory, model.tables.iter().map(|table| table.name), answers)
}

fn take(
    memory: &mut Memory,
    tables: impl Iterator<Item = &'static str>,
    answers: Vec<Vec<event_store::Row>>,
) -> Result<(), QueryError> {
    for (table, rows) in tables.zip(answers) {
        for row in rows {
            memory.load(table, row.into_values())?;
        }
    }
    Ok(())
}

/// Conditions under construction. Texts are ours; values are bound.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    from: &'static str,
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Select {
    pub(crate) const fn new(from: &'static str) -> Self {
        Self { from, conditions: vec![], values: vec![] }
    }

    /// A value, and how the text refers to it.
    pub(crate) fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// A pattern for `like … escape '!'` that finds a text anywhere.
    pub(crate) fn bind_part(&mut self, part: &str) -> String {
        self.bind(Value::Text(format!("%{}%", escaped(&part.to_lowercase()))))
    }

    /// A pattern for `like … escape '!'` that finds what begins with a text.
    pub(crate) fn bind_beginning(&mut self, beginning: &str) -> String {
        self.bind(Value::Text(format!("{}%", escaped(beginning))))
    }

    /// Several values for an `in (…)`, filled up as in [`load_many`].
    pub(crate) fn list(&mut self, values: impl Iterator<Item = Value>) -> String {
        let values: Vec<Value> = values.collect();
        let places = values.len().next_power_of_two();
        let padded = values.iter().chain(values.last().into_iter().cycle()).take(places).cloned();
        padded.map(|value| self.bind(value)).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn and(&mut self, condition: impl Into<String>) {
        self.conditions.push(condition.into());
    }

    pub(crate) fn and_in(&mut self, expression: &str, values: impl Iterator<Item = Value>) {
        let list = self.list(values);
        self.and(format!("{expression} in ({list})"));
    }

    fn tail(&self) -> String {
        let mut tail = format!(" from {}", self.from);
        for (at, condition) in self.conditions.iter().enumerate() {
            let word = if at == 0 { "where" } else { "and" };
            // Writing into a string does not fail.
            let _ = write!(tail, " {word} {condition}");
        }
        tail
    }

    /// How many rows have each value of an expression.
    pub(crate) async fn count_by(
        &self,
        at: &mut At,
        expression: &str,
    ) -> Result<BTreeMap<String, u64>, QueryError> {
        let sql = format!(
            "select word, count(*) from (select {expression} as word{}) counted group by word",
            self.tail()
        );
        let rows = at.query(&sql, &self.values).await?;
        Ok(rows
            .iter()
            .map(|row| Ok((row.text(0)?.to_owned(), row.count(1)?)))
            .collect::<Result<_, DbError>>()?)
    }

    /// The ids of one page, in order.
    pub(crate) async fn page<F, S>(
        mut self,
        at: &mut At,
        by: &str,
        id: &str,
        direction: Direction,
        query: &ListQuery<F, S>,
    ) -> Result<Keys, QueryError> {
        let (sign, word) = match direction {
            Direction::Ascending => (">", "asc"),
            Direction::Descending => ("<", "desc"),
        };
        if let Some([value, last]) = query.after.as_deref() {
            let (value, last) = (self.bind(value.clone()), self.bind(last.clone()));
            self.and(format!("({by}, {id}) {sign} ({value}, {last})"));
        }
        let limit = query.limit;
        let sql = format!(
            "select {by}, {id}{} order by {by} {word}, {id} {word} limit {}",
            self.tail(),
            limit.saturating_add(1)
        );
        let mut rows = at.query(&sql, &self.values).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let keys: Vec<Vec<Value>> = rows.into_iter().map(event_store::Row::into_values).collect();
        let next = if has_more { keys.last().cloned() } else { None };
        Ok(Keys { keys, next })
    }
}

/// A text without its letters that mean something in patterns.
fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '!') {
            plain.push('!');
        }
        plain.push(letter);
    }
    plain
}

/// The keys of one page, and where the next one starts.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Vec<Vec<Value>>,
    pub(crate) next: Option<Vec<Value>>,
}

impl Keys {
    /// Every key, in order.
    pub(crate) fn into_keys(self) -> Vec<Vec<Value>> {
        self.keys
    }

    /// One part of every key, in order.
    pub(crate) fn column(&self, at: usize) -> Vec<Value> {
        self.keys.iter().filter_map(|key| key.get(at)).cloned().collect()
    }

    pub(crate) fn ids<Id: FromStr>(&self) -> Result<Vec<Id>, QueryError> {
        self.keys
            .iter()
            .map(|key| match key.last() {
                Some(Value::Text(id)) => id.parse().map_err(|_| RowError::of("the list", "id").into()),
                Some(Value::Null | Value::Int(_)) | None => Err(RowError::of("the list", "id").into()),
            })
            .collect()
    }
}
