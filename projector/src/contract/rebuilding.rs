//! Blue and green: readers notice nothing, proof before the swap, a way back after it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::{
    Proof, ReplayError, activity, facts, partners, provisioning, replay, rollback, tenants, timers, users,
    verify,
};

on_both_databases! {
    async fn of_two_rebuilds_at_once_one_ends_and_the_other_says_why(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        let quiet = |_| {};
        let (one, other) = futures::join!(
            replay(&world.views, &world.store, "tenants", &quiet),
            replay(&world.views, &world.store, "tenants", &quiet),
        );
        assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
        for lost in [one, other].into_iter().filter_map(Result::err) {
            assert!(matches!(lost, ReplayError::Overtaken("tenants")), "{lost:?}");
        }
        world.settle().await;
        world.assert_proved().await;
    }

    async fn a_copy_that_was_live_is_kept_for_a_week(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        replay(&world.views, &world.store, "tenants", &|_| {}).await.unwrap();
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        assert_eq!(world.views.drop_retired(now).await.unwrap(), []);
        assert_eq!(world.views.drop_retired(now.plus_days(7)).await.unwrap(), []);
        // A way back is a way back for another week.
        rollback(&world.views, &world.store, "tenants").await.unwrap();
        assert_eq!(world.views.drop_retired(now.plus_days(8)).await.unwrap(), []);
        assert_eq!(world.views.drop_retired(now.plus_days(16)).await.unwrap(), [("tenants", 2)]);
        let none = rollback(&world.views, &world.store, "tenants").await;
        assert!(matches!(none, Err(ReplayError::NothingBefore("tenants"))), "{none:?}");
        world.renames(1, "Acme two").await;
        world.settle().await;
        world.assert_proved().await;
    }

    async fn every_model_made_again_equals_the_live_one(world: World) {
        world.a_plan().await;
        world.a_partner(1, "nordlys").await;
        for number in 1..=5 {
            world.a_settled_tenant(number, &format!("acme-{number}"), Some(1)).await;
            world.holds(number, Some(noon().plus_days(1))).await;
        }
        world.releases(2).await;
        world.settle().await;
        for model in crate::READ_MODELS {
            let replayed = replay(&world.views, &world.store, model.name, &|_| {}).await.unwrap();
            assert_eq!((replayed.copy, replayed.proof), (2, Proof::Equal), "{}", model.name);
        }
        // Both copies go on following.
        world.renames(1, "Later").await;
        world.settle().await;
        for status in world.views.positions().await.unwrap() {
            assert_eq!(status.position, world.store.read_head().await.unwrap(), "{} {}", status.name, status.copy);
            assert_eq!(status.is_live, status.copy == 2);
        }
        world.assert_proved().await;
        let (copy, _) = rollback(&world.views, &world.store, "tenants").await.unwrap();
        assert_eq!(copy, 1);
        world.renames(1, "Later still").await;
        world.settle().await;
        let mut at = world.at(&tenants::MODEL).await;
        assert_eq!(tenants::get(&mut at, ten(1)).await.unwrap().unwrap().name, "Later still");
        drop(at);
        world.assert_proved().await;
    }

    async fn ec_68_a_rebuild_under_load_fails_no_read_and_loses_nothing(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        let done = AtomicBool::new(false);
        let (views, store) = (world.views.clone(), world.store.clone());
        let rebuilds = async {
            for _ in 0..3 {
                let replayed = replay(&views, &store, "tenants", &|_| {}).await.unwrap();
                assert_eq!(replayed.proof, Proof::Equal);
            }
            done.store(true, Ordering::Relaxed);
        };
        let commands = async {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                let name = format!("Name {number}").parse().unwrap();
                let act = Arc::new(One::<Tenant> { stream: ten(1).into(), command: TenantCommand::Rename { name } });
                store.execute(act, request(operator())).await.unwrap();
            }
            number
        };
        let reads = async {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let mut at = views.snapshot(&tenants::MODEL).await.unwrap();
                let position = at.position();
                assert!(position >= last, "a reader never sees an earlier position");
                last = position;
                let view = tenants::get(&mut at, ten(1)).await.unwrap().unwrap();
                assert!(view.changed_position <= position);
            }
        };
        let projector = &mut world.projector;
        let follows = async {
            while !done.load(Ordering::Relaxed) {
                projector.run_once().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let ((), number, (), ()) = tokio::join!(rebuilds, commands, reads, follows);
        world.settle().await;
        let mut at = world.at(&tenants::MODEL).await;
        assert_eq!(at.position(), world.store.read_head().await.unwrap());
        assert_eq!(tenants::get(&mut at, ten(1)).await.unwrap().unwrap().name, format!("Name {number}"));
        drop(at);
        world.assert_proved().await;
    }

    async fn ec_69_a_rebuild_killed_half_way_leaves_the_live_copy_and_can_start_again(world: World) {
        world.a_plan().await;
        for number in 1..=3 {
            world.a_settled_tenant(number, &format!("acme-{number}"), None).await;
        }
        world.settle().await;
        let mut killed = 0;
        for awaits in 0..40_u32 {
            tokio::select! {
                biased;
                done = replay(&world.views, &world.store, "facts", &|_| {}) => { done.unwrap(); }
                () = async { for _ in 0..awaits { tokio::task::yield_now().await; } } => { killed += 1; }
            }
            let facts = facts::all(&mut world.at(&facts::MODEL).await).await.unwrap().tenants;
            assert_eq!(facts.len(), 3);
        }
        assert!(killed > 0);
        let replayed = replay(&world.views, &world.store, "facts", &|_| {}).await.unwrap();
        assert_eq!(replayed.proof, Proof::Equal);
        let left = world.views.positions().await.unwrap();
        let copies = left.iter().filter(|status| status.name == "facts");
        assert!(copies.clone().all(|status| status.state != "rebuilding"));
        assert_eq!(copies.count(), 2);
        world.renames(1, "Later").await;
        world.settle().await;
        world.assert_proved().await;
    }

    async fn ec_70_a_row_changed_by_hand_is_reported_by_key_and_nothing_is_written(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.a_settled_tenant(2, "beta", None).await;
        world.settle().await;
        world.change_by_hand("update tenants_v1 set name = 'Forged' where slug = 'acme'", vec![]).await;
        world.change_by_hand("delete from tenant_domains_v1 where domain = 'beta.dk'", vec![]).await;
        let reports = verify(&world.views, &world.store).await.unwrap();
        let found = reports.iter().find(|report| report.model == "tenants").unwrap();
        let mut listed: Vec<String> = found.differences.iter().map(ToString::to_string).collect();
        listed.sort();
        assert_eq!(listed, [
            format!("tenant_domains [{}, beta.dk]: the row is missing", ten(2)),
            format!("tenants [{}]: other values in name", ten(1)),
        ]);
        assert!(reports.iter().filter(|report| report.model != "tenants").all(crate::ModelReport::is_equal));
        // Neither the proof nor a rebuild that finds a difference changes what queries see.
        let refused = replay(&world.views, &world.store, "tenants", &|_| {}).await;
        assert!(matches!(refused, Err(ReplayError::Differs { count: 2, .. })), "{refused:?}");
        let mut at = world.at(&tenants::MODEL).await;
        assert_eq!(tenants::get(&mut at, ten(1)).await.unwrap().unwrap().name, "Forged");
    }

    async fn ec_72_a_replay_of_the_whole_log_fires_no_timer_and_writes_no_event(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.holds(1, Some(noon().plus_seconds(60))).await;
        world.settle().await;
        let head = world.store.read_head().await.unwrap();
        let later = noon().plus_days(1);
        let before = timers::due(&mut world.at(&timers::MODEL).await, later, 10).await.unwrap().timers;
        assert_eq!(before.len(), 1);
        for model in crate::READ_MODELS {
            replay(&world.views, &world.store, model.name, &|_| {}).await.unwrap();
        }
        // The same timer under the same id: fired by both copies it would be one command.
        let after = timers::due(&mut world.at(&timers::MODEL).await, later, 10).await.unwrap().timers;
        assert_eq!(before, after);
        assert_eq!(world.store.read_head().await.unwrap(), head);
    }

    async fn a_changed_definition_is_made_again_at_the_next_start(world: World) {
        world.a_plan().await;
        world.a_settled_tenant(1, "acme", None).await;
        world.settle().await;
        // What the tables of an earlier build look like to this one.
        world.change_by_hand("update checkpoints set definition = 0 where read_model = 'users'", vec![]).await;
        world.change_by_hand("update live set definition = 0 where read_model = 'users'", vec![]).await;
        let early = world.views.snapshot(&users::MODEL).await;
        assert!(matches!(early, Err(crate::QueryError::NotReady("users"))));
        let stop = CancellationToken::new();
        let runs = crate::run(world.views.clone(), world.store.clone(), stop.clone());
        let position = world.store.read_head().await.unwrap();
        let looks = async {
            while world.views.snapshot(&users::MODEL).await.is_err() {
                tokio::task::yield_now().await;
            }
            world.views.wait_for(&users::MODEL, position, std::time::Duration::from_secs(30)).await.unwrap();
            world.renames(1, "Later").await;
            let renamed = world.store.read_head().await.unwrap();
            world.views.wait_for(&users::MODEL, renamed, std::time::Duration::from_secs(30)).await.unwrap();
            let person = users::get(&mut world.at(&users::MODEL).await, usr(1)).await.unwrap().unwrap();
            assert_eq!(person.memberships[0].name, "Later");
            stop.cancel();
        };
        let (ran, ()) = tokio::join!(runs, looks);
        ran.unwrap();
        world.projector = Projector::start(world.views.clone(), world.store.clone()).await.unwrap();
        world.settle().await;
        world.assert_proved().await;
    }

    async fn a_model_that_was_never_replayed_has_nothing_to_go_back_to(world: World) {
        world.a_plan().await;
        world.settle().await;
        let refused = rollback(&world.views, &world.store, "users").await;
        assert!(matches!(refused, Err(ReplayError::NothingBefore("users"))));
        let unknown = replay(&world.views, &world.store, "weather", &|_| {}).await;
        assert!(matches!(unknown, Err(ReplayError::Unknown(name)) if name == "weather"));
    }

    async fn every_query_works_while_nothing_is_there(world: World) {
        world.settle().await;
        assert!(tenants::get(&mut world.at(&tenants::MODEL).await, ten(1)).await.unwrap().is_none());
        assert!(users::get(&mut world.at(&users::MODEL).await, usr(1)).await.unwrap().is_none());
        let today = noon().date();
        assert!(partners::get(&mut world.at(&partners::MODEL).await, par(1), today).await.unwrap().is_none());
        assert!(facts::all(&mut world.at(&facts::MODEL).await).await.unwrap().tenants.is_empty());
        let view = provisioning::get(&mut world.at(&provisioning::MODEL).await, ten(1)).await.unwrap();
        assert_eq!(view.summary, "progressing");
        assert_eq!(world.at(&activity::MODEL).await.as_of().time, None);
    }
}
