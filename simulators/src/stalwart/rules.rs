//! What must hold of an object before it is kept: complete, pointing at things that exist, with a name of its own.

use serde_json::{Value, json};

use super::error::{Failure, MethodError, SetError};
use super::id::Id;
use super::index::{self, names_in, text_of};
use super::kind::Kind;
use super::shelf::Object;
use super::state::State;

mod account;
mod domain;

/// An object cannot be larger than this.
const OBJECT_BYTES_MAX: usize = 200_000;

/// An object on its way in.
pub(crate) struct Incoming<'a> {
    pub(crate) state: &'a State,
    pub(crate) kind: Kind,
    /// `None` for one that is new.
    pub(crate) id: Option<Id>,
    pub(crate) before: Option<&'a Object>,
}

/// Completes `object` as the server would, or says why it is not kept.
pub(crate) fn check(incoming: &Incoming<'_>, object: &mut Object) -> Result<(), Failure> {
    let state = incoming.state;
    match incoming.kind {
        Kind::Domain => domain::check(incoming, object)?,
        Kind::Account => {
            account::complete(incoming.before, object)?;
            existing(state, Kind::Domain, index::references(Kind::Account, object))?;
            existing(state, Kind::Account, index::references(Kind::Account, object))?;
            account::same_tenant(state, object)?;
            roles_exist(state, object)?;
            address_is_free(incoming, object)?;
        }
        Kind::MailingList => {
            account::complete_aliases(object)?;
            existing(state, Kind::Domain, index::references(Kind::MailingList, object))?;
            address_is_free(incoming, object)?;
        }
        Kind::DkimSignature => {
            existing(state, Kind::Domain, index::references(Kind::DkimSignature, object))?;
            private_key(object)?;
        }
        Kind::Role | Kind::Authentication => {
            existing(state, Kind::Role, index::references(incoming.kind, object))?;
        }
        Kind::SystemSettings => {
            existing(state, Kind::Domain, index::references(Kind::SystemSettings, object))?;
        }
        Kind::MemoryLookupKey => {
            let entry = text_of(object, "namespace").zip(text_of(object, "key"));
            unique(incoming, entry.map(|(namespace, key)| index::entry(namespace, key)), "namespace")?;
        }
        Kind::SieveSystemScript => {
            unique(incoming, text_of(object, "name").map(|name| index::entry("script", name)), "name")?;
        }
        Kind::Action | Kind::ApiKey | Kind::MtaStageRcpt | Kind::Task | Kind::Tenant => {}
    }
    existing(state, Kind::Tenant, index::references(incoming.kind, object))?;
    let size = Value::Object(object.clone()).to_string().len();
    if size > OBJECT_BYTES_MAX {
        return Err(SetError::too_big(size, OBJECT_BYTES_MAX).into());
    }
    Ok(())
}

/// The first of the references to `kind` that leads nowhere is the one complained about.
fn existing(state: &State, kind: Kind, references: Vec<(Kind, String)>) -> Result<(), SetError> {
    let dangling = references.into_iter().find(|(to, id)| *to == kind && state.named(kind, id).is_none());
    dangling.map_or(Ok(()), |(kind, id)| Err(SetError::missing(kind.name(), &id)))
}

/// Recorded: an account with an unknown role ends the whole call, and not in so many words.
fn roles_exist(state: &State, account: &Object) -> Result<(), Failure> {
    if index::roles_of(account).all(|role| state.named(Kind::Role, role).is_some()) {
        Ok(())
    } else {
        Err(Failure::Call(MethodError::ServerUnavailable))
    }
}

fn address_is_free(incoming: &Incoming<'_>, object: &Object) -> Result<(), SetError> {
    for (domain, local) in index::addresses(object) {
        let taken = incoming.state.holder(&domain, &local);
        if let Some((kind, id)) =
            taken.filter(|(kind, id)| (*kind, Some(*id)) != (incoming.kind, incoming.id))
        {
            return Err(SetError::taken("email", kind, id));
        }
    }
    Ok(())
}

fn unique(incoming: &Incoming<'_>, key: Option<String>, property: &str) -> Result<(), SetError> {
    let Some(key) = key else { return Ok(()) };
    let other = incoming.state.shelf(incoming.kind).having(&key).find(|id| Some(*id) != incoming.id);
    other.map_or(Ok(()), |id| Err(SetError::taken(property, incoming.kind, id)))
}

fn private_key(object: &Object) -> Result<(), SetError> {
    let secret = object.get("privateKey").and_then(|key| key.get("secret")).and_then(Value::as_str);
    if secret.is_some_and(|secret| secret.starts_with("-----BEGIN ")) {
        return Ok(());
    }
    Err(SetError::unbuildable(
        "Failed to validate DKIM signature: DKIM build error (dkim.build-error): reason = no items found, details = Failed to build RSA key",
    ))
}

/// Adds to the object under `property` what `defaults` has and it has not.
fn default_within(object: &mut Object, property: &str, defaults: &Value) {
    let (Some(Value::Object(inner)), Some(defaults)) = (object.get_mut(property), defaults.as_object())
    else {
        return;
    };
    for (name, value) in defaults {
        inner.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

/// The members of a set under `property`, each passed through `normalise`.
fn renamed(
    object: &Object,
    property: &str,
    normalise: impl Fn(&str) -> Result<String, SetError>,
) -> Result<Value, SetError> {
    let members: Result<Object, SetError> =
        names_in(object, property).map(|name| Ok((normalise(name)?, json!(true)))).collect();
    Ok(Value::Object(members?))
}
