//! The loop: exactly once, one writer, no gap, no unknown word.

use std::collections::BTreeSet;

use event_store::TailError;

use super::*;
use crate::{FollowError, activity, partners, tenants, timers};

/// The counter of every stream's events equals its version, and their sum the length of the log.
async fn assert_counted_once(world: &World) {
    let head = world.store.read_head().await.unwrap();
    let log = world.by_hand().await;
    let versions = log.query("select id, version from streams order by id", &[]).await.unwrap();
    let mut at = world.at(&activity::MODEL).await;
    let counted = at.query("select stream, events from activity_streams order by stream", &[]).await.unwrap();
    assert_eq!(at.position(), head);
    assert_eq!(
        versions.into_iter().map(event_store::Row::into_values).collect::<BTreeSet<_>>(),
        counted.into_iter().map(event_store::Row::into_values).collect::<BTreeSet<_>>()
    );
    assert_eq!(world.number("select count(*) from activity").await, i64::try_from(head).unwrap());
}

on_both_databases! {
    async fn ec_62_a_killed_projector_takes_effect_exactly_once(world: World) {
        world.a_plan().await;
        for number in 1..=6 {
            world.a_settled_tenant(number, &format!("acme-{number}"), None).await;
            // Killed at every possible await, again and again.
            for awaits in 0..8_u32 {
                let mut projector = Projector::start(world.views.clone(), world.store.clone()).await.unwrap();
                tokio::select! {
                    biased;
                    done = projector.run_once() => drop(done.unwrap()),
                    () = async { for _ in 0..awaits { tokio::task::yield_now().await; } } => {}
                }
            }
        }
        world.projector = Projector::start(world.views.clone(), world.store.clone()).await.unwrap();
        world.settle().await;
        assert_counted_once(&world).await;
        world.assert_proved().await;
    }

    async fn ec_63_of_two_projectors_one_loses_the_checkpoint_and_stops_writing(world: World) {
        world.a_plan().await;
        world.settle().await;
        let mut second = Projector::start(world.views.clone(), world.store.clone()).await.unwrap();
        world.a_settled_tenant(1, "acme", None).await;
        // The first still believes that it leads: its write moves nothing.
        world.settle().await;
        let position = world.at(&tenants::MODEL).await.position();
        assert_eq!(position, 1);
        settle(&mut second).await;
        world.settle().await;
        assert_counted_once(&world).await;
        world.assert_proved().await;
    }

    async fn ec_64_a_gap_stops_the_reader_and_moves_no_checkpoint(world: World) {
        world.a_plan().await;
        world.settle().await;
        world.a_settled_tenant(1, "acme", None).await;
        let mut batch = event_store::Batch::new();
        batch.run("delete from events where position = 3", vec![], event_store::Expect::Rows(1));
        world.by_hand().await.write(batch).await.unwrap();
        // A process that did not write the events itself reads them from the database.
        let stop = CancellationToken::new();
        let store = open_store(&world.log, &stop).await;
        let mut reader = Projector::start(world.views.clone(), store).await.unwrap();
        let mut seen = Ok(Step::Moved);
        while matches!(seen, Ok(Step::Moved)) {
            seen = reader.run_once().await;
        }
        assert!(matches!(seen, Err(FollowError::Tail(TailError::Gap { expected: 3, found: 4 }))), "{seen:?}");
        assert_eq!(world.at(&tenants::MODEL).await.position(), 2);
        stop.cancel();
    }

    async fn ec_65_commits_of_several_processes_are_all_seen(world: World) {
        world.a_plan().await;
        let other = world.another_store().await;
        for number in 1..=20_u128 {
            let (mine, theirs) = (register(number), register(number + 100));
            let (left, right) = tokio::join!(
                world.store.execute(mine, request(operator())),
                other.execute(theirs, request(operator()))
            );
            left.unwrap();
            right.unwrap();
            world.projector.run_once().await.unwrap();
        }
        let head = world.store.read_head().await.unwrap();
        while world.at(&activity::MODEL).await.position() < head {
            world.projector.run_once().await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_counted_once(&world).await;
    }

    async fn ec_66_an_unknown_kind_stops_the_models_that_read_it_and_no_other(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        let stream = StreamId::from(usr(1));
        let unknown = world.appends_by_hand(stream.as_str(), 4, "user.teleported", "{}").await;
        world.a_partner(1, "nordlys").await;
        world.settle().await;
        let head = world.store.read_head().await.unwrap();
        assert_eq!(world.at(&partners::MODEL).await.position(), head);
        assert_eq!(world.at(&timers::MODEL).await.position(), head);
        assert_eq!(world.at(&tenants::MODEL).await.position(), unknown - 1);
        let status = world.views.positions().await.unwrap();
        let stopped = status.iter().find(|status| status.name == "users").unwrap();
        assert_eq!((stopped.state.as_str(), stopped.position), ("stopped", unknown - 1));
        assert!(stopped.note.as_ref().unwrap().contains("user.teleported"));
    }

    async fn a_reader_waits_for_its_own_write(world: World) {
        world.a_plan().await;
        let position = world.store.read_head().await.unwrap();
        let views = world.views.clone();
        let waits = views.wait_for(&tenants::MODEL, position, std::time::Duration::from_secs(30));
        let (waited, ()) = tokio::join!(waits, world.settle());
        waited.unwrap();
        let behind = views.wait_for(&tenants::MODEL, position + 1, std::time::Duration::ZERO).await;
        assert!(matches!(behind, Err(crate::Lagging::Behind { .. })));
    }

    async fn a_standing_copy_is_taken_over_by_another_process(world: World) {
        world.a_plan().await;
        world.settle().await;
        let second = Projector::start(world.views.clone(), world.store.clone()).await.unwrap();
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        // The second one is gone without a word; the first finds the copies standing still and takes them back.
        drop(second);
        let head = world.store.read_head().await.unwrap();
        while world.at(&timers::MODEL).await.position() < head {
            world.projector.run_once().await.unwrap();
            tokio::task::yield_now().await;
        }
        world.settle().await;
        assert_counted_once(&world).await;
    }
}

fn register(number: u128) -> Arc<One<Partner>> {
    Arc::new(One {
        stream: par(number).into(),
        command: PartnerCommand::Register {
            slug: format!("partner-{number}").parse().unwrap(),
            name: "Nordlys".parse().unwrap(),
            domain: None,
            margin: Bps::new(0).unwrap(),
            contact_info: None,
            billing_info: None,
        },
    })
}
