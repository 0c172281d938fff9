//! Fields of a JSON object, read one by one: everything wrong is collected with its pointer, nothing is dropped silently.

use domain::Problem as Wrong;
use schema::ValueError;
use serde_json::{Map, Value};

use crate::error::{ApiError, errors_of};
use crate::problem::{Code, Problem};
use crate::values::Read;

/// The JSON type of a field, for the contract and for reading queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// An object.
    Object,
    /// A list of strings.
    Strings,
}

/// Whether a body may go without a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must be there.
    Required,
    /// It may be absent or null.
    Optional,
}

/// A field a body may have. The same table refuses unknown fields and documents the known ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether it must be there.
    pub need: Need,
}

/// A field that must be there.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Required }
}

/// A field that may be absent.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, need: Need::Optional }
}

/// A body that can be read.
pub(crate) trait Body: Sized {
    /// Every field it may have.
    const FIELDS: &'static [Field];

    /// Reads the values. What is wrong is collected in `fields`; the result counts only if nothing is.
    fn read(fields: &mut Fields) -> Self;
}

/// A body without fields.
pub(crate) struct Nothing;

impl Body for Nothing {
    const FIELDS: &'static [Field] = &[];

    fn read(_fields: &mut Fields) -> Self {
        Self
    }
}

/// An object whose names are known and whose values are not yet read.
#[derive(Debug)]
pub(crate) struct Fields {
    object: Map<String, Value>,
    pointer: String,
    problems: Vec<Wrong>,
}

impl Fields {
    /// A body, once its names are checked.
    pub(crate) fn open<B: Body>(value: Value) -> Result<Self, ApiError> {
        let Value::Object(object) = value else {
            return Err(ApiError::invalid("", "type", "must be an object"));
        };
        let names: Vec<&str> = B::FIELDS.iter().map(|field| field.name).collect();
        let unknown = unknown_fields(&object, "", &names);
        if unknown.is_empty() {
            Ok(Self { object, pointer: String::new(), problems: Vec::new() })
        } else {
            Err(refuse_unknown(&unknown))
        }
    }

    /// Reads the body.
    pub(crate) fn read<B: Body>(mut self) -> Result<B, ApiError> {
        let body = B::read(&mut self);
        let (unknown, wrong): (Vec<Wrong>, Vec<Wrong>) =
            self.problems.into_iter().partition(|problem| problem.code == UNKNOWN);
        if !unknown.is_empty() {
            return Err(refuse_unknown(&unknown));
        }
        if wrong.is_empty() { Ok(body) } else { Err(domain::Rejection::ValidationFailed(wrong).into()) }
    }

    /// Which of these names the body gives.
    pub(crate) fn given<'a>(&self, names: &[&'a str]) -> Vec<&'a str> {
        names.iter().copied().filter(|name| self.object.contains_key(*name)).collect()
    }

    /// Refuses the body if it gives one of these names.
    pub(crate) fn forbid(&self, names: &[&str]) -> Result<(), ApiError> {
        let given = self.given(names);
        if given.is_empty() { Ok(()) } else { Err(ApiError::field_forbidden(&given)) }
    }

    /// A field that must be there.
    pub(crate) fn required<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Read<T>) -> Option<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => {
                self.wrong(name, ValueError::new("required", "must be given"));
                None
            }
            Some(value) => {
                let read = read(value);
                self.keep(name, read)
            }
        }
    }

    /// A field that may be absent; null means absent.
    pub(crate) fn optional<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Read<T>) -> Option<T> {
        match self.object.get(name) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let read = read(value);
                self.keep(name, read)
            }
        }
    }

    /// A field where null means something: outer absent, inner null.
    #[expect(clippy::option_option, reason = "absent, null and a value are three answers of a merge patch")]
    pub(crate) fn nullable<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value) -> Read<T>,
    ) -> Option<Option<T>> {
        match self.object.get(name) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(value) => {
                let read = read(value);
                self.keep(name, read).map(Some)
            }
        }
    }

    /// Refuses null for fields that cannot be taken away.
    pub(crate) fn must_stay(&mut self, names: &[&str]) {
        for name in names {
            if self.object.get(*name).is_some_and(Value::is_null) {
                self.wrong(name, ValueError::new("required", "cannot be taken away"));
            }
        }
    }

    /// Lays an object over what is known (RFC 7396): what it does not name stays, what it says is null goes.
    pub(crate) fn lay_over(&mut self, name: &str, known: Option<Value>) {
        if let (Some(Value::Object(given)), Some(Value::Object(mut whole))) =
            (self.object.get_mut(name), known)
        {
            whole.append(given);
            *given = whole;
        }
    }

    /// An object inside the object; null empties it.
    pub(crate) fn object_or_empty<T: Default>(
        &mut self,
        name: &str,
        names: &[&str],
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        if self.object.get(name).is_some_and(Value::is_null) {
            return Some(T::default());
        }
        self.object(name, names, read)
    }

    /// A list whose entries are refused one by one.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&Value, &str) -> Result<Vec<T>, Vec<Wrong>>,
    ) -> Option<Vec<T>> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        match read(value, &format!("{}/{name}", self.pointer)) {
            Ok(list) => Some(list),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        }
    }

    /// An object inside the object.
    pub(crate) fn object<T>(
        &mut self,
        name: &str,
        names: &[&str],
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let value = self.object.get(name).filter(|value| !value.is_null())?;
        let Value::Object(object) = value else {
            self.wrong(name, ValueError::new("type", "must be an object"));
            return None;
        };
        let pointer = format!("{}/{name}", self.pointer);
        let problems = unknown_fields(object, &pointer, names);
        let mut inner = Self { object: object.clone(), pointer, problems };
        let read = read(&mut inner);
        let fine = inner.problems.is_empty();
        self.problems.extend(inner.problems);
        fine.then_some(read)
    }

    /// Records that a field is wrong for a reason found elsewhere.
    pub(crate) fn wrong(&mut self, name: &str, error: ValueError) {
        self.problems.push(Wrong::at(format!("{}/{name}", self.pointer), error));
    }

    fn keep<T>(&mut self, name: &str, read: Read<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(name, error);
                None
            }
        }
    }
}

/// Marks a problem as an unknown name until the answer is chosen; never shown.
const UNKNOWN: &str = "unknown-field";

fn unknown_fields(object: &Map<String, Value>, pointer: &str, names: &[&str]) -> Vec<Wrong> {
    object
        .keys()
        .filter(|name| !names.contains(&name.as_str()))
        .map(|name| Wrong {
            pointer: format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
            code: UNKNOWN,
            detail: "is not a field of this request".to_owned(),
        })
        .collect()
}

fn refuse_unknown(unknown: &[Wrong]) -> ApiError {
    let shown: Vec<Wrong> =
        unknown.iter().map(|wrong| Wrong { code: "not-allowed", ..wrong.clone() }).collect();
    let pointer = shown.first().map(|wrong| wrong.pointer.clone()).unwrap_or_default();
    Problem::new(Code::UnknownField, "The request has a field we do not know")
        .with("pointer", pointer)
        .with("errors", errors_of(&shown))
        .into()
}

#[cfg(test)]
mod tests;
