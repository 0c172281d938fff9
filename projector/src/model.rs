//! The vocabulary of read models: tables as constants, and row operations as values.

use event_store::Value;
use event_store::guard::{Panicked, caught_now};
use schema::Recorded;

/// Tables made from events by a pure function.
pub struct ReadModel {
    /// Its name in checkpoints, commands and metrics.
    pub name: &'static str,
    /// Of the definition. Raised with every change of tables or meaning; the next start then rebuilds.
    pub version: u32,
    /// The aggregates it reads, by the first word of their streams.
    pub reads: &'static [&'static str],
    /// Its tables.
    pub tables: &'static [Table],
    /// What an event changes. Reads nothing.
    pub project: fn(&Recorded) -> Vec<Write>,
}

impl ReadModel {
    /// Whether events of this kind or stream concern it: both begin with the aggregate's word.
    pub fn reads_word(&self, kind_or_stream: &str) -> bool {
        let word = kind_or_stream.split(['.', '-']).next().unwrap_or_default();
        self.reads.contains(&word)
    }

    /// What an event changes. A panic is told of, and is one more way of not being able to digest an event.
    pub(crate) fn digest(&self, recorded: &Recorded) -> Result<Vec<Write>, Panicked> {
        caught_now(|| (self.project)(recorded)).map_err(|panicked| {
            panicked.told(
                "project an event",
                format_args!("position {} of {} for {}", recorded.position, recorded.stream, self.name),
            )
        })
    }

    /// One of its tables.
    pub fn table(&self, name: &str) -> Option<&'static Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// A table. Queries name it as it is called here; the stored one carries the number of its copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// The name queries use.
    pub name: &'static str,
    /// The columns of the primary key: the first ones of `columns`, never null.
    pub key: &'static [&'static str],
    /// All columns, key first.
    pub columns: &'static [Column],
    /// Further look-ups.
    pub indexes: &'static [&'static [&'static str]],
}

impl Table {
    /// Where a column stands.
    pub fn place_of(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|candidate| candidate.name() == column)
    }

    /// The stored table of one copy.
    pub fn stored_name(&self, copy: u32) -> String {
        format!("{}_v{copy}", self.name)
    }
}

/// A column. Numbers also carry yes and no, as 1 and 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Text.
    Text(&'static str),
    /// A number.
    Int(&'static str),
}

impl Column {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::Int(name) => name,
        }
    }
}

/// Columns and their new values.
pub type Columns = Vec<(&'static str, Value)>;

/// What an event does to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// The row is exactly this; columns not named are null.
    Put {
        /// Where.
        table: &'static str,
        /// Which row.
        key: Vec<Value>,
        /// What it holds.
        columns: Columns,
    },
    /// Columns of an existing row. A missing row is an error.
    Set {
        /// Where.
        table: &'static str,
        /// Which row.
        key: Vec<Value>,
        /// What changes.
        columns: Columns,
    },
    /// Moves a counter. Creates the row at zero.
    Add {
        /// Where.
        table: &'static str,
        /// Which row.
        key: Vec<Value>,
        /// Which counter.
        column: &'static str,
        /// How far.
        by: i64,
    },
    /// Rows whose key begins like this.
    Remove {
        /// Where.
        table: &'static str,
        /// The first values of the key.
        key_prefix: Vec<Value>,
    },
}

#[cfg(test)]
mod tests;
