//! A batch of events as one statement per touched row, however many events touched it.

use std::collections::BTreeMap;

use event_store::{Batch, Expect, Value};

use crate::memory::FoldError;
use crate::model::{ReadModel, Table, Write};

/// What a batch does to the rows of one copy.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    removed: Vec<(&'static str, Vec<Value>)>,
    rows: BTreeMap<(&'static str, Vec<Value>), Change>,
}

#[derive(Debug)]
enum Change {
    /// The row is exactly this, in the order of the definition.
    Whole(Vec<Value>),
    /// Some columns of it change.
    Touched { origin: Origin, set: BTreeMap<&'static str, Value>, add: BTreeMap<&'static str, i64> },
}

/// Whether a touched row must already be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    MustExist,
    MayBegin,
}

impl Changes {
    /// Adds what one event does, after everything added before.
    pub(crate) fn take(&mut self, model: &ReadModel, writes: Vec<Write>) -> Result<(), FoldError> {
        writes.into_iter().try_for_each(|write| self.take_one(model, write))
    }

    fn take_one(&mut self, model: &ReadModel, write: Write) -> Result<(), FoldError> {
        match write {
            Write::Put { table, key, columns } => {
                let definition = find(model, table)?;
                let mut row = key.clone();
                row.resize(definition.columns.len(), Value::Null);
                for (column, value) in columns {
                    *slot(definition, &mut row, column)? = value;
                }
                self.rows.insert((table, key), Change::Whole(row));
            }
            Write::Set { table, key, columns } => {
                let definition = find(model, table)?;
                let change =
                    self.rows.entry((table, key)).or_insert_with(|| Change::touched(Origin::MustExist));
                columns.into_iter().try_for_each(|(column, value)| change.set(definition, column, value))?;
            }
            Write::Add { table, key, column, by } => {
                let definition = find(model, table)?;
                let change =
                    self.rows.entry((table, key)).or_insert_with(|| Change::touched(Origin::MayBegin));
                change.add(definition, column, by)?;
            }
            Write::Remove { table, key_prefix } => {
                find(model, table)?;
                let from = self.rows.range((table, key_prefix.clone())..);
                let below = from
                    .map(|(row, _)| row)
                    .take_while(|(name, key)| *name == table && key.starts_with(&key_prefix));
                for row in below.cloned().collect::<Vec<_>>() {
                    self.rows.remove(&row);
                }
                self.removed.push((table, key_prefix));
            }
        }
        Ok(())
    }

    /// The statements, removals first: what was removed and then made again is there at the end.
    pub(crate) fn write_to(self, batch: &mut Batch, model: &ReadModel, copy: u32) -> Result<(), FoldError> {
        for (table, prefix) in self.removed {
            let definition = find(model, table)?;
            let key = definition.key.get(..prefix.len()).unwrap_or(definition.key);
            let sql = format!("delete from {} where {}", definition.stored_name(copy), conditions(key, 0));
            batch.run(sql, prefix, Expect::Any);
        }
        for ((table, key), change) in self.rows {
            let definition = find(model, table)?;
            let (sql, params) = change.statement(definition, copy, key);
            batch.run(sql, params, Expect::Rows(1));
        }
        Ok(())
    }
}

impl Change {
    const fn touched(origin: Origin) -> Self {
        Self::Touched { origin, set: BTreeMap::new(), add: BTreeMap::new() }
    }

    fn set(&mut self, table: &'static Table, column: &'static str, value: Value) -> Result<(), FoldError> {
        match self {
            Self::Whole(row) => *slot(table, row, column)? = value,
            Self::Touched { set, add, .. } => {
                table.place_of(column).ok_or(FoldError::Undefined { table: table.name, what: column })?;
                add.remove(column);
                set.insert(column, value);
            }
        }
        Ok(())
    }

    fn add(&mut self, table: &'static Table, column: &'static str, by: i64) -> Result<(), FoldError> {
        match self {
            Self::Whole(row) => move_number(slot(table, row, column)?, by),
            Self::Touched { set, add, .. } => {
                table.place_of(column).ok_or(FoldError::Undefined { table: table.name, what: column })?;
                match set.get_mut(column) {
                    Some(value) => move_number(value, by),
                    None => *add.entry(column).or_default() += by,
                }
            }
        }
        Ok(())
    }

    fn statement(self, table: &'static Table, copy: u32, key: Vec<Value>) -> (String, Vec<Value>) {
        let stored = table.stored_name(copy);
        let (origin, set, add) = match self {
            Self::Whole(row) => {
                let columns: Vec<&str> = table.columns.iter().map(|column| column.name()).collect();
                let changed = columns
                    .iter()
                    .skip(table.key.len())
                    .map(|column| format!("{column} = excluded.{column}"));
                let changed = changed.collect::<Vec<_>>().join(", ");
                return (upsert(&stored, table, &columns, &changed), row);
            }
            Self::Touched { origin, set, add } => (origin, set, add),
        };
        if origin == Origin::MustExist {
            let plain = set.keys().enumerate().map(|(at, column)| format!("{column} = ${}", at + 1));
            let counted = add
                .keys()
                .enumerate()
                .map(|(at, column)| format!("{column} = coalesce({column}, 0) + ${}", at + 1 + set.len()));
            let changed = plain.chain(counted).collect::<Vec<_>>().join(", ");
            let wheres = conditions(table.key, set.len() + add.len());
            let params = set.into_values().chain(add.into_values().map(Value::Int)).chain(key).collect();
            return (format!("update {stored} set {changed} where {wheres}"), params);
        }
        let columns: Vec<&str> =
            table.key.iter().copied().chain(set.keys().copied()).chain(add.keys().copied()).collect();
        let plain = set.keys().map(|column| format!("{column} = excluded.{column}"));
        let counted =
            add.keys().map(|column| format!("{column} = coalesce({stored}.{column}, 0) + excluded.{column}"));
        let changed = plain.chain(counted).collect::<Vec<_>>().join(", ");
        let params =
            key.into_iter().chain(set.into_values()).chain(add.into_values().map(Value::Int)).collect();
        (upsert(&stored, table, &columns, &changed), params)
    }
}

fn upsert(stored: &str, table: &Table, columns: &[&str], changed: &str) -> String {
    let places = (1..=columns.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ");
    format!(
        "insert into {stored} ({}) values ({places}) on conflict ({}) do update set {changed}",
        columns.join(", "),
        table.key.join(", ")
    )
}

fn conditions(key: &[&str], bound: usize) -> String {
    let each = key.iter().enumerate().map(|(at, column)| format!("{column} = ${}", at + 1 + bound));
    each.collect::<Vec<_>>().join(" and ")
}

fn find(model: &ReadModel, table: &'static str) -> Result<&'static Table, FoldError> {
    model.table(table).ok_or(FoldError::Undefined { table, what: "the table" })
}

fn slot<'a>(
    table: &'static Table,
    row: &'a mut [Value],
    column: &'static str,
) -> Result<&'a mut Value, FoldError> {
    let undefined = FoldError::Undefined { table: table.name, what: column };
    table.place_of(column).and_then(|at| row.get_mut(at)).ok_or(undefined)
}

fn move_number(value: &mut Value, by: i64) {
    let before = match value {
        Value::Int(number) => *number,
        Value::Null | Value::Text(_) => 0,
    };
    *value = Value::Int(before + by);
}

#[cfg(test)]
mod tests;
