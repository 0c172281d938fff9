//! What became of each object of a write, and what the server says about the ones it did not take.

use schema::provisioning::{FailureClass, Reason};
use serde_json::Value;

use super::Change;
use crate::call::{CallError, Effect};

/// What became of a write. Words are the server's own, for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// Done.
    Done,
    /// The name is taken by another object.
    Taken(String),
    /// The object is gone.
    Gone,
    /// Others refer to it.
    Linked(String),
}

pub(super) fn outcome(what: &str, key: &str, change: &Change, answer: &Value) -> Result<Wrote, CallError> {
    let (done, not_done) = match change {
        Change::Create(_) => ("created", "notCreated"),
        Change::Update(..) => ("updated", "notUpdated"),
        Change::Destroy(_) => ("destroyed", "notDestroyed"),
    };
    let is_done = match &answer[done] {
        Value::Object(objects) => objects.contains_key(key),
        Value::Array(ids) => ids.iter().any(|id| id == key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_done {
        return Ok(Wrote::Done);
    }
    // Named neither as done nor as not done: dropped without a word.
    let Some(error) = answer[not_done].get(key) else {
        return Err(refused(what, "left out of the answer", Reason::ValidationRejected));
    };
    let words = words(error);
    let refused = |why, reason| Err(refused(what, why, reason).in_words(&words));
    match (error["type"].as_str().unwrap_or_default(), change) {
        ("primaryKeyViolation", _) => Ok(Wrote::Taken(words)),
        ("notFound", Change::Destroy(_)) => Ok(Wrote::Done),
        ("notFound", _) => Ok(Wrote::Gone),
        ("objectIsLinked", _) => Ok(Wrote::Linked(words)),
        ("forbidden", _) => refused("not permitted", Reason::PermissionDenied),
        ("overQuota", _) => refused("more than it allows", Reason::QuotaExceeded),
        ("invalidForeignKey", _) => refused("something it refers to is missing", Reason::Conflict),
        _ => refused("refused as invalid", Reason::ValidationRejected),
    }
}

/// A set error in one line: its type, its description, and the properties it is about.
fn words(error: &Value) -> String {
    let mut text = error["type"].as_str().unwrap_or("no type").to_owned();
    let mut add = |part: &str, before: &str, after: &str| {
        if !part.is_empty() {
            text.push_str(before);
            text.push_str(part);
            text.push_str(after);
        }
    };
    add(error["description"].as_str().unwrap_or_default(), ": ", "");
    let properties: Vec<&str> =
        error["properties"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    add(&properties.join(", "), " (", ")");
    for one in error["validationErrors"].as_array().into_iter().flatten() {
        add(one["property"].as_str().unwrap_or("object"), "; ", "");
        add(one["type"].as_str().unwrap_or_default(), " ", "");
        add(one["value"].as_str().unwrap_or_default(), ": ", "");
    }
    let objects =
        std::iter::once(&error["objectId"]).chain(error["linkedObjects"].as_array().into_iter().flatten());
    for object in objects {
        add(object["object"].as_str().unwrap_or_default(), "; ", "");
        add(object["id"].as_str().unwrap_or_default(), " ", "");
    }
    text
}

pub(super) fn method_error(what: &str, effect: Effect, error: &Value) -> CallError {
    let (class, reason) = match (error["type"].as_str().unwrap_or_default(), effect) {
        ("forbidden", _) => (FailureClass::Permanent, Reason::PermissionDenied),
        ("serverUnavailable", Effect::Reads) => (FailureClass::Transient, Reason::UpstreamUnavailable),
        // What stood before the error is committed and not reported.
        ("serverUnavailable" | "serverPartialFail" | "serverFail", _) => {
            (FailureClass::Unknown, Reason::OutcomeUnknown)
        }
        _ => (FailureClass::Permanent, Reason::ValidationRejected),
    };
    CallError::new(class, reason, format!("stalwart: {what}: the method was refused")).in_words(&words(error))
}

/// A refusal of one object that will not pass by itself.
pub(crate) fn refused(what: &str, why: &str, reason: Reason) -> CallError {
    CallError::new(FailureClass::Permanent, reason, format!("stalwart: {what}: {why}"))
}

pub(super) fn lost(what: &str) -> CallError {
    CallError::unknown(format!("stalwart: {what}: the answer is incomplete"))
}

pub(super) fn unusable(what: &str) -> CallError {
    let summary = format!("stalwart: {what}: the answer could not be understood");
    CallError::new(FailureClass::Transient, Reason::UpstreamUnavailable, summary)
}
