//! Personal data in events: typed, so that it cannot be forgotten, and kept apart from the rest.
//!
//! A field of type [`Personal`] leaves the event's `data` and is stored in its `personal` section, under the one subject
//! it belongs to. Erasing a person removes sections; every stream still folds without them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

const MARK: &str = "$personal";

/// A personal value, or the place where one was before it was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Personal<T> {
    /// The value.
    Present(T),
    /// It was here and has been erased.
    #[default]
    Erased,
}

impl<T> Personal<T> {
    /// The value, unless it was erased.
    pub const fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Erased => None,
        }
    }

    /// The value, unless it was erased.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Erased => None,
        }
    }
}

impl<T> From<T> for Personal<T> {
    fn from(value: T) -> Self {
        Self::Present(value)
    }
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let mut map = out.serialize_map(Some(1))?;
        map.serialize_entry(MARK, &self.as_ref())?;
        map.end()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut map = Map::<String, Value>::deserialize(input)?;
        match map.remove(MARK) {
            None | Some(Value::Null) => Ok(Self::Erased),
            Some(value) => serde_json::from_value(value).map(Self::Present).map_err(serde::de::Error::custom),
        }
    }
}

/// Moves marked fields out of an event's data. Only top-level fields can be personal.
pub(crate) fn split(data: Value) -> (Value, Map<String, Value>) {
    let Value::Object(fields) = data else {
        return (data, Map::new());
    };
    let mut plain = Map::new();
    let mut personal = Map::new();
    for (name, mut value) in fields {
        match value.as_object_mut().and_then(|inner| inner.remove(MARK)) {
            None => drop(plain.insert(name, value)),
            Some(Value::Null) => {}
            Some(value) => drop(personal.insert(name, value)),
        }
    }
    (Value::Object(plain), personal)
}

/// Puts personal fields back where [`split`] took them.
pub(crate) fn join(data: Value, personal: Map<String, Value>) -> Value {
    if !(data.is_object() || data.is_null()) {
        return data;
    }
    let mut fields = if let Value::Object(fields) = data { fields } else { Map::new() };
    for (name, value) in personal {
        fields.insert(name, serde_json::json!({ MARK: value }));
    }
    Value::Object(fields)
}
