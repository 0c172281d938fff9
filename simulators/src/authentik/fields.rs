//! Reads the fields of a body and collects what is wrong with them, in the words of Django REST framework.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::reply::Reply;
use super::wire::{Asked, Verb};

/// Whether an empty text will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    Allowed,
    Refused,
}

pub(super) struct Fields<'a> {
    body: &'a Map<String, Value>,
    /// PATCH names what it changes; POST and PUT name all that is required.
    partial: bool,
    errors: Map<String, Value>,
    /// Something the real one does not survive.
    fatal: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn of(asked: &'a Asked) -> Self {
        let partial = asked.verb == Verb::Patch;
        Self { body: &asked.body, partial, errors: Map::new(), fatal: false }
    }

    pub(super) fn wrong(&mut self, field: &str, text: impl Into<String>) {
        self.errors.insert(field.to_owned(), json!([text.into()]));
    }

    fn found(&mut self, field: &str) -> Option<&'a Value> {
        let value = self.body.get(field)?;
        if value.is_null() {
            self.wrong(field, "This field may not be null.");
            return None;
        }
        Some(value)
    }

    pub(super) fn require(&mut self, field: &str) {
        if !self.partial && !self.body.contains_key(field) {
            self.wrong(field, "This field is required.");
        }
    }

    /// Trimmed.
    pub(super) fn text(&mut self, field: &str, blank: Blank) -> Option<String> {
        let text = match self.found(field)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.wrong(field, "Not a valid string.");
                return None;
            }
        };
        if text.is_empty() && blank == Blank::Refused {
            self.wrong(field, "This field may not be blank.");
        } else if text.contains('\0') {
            self.wrong(field, "Null characters are not allowed.");
        } else {
            return Some(text);
        }
        None
    }

    pub(super) fn text_of_at_most(&mut self, field: &str, chars_max: usize) -> Option<String> {
        let text = self.text(field, Blank::Refused)?;
        if text.chars().count() > chars_max {
            self.wrong(field, format!("Ensure this field has no more than {chars_max} characters."));
            return None;
        }
        Some(text)
    }

    pub(super) fn choice(&mut self, field: &str, choices: &[&str]) -> Option<String> {
        let text = self.text(field, Blank::Allowed)?;
        if !choices.contains(&text.as_str()) {
            self.wrong(field, format!("\"{text}\" is not a valid choice."));
            return None;
        }
        Some(text)
    }

    pub(super) fn flag(&mut self, field: &str) -> Option<bool> {
        let value = self.found(field)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(field, "Must be a valid boolean.");
        }
        flag
    }

    pub(super) fn integer(&mut self, field: &str) -> Option<i64> {
        let value = self.found(field)?;
        let number = value.as_i64().or_else(|| value.as_str()?.trim().parse().ok());
        if number.is_none() {
            self.wrong(field, "A valid integer is required.");
        }
        number
    }

    pub(super) fn attributes(&mut self, field: &str) -> Option<Map<String, Value>> {
        let value = self.found(field)?;
        let Value::Object(attributes) = value else {
            self.wrong(field, "Value must be a dictionary, and not have any duplicate keys.");
            return None;
        };
        self.fatal |= has_nul(value);
        Some(attributes.clone())
    }

    /// A list of keys of existing objects, which `find` knows.
    pub(super) fn keys<K: Ord>(
        &mut self,
        field: &str,
        find: impl Fn(&Value) -> Option<K>,
    ) -> Option<BTreeSet<K>> {
        let Value::Array(items) = self.found(field)? else {
            self.wrong(field, "Expected a list of items.");
            return None;
        };
        let mut keys = BTreeSet::new();
        for item in items {
            let Some(key) = find(item) else {
                let text = item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned);
                self.wrong(field, format!("Invalid pk \"{text}\" - object does not exist."));
                return None;
            };
            keys.insert(key);
        }
        Some(keys)
    }

    pub(super) fn finish(self) -> Result<(), Reply> {
        if !self.errors.is_empty() {
            return Err(Reply::invalid(Value::Object(self.errors)));
        }
        if self.fatal { Err(Reply::server_failed()) } else { Ok(()) }
    }
}

/// A jsonb column cannot hold it.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
