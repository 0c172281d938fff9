//! Which properties a type has and what may be put into them.

use serde_json::Value;

use super::error::SetError;
use super::id::Id;
use super::kind::Kind;
use super::shelf::Object;

mod fields;
pub(crate) use fields::fields;

/// What a property takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Only the server writes it.
    Server,
    Text,
    OptionalText,
    DomainName,
    LocalPart,
    Flag,
    Reference,
    OptionalReference,
    /// A map of `true`.
    Set,
    /// A map of numbered or named items, or an object with `@type`.
    Map,
    Anything,
}

/// A property: name, what it takes.
pub(crate) type Field = (&'static str, Shape);

/// What a new object cannot do without.
pub(crate) fn required(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Domain | Kind::Tenant => &["name"],
        Kind::Account | Kind::MailingList => &["name", "domainId"],
        Kind::Role | Kind::ApiKey => &["description"],
        Kind::DkimSignature => &["domainId", "selector", "privateKey"],
        Kind::MemoryLookupKey => &["namespace", "key"],
        Kind::SieveSystemScript => &["name", "contents"],
        Kind::Action | Kind::Authentication | Kind::MtaStageRcpt | Kind::SystemSettings | Kind::Task => &[],
    }
}

/// The variants of a type that `@type` chooses from.
pub(crate) fn variants(kind: Kind) -> Option<&'static [&'static str]> {
    match kind {
        Kind::Account => Some(&["User", "Group"]),
        Kind::Action => Some(&super::seed::ACTIONS),
        Kind::DkimSignature => Some(&["Dkim1Ed25519Sha256", "Dkim1RsaSha256"]),
        Kind::ApiKey
        | Kind::Authentication
        | Kind::Domain
        | Kind::MailingList
        | Kind::MemoryLookupKey
        | Kind::MtaStageRcpt
        | Kind::Role
        | Kind::SieveSystemScript
        | Kind::SystemSettings
        | Kind::Task
        | Kind::Tenant => None,
    }
}

pub(crate) fn shape(kind: Kind, property: &str) -> Option<Shape> {
    fields(kind).iter().find(|(name, _)| *name == property).map(|(_, shape)| *shape)
}

/// Whether any type has such a property: a filter on it is "not supported", on another word it is unknown.
pub(crate) fn is_known_anywhere(property: &str) -> bool {
    matches!(property, "text" | "email" | "id")
        || Kind::ALL.into_iter().any(|kind| shape(kind, property).is_some())
}

/// A whole value for a property, as it will be kept.
pub(crate) fn accept(property: &str, shape: Shape, value: &Value) -> Result<Value, SetError> {
    let refused = || SetError::invalid_value(property);
    match shape {
        Shape::Server => Err(SetError::invalid_patch("Cannot modify server set property", property)),
        Shape::Anything => Ok(value.clone()),
        Shape::OptionalText | Shape::OptionalReference if value.is_null() => Ok(Value::Null),
        Shape::Text | Shape::OptionalText => {
            value.as_str().filter(|text| !text.is_empty()).map(Value::from).ok_or_else(refused)
        }
        Shape::Reference | Shape::OptionalReference => {
            value.as_str().and_then(Id::parse).map(|id| Value::from(id.to_string())).ok_or_else(refused)
        }
        Shape::Flag => value.as_bool().map(Value::Bool).ok_or_else(|| {
            SetError::invalid_patch("Invalid value for boolean property (expected true or false)", property)
        }),
        Shape::DomainName => {
            super::names::domain(value.as_str().unwrap_or_default(), property).map(Value::from)
        }
        Shape::LocalPart => {
            super::names::local(value.as_str().unwrap_or_default(), property).map(Value::from)
        }
        Shape::Set => {
            let given = value.as_object().ok_or_else(refused)?;
            let kept = given.iter().filter(|(_, member)| **member == Value::Bool(true));
            Ok(Value::Object(kept.map(|(key, member)| (key.clone(), member.clone())).collect()))
        }
        Shape::Map => value.as_object().map(|given| Value::Object(given.clone())).ok_or_else(refused),
    }
}

/// A new object's properties onto its template.
pub(crate) fn fill(kind: Kind, object: &mut Object, given: &Object) -> Result<(), SetError> {
    for (property, value) in given {
        if property == "id" {
            return Err(SetError::invalid_patch("Invalid property", property));
        }
        let shape =
            shape(kind, property).ok_or_else(|| SetError::invalid_patch("Invalid key for object", ""))?;
        object.insert(property.clone(), accept(property, shape, value)?);
    }
    let absent = |property: &&&str| !object.contains_key(**property);
    let missing: Vec<&str> = required(kind).iter().filter(absent).copied().collect();
    if missing.is_empty() { Ok(()) } else { Err(SetError::required(&missing)) }
}

/// One change of an object: a whole property, or a JSON pointer into one.
pub(crate) fn patch(kind: Kind, object: &mut Object, path: &str, value: &Value) -> Result<(), SetError> {
    let unknown = || SetError::invalid_patch("Invalid property", path);
    let mut steps = path.split('/').map(|step| step.replace("~1", "/").replace("~0", "~"));
    let property = steps.next().unwrap_or_default();
    let shape = shape(kind, &property).ok_or_else(unknown)?;
    let steps: Vec<String> = steps.collect();
    let Some((last, parents)) = steps.split_last() else {
        object.insert(property.clone(), accept(&property, shape, value)?);
        return Ok(());
    };
    if !matches!(shape, Shape::Set | Shape::Map) {
        return Err(unknown());
    }
    let mut place = object.get_mut(&property).and_then(Value::as_object_mut).ok_or_else(unknown)?;
    for step in parents {
        place = place.get_mut(step).and_then(Value::as_object_mut).ok_or_else(unknown)?;
    }
    if value.is_null() || *value == Value::Bool(false) && shape == Shape::Set {
        place.remove(last);
    } else {
        place.insert(last.clone(), value.clone());
    }
    Ok(())
}
