//! A tenant of many people: calls grow with hundreds of members, not with members, and doors shut in three strides.

use domain::provisioning::SystemStatus::Ok;
use http::Method;
use reconciler::LossLimit;
use schema::{System, TenantId};
use serde_json::Value;
use simulators::authentik::Release;
use simulators::{Effect, Rule};

use crate::world::{Setup, World};

fn address(number: usize) -> String {
    format!("member-{number}@acme.test")
}

/// A tenant of so many people, the owner among them; nothing is made for it yet.
async fn tenant_of(world: &World, members: usize) -> TenantId {
    let owner = world.person(&address(0)).await;
    let acme = world.tenant("acme", owner).await;
    for number in 1..members {
        let member = world.person(&address(number)).await;
        world.add_member(acme, member).await;
    }
    acme
}

/// Calls to authentik since the last time.
fn calls(world: &World) -> (u64, u64) {
    let counted = (world.authentik.faults.reads(), world.authentik.faults.writes());
    world.clear_requests();
    counted
}

async fn settled(world: &mut World, tenant: TenantId) -> (u64, u64) {
    world.settle().await;
    assert_eq!(world.states(tenant).await, [Ok, Ok, Ok]);
    calls(world)
}

/// Reads of so many looks at so many members: a few for groups, pages of members, marks, and strangers.
fn reads_at_most(looks: u64, members: u64) -> u64 {
    looks * (6 + 4 * members.div_ceil(100))
}

async fn counts_of(members: usize) {
    let people = u64::try_from(members).unwrap();
    let mut world = World::start().await;
    let acme = tenant_of(&world, members).await;
    world.clear_requests();
    let (reads, writes) = settled(&mut world, acme).await;
    assert!(reads <= reads_at_most(8, people), "{reads} reads to provision {members}");
    assert!(writes <= 3 * people + 4, "{writes} writes to provision {members}: made, entitled, enabled");

    world.suspend(acme).await;
    let (reads, writes) = settled(&mut world, acme).await;
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    assert!(reads <= reads_at_most(5, people), "{reads} reads to suspend {members}");
    let strides = people.div_ceil(100) + 2 * people + 1;
    assert!(
        writes <= strides,
        "{writes} writes to suspend {members}: sessions, entitlement, accounts, the owner's"
    );

    world.resume(acme).await;
    let (reads, writes) = settled(&mut world, acme).await;
    assert!(reads <= reads_at_most(8, people), "{reads} reads to resume {members}");
    assert!(writes <= 2 * people, "{writes} writes to resume {members}: entitled, enabled");
    for number in [0, members - 1] {
        let door = world.authentik.door(&address(number)).unwrap();
        assert_eq!((door.active, door.groups.len()), (true, 2));
    }
}

#[tokio::test]
async fn calls_for_one_member() {
    counts_of(1).await;
}

#[tokio::test]
async fn calls_for_ten_members() {
    counts_of(10).await;
}

#[tokio::test]
async fn calls_for_a_hundred_and_fifty_members() {
    counts_of(150).await;
}

#[tokio::test]
async fn calls_for_five_hundred_members() {
    counts_of(500).await;
}

#[tokio::test]
async fn accounts_that_vanished_are_made_with_their_groups_in_one_write_each() {
    const GONE: usize = 12;
    let loss = LossLimit { percent: 100, at_least: 100 };
    let mut world = World::start_with(Setup { loss, ..Setup::default() }).await;
    let acme = tenant_of(&world, GONE).await;
    world.settle().await;
    for number in 1..GONE {
        let path = format!("/core/users/{}/", world.authentik.door(&address(number)).unwrap().user);
        world.identity_by_hand(&Method::DELETE, &path, Value::Null);
    }
    world.clear_requests();
    world.wake(acme, System::Authentik).await;
    world.settle_for(10, 5).await;
    let (_, writes) = calls(&world);
    assert_eq!(writes, u64::try_from(GONE - 1).unwrap());
    let groups = world.authentik.door(&address(1)).unwrap().groups;
    assert_eq!(groups, ["dezky-entitled", "dezky-tenant-acme"]);
}

#[tokio::test]
async fn sessions_of_many_end_in_2025_10_too() {
    let mut world = World::start_with(Setup { release: Release::R2025_10, ..Setup::default() }).await;
    let acme = tenant_of(&world, 12).await;
    world.settle().await;
    for number in 0..12 {
        world.authentik.login(&address(number)).unwrap();
    }
    world.suspend(acme).await;
    world.settle().await;
    for number in 0..12 {
        let door = world.authentik.door(&address(number)).unwrap();
        assert_eq!((door.sessions, door.refresh_tokens), (0, 0));
    }
    assert_eq!(world.revoked(acme).await, [true, true, true]);
}

#[tokio::test]
async fn a_failure_among_many_is_repeated_and_success_is_not() {
    let mut world = World::start().await;
    let acme = tenant_of(&world, 20).await;
    world.settle().await;
    for number in 0..20 {
        world.authentik.login(&address(number)).unwrap();
    }
    world.authentik.faults.add(Rule::once(Effect::Status(503)).method(&Method::PATCH).after(5));
    world.suspend(acme).await;
    world.settle().await;
    world.settle_for(10, 2).await;
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    world.authentik.login(&address(0)).unwrap();
    world.wake(acme, System::Authentik).await;
    world.settle().await;
    assert_eq!(world.authentik.door(&address(0)).unwrap().sessions, 1, "an owner reads why");
}
