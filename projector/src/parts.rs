//! Tables that several read models contain: each with its columns, what fills it, and how a row is read.
//!
//! Every read model keeps its own copy, so that one position holds for all it shows.

pub(crate) mod admin;
pub(crate) mod domain;
pub(crate) mod hold;
pub(crate) mod identity;
pub(crate) mod invitation;
pub(crate) mod member;
pub(crate) mod partner;
pub(crate) mod person;
pub(crate) mod plan;
pub(crate) mod resource;
pub(crate) mod subscription;
pub(crate) mod system;
pub(crate) mod tenant;

use std::fmt::Display;

use event_store::Value;
use schema::{Personal, Recorded};
use serde::Serialize;

use crate::api::ERASED;

pub(crate) fn text(value: impl Display) -> Value {
    Value::Text(value.to_string())
}

pub(crate) fn maybe_text(value: Option<impl Display>) -> Value {
    value.map_or(Value::Null, text)
}

/// A word of one of our lists.
pub(crate) fn word(value: &impl Serialize) -> Value {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Value::Text(word),
        Ok(_) | Err(_) => Value::Null,
    }
}

/// The same as text of ours.
pub(crate) fn word_of(value: &impl Serialize) -> String {
    match word(value) {
        Value::Text(word) => word,
        Value::Null | Value::Int(_) => String::new(),
    }
}

/// A structure as text.
pub(crate) fn json(value: &impl Serialize) -> Value {
    serde_json::to_string(value).map_or(Value::Null, Value::Text)
}

/// Personal data that may have been taken away again: nothing when it is empty or erased.
pub(crate) fn maybe_json<T: Serialize + Default + PartialEq>(value: &Personal<T>) -> Value {
    value.as_ref().filter(|value| **value != T::default()).map_or(Value::Null, json)
}

/// A personal value, or the placeholder.
pub(crate) fn shown(value: &Personal<impl Display>) -> Value {
    value.as_ref().map_or_else(|| text(ERASED), text)
}

/// A personal value, or the placeholder, or nothing because nothing was given.
pub(crate) fn maybe_shown(value: Option<&Personal<impl Display>>) -> Value {
    value.map_or(Value::Null, shown)
}

/// What searches compare: lower case.
pub(crate) fn searched(value: &Personal<impl Display>) -> Value {
    value.as_ref().map_or_else(|| text(ERASED.to_lowercase()), |value| text(value.to_string().to_lowercase()))
}

pub(crate) fn position(recorded: &Recorded) -> Value {
    Value::from(recorded.position)
}

/// The columns that say which event touched a row last.
pub(crate) fn stamp(recorded: &Recorded) -> [(&'static str, Value); 2] {
    [("version", Value::from(recorded.version)), ("position", position(recorded))]
}
