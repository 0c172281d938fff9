//! One subject that is wrong, and many that are right: nobody is kept from anything by a neighbour, or by being many.

use std::sync::atomic::{AtomicBool, Ordering};

use event_store::guard::caught;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use schema::Recorded;

use super::*;
use crate::follow::{Applied, Track, apply};
use crate::memory::Memory;
use crate::{copies, facts, tenants, timers};

/// The read model `tenants` with a bug: it cannot bear one slug.
const WRONG: ReadModel = ReadModel { project: panics_at_acme, ..tenants::MODEL };

fn panics_at_acme(recorded: &Recorded) -> Vec<crate::Write> {
    let is_acme = recorded.stream == ten(1).into();
    assert!(!is_acme, "owner@acme.dk does not fit");
    (tenants::MODEL.project)(recorded)
}

fn named(facts: &facts::Everybody) -> Vec<&str> {
    facts.tenants.iter().map(|tenant| tenant.slug.as_str()).collect()
}

/// Waits for what `dezky status` shows beside the read model.
async fn noted(world: &World, holds: impl Fn(Option<&str>) -> bool) {
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let models = world.views.positions().await.unwrap();
        let tenants = models.into_iter().find(|status| status.name == tenants::MODEL.name).unwrap();
        if holds(tenants.note.as_deref()) {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "{tenants:?}");
        tokio::task::yield_now().await;
    }
}

on_both_databases! {
    async fn a_projection_that_panics_parks_its_stream_and_nothing_else(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_settled_tenant(2, "beta", None).await;
        let (found, _) = copies::all(world.views.db(), &tenants::MODEL).await.unwrap();
        let mut track = Track::borrowed(&WRONG, &found[0], std::collections::BTreeSet::new());
        let mut follower = world.store.follow(0);
        let mut entries = Vec::new();
        while follower.position() < world.store.read_head().await.unwrap() {
            entries.extend(follower.available(5_000).await.unwrap().iter().cloned());
        }
        let applied = caught(apply(&world.views, &mut track, &entries)).await.unwrap().unwrap();
        assert_eq!(applied, Applied::Done);
        let parked = world.views.parked().await.unwrap();
        assert_eq!(parked.len(), 1, "{parked:?}");
        assert_eq!(parked[0].stream, StreamId::from(ten(1)).to_string());
        assert!(parked[0].error.starts_with("panicked at projector/src/contract/robustness.rs:"), "{}", parked[0].error);
        assert!(!parked[0].error.contains("owner@acme.dk"), "{}", parked[0].error);
        let beta = tenants::get(&mut world.at(&tenants::MODEL).await, ten(2)).await.unwrap().unwrap();
        assert_eq!(beta.status, "active");
        world.settle().await;
        // Mended, it is followed again: in a proof and in a retry alike.
        let retried = crate::retry(&world.views, &world.store, "tenants", &ten(1).into(), noon()).await.unwrap();
        assert!(matches!(retried, crate::Retried::Drained { .. }), "{retried:?}");
        let mut memory = Memory::new(WRONG.tables);
        let refused = entries.iter().filter_map(|entry| match entry {
            event_store::Entry::Event(recorded) => memory.project(&WRONG, recorded).err(),
            event_store::Entry::Malformed { .. } => None,
        });
        assert!(refused.map(|error| error.to_string()).all(|error| error.starts_with("panicked at ")));
    }

    async fn a_loop_that_panics_begins_again_and_its_neighbours_go_on(world: World) {
        // The first test of a process that gets here sets it; others do without a recorder, and never break.
        drop(metrics::set_global_recorder(Breaks));
        world.settle().await;
        world.a_plan().await;
        let stop = CancellationToken::new();
        let following = crate::run(world.views.clone(), world.store.clone(), stop.clone());
        let breaks = |whether| BREAKS.with(|breaks| breaks.store(whether, Ordering::SeqCst));
        let watching = async {
            let head = world.store.read_head().await.unwrap();
            let within = std::time::Duration::from_secs(20);
            // Another read model of the same loop, while `tenants` breaks.
            world.views.wait_for(&timers::MODEL, head, within).await.unwrap();
            breaks(false);
            world.views.wait_for(&tenants::MODEL, head, within).await.unwrap();
            // The same while it runs, with an event both read.
            breaks(true);
            world.a_tenant(1, "acme", Owner::None, None).await;
            let head = world.store.read_head().await.unwrap();
            world.views.wait_for(&timers::MODEL, head, within).await.unwrap();
            noted(&world, |note| note.is_some_and(|note| note.starts_with("panicked at "))).await;
            breaks(false);
            world.views.wait_for(&tenants::MODEL, head, within).await.unwrap();
            noted(&world, |note| note.is_none()).await;
            stop.cancel();
        };
        let both = async { futures::join!(following, watching).0 };
        BREAKS.scope(AtomicBool::new(true), both).await.unwrap();
    }

    async fn a_tenant_that_cannot_be_read_keeps_nobody_else_from_being_read(world: World) {
        world.a_plan().await;
        for (number, slug) in [(1, "acme"), (2, "beta"), (3, "gamma")] {
            world.a_settled_tenant(number, slug, None).await;
        }
        // Member of two tenants: what they may do depends on both.
        world.does(InviteMember {
            tenant_id: ten(3), invitation_id: inv(1), user_id: usr(1), role: Role::Member,
            expires_at: noon().plus_days(14), seats: None,
        }).await;
        world.settle().await;
        let all = facts::all(&mut world.at(&facts::MODEL).await).await.unwrap();
        assert_eq!((named(&all), all.unreadable.len()), (vec!["acme", "beta", "gamma"], 0));

        let change = "update fact_tenants_v1 set lifecycle = 'on holiday' where slug = 'acme'";
        world.change_by_hand(change, vec![]).await;
        let all = facts::all(&mut world.at(&facts::MODEL).await).await.unwrap();
        assert_eq!(named(&all), ["beta"]);
        let unreadable: Vec<_> = all.unreadable.iter().filter_map(|found| found.tenant_id).collect();
        assert_eq!(unreadable, [ten(1), ten(3)]);
        assert!(all.unreadable[0].why.contains("lifecycle of fact_tenants"), "{}", all.unreadable[0].why);
    }

    async fn a_timer_that_cannot_be_read_stands_in_nobodys_way(world: World) {
        world.a_plan().await;
        let soon = noon().plus_days(1);
        for (number, slug) in [(1, "acme"), (2, "beta"), (3, "gamma")] {
            world.a_settled_tenant(number, slug, None).await;
            world.holds(number, Some(soon)).await;
        }
        world.settle().await;
        for number in [1, 2] {
            let change = "update timers_v1 set kind = 'birthday' where tenant_id = $1";
            world.change_by_hand(change, vec![ten(number).to_string().into()]).await;
        }
        for limit in [1, 10] {
            let due = timers::due(&mut world.at(&timers::MODEL).await, soon, limit).await.unwrap();
            assert_eq!(due.timers.iter().map(|timer| timer.tenant_id).collect::<Vec<_>>(), [ten(3)]);
            assert_eq!(due.unreadable.len(), 2);
        }
    }

    async fn more_keys_than_a_statement_takes_are_read_all_the_same(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        let mut at = world.at(&facts::MODEL).await;
        // Two more than SQLite takes in one statement, and two more than Postgres does.
        for count in [1_024, 1_025, 32_768, 65_537] {
            let mut keys: Vec<Value> = (0..count - 1).map(|number| Value::Text(format!("ten_{number}"))).collect();
            keys.push(ten(1).to_string().into());
            let mut memory = Memory::new(facts::MODEL.tables);
            crate::select::load(&mut at, &facts::MODEL, &mut memory, "fact_tenants", "tenant_id", &keys).await.unwrap();
            assert_eq!(memory.all("fact_tenants").count(), 1, "{count}");
        }
    }
}

tokio::task_local! {
    /// Only the task of the test sees it.
    static BREAKS: AtomicBool;
}

/// Counts nothing, and breaks when one read model says how far it is: a bug in the loop itself.
struct Breaks;

impl Recorder for Breaks {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let is_tenants = key.labels().any(|label| label.value() == tenants::MODEL.name);
        let breaks = is_tenants && BREAKS.try_with(|breaks| breaks.load(Ordering::SeqCst)).unwrap_or(false);
        assert!(!breaks, "a bug in the loop");
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
