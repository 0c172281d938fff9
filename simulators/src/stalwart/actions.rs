//! `x:Action`: what makes written settings, lookup keys and forgotten addresses take effect.

use serde_json::Value;

use super::auth::Caller;
use super::error::SetError;
use super::id::Id;
use super::index::text_of;
use super::kind::Kind;
use super::shelf::Object;
use super::state::{Branch, State};

/// Runs an action. Its identifier is the time it ran at.
pub(crate) fn run(state: &mut State, caller: &Caller, action: &str) -> Result<Id, SetError> {
    if !caller.permissions.allow(&format!("action{action}")) {
        return Err(SetError::forbidden(&format!(
            "Insufficient permissions to perform action of type {action}"
        )));
    }
    match action {
        "ReloadSettings" => reload_settings(state),
        "ReloadLookupStores" => reload_lookups(state),
        "InvalidateNegativeCaches" | "InvalidateCaches" => state.absent.retain(|_, _| false),
        _ => {}
    }
    Ok(Id(state.now()))
}

fn reload_settings(state: &mut State) {
    let scripts: Vec<(String, String)> = state
        .shelf(Kind::SieveSystemScript)
        .iter()
        .filter(|(_, script)| script.get("isActive") == Some(&Value::Bool(true)))
        .filter_map(|(_, script)| {
            Some((text_of(script, "name")?.to_owned(), text_of(script, "contents")?.to_owned()))
        })
        .collect();
    let branches = state.singleton(Kind::MtaStageRcpt).map(branches).unwrap_or_default();
    state.scripts.retain(|_, _| false);
    for (name, contents) in scripts {
        state.scripts.insert(name, contents);
    }
    state.branches.retain(|_, _| false);
    for (number, branch) in (0..).zip(branches) {
        state.branches.insert(number, branch);
    }
}

/// The branches of `x:MtaStageRcpt.script` that name a script, the last one without a condition.
fn branches(stage: &Object) -> Vec<Branch> {
    let Some(script) = stage.get("script").and_then(Value::as_object) else {
        return Vec::new();
    };
    let matches = script.get("match").and_then(Value::as_object);
    let mut numbered: Vec<(u64, &Object)> = matches
        .into_iter()
        .flatten()
        .filter_map(|(number, branch)| Some((number.parse().ok()?, branch.as_object()?)))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    let branch = |condition: &str, then: Option<&str>| {
        let script = then?.strip_prefix('\'')?.strip_suffix('\'')?.to_owned();
        Some(Branch { condition: condition.to_owned(), script })
    };
    let mut found: Vec<Branch> = numbered
        .into_iter()
        .filter_map(|(_, one)| {
            branch(text_of(one, "if").filter(|text| !text.is_empty())?, text_of(one, "then"))
        })
        .collect();
    found.extend(branch("", text_of(script, "else")));
    found
}

fn reload_lookups(state: &mut State) {
    let mut entries: Vec<(String, bool)> = Vec::new();
    for (_, key) in state.shelf(Kind::MemoryLookupKey).iter() {
        if let Some((namespace, text)) = text_of(key, "namespace").zip(text_of(key, "key")) {
            entries
                .push((format!("{namespace} {text}"), key.get("isGlobPattern") == Some(&Value::Bool(true))));
        }
    }
    let wanted: std::collections::BTreeMap<String, bool> = entries.into_iter().collect();
    state.lookups.retain(|entry, _| wanted.contains_key(entry));
    for (entry, pattern) in wanted {
        if state.lookups.get(&entry) != Some(&pattern) {
            state.lookups.insert(entry, pattern);
        }
    }
}
