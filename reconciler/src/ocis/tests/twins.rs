//! Second spaces of a tenant that a sweep found: removed where that is certain, left alone where it is not.

use http::Method;
use serde_json::json;
use simulators::{Effect, Rule};

use super::of_many::{Files, members};
use super::*;

/// A tenant with its space, and a second one with the given description.
async fn with_twin(description: &str) -> (Files, Spec, String) {
    let mut files = Files::start().await;
    let spec = members(2, Space::Open);
    files.level(&spec).await;
    let body = json!({ "name": "Acme", "description": description });
    let made = files.by_hand(&Method::POST, "/graph/v1.0/drives", &body);
    let twin = made["id"].as_str().unwrap().to_owned();
    files.leftovers.insert(twin.clone());
    (files, spec, twin)
}

fn path(twin: &str) -> String {
    format!("/graph/v1.0/drives/{twin}")
}

fn disable(files: &Files, twin: &str) {
    files.by_hand(&Method::DELETE, &path(twin), &json!(null));
}

fn find(files: &Files, twin: &str) -> Option<simulators::ocis::Space> {
    files.server.spaces().into_iter().find(|space| space.id == twin)
}

#[tokio::test]
async fn an_empty_twin_goes() {
    let (mut files, spec, twin) = with_twin(&mark(tenant())).await;
    files.level(&spec).await;
    assert!(find(&files, &twin).is_none());
    assert_eq!(files.server.spaces().len(), 1);
    assert_eq!(files.level(&spec).await.1, 0, "an id that is gone is no work");
}

#[tokio::test]
async fn a_removal_cut_between_its_two_calls_is_finished() {
    let (mut files, spec, twin) = with_twin(&mark(tenant())).await;
    files.server.faults.add(Rule::once(Effect::LostBeforeEffect).method(&Method::DELETE).after(1));
    assert!(files.attempt(&spec).await.outcome.is_err());
    assert!(find(&files, &twin).unwrap().disabled);
    files.level(&spec).await;
    assert!(find(&files, &twin).is_none());
}

#[tokio::test]
async fn a_disabled_twin_with_something_in_it_is_disabled_again_and_then_left_alone() {
    let (mut files, spec, twin) = with_twin(&mark(tenant())).await;
    files.server.write_file(&twin, "plan.txt", b"a plan").unwrap();
    disable(&files, &twin);
    assert_eq!(files.level(&spec).await.1, 3, "opened, marked, disabled");
    let seen = find(&files, &twin).unwrap();
    assert!(seen.disabled && seen.description.ends_with(KEPT), "{seen:?}");
    assert_eq!(files.level(&spec).await.1, 0);
    files.by_hand(&Method::PATCH, &path(&twin), &json!({ "description": mark(tenant()) }));
}

#[tokio::test]
async fn putting_a_twin_away_that_was_cut_is_finished() {
    let (mut files, spec, twin) = with_twin(&mark(tenant())).await;
    files.server.write_file(&twin, "plan.txt", b"a plan").unwrap();
    disable(&files, &twin);
    files.server.faults.add(Rule::once(Effect::LostBeforeEffect).method(&Method::DELETE));
    assert!(files.attempt(&spec).await.outcome.is_err());
    assert!(!find(&files, &twin).unwrap().disabled);
    files.level(&spec).await;
    assert!(find(&files, &twin).unwrap().disabled);
    assert_eq!(files.level(&spec).await.1, 0);
}

#[tokio::test]
async fn a_twin_in_use_is_not_touched() {
    let (mut files, spec, twin) = with_twin(&mark(tenant())).await;
    files.server.write_file(&twin, "plan.txt", b"a plan").unwrap();
    assert_eq!(files.level(&spec).await.1, 0, "open, with something in it");
    let group = &files.known[&spec.group_resource()];
    let body = json!({
        "recipients": [{ "objectId": group, "@libre.graph.recipient.type": "group" }],
        "roles": ["58c63c02-1d89-4572-916a-870abc5a1b7d"],
    });
    let invite = format!("/graph/v1beta1/drives/{twin}/root/invite");
    files.by_hand(&Method::POST, &invite, &body);
    disable(&files, &twin);
    let before = find(&files, &twin);
    assert_eq!(files.level(&spec).await.1, 0, "others are in it");
    assert_eq!(find(&files, &twin), before);
}

#[tokio::test]
async fn what_is_not_marked_as_this_tenants_is_not_touched_although_its_id_was_left() {
    for description in ["", "dezky:ten_00000000000000000000000000", "somebody's"] {
        let (mut files, spec, twin) = with_twin(description).await;
        disable(&files, &twin);
        let before = find(&files, &twin);
        assert_eq!(files.level(&spec).await.1, 0);
        assert_eq!(find(&files, &twin), before);
    }
}

#[tokio::test]
async fn the_space_in_use_is_never_its_own_twin() {
    let mut files = Files::start().await;
    let spec = members(2, Space::Open);
    files.level(&spec).await;
    files.leftovers.insert(files.known[&spec.space_resource()].clone());
    assert_eq!(files.level(&spec).await, (4, 0));
}
