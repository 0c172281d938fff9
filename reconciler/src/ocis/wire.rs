//! What OCIS's graph API says, as far as we look at it. Parsed leniently.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The editor of a space, as a role of the unified roles.
pub(crate) const EDITOR_ROLE: &str = "58c63c02-1d89-4572-916a-870abc5a1b7d";
const MANAGER_ROLE: &str = "312c0871-5ef7-4b3a-85b6-0e4074c64049";

/// A project space, as far as we look at it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drive {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub quota: Quota,
    #[serde(default)]
    pub root: Root,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Quota {
    #[serde(default)]
    pub total: u64,
    /// Absent while the space is disabled.
    #[serde(default)]
    pub used: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Root {
    #[serde(default)]
    pub deleted: Option<Value>,
    #[serde(default, deserialize_with = "or_default")]
    pub permissions: Vec<Permission>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    #[serde(default)]
    pub granted_to_v2: Grantee,
    #[serde(default, deserialize_with = "or_default")]
    pub roles: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Grantee {
    #[serde(default)]
    pub user: Option<Named>,
    #[serde(default)]
    pub group: Option<Named>,
}

/// Anything with an id.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    pub id: String,
}

impl Permission {
    pub(crate) fn is_manager(&self) -> bool {
        self.roles.iter().any(|role| role == "manager" || role == MANAGER_ROLE)
    }

    pub(crate) fn is_editor(&self) -> bool {
        self.roles.iter().any(|role| role == "editor" || role == EDITOR_ROLE)
    }
}

/// A group with its members.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    pub id: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub members: Vec<User>,
}

/// An account.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    pub id: String,
    #[serde(default)]
    pub on_premises_sam_account_name: String,
}

#[derive(Deserialize)]
pub(crate) struct Groups {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) value: Vec<Group>,
}

#[derive(Deserialize)]
pub(crate) struct Users {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) value: Vec<User>,
}

#[derive(Deserialize)]
pub(crate) struct Drives {
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) value: Vec<Drive>,
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(input: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}
