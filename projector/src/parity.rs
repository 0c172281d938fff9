//! Are two sets of rows the same? Compared key by key in pages, so that nothing has to fit into memory.

use std::collections::BTreeMap;

use event_store::{DbError, Snapshot, Value};

use crate::model::Table;

/// Rows compared at once.
const PAGE: usize = 2_000;
/// Differences listed; more are counted only.
pub(crate) const LISTED_MAX: usize = 100;

/// How two sets differ at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where.
    pub table: &'static str,
    /// Which row.
    pub key: Vec<Value>,
    /// How.
    pub kind: DifferenceKind,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key: Vec<String> = self
            .key
            .iter()
            .map(|value| match value {
                Value::Null => "null".to_owned(),
                Value::Int(number) => number.to_string(),
                Value::Text(text) => text.clone(),
            })
            .collect();
        write!(out, "{} [{}]: ", self.table, key.join(", "))?;
        match &self.kind {
            DifferenceKind::Missing => out.write_str("the row is missing"),
            DifferenceKind::Unexpected => out.write_str("there should be no such row"),
            DifferenceKind::Changed { columns } => write!(out, "other values in {}", columns.join(", ")),
        }
    }
}

/// How stored rows differ from what they should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DifferenceKind {
    /// There is no such row.
    Missing,
    /// There should be none.
    Unexpected,
    /// It holds something else.
    Changed {
        /// In these columns. Their values may be personal and are not repeated.
        columns: Vec<&'static str>,
    },
}

/// The result for one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Rows there are.
    pub rows: u64,
    /// Rows there should be.
    pub rows_expected: u64,
    /// Differences, the first hundred.
    pub differences: Vec<Difference>,
    /// How many differences there are.
    pub difference_count: u64,
}

impl Comparison {
    /// Adds the result for another table.
    pub(crate) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.rows_expected += other.rows_expected;
        self.difference_count += other.difference_count;
        let room = LISTED_MAX.saturating_sub(self.differences.len());
        self.differences.extend(other.differences.into_iter().take(room));
    }
}

type Rows = BTreeMap<Vec<Value>, Vec<Value>>;

/// What rows should be.
pub(crate) enum Expected<'a> {
    /// Rows in memory.
    Memory(&'a Rows),
    /// Another copy, as of one moment.
    Copy { snapshot: &'a mut Snapshot, stored: &'a str },
}

impl Expected<'_> {
    async fn between(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        until: Option<&[Value]>,
    ) -> Result<Rows, DbError> {
        match self {
            Self::Memory(rows) => {
                let fits = |key: &[Value]| {
                    after.is_none_or(|after| key > after) && until.is_none_or(|until| key <= until)
                };
                let from = after.map(<[Value]>::to_vec).unwrap_or_default();
                let range =
                    rows.range(from..).skip_while(|(key, _)| !fits(key)).take_while(|(key, _)| fits(key));
                Ok(range.map(|(key, row)| (key.clone(), row.clone())).collect())
            }
            Self::Copy { snapshot, stored } => fetch(snapshot, table, stored, after, until, None).await,
        }
    }
}

/// Compares a stored table with what it should be.
pub(crate) async fn compare(
    snapshot: &mut Snapshot,
    table: &'static Table,
    stored: &str,
    mut expected: Expected<'_>,
) -> Result<Comparison, DbError> {
    let mut result = Comparison::default();
    let mut after: Option<Vec<Value>> = None;
    loop {
        let found = fetch(snapshot, table, stored, after.as_deref(), None, Some(PAGE)).await?;
        let is_last = found.len() < PAGE;
        let until = if is_last { None } else { found.keys().next_back().cloned() };
        let wanted = expected.between(table, after.as_deref(), until.as_deref()).await?;
        result.add(page(table, &found, &wanted));
        if is_last {
            return Ok(result);
        }
        after = until;
    }
}

fn page(table: &'static Table, found: &Rows, wanted: &Rows) -> Comparison {
    let count = |rows: &Rows| u64::try_from(rows.len()).unwrap_or(u64::MAX);
    let mut differences = Vec::new();
    let mut note = |key: &[Value], kind| {
        differences.push(Difference { table: table.name, key: key.to_vec(), kind });
    };
    for (key, row) in wanted {
        match found.get(key) {
            None => note(key, DifferenceKind::Missing),
            Some(stored) if stored != row => {
                let pairs = table.columns.iter().zip(stored.iter().zip(row));
                let columns =
                    pairs.filter(|(_, (left, right))| left != right).map(|(column, _)| column.name());
                note(key, DifferenceKind::Changed { columns: columns.collect() });
            }
            Some(_) => {}
        }
    }
    for key in found.keys().filter(|key| !wanted.contains_key(*key)) {
        note(key, DifferenceKind::Unexpected);
    }
    let difference_count = u64::try_from(differences.len()).unwrap_or(u64::MAX);
    differences.truncate(LISTED_MAX);
    Comparison { rows: count(found), rows_expected: count(wanted), differences, difference_count }
}

async fn fetch(
    snapshot: &mut Snapshot,
    table: &'static Table,
    stored: &str,
    after: Option<&[Value]>,
    until: Option<&[Value]>,
    limit: Option<usize>,
) -> Result<Rows, DbError> {
    let key = table.key.join(", ");
    let mut params = Vec::new();
    let mut conditions = Vec::new();
    for (sign, bound) in [(">", after), ("<=", until)] {
        if let Some(bound) = bound {
            let places: Vec<String> = bound
                .iter()
                .map(|value| {
                    params.push(value.clone());
                    format!("${}", params.len())
                })
                .collect();
            conditions.push(format!("({key}) {sign} ({})", places.join(", ")));
        }
    }
    let filter =
        if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
    let limit = limit.map(|limit| format!(" limit {limit}")).unwrap_or_default();
    let columns = crate::select::columns_of(table);
    let sql = format!("select {columns} from {stored}{filter} order by {key}{limit}");
    let rows = snapshot.query(&sql, &params).await?;
    Ok(rows
        .into_iter()
        .map(event_store::Row::into_values)
        .map(|row| (row.iter().take(table.key.len()).cloned().collect(), row))
        .collect())
}
