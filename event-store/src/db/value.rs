//! Values and rows as both databases know them: null, a whole number, text.

use super::DbError;

/// One column of one row, or one parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number; `bigint`.
    Int(i64),
    /// Text.
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u64> for Value {
    /// Positions, versions and counts: 2⁶³ events do not fit any disk.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// A whole number that is there.
    pub fn int(&self, column: usize) -> Result<i64, DbError> {
        match self.value(column) {
            Value::Int(number) => Ok(*number),
            Value::Null | Value::Text(_) => Err(wrong(column, "a number")),
        }
    }

    /// A number that is never negative: a position, a version, a count.
    pub fn count(&self, column: usize) -> Result<u64, DbError> {
        u64::try_from(self.int(column)?).map_err(|_| wrong(column, "a count"))
    }

    /// Text that is there.
    pub fn text(&self, column: usize) -> Result<&str, DbError> {
        match self.value(column) {
            Value::Text(text) => Ok(text),
            Value::Null | Value::Int(_) => Err(wrong(column, "text")),
        }
    }

    /// A whole number or null.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, DbError> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Int(_) | Value::Text(_) => self.int(column).map(Some),
        }
    }

    /// Text or null.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, DbError> {
        match self.value(column) {
            Value::Null => Ok(None),
            Value::Int(_) | Value::Text(_) => self.text(column).map(Some),
        }
    }

    /// The value; null where there is no such column.
    pub fn value(&self, column: usize) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    /// All columns, in the order of the statement.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }
}

fn wrong(column: usize, wanted: &str) -> DbError {
    DbError::new(format!("read column {column} as {wanted}"))
}
