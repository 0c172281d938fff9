//! The query string: every parameter is known, given once, and read by name.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::fields::{Field, Kind};
use crate::problem::Code;

const VALUES_MAX: usize = 50;
const SEARCH_MAX: usize = 100;
const PAGE_DEFAULT: usize = 50;
const PAGE_MAX: usize = 200;

/// Parameters every route understands.
const EVERYWHERE: &[&str] = &["minPosition"];

/// The parameters of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads the query string. A parameter given twice is refused: which one counts would be a guess.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut parameters = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(malformed("The query string is not UTF-8 in percent encoding"));
            };
            if parameters.insert(name, value).is_some() {
                return Err(malformed("A query parameter is given twice"));
            }
        }
        Ok(Self(parameters))
    }

    /// Refuses parameters a route does not know.
    pub(crate) fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        let unknown = self
            .0
            .keys()
            .find(|name| !names.contains(&name.as_str()) && !EVERYWHERE.contains(&name.as_str()));
        match unknown {
            Some(_) if names.is_empty() => Err(malformed("This route takes no query parameters")),
            Some(_) => {
                Err(malformed(&format!("The query parameters of this route are {}", names.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// One parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a switch is on: `true` or `false`, nothing else.
    pub(crate) fn is_set(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(malformed(&format!("{name} must be true or false"))),
        }
    }

    /// A number.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.get(name)
            .map(|text| text.parse().map_err(|_| malformed(&format!("{name} must be a whole number"))))
            .transpose()
    }

    /// How many rows a page may have.
    pub(crate) fn limit(&self) -> Result<usize, ApiError> {
        match self.number("limit")? {
            None => Ok(PAGE_DEFAULT),
            Some(limit) => match usize::try_from(limit) {
                Ok(limit @ 1..=PAGE_MAX) => Ok(limit),
                Ok(_) | Err(_) => Err(malformed("limit must be between 1 and 200")),
            },
        }
    }

    /// What is searched for, in lower case.
    pub(crate) fn search(&self) -> Result<Option<String>, ApiError> {
        match self.get("q").map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) if text.chars().count() > SEARCH_MAX => {
                Err(malformed("q must have at most 100 characters"))
            }
            Some(text) if text.chars().any(char::is_control) => {
                Err(malformed("q must not contain control characters"))
            }
            Some(text) => Ok(Some(text.to_lowercase())),
        }
    }

    /// The values of a filter, one of which must hold; empty when the filter is absent.
    pub(crate) fn values(&self, name: &str) -> Result<Vec<String>, ApiError> {
        let Some(text) = self.get(name) else {
            return Ok(Vec::new());
        };
        let values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
        if values.len() > VALUES_MAX {
            return Err(malformed(&format!("{name} must have at most 50 values")));
        }
        if values.iter().any(|value| value.is_empty() || value.chars().any(char::is_control)) {
            return Err(malformed(&format!("{name} has an empty or unreadable value")));
        }
        Ok(values)
    }

    /// The values of a filter whose words are a closed list.
    pub(crate) fn choices(&self, name: &str, words: &[&'static str]) -> Result<Vec<&'static str>, ApiError> {
        self.values(name)?
            .iter()
            .map(|value| {
                words
                    .iter()
                    .copied()
                    .find(|word| word == value)
                    .ok_or_else(|| malformed(&format!("{name} must be of {}", words.join(", "))))
            })
            .collect()
    }

    /// The question a list answers, without what only moves through its pages.
    pub(crate) fn question(&self, path: &str) -> String {
        let mut question = path.to_owned();
        for (name, value) in &self.0 {
            if !matches!(name.as_str(), "cursor" | "limit" | "minPosition" | "include") {
                // The length keeps two parameters from looking like one.
                question.extend(["&", name, "=", &value.len().to_string(), ":", value]);
            }
        }
        question
    }

    /// The query string of the next page.
    pub(crate) fn with_cursor(&self, cursor: &str) -> String {
        let mut parts: Vec<String> = self
            .0
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "minPosition"))
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        parts.push(format!("cursor={}", encode(cursor)));
        parts.join("&")
    }

    /// The parameters as a body, for verbs without one.
    pub(crate) fn to_body(&self, fields: &[Field]) -> Value {
        let mut object = Map::new();
        for field in fields {
            if let Some(text) = self.get(field.name) {
                let number = text.parse::<u64>().ok().filter(|_| field.kind == Kind::Integer);
                object.insert(field.name.to_owned(), number.map_or_else(|| Value::from(text), Value::from));
            }
        }
        Value::Object(object)
    }
}

fn malformed(detail: &str) -> ApiError {
    ApiError::refused(Code::MalformedQuery, detail)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits)
                    .ok()
                    .filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}

#[cfg(test)]
mod tests;
