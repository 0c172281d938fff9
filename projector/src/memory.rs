//! Rows in memory: what rebuilds fill, what proofs compare, and what every representation is assembled from.

use std::collections::BTreeMap;
use std::str::FromStr;

use event_store::Value;
use event_store::guard::Panicked;
use schema::{Recorded, Timestamp};
use serde::de::DeserializeOwned;

use crate::model::{ReadModel, Table, Write};

/// Why an operation does not fit the rows it meets. Poison for the stream it comes from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The operation changes a row that is not there.
    #[error("change a row of {table} that does not exist")]
    MissingRow {
        /// Where.
        table: &'static str,
    },
    /// The operation names something the table does not have.
    #[error("change {what} of {table}, which is not part of its definition")]
    Undefined {
        /// Where.
        table: &'static str,
        /// A column or the key.
        what: &'static str,
    },
    /// Our own code broke over it.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// A stored value that is not what we write there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read column {column} of {table}: it holds something we did not write")]
pub struct RowError {
    table: &'static str,
    column: &'static str,
}

impl RowError {
    pub(crate) const fn of(table: &'static str, column: &'static str) -> Self {
        Self { table, column }
    }
}

type Rows = BTreeMap<Vec<Value>, Vec<Value>>;

/// Whole rows of some tables, by table and key.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    tables: BTreeMap<&'static str, (&'static [Table], usize, Rows)>,
}

impl Memory {
    /// Empty tables.
    pub fn new(definitions: &'static [Table]) -> Self {
        let tables = definitions
            .iter()
            .enumerate()
            .map(|(at, table)| (table.name, (definitions, at, Rows::new())))
            .collect();
        Self { tables }
    }

    /// What an event does to them.
    pub fn project(&mut self, model: &ReadModel, recorded: &Recorded) -> Result<(), FoldError> {
        model.digest(recorded)?.iter().try_for_each(|write| self.apply(write))
    }

    /// What one operation does to them.
    pub fn apply(&mut self, write: &Write) -> Result<(), FoldError> {
        match write {
            Write::Put { table, key, columns } => {
                let (definition, rows) = self.open(table)?;
                let mut row = blank(definition, key)?;
                fill(definition, &mut row, columns)?;
                rows.insert(key.clone(), row);
            }
            Write::Set { table, key, columns } => {
                let (definition, rows) = self.open(table)?;
                let row = rows.get_mut(key).ok_or(FoldError::MissingRow { table })?;
                fill(definition, row, columns)?;
            }
            Write::Add { table, key, column, by } => {
                let (definition, rows) = self.open(table)?;
                let at = definition.place_of(column).ok_or(FoldError::Undefined { table, what: column })?;
                let fresh = blank(definition, key)?;
                let row = rows.entry(key.clone()).or_insert(fresh);
                if let Some(value) = row.get_mut(at) {
                    *value = Value::Int(by + number(value).unwrap_or_default());
                }
            }
            Write::Remove { table, key_prefix } => {
                let (_, rows) = self.open(table)?;
                let from = rows.range(key_prefix.clone()..);
                let keys = from.map(|(key, _)| key).take_while(|key| key.starts_with(key_prefix));
                for key in keys.cloned().collect::<Vec<_>>() {
                    rows.remove(&key);
                }
            }
        }
        Ok(())
    }

    /// Takes a whole row as it stands in the database, columns in the order of the definition.
    pub fn load(&mut self, table: &'static str, row: Vec<Value>) -> Result<(), FoldError> {
        let (definition, rows) = self.open(table)?;
        let key =
            row.get(..definition.key.len()).ok_or(FoldError::Undefined { table, what: "the key" })?.to_vec();
        rows.insert(key, row);
        Ok(())
    }

    /// One row.
    pub fn row(&self, table: &str, key: &[Value]) -> Option<RowRef<'_>> {
        let (definitions, at, rows) = self.tables.get(table)?;
        let definition = definitions.get(*at)?;
        rows.get(key).map(|values| RowRef { definition, values })
    }

    /// Every row whose key begins like this, in the order of keys.
    pub fn below<'a>(&'a self, table: &str, prefix: &'a [Value]) -> impl Iterator<Item = RowRef<'a>> {
        self.tables.get(table).into_iter().flat_map(move |(definitions, at, rows)| {
            rows.range(prefix.to_vec()..)
                .take_while(move |(key, _)| key.starts_with(prefix))
                .filter_map(move |(_, values)| Some(RowRef { definition: definitions.get(*at)?, values }))
        })
    }

    /// Every row of a table, in the order of keys.
    pub fn all(&self, table: &str) -> impl Iterator<Item = RowRef<'_>> {
        self.below(table, &[])
    }

    /// Whole tables, for comparing and loading.
    pub(crate) fn into_tables(self) -> impl Iterator<Item = (&'static Table, Rows)> {
        self.tables.into_values().filter_map(|(definitions, at, rows)| Some((definitions.get(at)?, rows)))
    }

    fn open(&mut self, table: &'static str) -> Result<(&'static Table, &mut Rows), FoldError> {
        let undefined = FoldError::Undefined { table, what: "the table" };
        let (definitions, at, rows) = self.tables.get_mut(table).ok_or(undefined.clone())?;
        Ok((definitions.get(*at).ok_or(undefined)?, rows))
    }
}

fn blank(table: &'static Table, key: &[Value]) -> Result<Vec<Value>, FoldError> {
    if key.len() != table.key.len() {
        return Err(FoldError::Undefined { table: table.name, what: "the key" });
    }
    let mut row = key.to_vec();
    row.resize(table.columns.len(), Value::Null);
    Ok(row)
}

fn fill(
    table: &'static Table,
    row: &mut [Value],
    columns: &[(&'static str, Value)],
) -> Result<(), FoldError> {
    for (column, value) in columns {
        let undefined = FoldError::Undefined { table: table.name, what: column };
        let at = table.place_of(column).ok_or(undefined.clone())?;
        *row.get_mut(at).ok_or(undefined)? = value.clone();
    }
    Ok(())
}

const fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Null | Value::Text(_) => None,
    }
}

/// One row, read by the names of its columns.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    definition: &'static Table,
    values: &'a [Value],
}

impl<'a> RowRef<'a> {
    fn value(&self, column: &'static str) -> &'a Value {
        self.definition.place_of(column).and_then(|at| self.values.get(at)).unwrap_or(&Value::Null)
    }

    fn wrong(&self, column: &'static str) -> RowError {
        RowError { table: self.definition.name, column }
    }

    /// Text, if there is one.
    pub fn maybe_text(&self, column: &'static str) -> Option<&'a str> {
        match self.value(column) {
            Value::Text(text) => Some(text),
            Value::Null | Value::Int(_) => None,
        }
    }

    /// Text.
    pub fn text(&self, column: &'static str) -> Result<&'a str, RowError> {
        self.maybe_text(column).ok_or_else(|| self.wrong(column))
    }

    /// A number that is not negative, if there is one.
    pub fn maybe_count(&self, column: &'static str) -> Option<u64> {
        number(self.value(column)).and_then(|number| u64::try_from(number).ok())
    }

    /// A number that is not negative; zero when there is none.
    pub fn count(&self, column: &'static str) -> u64 {
        self.maybe_count(column).unwrap_or_default()
    }

    /// Yes or no; no when there is none.
    pub fn is_set(&self, column: &'static str) -> bool {
        self.count(column) != 0
    }

    /// A value with a text form.
    pub fn parse<T: FromStr>(&self, column: &'static str) -> Result<T, RowError> {
        self.text(column)?.parse().map_err(|_| self.wrong(column))
    }

    /// A value with a text form, if there is one.
    pub fn maybe_parse<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, RowError> {
        self.maybe_text(column).map(|text| text.parse().map_err(|_| self.wrong(column))).transpose()
    }

    /// A moment, if there is one.
    pub fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, RowError> {
        self.maybe_parse(column)
    }

    /// A word of one of our lists.
    pub fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, RowError> {
        let text = self.text(column)?.to_owned();
        serde_json::from_value(serde_json::Value::String(text)).map_err(|_| self.wrong(column))
    }

    /// A word of one of our lists, if there is one.
    pub fn maybe_word<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, RowError> {
        self.maybe_text(column).map(|_| self.word(column)).transpose()
    }

    /// A value that was checked when it was made and is not checked again: a reserved slug, a name of ours.
    pub fn checked<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, RowError> {
        self.word(column)
    }

    /// A structure, if there is one.
    pub fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, RowError> {
        let parsed = self.maybe_text(column).map(serde_json::from_str).transpose();
        parsed.map_err(|_| self.wrong(column))
    }
}
