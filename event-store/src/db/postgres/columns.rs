//! Rows turned into columns: an array per column is one parameter, however many rows there are.

use tokio_postgres::types::ToSql;

use crate::db::Value;

/// Rows of one table, by column. A column of nulls only is left out: nothing tells its type, and null is what it gets
/// anyway.
pub(super) struct Columns<'step>(Vec<(&'step str, Array<'step>)>);

enum Array<'step> {
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<&'step str>>),
}

impl<'step> Columns<'step> {
    pub(super) fn of(names: &'step [String], rows: &'step [Vec<Value>]) -> Self {
        let mut columns = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let values = || rows.iter().map(move |row| row.get(index).unwrap_or(&Value::Null));
            let array = match values().find(|value| **value != Value::Null) {
                None | Some(Value::Null) => continue,
                Some(Value::Int(_)) => Array::Ints(
                    values()
                        .map(|value| if let Value::Int(number) = value { Some(*number) } else { None })
                        .collect(),
                ),
                Some(Value::Text(_)) => Array::Texts(
                    values()
                        .map(|value| if let Value::Text(text) = value { Some(text.as_str()) } else { None })
                        .collect(),
                ),
            };
            columns.push((name.as_str(), array));
        }
        Self(columns)
    }

    /// The columns an insert names.
    pub(super) fn names(&self) -> String {
        self.0.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// What it selects: the arrays side by side. `place` is the last parameter before them, and then the last of them.
    pub(super) fn unnested(&self, place: &mut usize) -> String {
        let arrays = self.0.iter().map(|(_, array)| {
            *place += 1;
            match array {
                Array::Ints(_) => format!("unnest(${place}::bigint[])"),
                Array::Texts(_) => format!("unnest(${place}::text[])"),
            }
        });
        arrays.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn params(&self) -> impl Iterator<Item = &(dyn ToSql + Sync)> {
        self.0.iter().map(|(_, array)| match array {
            Array::Ints(numbers) => numbers as &(dyn ToSql + Sync),
            Array::Texts(texts) => texts as &(dyn ToSql + Sync),
        })
    }
}
