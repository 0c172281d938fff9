//! Objects with our mark that are in nobody's use: a sweep lists them with the reason, and removes nothing itself.

use http::Method;
use schema::System;
use serde_json::json;
use simulators::ocis::Space;

use crate::world::World;

fn twin_of_the_only(spaces: &[Space]) -> serde_json::Value {
    json!({ "name": "acme ApS", "description": spaces[0].description })
}

#[tokio::test]
async fn twins_are_listed_beside_what_belongs_to_nobody() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.files_by_hand(&Method::POST, "/graph/v1.0/drives", &twin_of_the_only(&world.ocis.spaces()));
    let lost = json!({ "name": "lost", "description": "dezky:ten_00000000000000000000000000" });
    world.files_by_hand(&Method::POST, "/graph/v1.0/drives", &lost);
    let role = json!({ "description": format!("dezky {}", acme.uuid().simple()) });
    world.mail_by_hand(json!(["x:Role/set", { "create": { "a": role } }])).await;
    let report = world.reconciler.sweep().await.unwrap();
    let found: Vec<_> = report.orphans.iter().map(|one| (one.system, one.kind, one.why.as_str())).collect();
    assert_eq!(
        found,
        [
            (System::Stalwart, "role", "twin"),
            (System::Ocis, "space", "unknown-owner"),
            (System::Ocis, "space", "twin"),
        ]
    );
    assert_eq!(report.orphans[2].owner, acme.to_string());
    assert_eq!(world.ocis.spaces().len(), 3, "a sweep removes nothing");
}

#[tokio::test]
async fn the_space_in_use_is_no_leftover_and_what_is_put_away_asks_for_no_look() {
    let mut world = World::start().await;
    world.acme().await;
    let used = world.ocis.spaces()[0].id.clone();
    let mut twin = twin_of_the_only(&world.ocis.spaces());
    twin["description"] = json!(format!("{} dezky-kept", twin["description"].as_str().unwrap()));
    let (_, made) = world.ocis.by_hand(&Method::POST, "/graph/v1.0/drives", &twin);
    let made = made["id"].as_str().unwrap().to_owned();
    world.files_by_hand(&Method::DELETE, &format!("/graph/v1.0/drives/{made}"), &json!(null));
    let report = world.reconciler.sweep().await.unwrap();
    assert!(report.differing.is_empty(), "{:?}", report.differing);
    assert_eq!(report.orphans.iter().map(|one| &one.external_id).collect::<Vec<_>>(), [&made]);
    assert_ne!(made, used);
}
