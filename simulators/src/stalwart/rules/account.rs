//! Accounts and groups: credentials, aliases, roles and permissions as the server completes them.

use serde_json::{Value, json};

use super::default_within;
use crate::stalwart::error::SetError;
use crate::stalwart::get::MASK;
use crate::stalwart::id::Id;
use crate::stalwart::index::{self, text_of};
use crate::stalwart::kind::Kind;
use crate::stalwart::names;
use crate::stalwart::shelf::Object;
use crate::stalwart::state::State;

const PASSWORD_CHARS_MIN: usize = 8;
/// Enough of the well-known ones to be refused in a test.
const COMMON_PASSWORDS: [&str; 6] =
    ["password", "password1", "password123", "12345678", "123456789", "qwertyuiop"];

pub(super) fn complete(before: Option<&Object>, object: &mut Object) -> Result<(), SetError> {
    if before.is_some_and(|before| before.get("@type") != object.get("@type")) {
        return Err(SetError::invalid_properties("Cannot change the type of an existing account.", "@type"));
    }
    complete_aliases(object)?;
    credentials(before, object)?;
    default_within(object, "roles", &json!({ "@type": "User" }));
    default_within(object, "permissions", &json!({ "@type": "Inherit" }));
    if object.get("permissions").and_then(|permissions| permissions.get("@type")) != Some(&json!("Inherit")) {
        default_within(
            object,
            "permissions",
            &json!({ "enabledPermissions": {}, "disabledPermissions": {} }),
        );
    }
    if object.get("roles").and_then(|roles| roles.get("@type")) == Some(&json!("Custom")) {
        default_within(object, "roles", &json!({ "roleIds": {} }));
    }
    for (property, sets) in
        [("roles", &["roleIds"][..]), ("permissions", &["enabledPermissions", "disabledPermissions"])]
    {
        for set in sets {
            members_only(object, property, set);
        }
    }
    Ok(())
}

pub(super) fn complete_aliases(object: &mut Object) -> Result<(), SetError> {
    let Some(Value::Object(aliases)) = object.get_mut("aliases") else {
        return Ok(());
    };
    for alias in aliases.values_mut() {
        let alias = alias.as_object_mut().ok_or_else(|| SetError::invalid_value("aliases"))?;
        let name = names::local(text_of(alias, "name").unwrap_or_default(), "aliases")?;
        if text_of(alias, "domainId").and_then(Id::parse).is_none() {
            return Err(SetError::required(&["domainId"]));
        }
        alias.insert("name".to_owned(), json!(name));
        alias.entry("enabled").or_insert(json!(true));
        alias.entry("description").or_insert(Value::Null);
    }
    Ok(())
}

/// A member of a tenant lives in a domain of that tenant and has roles of that tenant.
pub(super) fn same_tenant(state: &State, account: &Object) -> Result<(), SetError> {
    let Some(tenant) = text_of(account, "memberTenantId") else {
        return Ok(());
    };
    let strange = |kind: Kind, id: &str| {
        let member = state.named(kind, id).and_then(|object| text_of(object, "memberTenantId"));
        member != Some(tenant)
    };
    if let Some(domain) = text_of(account, "domainId").filter(|id| strange(Kind::Domain, id)) {
        return Err(SetError::missing(Kind::Domain.name(), domain));
    }
    match index::roles_of(account).find(|id| strange(Kind::Role, id)) {
        Some(role) => Err(SetError::missing(Kind::Role.name(), role)),
        None => Ok(()),
    }
}

fn members_only(object: &mut Object, property: &str, set: &str) {
    let inner = object.get_mut(property).and_then(|inner| inner.get_mut(set));
    if let Some(Value::Object(members)) = inner {
        members.retain(|_, member| *member == Value::Bool(true));
    }
}

fn credentials(before: Option<&Object>, object: &mut Object) -> Result<(), SetError> {
    let Some(Value::Object(credentials)) = object.get_mut("credentials") else {
        return Ok(());
    };
    let mut last = 0;
    for (place, credential) in credentials.iter_mut() {
        let credential = credential.as_object_mut().ok_or_else(|| SetError::invalid_value("credentials"))?;
        let earlier = before
            .and_then(|before| before.get("credentials"))
            .and_then(|earlier| earlier.get(place))
            .and_then(Value::as_object);
        keep_masked(earlier, credential);
        if text_of(credential, "@type") == Some("Password") && earlier != Some(credential) {
            password(text_of(credential, "secret").unwrap_or_default())?;
        }
        let id = earlier.and_then(|earlier| text_of(earlier, "credentialId")).and_then(Id::parse);
        let id = id.unwrap_or(Id(last));
        last = last.max(id.0) + 1;
        credential.insert("credentialId".to_owned(), json!(id.to_string()));
        credential.entry("expiresAt").or_insert(Value::Null);
        credential.entry("allowedIps").or_insert(json!({}));
    }
    Ok(())
}

/// Sending the mask back keeps the secret that is there.
fn keep_masked(earlier: Option<&Object>, credential: &mut Object) {
    if text_of(credential, "secret") == Some(MASK)
        && let Some(secret) = earlier.and_then(|earlier| earlier.get("secret"))
    {
        credential.insert("secret".to_owned(), secret.clone());
    }
}

fn password(secret: &str) -> Result<(), SetError> {
    if secret.starts_with('$') {
        return Ok(()); // a hash is stored as it is
    }
    let refused = |description: &str| Err(SetError::invalid_properties(description, "secret"));
    if secret.chars().count() < PASSWORD_CHARS_MIN {
        return refused("Password must be at least 8 characters long.");
    }
    let mut characters = secret.chars();
    let first = characters.next();
    if characters.all(|character| Some(character) == first) {
        return refused(
            "Password is too weak. Repeats like \"aaa\" are easy to guess. Add another word or two. Uncommon words are better. Avoid repeated words and characters.",
        );
    }
    if COMMON_PASSWORDS.contains(&secret.to_lowercase().as_str()) {
        return refused(
            "Password is too weak. This is a very common password. Add another word or two. Uncommon words are better.",
        );
    }
    Ok(())
}
