//! What authentik's management API says, as far as we look at it. Parsed leniently: 2025.10 and later differ.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A group, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct Group {
    pub pk: String,
    pub name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub users: Vec<i64>,
    #[serde(default, deserialize_with = "or_default")]
    pub attributes: Map<String, Value>,
}

/// A user, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub pk: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub uuid: String,
    #[serde(default, deserialize_with = "or_default")]
    pub uid: String,
    pub username: String,
    #[serde(default, deserialize_with = "or_default")]
    pub email: String,
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    pub is_active: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub attributes: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Page<T> {
    #[serde(default)]
    pub(super) pagination: Pagination,
    pub(super) results: Vec<T>,
}

#[derive(Default, Deserialize)]
pub(super) struct Pagination {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) next: u32,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}
