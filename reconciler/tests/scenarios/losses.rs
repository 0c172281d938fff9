//! Everything is gone at once: the system was wiped, restored, swapped, or it lies. Nothing is made there until it is back or
//! somebody says that it is gone; doors shut all the same.

use schema::{System, TenantId};
use simulators::{Effect, Rule};

use crate::world::{World, pass_seconds};

const TENANTS: usize = 8;

/// Tenants at rest, each with a space, a group, a role and a domain.
async fn tenants(world: &mut World) -> Vec<TenantId> {
    let mut tenants = Vec::new();
    for number in 0..TENANTS {
        let owner = world.person(&format!("owner@t{number}.test")).await;
        let tenant = world.tenant(&format!("t{number}"), owner).await;
        world.verify_domain(tenant, &format!("t{number}.test")).await;
        tenants.push(tenant);
    }
    world.settle().await;
    tenants
}

async fn sweep(world: &mut World) {
    world.reconciler.sweep().await.unwrap();
    world.settle_for(20, 5).await;
}

/// So many spaces are gone, as from a lost disk.
fn lose_spaces(world: &World, count: usize) {
    let mut saved = world.ocis.save();
    saved["spaces"].as_array_mut().unwrap().drain(..count);
    world.ocis.load(&saved).unwrap();
}

#[tokio::test]
async fn lists_that_come_back_empty_for_a_while_make_nothing_twice() {
    let mut world = World::start().await;
    tenants(&mut world).await;
    let spaces = world.ocis.spaces().len();
    world.ocis.faults.add(Rule::always(Effect::NothingThere).path("/drives"));
    sweep(&mut world).await;
    let losses = world.reconciler.status().await.unwrap().losses;
    assert_eq!(losses.iter().map(|loss| loss.system).collect::<Vec<_>>(), [System::Ocis]);
    // A tenant that is new meanwhile waits too: nobody knows where it would be made.
    let late = world.person("late@late.test").await;
    let late = world.tenant("late", late).await;
    world.settle_for(120, 30).await;
    assert_eq!(world.ocis.spaces().len(), spaces);
    world.ocis.faults.clear();
    pass_seconds(10);
    world.reconciler.watch_losses().await.unwrap();
    world.settle().await;
    assert_eq!(world.ocis.spaces().len(), spaces + 1, "only the new one is made");
    assert!(world.reconciler.status().await.unwrap().losses.is_empty());
    assert_eq!(world.observed(late, System::Ocis).await.status().as_str(), "ok");
}

#[tokio::test]
async fn what_is_gone_for_good_is_made_again_once_somebody_says_so() {
    let mut world = World::start().await;
    let all = tenants(&mut world).await;
    lose_spaces(&world, 7);
    sweep(&mut world).await;
    world.settle_for(180, 60).await;
    assert_eq!(world.ocis.spaces().len(), TENANTS - 7, "nothing is made by itself");
    let loss = world.reconciler.confirm_loss(System::Ocis).await.unwrap().expect("there is a loss");
    assert_eq!((loss.missing, loss.confirmed_at.is_some()), (7, true));
    pass_seconds(10);
    world.reconciler.watch_losses().await.unwrap();
    world.settle_for(20, 5).await;
    assert_eq!(world.ocis.spaces().len(), TENANTS);
    sweep(&mut world).await;
    assert!(world.reconciler.status().await.unwrap().losses.is_empty(), "it is over with the last of them");
    for tenant in all {
        assert_eq!(world.observed(tenant, System::Ocis).await.status().as_str(), "ok");
    }
    assert!(world.reconciler.confirm_loss(System::Ocis).await.unwrap().is_none());
}

#[tokio::test]
async fn a_few_that_were_deleted_by_hand_are_made_again_without_a_word() {
    let mut world = World::start().await;
    tenants(&mut world).await;
    lose_spaces(&world, 5);
    sweep(&mut world).await;
    assert_eq!(world.ocis.spaces().len(), TENANTS);
    assert!(world.reconciler.status().await.unwrap().losses.is_empty());
}

#[tokio::test]
async fn doors_shut_where_nothing_is_made() {
    let mut world = World::start().await;
    let all = tenants(&mut world).await;
    lose_spaces(&world, 7);
    sweep(&mut world).await;
    let left = world.ocis.spaces().remove(0);
    for tenant in &all {
        world.suspend(*tenant).await;
    }
    world.settle().await;
    let space = world.ocis.spaces().into_iter().find(|space| space.id == left.id).unwrap();
    assert!(space.disabled);
    assert_eq!(world.ocis.spaces().len(), 1);
    for tenant in all {
        assert_eq!(world.revoked(tenant).await[..2], [true, true], "identity and mail are as ever");
    }
}

#[tokio::test]
async fn another_installation_is_noticed_before_anything_is_made_there() {
    let mut world = World::start().await;
    tenants(&mut world).await;
    world.stalwart.install_anew().unwrap();
    world.authentik.swap();
    world.ocis.install_anew().unwrap();
    pass_seconds(60);
    let before = world.ocis.spaces().len();
    let late = world.person("late@late.test").await;
    let late = world.tenant("late", late).await;
    world.verify_domain(late, "late.test").await;
    world.settle().await;
    let losses = world.reconciler.status().await.unwrap().losses;
    let found: Vec<_> = losses.iter().map(|loss| (loss.system, loss.why.as_str())).collect();
    let other = "another-installation";
    assert_eq!(found, [(System::Authentik, other), (System::Ocis, other), (System::Stalwart, other)]);
    assert_eq!(world.ocis.spaces().len(), before);
    assert_eq!(world.groups("dezky-tenant-late"), 0);
}
