//! Several processes, other databases, and processes that run on their own.

use std::time::Duration;

use domain::provisioning::SystemStatus::Ok;
use simulators::stalwart::Login;
use simulators::{Effect, Rule};
use test_postgres::TestPostgres;
use tokio_util::sync::CancellationToken;

use crate::world::{Setup, World, pass_seconds};

#[tokio::test]
async fn the_same_happens_on_postgres() {
    let Some(url) = TestPostgres::database().await else {
        return;
    };
    let mut world = World::start_on(&url.parse().unwrap(), Setup::default()).await;
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    world.suspend(acme).await;
    world.settle().await;
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    world.resume(acme).await;
    world.settle().await;
    assert_eq!(world.stalwart.login("anna@acme.test"), Login::Allowed);
    world.reconciler.sweep().await.unwrap();
    assert_eq!(world.turn().await, 0);
    assert!(world.reconciler.prune().await.unwrap() == 0);
}

#[tokio::test]
async fn two_processes_share_the_work_and_make_everything_once() {
    let mut world = World::start().await;
    let other = world.second();
    for number in 0..12 {
        let owner = world.person(&format!("owner@tenant-{number}.test")).await;
        world.tenant(&format!("tenant-{number}"), owner).await;
    }
    for _ in 0..6 {
        world.project().await;
        world.reconciler.catch_up().await.unwrap();
        let (one, two) = tokio::join!(world.reconciler.run_once(), other.run_once());
        assert!(one.unwrap() + two.unwrap() <= 12 * 3 * 2);
    }
    world.settle().await;
    assert_eq!(world.ocis.spaces().len(), 12);
    assert_eq!(other.status().await.unwrap().waiting, []);
}

#[tokio::test]
async fn what_a_killed_process_held_is_taken_over() {
    let mut world = World::start().await;
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant("acme", anna).await;
    world.project().await;
    world.reconciler.catch_up().await.unwrap();
    {
        // Dropped in the middle of its first calls.
        let dying = world.second();
        let killed = tokio::time::timeout(Duration::from_millis(1), dying.run_once()).await;
        assert!(killed.is_err(), "it was faster than a millisecond");
    }
    pass_seconds(31);
    world.settle_for(10, 5).await;
    let waiting = world.reconciler.status().await.unwrap().waiting;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok], "{waiting:?}");
    assert_eq!(world.ocis.spaces().len(), 1);
}

#[tokio::test]
async fn running_on_its_own_it_needs_nobody_and_stops_when_told() {
    let mut world = World::start().await;
    let stop = CancellationToken::new();
    let reconciler = world.reconciler.clone();
    let (views, store, ending) = (world.views.clone(), world.store.clone(), stop.clone());
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant("acme", anna).await;
    let converged = async {
        while world.states(acme).await != [Ok, Ok, Ok]
            || world.state_of(acme).await.lifecycle() != Some(domain::access::Lifecycle::Active)
        {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let limit = Duration::from_secs(20);
    let (followed, worked, ended) = tokio::join!(
        projector::run(views, store, ending.clone()),
        reconciler.run(ending),
        tokio::time::timeout(limit, converged)
    );
    followed.unwrap();
    worked.unwrap();
    ended.expect("three times ok, without a fixed delay anywhere");
    world.project().await;
}

#[tokio::test]
async fn doors_shut_while_all_hands_are_full() {
    const NEW: usize = 12;
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.authentik.faults.add(Rule::always(Effect::Latency(Duration::from_millis(40))));
    let mut tenants = Vec::new();
    for number in 0..NEW {
        let owner = world.person(&format!("owner@tenant-{number}.test")).await;
        tenants.push(world.tenant(&format!("tenant-{number}"), owner).await);
    }
    world.suspend(acme).await;
    let stop = CancellationToken::new();
    let reconciler = world.reconciler.clone();
    let (views, store, ending) = (world.views.clone(), world.store.clone(), stop.clone());
    let shut = async {
        while world.revoked(acme).await != [true, true, true] {
            tokio::task::yield_now().await;
        }
        let mut ready = 0;
        for tenant in &tenants {
            ready += usize::from(world.states(*tenant).await == [Ok, Ok, Ok]);
        }
        stop.cancel();
        ready
    };
    let (followed, worked, ready) = tokio::join!(
        projector::run(views, store, ending.clone()),
        reconciler.run(ending),
        tokio::time::timeout(Duration::from_secs(30), shut)
    );
    followed.unwrap();
    worked.unwrap();
    let ready = ready.expect("the doors are shut");
    assert!(ready < NEW / 2, "{ready} of {NEW} new tenants came before the doors");
}
