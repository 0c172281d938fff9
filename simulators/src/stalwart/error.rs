//! The refusals of this server: of a whole method call, and of one object inside a `/set`.

use serde_json::{Value, json};

use super::id::Id;
use super::kind::Kind;

/// A call that is answered by `["error", {…}, id]`. What it did before it failed stays done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MethodError {
    UnknownMethod(String),
    InvalidArguments(String),
    RequestTooLarge,
    UnsupportedFilter(String),
    UnsupportedSort(String),
    Forbidden(String),
    InvalidResultReference(String),
    ServerUnavailable,
}

impl MethodError {
    pub(crate) fn body(&self) -> Value {
        let (kind, description) = match self {
            Self::UnknownMethod(method) => ("unknownMethod", method.as_str()),
            Self::InvalidArguments(why) => ("invalidArguments", why.as_str()),
            Self::RequestTooLarge => (
                "requestTooLarge",
                "The number of ids requested by the client exceeds the maximum number the server is willing to process in a single method call.",
            ),
            Self::UnsupportedFilter(why) => ("unsupportedFilter", why.as_str()),
            Self::UnsupportedSort(why) => ("unsupportedSort", why.as_str()),
            Self::Forbidden(why) => ("forbidden", why.as_str()),
            Self::InvalidResultReference(why) => ("invalidResultReference", why.as_str()),
            Self::ServerUnavailable => (
                "serverUnavailable",
                "This server is temporarily unavailable. Attempting this same operation later may succeed.",
            ),
        };
        json!({ "type": kind, "description": description })
    }
}

/// Why one object was not created, updated or destroyed; the body as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SetError(pub(crate) Value);

impl SetError {
    pub(crate) fn invalid_patch(description: &str, property: &str) -> Self {
        Self(json!({ "type": "invalidPatch", "description": description, "properties": [property] }))
    }

    pub(crate) fn invalid_value(property: &str) -> Self {
        Self::invalid_patch("Invalid value for property.", property)
    }

    pub(crate) fn untyped() -> Self {
        Self::invalid_patch("Missing or invalid '@type' property in object", "")
    }

    pub(crate) fn invalid_properties(description: &str, property: &str) -> Self {
        Self(json!({ "type": "invalidProperties", "description": description, "properties": [property] }))
    }

    pub(crate) fn unbuildable(description: &str) -> Self {
        Self(json!({ "type": "invalidProperties", "description": description }))
    }

    pub(crate) fn required(properties: &[&str]) -> Self {
        let errors: Vec<Value> =
            properties.iter().map(|property| json!({ "type": "Required", "property": property })).collect();
        Self(json!({ "type": "validationFailed", "validationErrors": errors }))
    }

    pub(crate) fn too_big(size: usize, limit: usize) -> Self {
        let value = format!("Object size {size} exceeds maximum of {limit}");
        Self(json!({
            "type": "validationFailed",
            "validationErrors": [{ "type": "Invalid", "property": "id", "value": value }],
        }))
    }

    pub(crate) fn taken(property: &str, kind: Kind, id: Id) -> Self {
        Self(json!({ "type": "primaryKeyViolation", "properties": [property], "objectId": named(kind, id) }))
    }

    /// `object` may be a type that this simulator keeps no objects of.
    pub(crate) fn missing(object: &str, id: &str) -> Self {
        Self(json!({ "type": "invalidForeignKey", "objectId": { "object": object, "id": id } }))
    }

    pub(crate) fn linked(kind: Kind, id: Id, by: &[(Kind, Id)]) -> Self {
        let linked: Vec<Value> = by.iter().map(|(kind, id)| named(*kind, *id)).collect();
        Self(json!({ "type": "objectIsLinked", "objectId": named(kind, id), "linkedObjects": linked }))
    }

    pub(crate) fn forbidden(description: &str) -> Self {
        Self(json!({ "type": "forbidden", "description": description }))
    }

    pub(crate) fn over_quota(description: &str) -> Self {
        Self(json!({ "type": "overQuota", "description": description }))
    }

    pub(crate) fn not_found() -> Self {
        Self(json!({ "type": "notFound" }))
    }

    pub(crate) fn singleton() -> Self {
        Self(json!({ "type": "singleton" }))
    }
}

/// What one object's turn in a `/set` can end in besides success.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Failure {
    /// This object only; the others go on.
    Object(SetError),
    /// The call ends here, and says nothing of what it did.
    Call(MethodError),
}

impl From<SetError> for Failure {
    fn from(error: SetError) -> Self {
        Self::Object(error)
    }
}

fn named(kind: Kind, id: Id) -> Value {
    json!({ "object": kind.name(), "id": id_text(kind, id) })
}

/// An identifier as clients see it.
pub(crate) fn id_text(kind: Kind, id: Id) -> String {
    if kind.is_singleton() { "singleton".to_owned() } else { id.to_string() }
}

/// What a client's text means as an identifier of `kind`.
pub(crate) fn id_of(kind: Kind, text: &str) -> Option<Id> {
    if kind.is_singleton() { (text == "singleton").then_some(Id(0)) } else { Id::parse(text) }
}
