//! `/get`: objects as clients see them, cut without a sign where nobody said which.

use serde_json::{Value, json};

use super::error::{MethodError, id_of, id_text};
use super::id::Id;
use super::index;
use super::kind::Kind;
use super::request::Arguments;
use super::schema;
use super::shelf::Object;
use super::state::State;
use super::zone;

/// `maxObjectsInGet`.
pub(crate) const OBJECTS_MAX: usize = 500;
/// What a secret reads as.
pub(crate) const MASK: &str = "****";

pub(crate) fn run(kind: Kind, state: &State, arguments: &Arguments) -> Result<Object, MethodError> {
    let wanted = properties(kind, arguments)?;
    let mut missing = Vec::new();
    let mut list = Vec::new();
    match ids(arguments)? {
        None => {
            for (id, object) in state.shelf(kind).iter().take(OBJECTS_MAX) {
                list.push(view(kind, state, id, object, &wanted));
            }
        }
        Some(texts) => {
            let parsed = texts.iter().map(|text| (text, id_of(kind, text)));
            let (known, broken): (Vec<_>, Vec<_>) = parsed.partition(|(_, id)| id.is_some());
            missing.extend(broken.into_iter().map(|(text, _)| text.clone()));
            for (text, id) in known.into_iter().filter_map(|(text, id)| Some((text, id?))) {
                match state.object(kind, id) {
                    Some(object) => list.push(view(kind, state, id, object, &wanted)),
                    None => missing.push(text.clone()),
                }
            }
        }
    }
    let mut answer = Object::new();
    answer.insert("list".to_owned(), Value::Array(list));
    answer.insert("notFound".to_owned(), json!(missing));
    Ok(answer)
}

/// `None` asks for everything.
pub(crate) fn ids(arguments: &Arguments) -> Result<Option<Vec<String>>, MethodError> {
    let ids = texts("ids", arguments)?;
    if ids.as_ref().is_some_and(|ids| ids.len() > OBJECTS_MAX) {
        return Err(MethodError::RequestTooLarge);
    }
    Ok(ids)
}

/// The properties asked for. Unknown ones do not count, and without any the whole object is sent.
pub(crate) fn properties(kind: Kind, arguments: &Arguments) -> Result<Vec<String>, MethodError> {
    let mut asked = texts("properties", arguments)?.unwrap_or_default();
    asked.retain(|property| property == "id" || schema::shape(kind, property).is_some());
    Ok(asked)
}

/// A list of texts among the arguments.
pub(crate) fn texts(name: &str, arguments: &Arguments) -> Result<Option<Vec<String>>, MethodError> {
    match arguments.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match serde_json::from_value(value.clone()) {
            Ok(texts) => Ok(Some(texts)),
            Err(error) => Err(MethodError::InvalidArguments(error.to_string())),
        },
    }
}

/// An object with what is computed, without what is secret, cut to the properties asked for.
fn view(kind: Kind, state: &State, id: Id, object: &Object, wanted: &[String]) -> Value {
    let asked = |property: &str| wanted.is_empty() || wanted.iter().any(|name| name == property);
    let mut seen: Object = object
        .iter()
        .filter(|(name, _)| asked(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    match kind {
        Kind::Account => {
            mask(seen.get_mut("credentials"));
            let bytes = state.mailboxes.get(&id).copied().unwrap_or_default().bytes;
            computed(&mut seen, "usedDiskQuota", &asked, || json!(bytes));
            computed(&mut seen, "emailAddress", &asked, || json!(state.email_address(object)));
        }
        Kind::MailingList => {
            computed(&mut seen, "emailAddress", &asked, || json!(state.email_address(object)));
        }
        Kind::Domain => {
            computed(&mut seen, "dnsZoneFile", &asked, || json!(zone::file(state, id, object)));
        }
        Kind::DkimSignature => {
            if let Some(Value::Object(key)) = seen.get_mut("privateKey") {
                key.insert("secret".to_owned(), json!(MASK));
            }
            let public = zone::public_key(id, index::text_of(object, "@type").unwrap_or_default());
            computed(&mut seen, "publicKey", &asked, || json!(public));
        }
        Kind::Tenant => computed(&mut seen, "usedDiskQuota", &asked, || json!(0)),
        Kind::Action
        | Kind::ApiKey
        | Kind::Authentication
        | Kind::MemoryLookupKey
        | Kind::MtaStageRcpt
        | Kind::Role
        | Kind::SieveSystemScript
        | Kind::SystemSettings
        | Kind::Task => {}
    }
    seen.insert("id".to_owned(), json!(id_text(kind, id)));
    Value::Object(seen)
}

fn computed(seen: &mut Object, property: &str, asked: &impl Fn(&str) -> bool, value: impl FnOnce() -> Value) {
    if asked(property) {
        seen.insert(property.to_owned(), value());
    }
}

fn mask(credentials: Option<&mut Value>) {
    let items = credentials.and_then(Value::as_object_mut).into_iter().flat_map(Object::values_mut);
    for credential in items.filter_map(Value::as_object_mut) {
        credential.insert("secret".to_owned(), json!(MASK));
    }
}
