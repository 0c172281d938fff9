//! The `?attributes=` filter: each key is a Django lookup into the JSON of an object's attributes.

use serde_json::{Map, Value, json};

use super::reply::Reply;
use super::wire::Asked;

/// All must hold.
pub(super) struct Filter(Vec<Lookup>);

struct Lookup {
    path: Vec<String>,
    test: String,
    wanted: Value,
}

const TESTS: [&str; 15] = [
    "exact",
    "iexact",
    "in",
    "contains",
    "icontains",
    "startswith",
    "istartswith",
    "endswith",
    "iendswith",
    "isnull",
    "has_key",
    "gt",
    "gte",
    "lt",
    "lte",
];

impl Filter {
    pub(super) fn of(asked: &Asked) -> Result<Self, Reply> {
        let Some(text) = asked.query("attributes").filter(|text| !text.is_empty()) else {
            return Ok(Self(Vec::new()));
        };
        let invalid = |text| Reply::invalid(json!([text]));
        let value: Value = serde_json::from_str(text).map_err(|_| invalid("filter: failed to parse JSON"))?;
        let Value::Object(lookups) = value else {
            return Err(invalid("filter: value must be key:value mapping"));
        };
        Ok(Self(lookups.into_iter().map(|(key, wanted)| Lookup::new(&key, wanted)).collect()))
    }

    /// `attributes.<key> = "<text>"`, the one form of the query language that is simulated.
    pub(super) fn of_search(search: &str) -> Option<Self> {
        let (path, wanted) = search.strip_prefix("attributes.")?.split_once('=')?;
        let wanted = serde_json::from_str(wanted.trim()).ok()?;
        let path = path.trim().split('.').map(ToOwned::to_owned).collect();
        Some(Self(vec![Lookup { path, test: "exact".to_owned(), wanted }]))
    }

    pub(super) fn matches(&self, attributes: &Map<String, Value>) -> bool {
        self.0.iter().all(|lookup| lookup.matches(attributes))
    }
}

impl Lookup {
    fn new(key: &str, wanted: Value) -> Self {
        let mut path: Vec<String> = key.split("__").map(ToOwned::to_owned).collect();
        let is_test = path.len() > 1 && path.last().is_some_and(|last| TESTS.contains(&last.as_str()));
        let test = if is_test { path.pop() } else { None };
        Self { path, test: test.unwrap_or_else(|| "exact".to_owned()), wanted }
    }

    fn matches(&self, attributes: &Map<String, Value>) -> bool {
        let found = self.find(attributes);
        if self.test == "isnull" {
            return found.is_none() == (self.wanted == Value::Bool(true));
        }
        let Some(found) = found else { return false };
        let wanted = &self.wanted;
        let (text, part) = (as_text(found), as_text(wanted));
        let (lower, lower_part) = (text.to_lowercase(), part.to_lowercase());
        match self.test.as_str() {
            "in" => wanted.as_array().is_some_and(|choices| choices.contains(found)),
            "contains" => contains(found, wanted),
            "has_key" => found.as_object().is_some_and(|object| object.contains_key(&part)),
            "iexact" => lower == lower_part,
            "icontains" => lower.contains(&lower_part),
            "startswith" => text.starts_with(&part),
            "istartswith" => lower.starts_with(&lower_part),
            "endswith" => text.ends_with(&part),
            "iendswith" => lower.ends_with(&lower_part),
            "gt" => found.as_f64() > wanted.as_f64(),
            "gte" => found.as_f64() >= wanted.as_f64(),
            "lt" => found.as_f64() < wanted.as_f64(),
            "lte" => found.as_f64() <= wanted.as_f64(),
            _ => found == wanted,
        }
    }

    fn find<'a>(&self, attributes: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.path.split_first()?;
        rest.iter().try_fold(attributes.get(first)?, |value, part| {
            let item = || value.as_array()?.get(part.parse::<usize>().ok()?);
            value.get(part).or_else(item)
        })
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// jsonb containment.
fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            part.iter().all(|part| whole.iter().any(|whole| contains(whole, part)))
        }
        (Value::Array(whole), part) => whole.contains(part),
        (whole, part) => whole == part,
    }
}
