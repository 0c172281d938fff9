//! What the installation says about itself, and the fixed parts of answers.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::Release;
use super::endpoint::Endpoint;
use super::reply::{Answer, Reply};
use super::wire::{Asked, Verb};

/// Parts that are the same in every recorded answer.
static CONSTANTS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("constants.json")).unwrap_or_default());

pub(super) fn constant(name: &str) -> Value {
    CONSTANTS.get(name).cloned().unwrap_or_default()
}

pub(super) fn answer(asked: &Asked) -> Answer {
    if asked.verb != Verb::Get {
        return Err(asked.method_not_allowed());
    }
    let version = match asked.settings.release {
        Release::R2025_10 => "2025.10.4",
        Release::R2026_5 => "2026.5.0-rc1",
    };
    Ok(Reply::ok(match asked.endpoint {
        Endpoint::RootConfig => constant("root_config"),
        Endpoint::Workers => {
            json!([{ "worker_id": "simulator", "version": version, "version_matching": true }])
        }
        _ => json!({
            "version_current": version,
            "version_latest": version,
            "version_latest_valid": true,
            "build_hash": "",
            "outdated": false,
            "outpost_outdated": false,
        }),
    }))
}
