//! What an object can be found by: the filters of `/query`, unique names, and who refers to whom.

use serde_json::Value;

use super::kind::Kind;
use super::shelf::Object;

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// Byte by byte, without normalising.
    Exact,
    /// By whole words.
    Words,
}

/// The filters that `/query` of a type takes.
pub(crate) fn filters(kind: Kind) -> &'static [(&'static str, Match)] {
    use Match::{Exact, Words};
    match kind {
        Kind::Domain => &[("name", Exact), ("aliases", Exact), ("memberTenantId", Exact), ("text", Words)],
        Kind::Account => &[
            ("name", Exact),
            ("domainId", Exact),
            ("@type", Exact),
            ("memberGroupIds", Exact),
            ("memberTenantId", Exact),
            ("text", Words),
        ],
        Kind::MailingList => &[("memberTenantId", Exact), ("text", Words)],
        Kind::Role => &[("memberTenantId", Exact), ("description", Words)],
        Kind::DkimSignature => &[("domainId", Exact), ("memberTenantId", Exact)],
        Kind::MemoryLookupKey => &[("namespace", Exact)],
        Kind::Tenant => &[("text", Words)],
        Kind::Action
        | Kind::ApiKey
        | Kind::Authentication
        | Kind::MtaStageRcpt
        | Kind::SieveSystemScript
        | Kind::SystemSettings
        | Kind::Task => &[],
    }
}

/// Every key that leads to `object`.
pub(crate) fn keys(kind: Kind, object: &Object) -> Vec<String> {
    let mut keys = Vec::new();
    for (property, how) in filters(kind) {
        match how {
            Match::Exact => exact(object, property, &mut keys),
            Match::Words => {
                spoken(kind, object).flat_map(words).for_each(|word| keys.push(format!("{property}={word}")));
            }
        }
    }
    unique(kind, object, &mut keys);
    for (kind, id) in references(kind, object) {
        keys.push(referring(kind, &id));
    }
    keys
}

fn exact(object: &Object, property: &str, keys: &mut Vec<String>) {
    match object.get(property) {
        Some(Value::String(text)) => keys.push(format!("{property}={text}")),
        Some(Value::Object(set)) => keys.extend(set.keys().map(|key| format!("{property}={key}"))),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => {}
    }
}

/// Names nobody else may have.
fn unique(kind: Kind, object: &Object, keys: &mut Vec<String>) {
    match kind {
        Kind::Domain => {
            keys.extend(text_of(object, "name").map(domain_name));
            keys.extend(names_in(object, "aliases").map(domain_name));
        }
        Kind::Account | Kind::MailingList => {
            keys.extend(addresses(object).into_iter().map(|(domain, local)| address(&domain, &local)));
            keys.extend(secrets(object).map(bearer));
        }
        Kind::MemoryLookupKey => {
            keys.extend(text_of(object, "namespace").zip(text_of(object, "key")).map(|(n, k)| entry(n, k)));
        }
        Kind::SieveSystemScript => keys.extend(text_of(object, "name").map(|name| entry("script", name))),
        Kind::Action
        | Kind::ApiKey
        | Kind::Authentication
        | Kind::DkimSignature
        | Kind::MtaStageRcpt
        | Kind::Role
        | Kind::SystemSettings
        | Kind::Task
        | Kind::Tenant => {}
    }
}

pub(crate) fn domain_name(name: &str) -> String {
    format!("unique={name}")
}

pub(crate) fn address(domain: &str, local: &str) -> String {
    format!("unique={local}@{domain}")
}

pub(crate) fn entry(namespace: &str, key: &str) -> String {
    format!("unique={namespace} {key}")
}

pub(crate) fn bearer(secret: &str) -> String {
    format!("bearer={secret}")
}

pub(crate) fn referring(kind: Kind, id: &str) -> String {
    format!("refers={}/{id}", kind.name())
}

/// All addresses of an account or a list, as (domain id, local part): its own first, then its aliases.
pub(crate) fn addresses(object: &Object) -> Vec<(String, String)> {
    let own = text_of(object, "domainId").zip(text_of(object, "name"));
    let aliases =
        listed(object, "aliases").filter_map(|alias| text_of(alias, "domainId").zip(text_of(alias, "name")));
    own.into_iter().chain(aliases).map(|(domain, local)| (domain.to_owned(), local.to_owned())).collect()
}

/// What `object` needs to exist.
pub(crate) fn references(kind: Kind, object: &Object) -> Vec<(Kind, String)> {
    let tenant = text_of(object, "memberTenantId").map(|id| (Kind::Tenant, id.to_owned()));
    let mut found: Vec<_> = tenant.into_iter().collect();
    match kind {
        Kind::Account => {
            found.extend(addresses(object).into_iter().map(|(domain, _)| (Kind::Domain, domain)));
            found.extend(roles_of(object).map(|id| (Kind::Role, id.to_owned())));
            found.extend(names_in(object, "memberGroupIds").map(|id| (Kind::Account, id.to_owned())));
        }
        Kind::MailingList => {
            found.extend(addresses(object).into_iter().map(|(domain, _)| (Kind::Domain, domain)));
        }
        Kind::DkimSignature => {
            found.extend(text_of(object, "domainId").map(|id| (Kind::Domain, id.to_owned())));
        }
        Kind::Role => found.extend(names_in(object, "roleIds").map(|id| (Kind::Role, id.to_owned()))),
        Kind::Authentication => {
            let sets = object.keys().filter(|key| key.ends_with("RoleIds"));
            found.extend(sets.flat_map(|key| names_in(object, key)).map(|id| (Kind::Role, id.to_owned())));
        }
        Kind::SystemSettings => {
            found.extend(text_of(object, "defaultDomainId").map(|id| (Kind::Domain, id.to_owned())));
        }
        Kind::Action
        | Kind::ApiKey
        | Kind::Domain
        | Kind::MemoryLookupKey
        | Kind::MtaStageRcpt
        | Kind::SieveSystemScript
        | Kind::Task
        | Kind::Tenant => {}
    }
    found
}

/// The roles named by a `Custom` role list.
pub(crate) fn roles_of(account: &Object) -> impl Iterator<Item = &str> {
    account.get("roles").and_then(Value::as_object).into_iter().flat_map(|roles| names_in(roles, "roleIds"))
}

/// Split at everything that is neither letter nor digit, lower case, one character is no word.
pub(crate) fn words(text: &str) -> Vec<String> {
    let parts = text.split(|character: char| !character.is_alphanumeric());
    parts.filter(|part| part.chars().count() > 1).map(str::to_lowercase).collect()
}

/// The texts that a word filter looks at.
fn spoken(kind: Kind, object: &Object) -> impl Iterator<Item = &str> {
    let named = if kind == Kind::Role { None } else { text_of(object, "name") };
    let aliases: Vec<&str> = match kind {
        Kind::Domain => names_in(object, "aliases").collect(),
        Kind::Account | Kind::MailingList => {
            listed(object, "aliases").filter_map(|alias| text_of(alias, "name")).collect()
        }
        Kind::Action
        | Kind::ApiKey
        | Kind::Authentication
        | Kind::DkimSignature
        | Kind::MemoryLookupKey
        | Kind::MtaStageRcpt
        | Kind::Role
        | Kind::SieveSystemScript
        | Kind::SystemSettings
        | Kind::Task
        | Kind::Tenant => Vec::new(),
    };
    named.into_iter().chain(aliases).chain(text_of(object, "description"))
}

fn secrets(object: &Object) -> impl Iterator<Item = &str> {
    listed(object, "credentials")
        .filter(|credential| text_of(credential, "@type") == Some("ApiKey"))
        .filter_map(|credential| text_of(credential, "secret"))
}

pub(crate) fn text_of<'a>(object: &'a Object, property: &str) -> Option<&'a str> {
    object.get(property).and_then(Value::as_str)
}

/// The members of a set, which is a map of `true`.
pub(crate) fn names_in<'a>(object: &'a Object, property: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    object.get(property).and_then(Value::as_object).into_iter().flat_map(|set| set.keys().map(String::as_str))
}

/// The items of an ordered list, which is a map of `"0"`, `"1"`, ….
pub(crate) fn listed<'a>(object: &'a Object, property: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    let items = object.get(property).and_then(Value::as_object).into_iter().flat_map(Object::values);
    items.filter_map(Value::as_object)
}
