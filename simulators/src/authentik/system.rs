//! What the installation says about itself, and the fixed parts of answers.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Release;
use super::reply::{Answer, Reply};
use super::wire::{Asked, Verb};

/// Parts that are the same in every recorded answer.
static CONSTANTS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("constants.json")).unwrap_or_default());

pub(super) fn constant(name: &str) -> Value {
    CONSTANTS.get(name).cloned().unwrap_or_default()
}

pub(super) fn root_config(asked: &Asked) -> Answer {
    read_only(asked, constant("root_config"))
}

/// The workers that are up.
pub(super) fn workers(asked: &Asked) -> Answer {
    let worker = json!({ "worker_id": "simulator", "version": version_of(asked), "version_matching": true });
    read_only(asked, json!([worker]))
}

pub(super) fn version(asked: &Asked) -> Answer {
    let body = json!({
        "version_current": version_of(asked),
        "version_latest": version_of(asked),
        "version_latest_valid": true,
        "build_hash": "",
        "outdated": false,
        "outpost_outdated": false,
    });
    read_only(asked, body)
}

fn read_only(asked: &Asked, body: Value) -> Answer {
    if asked.verb == Verb::Get { Ok(Reply::ok(body)) } else { Err(asked.method_not_allowed()) }
}

fn version_of(asked: &Asked) -> &'static str {
    match asked.settings.release {
        Release::R2025_10 => "2025.10.4",
        Release::R2026_5 => "2026.5.0-rc1",
    }
}
