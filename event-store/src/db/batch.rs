//! A transaction as a value: its steps, what each must do, and how it is sent.

use std::borrow::Cow;

use super::Value;

/// How many rows a step must touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// However many there are.
    Any,
    /// Exactly so many; anything else rolls the whole transaction back.
    Rows(u64),
}

/// The steps of one transaction: all of them, or none.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) steps: Vec<Step>,
    pub(crate) sending: Sending,
}

/// When the commit is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Sending {
    /// After every step answered: the caller learns how many rows a failed step touched.
    #[default]
    Asking,
    /// Together with the steps: one flush. A failed expectation fails inside the database.
    OneFlush,
}

/// One step of a transaction.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Run { sql: Cow<'static, str>, params: Vec<Value>, expect: Expect },
    Insert { table: String, columns: Vec<String>, rows: Vec<Vec<Value>>, on_conflict: &'static str },
}

impl Batch {
    /// No step yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One statement.
    pub fn run(
        &mut self,
        sql: impl Into<Cow<'static, str>>,
        params: Vec<Value>,
        expect: Expect,
    ) -> &mut Self {
        self.steps.push(Step::Run { sql: sql.into(), params, expect });
        self
    }

    /// Many rows into one table. No rows, no step.
    pub fn insert_many(
        &mut self,
        table: impl Into<String>,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> &mut Self {
        self.insert_many_or(table, columns, rows, "")
    }

    /// Many rows into one table, with an `on conflict` clause.
    pub fn insert_many_or(
        &mut self,
        table: impl Into<String>,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
        on_conflict: &'static str,
    ) -> &mut Self {
        if !rows.is_empty() {
            let columns = columns.iter().map(|column| (*column).to_owned()).collect();
            self.steps.push(Step::Insert { table: table.into(), columns, rows, on_conflict });
        }
        self
    }

    /// Sends the commit together with the steps. For the append path: no round trip between begin and commit.
    #[must_use]
    pub fn in_one_flush(mut self) -> Self {
        self.sending = Sending::OneFlush;
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }
}
