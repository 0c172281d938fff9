//! A JMAP request as it is read: in document order where the server works in document order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::shelf::Object;

/// URNs that `using` may name.
const CAPABILITIES: [&str; 18] = [
    "urn:stalwart:jmap",
    "urn:ietf:params:jmap:core",
    "urn:ietf:params:jmap:mail",
    "urn:ietf:params:jmap:calendars",
    "urn:ietf:params:jmap:calendars:parse",
    "urn:ietf:params:jmap:contacts",
    "urn:ietf:params:jmap:contacts:parse",
    "urn:ietf:params:jmap:filenode",
    "urn:ietf:params:jmap:principals",
    "urn:ietf:params:jmap:principals:availability",
    "urn:ietf:params:jmap:submission",
    "urn:ietf:params:jmap:vacationresponse",
    "urn:ietf:params:jmap:sieve",
    "urn:ietf:params:jmap:blob",
    "urn:ietf:params:jmap:quota",
    "urn:ietf:params:jmap:emailpush",
    "urn:ietf:params:jmap:webpush-vapid",
    "urn:ietf:params:jmap:websocket",
];

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    using: Vec<String>,
    pub(crate) method_calls: Vec<Call>,
    pub(crate) created_ids: Option<Object>,
}

#[derive(serde::Deserialize)]
pub(crate) struct Call(pub(crate) String, pub(crate) Arguments, pub(crate) String);

/// The arguments of one call.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    plain: Object,
    pub(crate) create: Vec<(String, Value)>,
    pub(crate) update: Vec<(String, Value)>,
}

impl Request {
    /// `None` is all the server says about what is wrong with a request.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let request: Self = serde_json::from_slice(body).ok()?;
        let known = request.using.iter().all(|urn| CAPABILITIES.contains(&urn.as_str()));
        // States exist for mail only. The constant of `/query` passes; another text is not even a request.
        let stated = request.method_calls.iter().all(|Call(_, arguments, _)| {
            arguments.get("ifInState").is_none_or(|state| state.is_null() || state == "n")
        });
        (known && stated).then_some(request)
    }
}

impl Arguments {
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.plain.get(name)
    }

    pub(crate) fn plain(&self) -> &Object {
        &self.plain
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.plain.insert(name.to_owned(), value);
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadArguments)
    }
}

struct ReadArguments;

impl<'de> Visitor<'de> for ReadArguments {
    type Value = Arguments;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the arguments of a method call")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Arguments, A::Error> {
        let mut arguments = Arguments::default();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "create" => arguments.create = entries(map.next_value()?),
                "update" => arguments.update = entries(map.next_value()?),
                _ => arguments.set(&name, map.next_value()?),
            }
        }
        Ok(arguments)
    }
}

fn entries(entries: Option<Entries>) -> Vec<(String, Value)> {
    entries.map(|entries| entries.0).unwrap_or_default()
}

/// An object whose members stay in the order they were written in.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ReadEntries)
    }
}

struct ReadEntries;

impl<'de> Visitor<'de> for ReadEntries {
    type Value = Entries;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
