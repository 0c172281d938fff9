//! The size of somebody's data, and a fault of ours with one of them, are nobody else's trouble.

use std::sync::atomic::{AtomicBool, Ordering};

use domain::provisioning::SystemStatus::Ok;
use schema::{System, TenantId, UserId};
use serde_json::json;
use simulators::stalwart::Login;
use simulators::{Effect, Rule};

use crate::world::{Setup, World};

async fn members(world: &World, tenant: TenantId, count: usize) -> Vec<UserId> {
    let mut people = Vec::new();
    for number in 0..count {
        let person = world.person(&format!("m{number}@acme.test")).await;
        world.add_member(tenant, person).await;
        people.push(person);
    }
    people
}

#[tokio::test]
async fn more_members_than_one_commit_takes_come_while_mail_is_away_and_get_their_mail_when_it_is_back() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.stalwart.faults().add(Rule::always(Effect::Status(503)));
    members(&world, acme, 65).await;
    world.settle().await;
    world.stalwart.faults().clear();
    world.settle_for(1200, 600).await;
    assert_eq!(world.states(acme).await, [Ok; 3]);
    assert_eq!(world.stalwart.login("m64@acme.test"), Login::Allowed);
    assert!(world.reconciler.status().await.unwrap().crashed.is_empty());
}

#[tokio::test]
async fn a_hundred_and_fifty_members_at_once_are_served() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    members(&world, acme, 150).await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok; 3]);
    assert_eq!(world.observed(acme, System::Authentik).await.bound().len(), 152);
}

#[tokio::test]
async fn more_mailboxes_than_one_commit_takes_vanish_and_come_back_once_somebody_says_so() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    members(&world, acme, 80).await;
    world.settle().await;
    let found = world.mail_by_hand(json!(["x:Account/query", { "filter": {}, "limit": 500 }])).await;
    let get = json!(["x:Account/get", { "ids": found["ids"], "properties": ["id", "name"] }]);
    let list = world.mail_by_hand(get).await["list"].clone();
    let ours: Vec<&str> = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["name"].as_str().is_some_and(|name| name.starts_with('m')))
        .filter_map(|row| row["id"].as_str())
        .collect();
    assert_eq!(ours.len(), 80);
    world.mail_by_hand(json!(["x:Account/set", { "destroy": ours }])).await;
    world.wake(acme, System::Stalwart).await;
    world.settle_for(120, 30).await;
    assert_ne!(world.stalwart.login("m5@acme.test"), Login::Allowed);
    assert!(world.reconciler.confirm_loss(System::Stalwart).await.unwrap().is_some());
    world.settle_for(120, 30).await;
    assert_eq!(world.stalwart.login("m5@acme.test"), Login::Allowed);
    assert_eq!(world.states(acme).await, [Ok; 3]);
}

static FAULTY: AtomicBool = AtomicBool::new(false);

/// A fault of ours: whoever has to wait ends the task it is in.
fn faulty(most: u64) -> u64 {
    assert!(!FAULTY.load(Ordering::Relaxed), "a fault of ours");
    most
}

#[tokio::test]
async fn a_fault_of_ours_with_one_tenant_is_set_aside_and_its_neighbours_go_on() {
    let mut world = World::start_with(Setup { jitter: faulty, ..Setup::default() }).await;
    FAULTY.store(true, Ordering::Relaxed);
    let anna = world.person("anna@acme.test").await;
    world.ocis.faults.add(Rule::times(4, Effect::Status(503)).path("/drives"));
    let first = world.tenant("first", anna).await;
    world.turn().await;
    let status = world.reconciler.status().await.unwrap();
    let crashed: Vec<_> = status.crashed.iter().map(|row| row.system).collect();
    assert_eq!(crashed, [System::Ocis]);
    world.ocis.faults.clear();
    let second = world.tenant("second", anna).await;
    world.settle().await;
    assert_eq!(world.states(second).await, [Ok; 3], "a neighbour goes on");
    FAULTY.store(false, Ordering::Relaxed);
    world.settle_for(600, 60).await;
    assert_eq!(world.states(first).await, [Ok; 3]);
    assert!(world.reconciler.status().await.unwrap().crashed.is_empty());
}
