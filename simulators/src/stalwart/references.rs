//! References inside a request: to the results of earlier calls, and to objects created by them.

use serde_json::Value;

use super::error::MethodError;
use super::request::Arguments;
use super::shelf::Object;

/// Properties whose text names an object.
const NAMING: [&str; 8] = [
    "domainId",
    "memberTenantId",
    "defaultDomainId",
    "directoryId",
    "defaultCertificateId",
    "dnsServerId",
    "acmeProviderId",
    "accountId",
];
/// Properties whose keys name objects.
const NAMING_SETS: [&str; 6] = [
    "roleIds",
    "memberGroupIds",
    "defaultUserRoleIds",
    "defaultGroupRoleIds",
    "defaultTenantRoleIds",
    "defaultAdminRoleIds",
];

/// One answered call.
pub(crate) struct Answered {
    pub(crate) method: String,
    pub(crate) body: Value,
    pub(crate) call: String,
}

/// Replaces `#ids` and its like by what they point to.
pub(crate) fn resolve_results(arguments: &mut Arguments, answered: &[Answered]) -> Result<(), MethodError> {
    let pointing: Vec<(String, Value)> = arguments
        .plain()
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix('#')?.to_owned(), value.clone())))
        .collect();
    for (name, reference) in pointing {
        let part = |name: &str| reference.get(name).and_then(Value::as_str).unwrap_or_default();
        let (call, method, path) = (part("resultOf"), part("name"), part("path"));
        let missing =
            || MethodError::InvalidResultReference(format!("Result reference to {call}#{method} not found."));
        let result =
            answered.iter().find(|one| one.call == call && one.method == method).ok_or_else(missing)?;
        arguments.set(&name, follow(&result.body, path).ok_or_else(missing)?);
    }
    Ok(())
}

/// A JSON pointer in which `*` stands for every element of a list.
fn follow(value: &Value, path: &str) -> Option<Value> {
    let Some(path) = path.strip_prefix('/') else {
        return path.is_empty().then(|| value.clone());
    };
    let (step, rest) = match path.find('/') {
        Some(end) => path.split_at(end),
        None => (path, ""),
    };
    match value {
        Value::Array(items) if step == "*" => {
            let found: Option<Vec<Value>> = items.iter().map(|item| follow(item, rest)).collect();
            let flat = found?.into_iter().flat_map(|value| match value {
                Value::Array(items) => items,
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                    vec![value]
                }
            });
            Some(flat.collect())
        }
        Value::Array(items) => follow(items.get(step.parse::<usize>().ok()?)?, rest),
        Value::Object(fields) => follow(fields.get(step)?, rest),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Replaces `#name` by the identifier of what was created under that name, also where it is a key.
/// `from` is the object being written, for the message.
pub(crate) fn resolve_created(value: &mut Value, created: &Object, from: &str) -> Result<(), MethodError> {
    let Value::Object(fields) = value else {
        return Ok(());
    };
    for (name, value) in fields.iter_mut() {
        let property = name.rsplit('/').next().unwrap_or(name);
        match value {
            Value::String(text) if NAMING.contains(&property) => {
                if let Some(reference) = text.strip_prefix('#') {
                    *text = lookup(reference, created, from)?;
                }
            }
            Value::Object(set) if NAMING_SETS.contains(&property) => {
                *set = std::mem::take(set)
                    .into_iter()
                    .map(|(key, member)| match key.strip_prefix('#') {
                        Some(reference) => Ok((lookup(reference, created, from)?, member)),
                        None => Ok((key, member)),
                    })
                    .collect::<Result<_, _>>()?;
            }
            Value::Object(_) => resolve_created(value, created, from)?,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
        }
    }
    Ok(())
}

fn lookup(reference: &str, created: &Object, from: &str) -> Result<String, MethodError> {
    created.get(reference).and_then(Value::as_str).map(ToOwned::to_owned).ok_or_else(|| {
        MethodError::InvalidResultReference(format!(
            "Invalid reference to non-existing object \"{reference}\" from \"{from}\""
        ))
    })
}
