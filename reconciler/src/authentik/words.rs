//! What authentik says of a refusal, as one line: its shapes differ from endpoint to endpoint (contract §2).

use serde_json::Value;

/// Nested lists and maps deeper than this say nothing to a person.
const DEPTH_MAX: usize = 6;

/// `email: Enter a valid email address.; name: …`. Only what the server said; nothing of what was sent.
pub(super) fn of(said: &Value) -> String {
    let mut parts = Vec::new();
    collect("", said, DEPTH_MAX, &mut parts);
    parts.join("; ")
}

fn collect(field: &str, said: &Value, depth: usize, parts: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match said {
        Value::String(text) if field.is_empty() => parts.push(text.clone()),
        Value::String(text) => parts.push(format!("{field}: {text}")),
        Value::Array(items) => items.iter().for_each(|item| collect(field, item, depth, parts)),
        Value::Object(fields) => {
            for (name, said) in fields {
                let is_general = matches!(name.as_str(), "non_field_errors" | "detail");
                collect(if is_general { field } else { name }, said, depth, parts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;

    #[test]
    fn every_recorded_shape_becomes_a_line() {
        let cases = [
            (json!({ "email": ["Enter a valid email address."] }), "email: Enter a valid email address."),
            (json!({ "non_field_errors": ["No."] }), "No."),
            (json!({ "non_field_errors": "No recovery flow set." }), "No recovery flow set."),
            (json!({ "redirect_uris": [{ "non_field_errors": ["A list."] }] }), "redirect_uris: A list."),
            (json!({ "redirect_uris": { "non_field_errors": ["A map."] } }), "redirect_uris: A map."),
            (json!(["filter: failed to parse JSON"]), "filter: failed to parse JSON"),
            (json!({ "detail": "Not found." }), "Not found."),
            (json!({ "a": ["One.", "Two."], "b": ["Three."] }), "a: One.; a: Two.; b: Three."),
            (json!(7), ""),
        ];
        for (said, line) in cases {
            assert_eq!(of(&said), line);
        }
    }
}
