//! An entry as its reader may see it.

use projector::activity::ActivityEntry;
use serde_json::Value;

use crate::ask::Right;
use crate::error::ApiError;
use crate::reading::to_value;

/// Members learn what was done, not which of our staff did it, why, or from where.
pub(super) fn entry(mut entry: ActivityEntry, right: Right) -> Result<Value, ApiError> {
    if right == Right::Everything {
        return to_value(&entry);
    }
    entry.request.ip = None;
    entry.request.user_agent = None;
    if entry.actor.kind != "user" {
        "Operations".clone_into(&mut entry.actor.display);
        entry.actor.id = None;
        entry.actor.audience = None;
        entry.request.id = None;
        entry.reason = None;
    }
    if entry.action.starts_with("provisioning.") {
        entry.changes = Vec::new();
        entry.action = plainly(&entry.action).to_owned();
    }
    to_value(&entry)
}

/// What happened outside, in plain words.
fn plainly(action: &str) -> &'static str {
    match action {
        "provisioning.converged" => "provisioning.ready",
        "provisioning.failed" => "provisioning.delayed",
        "provisioning.access.revoked" => "provisioning.doorsShut",
        "provisioning.access.restored" => "provisioning.doorsOpen",
        _ => "provisioning.progressed",
    }
}
