//! The rules of the house that no compiler knows.

#![expect(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and reads better plainly"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("find the workspace")
}

fn files(folder: &Path, extension: &str, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("list a folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | ".git" | "dezky-data") {
                files(&path, extension, into);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            into.push(path);
        }
    }
}

fn sources(folder: &str) -> Vec<(String, String)> {
    let root = root();
    let mut paths = Vec::new();
    files(&root.join(folder), "rs", &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).expect("a file of the workspace").display().to_string();
            (name, fs::read_to_string(&path).expect("read a source file"))
        })
        .collect()
}

fn is_test(name: &str) -> bool {
    name.starts_with("tests/")
        || name.contains("/tests/")
        || name.ends_with("/tests.rs")
        || name.contains("/contract")
}

/// Dependencies of one crate, in the sections that reach production.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("read a manifest");
    let manifest: toml::Table = text.parse().expect("parse a manifest");
    manifest
        .get("dependencies")
        .and_then(toml::Value::as_table)
        .map(|table| table.keys().cloned().collect())
        .unwrap_or_default()
}

fn assert_none(found: Vec<String>, rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

#[test]
fn crates_stand_in_a_straight_line() {
    let ours = [
        "schema",
        "domain",
        "event-store",
        "projector",
        "reconciler",
        "command-api",
        "simulators",
        "platform",
    ];
    let may_use: [(&str, &[&str]); 8] = [
        ("schema", &[]),
        ("domain", &["schema"]),
        ("event-store", &["schema", "domain"]),
        ("projector", &["schema", "domain", "event-store"]),
        ("reconciler", &["schema", "domain", "event-store", "projector"]),
        ("command-api", &["schema", "domain", "event-store", "projector"]),
        ("simulators", &[]),
        ("platform", &ours),
    ];
    for (crate_, allowed) in may_use {
        let used = dependencies(crate_);
        let wrong: Vec<_> =
            ours.iter().filter(|name| used.contains(**name) && !allowed.contains(name)).collect();
        assert!(wrong.is_empty(), "{crate_} must not depend on {wrong:?}");
    }
}

#[test]
fn pure_crates_know_nothing_of_the_outside() {
    for crate_ in ["schema", "domain"] {
        let used = dependencies(crate_);
        for stranger in [
            "tokio",
            "axum",
            "reqwest",
            "rusqlite",
            "tokio-postgres",
            "tracing",
            "metrics",
            "fastrand",
            "rand",
        ] {
            assert!(!used.contains(stranger), "{crate_} must not depend on {stranger}");
        }
    }
}

#[test]
fn only_the_log_names_a_database_driver() {
    for crate_ in ["schema", "domain", "projector", "reconciler", "command-api", "simulators", "platform"] {
        let used = dependencies(crate_);
        for driver in ["rusqlite", "tokio-postgres", "deadpool-postgres"] {
            assert!(!used.contains(driver), "{crate_} must not depend on {driver}");
        }
    }
}

#[test]
fn outside_calls_leave_from_the_named_files_only() {
    let allowed = ["client", "auth", "call", "jwks", "trust"];
    let found = ["projector", "reconciler", "command-api", "platform"]
        .iter()
        .flat_map(|crate_| sources(&format!("{crate_}/src")))
        .filter(|(name, text)| {
            let names_file = allowed.iter().any(|part| name.contains(part));
            !is_test(name) && !names_file && text.contains("reqwest::")
        })
        .map(|(name, _)| name)
        .collect();
    assert_none(found, "only clients and the token check name reqwest");
}

#[test]
fn simulated_answers_stay_out_of_production() {
    let found = sources("platform/src")
        .into_iter()
        .filter(|(name, text)| {
            !matches!(name.as_str(), "platform/src/up.rs" | "platform/src/simulate.rs")
                && text.contains("simulators::")
        })
        .map(|(name, _)| name)
        .collect();
    assert_none(found, "only `up` and `simulate` name the simulators");
}

#[test]
fn one_integration_does_not_know_another() {
    let systems = ["authentik", "stalwart", "ocis"];
    let mut found = Vec::new();
    for system in systems {
        for (name, text) in
            sources("reconciler/src").iter().filter(|(name, _)| name.contains(&format!("/{system}")))
        {
            for other in systems.iter().filter(|other| **other != system) {
                if text.contains(&format!("crate::{other}")) {
                    found.push(format!("{name} names {other}"));
                }
            }
        }
    }
    assert_none(found, "each integration can be down alone");
}

#[test]
fn files_are_short_and_say_what_they_are_for() {
    let mut found = Vec::new();
    for folder in [
        "schema",
        "domain",
        "event-store",
        "projector",
        "reconciler",
        "command-api",
        "simulators",
        "platform",
        "tests",
    ] {
        for (name, text) in sources(folder) {
            let lines = text.lines().count();
            if lines > LINES_MAX && !is_test(&name) {
                found.push(format!("{name}: {lines} lines"));
            }
            if !text.starts_with("//!") {
                found.push(format!("{name}: does not begin with a sentence saying what it is for"));
            }
            if name.ends_with("/mod.rs") {
                found.push(format!("{name}: is a mod.rs"));
            }
        }
    }
    assert_none(found, "files of at most 400 lines, each beginning with its purpose");
}

#[test]
fn nothing_is_left_open() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["XX", "X"].concat(),
        ["HA", "CK"].concat(),
        ["unimple", "mented!"].concat(),
    ];
    let mut found = Vec::new();
    for folder in [
        "schema",
        "domain",
        "event-store",
        "projector",
        "reconciler",
        "command-api",
        "simulators",
        "platform",
        "tests",
    ] {
        for (name, text) in sources(folder) {
            for (number, line) in text.lines().enumerate() {
                if marks.iter().any(|mark| line.contains(mark.as_str())) {
                    found.push(format!("{name}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert_none(found, "nothing is left open in the code");
}

#[test]
fn tests_do_not_sleep_to_wait() {
    let mut found = Vec::new();
    for folder in ["schema", "domain", "event-store", "projector", "reconciler", "command-api", "simulators"]
    {
        for (name, text) in sources(folder).iter().filter(|(name, _)| is_test(name)) {
            for (number, line) in text.lines().enumerate() {
                if line.contains("thread::sleep") || line.contains("time::sleep(") {
                    found.push(format!("{name}:{}", number + 1));
                }
            }
        }
    }
    assert_none(found, "a test steps the loop or waits for a position; it does not sleep");
}

#[test]
fn a_migration_says_why_its_tables_exist() {
    let mut paths = Vec::new();
    files(&root().join("schema/migrations"), "sql", &mut paths);
    assert!(!paths.is_empty(), "there are migrations");
    let found = paths
        .iter()
        .filter(|path| !fs::read_to_string(path).expect("read a migration").trim_start().starts_with("--"))
        .map(|path| path.display().to_string())
        .collect();
    assert_none(found, "a migration begins with a comment");
}
