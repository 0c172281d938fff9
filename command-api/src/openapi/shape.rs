//! A schema read off an example: every name that is there is always there.

use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

/// The schema of which a value is an example. `null` says nothing about a type.
pub(super) fn of(example: &Value) -> RefOr<Schema> {
    let plain = |kind: Type| RefOr::T(ObjectBuilder::new().schema_type(kind).build().into());
    match example {
        Value::Null => RefOr::T(ObjectBuilder::new().schema_type(SchemaType::AnyValue).build().into()),
        Value::Bool(_) => plain(Type::Boolean),
        Value::Number(number) if number.is_f64() => plain(Type::Number),
        Value::Number(_) => plain(Type::Integer),
        Value::String(_) => plain(Type::String),
        Value::Array(items) => {
            let item = items.first().map_or_else(|| of(&Value::Null), of);
            RefOr::T(ArrayBuilder::new().items(item).build().into())
        }
        Value::Object(entries) => {
            let mut object = ObjectBuilder::new();
            for (name, value) in entries {
                object = object.property(name, of(value)).required(name);
            }
            RefOr::T(object.build().into())
        }
    }
}
