//! Systems are apart: one that is slow or silent holds up nobody who waits for another.

use std::time::Duration;

use domain::provisioning::SystemStatus;
use futures::future::{Either, select};
use projector::Views;
use schema::{System, TenantId};
use simulators::{Effect, Rule};
use tokio_util::sync::CancellationToken;

use crate::world::{Setup, World, pass_millis};

/// So long nothing else takes, on whatever machine: what is seen before it did not wait for it.
const FOR_EVER: Duration = Duration::from_mins(10);

/// Read models and the reconciler run as they do in production, until something is seen.
async fn running_until(world: &World, seen: impl AsyncFn() -> bool) {
    let stop = CancellationToken::new();
    let (views, store): (Views, _) = (world.views.clone(), world.store.clone());
    let reconciler = world.reconciler.clone();
    let work = async {
        tokio::join!(projector::run(views, store, stop.clone()), reconciler.run(stop.clone())).1.unwrap();
    };
    let mut often = tokio::time::interval(Duration::from_millis(20));
    let look = async {
        while !seen().await {
            often.tick().await;
            // Who looked before the read models had caught up looks again in a moment.
            pass_millis(20);
        }
    };
    let (work, look) = (std::pin::pin!(work), std::pin::pin!(look));
    match select(look, work).await {
        // What is in hand is dropped like by a kill: the slow system would answer too late for any test.
        Either::Left(((), _)) => {}
        Either::Right(_) => panic!("the reconciler ended"),
    }
}

async fn tenants(world: &World, count: usize) -> Vec<TenantId> {
    let mut tenants = Vec::new();
    for number in 0..count {
        let owner = world.person(&format!("owner@t{number}.test")).await;
        let tenant = world.tenant(&format!("t{number}"), owner).await;
        world.verify_domain(tenant, &format!("t{number}.test")).await;
        tenants.push(tenant);
    }
    tenants
}

#[tokio::test]
async fn new_tenants_get_their_groups_and_spaces_while_mail_does_not_answer() {
    let world = World::start().await;
    world.stalwart.faults().add(Rule::always(Effect::Latency(FOR_EVER)));
    tenants(&world, 12).await;
    running_until(&world, async || {
        let groups = (0..12).all(|number| world.groups(&format!("dezky-tenant-t{number}")) == 1);
        groups && world.ocis.spaces().len() == 12
    })
    .await;
}

#[tokio::test]
async fn whichever_system_is_silent_the_doors_of_the_others_shut() {
    for silent in System::ALL {
        let mut world = World::start().await;
        let all = tenants(&world, 10).await;
        world.settle().await;
        world.faults(silent).add(Rule::always(Effect::Latency(FOR_EVER)));
        for tenant in &all {
            world.suspend(*tenant).await;
        }
        let others = System::ALL.map(|system| system != silent);
        running_until(&world, async || {
            let mut shut = true;
            for tenant in &all {
                let revoked = world.revoked(*tenant).await;
                shut &= others.iter().zip(revoked).all(|(wanted, revoked)| !wanted || revoked);
            }
            shut
        })
        .await;
        assert_eq!(world.revoked(all[0]).await, others, "with {silent} silent");
    }
}

#[tokio::test]
async fn a_domain_that_is_verified_while_identity_is_in_hand_gets_its_mail() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.authentik.faults.add(Rule::always(Effect::Latency(FOR_EVER)));
    let bo = world.person("bo@elsewhere.test").await;
    world.add_member(acme, bo).await;
    world.verify_domain(acme, "acme.dk").await;
    running_until(&world, async || {
        world.observed(acme, System::Stalwart).await.bound().keys().any(|resource| resource.key == "acme.dk")
    })
    .await;
}

/// Much less than it takes when every write of every tenant holds back for all the others.
const SOON: Duration = Duration::from_mins(4);

#[tokio::test]
async fn tenants_that_were_suspended_before_anything_was_made_do_not_wait_for_each_others_doors() {
    let world = World::start_with(Setup { hands: 2, ..Setup::default() }).await;
    let all = tenants(&world, 8).await;
    for tenant in &all {
        world.suspend(*tenant).await;
    }
    let in_place = running_until(&world, async || {
        let mut in_place = true;
        for tenant in &all {
            in_place &= world.states(*tenant).await == [SystemStatus::Ok; 3];
            in_place &= world.revoked(*tenant).await == [true; 3];
        }
        in_place
    });
    tokio::time::timeout(SOON, in_place).await.expect("hands that shut doors wait for each other");
}

#[tokio::test]
async fn a_sweep_does_not_make_a_look_that_shuts_doors_begin_again() {
    let mut world = World::start().await;
    let all = tenants(&world, 3).await;
    world.settle().await;
    world.ocis.faults.add(Rule::always(Effect::Status(503)));
    for tenant in &all {
        world.suspend(*tenant).await;
    }
    world.settle().await;
    let closing = || async {
        let sql = "select closing from due where system = 'ocis' order by subject";
        let rows = world.views.db().query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.count(0).unwrap()).collect::<Vec<_>>()
    };
    let before = closing().await;
    world.person("somebody@else.test").await;
    world.ocis.faults.clear();
    world.reconciler.sweep().await.unwrap();
    assert_eq!(closing().await, before);
    assert!(before.iter().all(|position| *position > 0));
}
