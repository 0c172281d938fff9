//! `x:ApiKey`: keys live among the credentials of the account that owns them, and go with them.

use serde_json::{Value, json};

use super::auth::Caller;
use super::error::{MethodError, SetError};
use super::get::{self, MASK};
use super::id::Id;
use super::index::text_of;
use super::kind::Kind;
use super::request::Arguments;
use super::schema;
use super::set::Writing;
use super::shelf::Object;
use super::state::State;

const KEYS_MAX: usize = 5;
const SECRET_CHARS: usize = 38;

/// The account whose keys a call is about. `None` for types that belong to no account.
pub(crate) fn owner(
    kind: Kind,
    writing: &Writing<'_>,
    arguments: &Arguments,
) -> Result<Option<Id>, MethodError> {
    if kind != Kind::ApiKey {
        return Ok(None);
    }
    owner_of(writing.caller, arguments).map(Some)
}

fn owner_of(caller: &Caller, arguments: &Arguments) -> Result<Id, MethodError> {
    let Some(text) = arguments.get("accountId").and_then(Value::as_str) else {
        return Ok(caller.account);
    };
    let account = Id::parse(text);
    match account.filter(|account| *account == caller.account || caller.permissions.allow("impersonate")) {
        Some(account) => Ok(account),
        None => Err(MethodError::Forbidden(format!("You are not an owner of account {text}"))),
    }
}

pub(crate) fn list(state: &State, caller: &Caller, arguments: &Arguments) -> Result<Object, MethodError> {
    let credentials = credentials(state, owner_of(caller, arguments)?);
    let wanted = get::properties(Kind::ApiKey, arguments)?;
    let asked = get::ids(arguments)?;
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (id, credential) in &credentials {
        let named = asked.as_ref().is_none_or(|ids| ids.contains(id));
        if named && is_key(credential) {
            found.push(view(id, credential, &wanted));
        } else if named {
            missing.push(id.clone()); // recorded: the password is listed as a key that is not there
        }
    }
    let unknown =
        asked.unwrap_or_default().into_iter().filter(|id| credentials.iter().all(|(known, _)| known != id));
    missing.extend(unknown);
    Ok(Object::from_iter([("list".to_owned(), json!(found)), ("notFound".to_owned(), json!(missing))]))
}

pub(crate) fn query(state: &State, caller: &Caller, arguments: &Arguments) -> Result<Object, MethodError> {
    let credentials = credentials(state, owner_of(caller, arguments)?);
    let ids: Vec<&String> =
        credentials.iter().filter(|(_, one)| is_key(one)).map(|(id, _)| id).rev().collect();
    let answer = json!({ "queryState": "n", "canCalculateChanges": true, "position": 0, "ids": ids });
    Ok(answer.as_object().cloned().unwrap_or_default())
}

/// The credentials of an account by their identifiers.
fn credentials(state: &State, account: Id) -> Vec<(String, Object)> {
    let account = state.object(Kind::Account, account);
    let items = account.and_then(|account| account.get("credentials")).and_then(Value::as_object);
    items
        .into_iter()
        .flat_map(Object::values)
        .filter_map(|item| {
            let item = item.as_object()?;
            Some((text_of(item, "credentialId")?.to_owned(), item.clone()))
        })
        .collect()
}

fn is_key(credential: &Object) -> bool {
    text_of(credential, "@type") == Some("ApiKey")
}

fn view(id: &str, key: &Object, wanted: &[String]) -> Value {
    let asked = |name: &str| wanted.is_empty() || wanted.iter().any(|property| property == name);
    let mut seen: Object = key
        .iter()
        .filter(|(name, _)| asked(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    seen.remove("@type");
    seen.remove("credentialId");
    if asked("secret") {
        seen.insert("secret".to_owned(), json!(MASK));
    }
    seen.insert("id".to_owned(), json!(id));
    Value::Object(seen)
}

/// A new key. Its secret is in this answer and in no other.
pub(crate) fn mint(state: &mut State, owner: Option<Id>, mut key: Object) -> Result<Object, SetError> {
    let id = owner.ok_or_else(SetError::not_found)?;
    let mut account = state.object(Kind::Account, id).cloned().ok_or_else(SetError::not_found)?;
    let existing = credentials(state, id);
    if existing.iter().filter(|(_, credential)| is_key(credential)).count() >= KEYS_MAX {
        return Err(SetError::over_quota("You have exceeded your quota of 5 API keys."));
    }
    // The first identifier is the password's, whether there is one or not.
    let last = existing.iter().filter_map(|(id, _)| Id::parse(id)).map(|id| id.0).max().unwrap_or_default();
    let credential = Id(last + 1).to_string();
    let secret = secret();
    key.insert("@type".to_owned(), json!("ApiKey"));
    key.insert("credentialId".to_owned(), json!(credential));
    key.insert("secret".to_owned(), json!(secret));
    let items = account.entry("credentials").or_insert_with(|| json!({}));
    if let Some(items) = items.as_object_mut() {
        let place =
            (0..=items.len()).map(|number| number.to_string()).find(|place| !items.contains_key(place));
        items.insert(place.unwrap_or_default(), Value::Object(key));
    }
    state.shelf_mut(Kind::Account).put(id, account);
    Ok(Object::from_iter([("id".to_owned(), json!(credential)), ("secret".to_owned(), json!(secret))]))
}

fn secret() -> String {
    let random = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    format!("API_{}", random.chars().take(SECRET_CHARS).collect::<String>())
}

pub(crate) fn change(
    state: &mut State,
    owner: Option<Id>,
    key: Id,
    patches: &Object,
) -> Result<(), SetError> {
    edit(state, owner, key, |items, place| {
        let mut changed = items.get(place).and_then(Value::as_object).cloned().unwrap_or_default();
        for (path, value) in patches {
            schema::patch(Kind::ApiKey, &mut changed, path, value)?;
        }
        items.insert(place.to_owned(), Value::Object(changed));
        Ok(())
    })
}

/// Effective at once.
pub(crate) fn revoke(state: &mut State, owner: Option<Id>, key: Id) -> Result<(), SetError> {
    edit(state, owner, key, |items, place| {
        items.remove(place);
        Ok(())
    })
}

fn edit(
    state: &mut State,
    owner: Option<Id>,
    key: Id,
    change: impl FnOnce(&mut Object, &str) -> Result<(), SetError>,
) -> Result<(), SetError> {
    let id = owner.ok_or_else(SetError::not_found)?;
    let mut account = state.object(Kind::Account, id).cloned().ok_or_else(SetError::not_found)?;
    let items =
        account.get_mut("credentials").and_then(Value::as_object_mut).ok_or_else(SetError::not_found)?;
    let wanted = key.to_string();
    let place = items.iter().find_map(|(place, credential)| {
        let credential = credential.as_object()?;
        (is_key(credential) && text_of(credential, "credentialId") == Some(&wanted)).then(|| place.clone())
    });
    change(items, &place.ok_or_else(SetError::not_found)?)?;
    state.shelf_mut(Kind::Account).put(id, account);
    Ok(())
}
