//! Reads request bodies the way OCIS does: one JSON value, unknown fields refused, what follows it ignored.

use std::fmt;

use serde_json::{Map, Value};

#[derive(Debug)]
pub(super) enum Malformed {
    Absent,
    Syntax,
    Unknown(String),
    Kind(&'static str),
    Missing(&'static str),
}

/// In the words of Go's decoder.
impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => formatter.write_str("EOF"),
            Self::Syntax => formatter.write_str("invalid character in JSON text"),
            Self::Unknown(field) => write!(formatter, "json: unknown field {field:?}"),
            Self::Kind(field) => {
                write!(formatter, "json: cannot unmarshal value into Go struct field {field}")
            }
            Self::Missing(field) => write!(formatter, "no value given for required property {field}"),
        }
    }
}

/// The fields of a body that may have only `known` ones; those sent as null count as absent.
pub(super) fn fields(body: &[u8], known: &[&str]) -> Result<Fields, Malformed> {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<Value>();
    let Some(first) = values.next() else {
        return Err(Malformed::Absent);
    };
    let Ok(Value::Object(fields)) = first else {
        return Err(Malformed::Syntax);
    };
    known_only(fields, known)
}

fn known_only(mut fields: Map<String, Value>, known: &[&str]) -> Result<Fields, Malformed> {
    if let Some(unknown) = fields.keys().find(|field| !known.contains(&field.as_str())) {
        return Err(Malformed::Unknown(unknown.clone()));
    }
    fields.retain(|_, value| !value.is_null());
    Ok(Fields(fields))
}

pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    pub(super) fn text(&self, field: &'static str) -> Result<Option<&str>, Malformed> {
        self.0.get(field).map(|value| value.as_str().ok_or(Malformed::Kind(field))).transpose()
    }

    pub(super) fn integer(&self, field: &'static str) -> Result<Option<i64>, Malformed> {
        self.0.get(field).map(|value| value.as_i64().ok_or(Malformed::Kind(field))).transpose()
    }

    pub(super) fn flag(&self, field: &'static str) -> Result<Option<bool>, Malformed> {
        self.0.get(field).map(|value| value.as_bool().ok_or(Malformed::Kind(field))).transpose()
    }

    pub(super) fn object(&self, field: &'static str, known: &[&str]) -> Result<Option<Fields>, Malformed> {
        let Some(value) = self.0.get(field) else {
            return Ok(None);
        };
        let object = value.as_object().ok_or(Malformed::Kind(field))?;
        known_only(object.clone(), known).map(Some)
    }

    pub(super) fn objects(&self, field: &'static str, known: &[&str]) -> Result<Vec<Fields>, Malformed> {
        let item =
            |value: &Value| known_only(value.as_object().ok_or(Malformed::Kind(field))?.clone(), known);
        self.list(field)?.iter().map(item).collect()
    }

    pub(super) fn texts(&self, field: &'static str) -> Result<Vec<&str>, Malformed> {
        self.list(field)?.iter().map(|value| value.as_str().ok_or(Malformed::Kind(field))).collect()
    }

    fn list(&self, field: &'static str) -> Result<&[Value], Malformed> {
        let Some(value) = self.0.get(field) else {
            return Ok(&[]);
        };
        value.as_array().map(Vec::as_slice).ok_or(Malformed::Kind(field))
    }
}
