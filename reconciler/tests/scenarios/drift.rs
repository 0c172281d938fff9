//! What somebody changed by hand is found by a sweep and healed; what is not ours is not touched.

use domain::provisioning::SystemStatus::Ok;
use http::Method;
use schema::System;
use serde_json::json;
use simulators::stalwart::Login;
use simulators::{Effect, Rule};

use crate::world::World;

const ANNA: &str = "anna@acme.test";

fn count(kinds: &[&str], kind: &str) -> usize {
    kinds.iter().filter(|one| **one == kind).count()
}

/// One sweep and what follows from it.
async fn sweep(world: &mut World) -> usize {
    let report = world.reconciler.sweep().await.unwrap();
    world.settle().await;
    report.differing.len()
}

#[tokio::test]
async fn a_sweep_over_what_is_right_asks_for_nothing() {
    let mut world = World::start().await;
    world.acme().await;
    assert_eq!(sweep(&mut world).await, 0);
}

#[tokio::test]
async fn ec_83_a_group_deleted_by_hand_comes_back_with_its_members() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let (pk, _) = world.group("dezky-tenant-acme").unwrap();
    world.identity_by_hand(&Method::DELETE, &format!("/core/groups/{pk}/"), json!(null));
    assert_eq!(sweep(&mut world).await, 1);
    sweep(&mut world).await;
    assert!(world.group("dezky-tenant-acme").is_none(), "looked at a second time first, and not at once");
    world.settle_for(6, 6).await;
    assert!(world.authentik.door(ANNA).unwrap().groups.contains(&"dezky-tenant-acme".to_owned()));
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let kinds = world.kinds(acme, System::Authentik).await;
    assert_eq!(count(&kinds, "provisioning.drift.detected"), 1, "{kinds:?}");
    assert_eq!(sweep(&mut world).await, 0);
}

#[tokio::test]
async fn ec_83_a_group_renamed_by_hand_is_named_back_once() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let (pk, attributes) = world.group("dezky-tenant-acme").unwrap();
    world.identity_by_hand(&Method::PATCH, &format!("/core/groups/{pk}/"), json!({ "name": "Acme people" }));
    assert_eq!(sweep(&mut world).await, 1);
    assert_eq!(world.group("dezky-tenant-acme").unwrap(), (pk, attributes));
    assert_eq!(sweep(&mut world).await, 0, "no loop");
    let kinds = world.kinds(acme, System::Authentik).await;
    assert_eq!(count(&kinds, "provisioning.drift.detected"), 1);
}

#[tokio::test]
async fn a_group_renamed_before_we_knew_its_id_is_found_by_its_mark() {
    let mut world = World::start().await;
    let lost = Rule::once(Effect::LostReplyAfterEffect).method(&Method::POST).path("/core/groups/");
    world.authentik.faults.add(lost.body("dezky-tenant-acme"));
    let anna = world.person(ANNA).await;
    world.tenant("acme", anna).await;
    world.turn().await;
    let (pk, _) = world.group("dezky-tenant-acme").unwrap();
    world.identity_by_hand(&Method::PATCH, &format!("/core/groups/{pk}/"), json!({ "name": "Acme people" }));
    world.settle_for(30, 5).await;
    assert_eq!(world.group("dezky-tenant-acme").unwrap().0, pk, "the same group, named back");
    assert!(world.group("Acme people").is_none());
    assert_eq!(sweep(&mut world).await, 0);
}

#[tokio::test]
async fn a_wiped_mark_is_written_again_and_foreign_attributes_stay() {
    let mut world = World::start().await;
    world.acme().await;
    let (pk, _) = world.group("dezky-tenant-acme").unwrap();
    let body = json!({ "attributes": { "colour": "blue" } });
    world.identity_by_hand(&Method::PATCH, &format!("/core/groups/{pk}/"), body);
    assert_eq!(sweep(&mut world).await, 1);
    let (_, attributes) = world.group("dezky-tenant-acme").unwrap();
    assert_eq!(attributes["colour"], "blue");
    assert_eq!(attributes["dezky"]["slug"], "acme");
}

#[tokio::test]
async fn a_foreign_member_of_our_group_is_not_touched() {
    let mut world = World::start().await;
    world.acme().await;
    let (pk, _) = world.group("dezky-tenant-acme").unwrap();
    world.identity_by_hand(&Method::POST, "/core/users/", json!({ "username": "helper", "name": "Helper" }));
    let helper = world.authentik.door("helper").unwrap().user;
    world.identity_by_hand(&Method::POST, &format!("/core/groups/{pk}/add_user/"), json!({ "pk": helper }));
    assert_eq!(sweep(&mut world).await, 0);
    assert_eq!(world.authentik.door("helper").unwrap().groups, ["dezky-tenant-acme"]);
}

#[tokio::test]
async fn quota_name_and_state_of_a_space_are_set_back() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let space = world.ocis.spaces()[0].clone();
    let path = format!("/graph/v1.0/drives/{}", space.id);
    world.files_by_hand(
        &Method::PATCH,
        &path,
        &json!({ "name": "Renamed", "quota": { "total": 5_000_000 } }),
    );
    world.files_by_hand(&Method::DELETE, &path, &json!(null));
    assert_eq!(sweep(&mut world).await, 1);
    assert_eq!(world.ocis.spaces()[0], space);
    let kinds = world.kinds(acme, System::Ocis).await;
    assert_eq!(count(&kinds, "provisioning.drift.detected"), 1);
    assert_eq!(sweep(&mut world).await, 0);
}

#[tokio::test]
async fn an_account_the_mail_server_made_itself_gets_the_tenants_role() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let found = world.mail_by_hand(json!(["x:Domain/query", { "filter": { "name": "acme.test" } }])).await;
    let account = json!({ "@type": "User", "name": "walkin", "domainId": found["ids"][0] });
    world.mail_by_hand(json!(["x:Account/set", { "create": { "a": account } }])).await;
    world.suspend(acme).await;
    world.settle().await;
    assert!(matches!(world.stalwart.login("walkin@acme.test"), Login::Refused { .. }));
    assert_eq!(world.revoked(acme).await, [true, true, true]);
}

#[tokio::test]
async fn what_is_marked_and_wanted_by_nobody_is_listed_and_left() {
    let mut world = World::start().await;
    world.acme().await;
    let lost = "dezky:ten_00000000000000000000000000";
    world.files_by_hand(&Method::POST, "/graph/v1.0/drives", &json!({ "name": "lost", "description": lost }));
    let report = world.reconciler.sweep().await.unwrap();
    assert_eq!(report.orphans.len(), 1);
    assert_eq!((report.orphans[0].kind, report.orphans[0].owner.as_str()), ("space", &lost[6..]));
    assert_eq!(world.ocis.spaces().len(), 2);
}

#[tokio::test]
async fn a_sweep_reads_by_the_page_and_not_by_the_tenant() {
    let mut world = World::start().await;
    for number in 0..30 {
        let owner = world.person(&format!("owner@tenant-{number}.test")).await;
        let tenant = world.tenant(&format!("tenant-{number}"), owner).await;
        world.verify_domain(tenant, &format!("tenant-{number}.test")).await;
    }
    world.settle().await;
    world.clear_requests();
    assert_eq!(sweep(&mut world).await, 0);
    let requests = [
        world.authentik.faults.requests().len(),
        world.stalwart.faults().requests().len(),
        world.ocis.faults.requests().len(),
    ];
    // One of each asks whether it is still the installation we know.
    assert_eq!(requests, [3, 6, 4]);
}

#[tokio::test]
async fn who_was_taken_out_of_the_group_of_the_file_server_is_put_back() {
    let mut world = World::start().await;
    let account = json!({ "onPremisesSamAccountName": ANNA, "displayName": "Anna", "mail": ANNA });
    world.files_by_hand(&Method::POST, "/graph/v1.0/users", &account);
    world.acme().await;
    let (_, group) = world.ocis.by_hand(
        &Method::GET,
        "/graph/v1.0/groups/dezky-tenant-acme?$expand=members",
        &json!(null),
    );
    let member = group["members"][0]["id"].as_str().unwrap();
    let path = format!("/graph/v1.0/groups/{}/members/{member}/$ref", group["id"].as_str().unwrap());
    world.files_by_hand(&Method::DELETE, &path, &json!(null));
    assert_eq!(sweep(&mut world).await, 1);
    let (_, group) = world.ocis.by_hand(
        &Method::GET,
        "/graph/v1.0/groups/dezky-tenant-acme?$expand=members",
        &json!(null),
    );
    assert_eq!(group["members"].as_array().unwrap().len(), 1);
    assert_eq!(sweep(&mut world).await, 0);
}
