//! Whether an answered body has the shape of the recorded one: keys and types, all the way down.

use serde_json::Value;

pub(crate) fn alike(place: &str, recorded: &Value, answered: &Value, differences: &mut Vec<String>) {
    match (recorded, answered) {
        (Value::Object(recorded), Value::Object(answered)) => {
            for (key, recorded) in recorded {
                match answered.get(key) {
                    Some(answered) => alike(&format!("{place}/{key}"), recorded, answered, differences),
                    None => differences.push(format!("{place}/{key} is missing")),
                }
            }
            let extra = answered.keys().filter(|key| !recorded.contains_key(*key));
            differences.extend(extra.map(|key| format!("{place}/{key} was not recorded")));
        }
        (Value::Array(recorded), Value::Array(answered)) => {
            alike_lists(place, recorded, answered, differences);
        }
        (Value::Null, Value::Null)
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_)) => {}
        (recorded, answered) => differences.push(format!("{place} is {answered} instead of {recorded}")),
    }
}

/// Each answered element has the shape of a recorded one; the differences told are those to the nearest.
fn alike_lists(place: &str, recorded: &[Value], answered: &[Value], differences: &mut Vec<String>) {
    if recorded.is_empty() != answered.is_empty() {
        let (found, wanted) = (answered.len(), recorded.len());
        differences.push(format!("{place} has {found} elements instead of {wanted}"));
        return;
    }
    for (number, answered) in answered.iter().enumerate() {
        let nearest = recorded.iter().map(|recorded| {
            let mut found = Vec::new();
            alike(&format!("{place}/{number}"), recorded, answered, &mut found);
            found
        });
        differences.extend(nearest.min_by_key(Vec::len).unwrap_or_default());
    }
}
