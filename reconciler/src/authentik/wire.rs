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
    #[serde(default, deserialize_with = "or_default")]
    pub is_superuser: bool,
    #[serde(default, deserialize_with = "or_default")]
    pub roles: Vec<Value>,
    /// What parents give; told only when asked for, and never by 2025.10.
    #[serde(default, deserialize_with = "or_default")]
    pub inherited_roles_obj: Vec<Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub children: Vec<Value>,
}

impl Group {
    /// Whether its members may do something there because they are in it.
    pub fn gives_rights(&self) -> bool {
        self.is_superuser || !self.roles.is_empty() || !self.inherited_roles_obj.is_empty()
    }
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
    /// `internal` or `external` for people.
    #[serde(default, rename = "type", deserialize_with = "or_default")]
    pub kind: Option<String>,
    /// Through any group, parents of groups included.
    #[serde(default, deserialize_with = "or_default")]
    pub is_superuser: bool,
    /// Roles of the user itself; 2025.10 gives roles to groups alone.
    #[serde(default, deserialize_with = "or_default")]
    pub roles: Vec<Value>,
    /// Told in lists too, whatever is left out of them.
    #[serde(default, deserialize_with = "or_default")]
    pub groups: Vec<String>,
}

/// Who we are there.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Me {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) user: MyAccount,
}

/// Our own account.
#[derive(Debug, Default, Deserialize)]
pub(super) struct MyAccount {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) uid: Option<String>,
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
    #[serde(default, deserialize_with = "or_default")]
    pub(super) total_pages: u32,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}
