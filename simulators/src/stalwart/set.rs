//! `/set`: creates, updates and destroys one object after the other, in document order and without a transaction.

use serde_json::{Value, json};

use super::auth::Caller;
use super::error::{Failure, MethodError, SetError, id_of, id_text};
use super::id::Id;
use super::index::text_of;
use super::kind::Kind;
use super::references;
use super::request::Arguments;
use super::rules::{self, Incoming};
use super::schema;
use super::shelf::Object;
use super::state::State;
use super::stumble::Stumbles;
use super::{actions, get, keys, tasks, template, zone};

/// `maxObjectsInSet`.
const OBJECTS_MAX: usize = 500;

/// Who writes, into what, and what the request has created so far.
pub(crate) struct Writing<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) caller: &'a Caller,
    pub(crate) created: &'a mut Object,
    pub(crate) stumbles: &'a Stumbles,
}

/// The parts of an answer; those without content are not sent.
#[derive(Default)]
struct Outcome {
    created: Object,
    not_created: Object,
    updated: Object,
    not_updated: Object,
    destroyed: Vec<String>,
    not_destroyed: Object,
}

pub(crate) fn run(
    kind: Kind,
    writing: &mut Writing<'_>,
    arguments: &Arguments,
) -> Result<Object, MethodError> {
    let destroy = get::texts("destroy", arguments)?.unwrap_or_default();
    if arguments.create.len() + arguments.update.len() + destroy.len() > OBJECTS_MAX {
        return Err(MethodError::RequestTooLarge);
    }
    permitted(kind, writing.caller, arguments, &destroy)?;
    references_hold(writing.created, arguments)?;
    let owner = keys::owner(kind, writing, arguments)?;
    let mut stumble = writing.stumbles.take(&format!("x:{}/set", kind.name()));
    let mut outcome = Outcome::default();
    for (name, value) in &arguments.create {
        stumble.step()?;
        match create(kind, writing, owner, name, value.clone()) {
            Ok(answer) => {
                writing.created.insert(name.clone(), answer.get("id").cloned().unwrap_or_default());
                outcome.created.insert(name.clone(), Value::Object(answer));
            }
            Err(Failure::Object(error)) => drop(outcome.not_created.insert(name.clone(), error.0)),
            Err(Failure::Call(error)) => return Err(error),
        }
    }
    for (text, patches) in &arguments.update {
        let Some(id) = id_of(kind, text) else { continue };
        stumble.step()?;
        match update(kind, writing, owner, id, patches) {
            Ok(()) => drop(outcome.updated.insert(text.clone(), Value::Null)),
            Err(Failure::Object(error)) => drop(outcome.not_updated.insert(text.clone(), error.0)),
            Err(Failure::Call(error)) => return Err(error),
        }
    }
    for text in destroy {
        let Some(id) = id_of(kind, &text) else { continue };
        stumble.step()?;
        match remove(kind, writing, owner, id) {
            Ok(()) => outcome.destroyed.push(text),
            Err(error) => drop(outcome.not_destroyed.insert(text, error.0)),
        }
    }
    stumble.end()?;
    // Only a call that ends well makes the mail side look again for addresses that it did not find.
    if matches!(kind, Kind::Account | Kind::Domain | Kind::MailingList) {
        writing.state.absent.retain(|_, _| false);
    }
    Ok(outcome.answer())
}

impl Outcome {
    fn answer(self) -> Object {
        let maps = [
            ("created", self.created),
            ("notCreated", self.not_created),
            ("updated", self.updated),
            ("notUpdated", self.not_updated),
            ("notDestroyed", self.not_destroyed),
        ];
        let mut answer: Object = maps
            .into_iter()
            .filter(|(_, map)| !map.is_empty())
            .map(|(name, map)| (name.to_owned(), Value::Object(map)))
            .collect();
        if !self.destroyed.is_empty() {
            answer.insert("destroyed".to_owned(), json!(self.destroyed));
        }
        answer
    }
}

fn permitted(
    kind: Kind,
    caller: &Caller,
    arguments: &Arguments,
    destroy: &[String],
) -> Result<(), MethodError> {
    let asked = [
        ("Create", arguments.create.is_empty()),
        ("Update", arguments.update.is_empty()),
        ("Destroy", destroy.is_empty()),
    ];
    let mut needed =
        asked.iter().filter(|(_, nothing)| !nothing).map(|(verb, _)| format!("sys{}{verb}", kind.name()));
    if needed.all(|permission| caller.permissions.allow(&permission)) {
        return Ok(());
    }
    Err(MethodError::Forbidden(
        "You are not authorized to create, update or destroy objects of this type".to_owned(),
    ))
}

/// A reference to something that no earlier call made ends the call before it begins.
fn references_hold(created: &Object, arguments: &Arguments) -> Result<(), MethodError> {
    let mut promised = created.clone();
    promised.extend(arguments.create.iter().map(|(name, _)| (name.clone(), json!(""))));
    for (name, value) in arguments.create.iter().chain(&arguments.update) {
        references::resolve_created(&mut value.clone(), &promised, name)?;
    }
    Ok(())
}

/// What is answered for a new object: its identifier, and a secret that is shown once.
fn create(
    kind: Kind,
    writing: &mut Writing<'_>,
    owner: Option<Id>,
    name: &str,
    mut value: Value,
) -> Result<Object, Failure> {
    references::resolve_created(&mut value, writing.created, name).map_err(Failure::Call)?;
    let given = value.as_object().ok_or_else(|| SetError::invalid_patch("Invalid value for object", ""))?;
    if kind.is_singleton() {
        return Err(SetError::singleton().into());
    }
    let variant = variant(kind, given)?;
    let mut object = template::of(kind, variant, &writing.state.timestamp());
    schema::fill(kind, &mut object, given)?;
    match kind {
        Kind::Action => {
            let id = actions::run(writing.state, writing.caller, variant.unwrap_or_default())?;
            Ok(answer(kind, id))
        }
        Kind::ApiKey => Ok(keys::mint(writing.state, owner, object)?),
        Kind::Task => Err(SetError::forbidden("Tasks cannot be created").into()),
        Kind::Account
        | Kind::Authentication
        | Kind::DkimSignature
        | Kind::Domain
        | Kind::MailingList
        | Kind::MemoryLookupKey
        | Kind::MtaStageRcpt
        | Kind::Role
        | Kind::SieveSystemScript
        | Kind::SystemSettings
        | Kind::Tenant => keep(kind, writing.state, object),
    }
}

fn variant(kind: Kind, given: &Object) -> Result<Option<&str>, SetError> {
    let Some(variants) = schema::variants(kind) else {
        return Ok(None);
    };
    let named = text_of(given, "@type").filter(|name| variants.contains(name));
    named.map(Some).ok_or_else(SetError::untyped)
}

fn keep(kind: Kind, state: &mut State, mut object: Object) -> Result<Object, Failure> {
    let incoming = Incoming { state, kind, id: None, before: None };
    rules::check(&incoming, &mut object)?;
    let id = state.next_id(kind);
    let wants_keys = kind == Kind::Domain && !zone::automatic_algorithms(&object).is_empty();
    state.shelf_mut(kind).put(id, object);
    if wants_keys {
        tasks::dkim(state, id);
    }
    Ok(answer(kind, id))
}

fn answer(kind: Kind, id: Id) -> Object {
    Object::from_iter([("id".to_owned(), json!(id_text(kind, id)))])
}

fn update(
    kind: Kind,
    writing: &mut Writing<'_>,
    owner: Option<Id>,
    id: Id,
    patches: &Value,
) -> Result<(), Failure> {
    let mut patches = patches.clone();
    references::resolve_created(&mut patches, writing.created, &id_text(kind, id)).map_err(Failure::Call)?;
    let patches =
        patches.as_object().ok_or_else(|| SetError::invalid_patch("Invalid value for object", ""))?;
    if kind == Kind::ApiKey {
        return Ok(keys::change(writing.state, owner, id, patches)?);
    }
    let before = writing.state.object(kind, id).cloned().ok_or_else(SetError::not_found)?;
    let mut object = before.clone();
    for (path, value) in patches {
        schema::patch(kind, &mut object, path, value)?;
    }
    let incoming = Incoming { state: writing.state, kind, id: Some(id), before: Some(&before) };
    rules::check(&incoming, &mut object)?;
    if object == before {
        return Ok(());
    }
    let wants_keys = kind == Kind::Domain
        && before.get("dkimManagement") != object.get("dkimManagement")
        && !zone::automatic_algorithms(&object).is_empty();
    writing.state.shelf_mut(kind).put(id, object);
    if wants_keys {
        tasks::dkim(writing.state, id);
    }
    Ok(())
}

fn remove(kind: Kind, writing: &mut Writing<'_>, owner: Option<Id>, id: Id) -> Result<(), SetError> {
    if kind.is_singleton() {
        return Err(SetError::singleton());
    }
    if kind == Kind::ApiKey {
        return keys::revoke(writing.state, owner, id);
    }
    if !writing.state.shelf(kind).contains(id) {
        return Err(SetError::not_found());
    }
    let linked: Vec<(Kind, Id)> =
        writing.state.referrers(kind, id).into_iter().filter(|other| *other != (kind, id)).collect();
    if !linked.is_empty() {
        return Err(SetError::linked(kind, id, &linked));
    }
    let removed = writing.state.shelf_mut(kind).remove(id);
    if let Some(account) = removed.filter(|_| kind == Kind::Account) {
        writing.state.mailboxes.remove(&id);
        tasks::erase(writing.state, id, &account);
    }
    Ok(())
}
