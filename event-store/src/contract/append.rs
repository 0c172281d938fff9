//! Positions, versions, guards, batches, time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use domain::acts::AttachPartner;
use domain::tenant::Tenant;
use futures::future::join_all;
use schema::partner::Disposition;
use schema::tenant::{AttachedWhy, Origin};
use schema::{PartnerCommand, PlanId, StreamId, TenantCommand, TenantId, Timestamp};
use uuid::Uuid;

use super::*;

on_both_databases! {
    async fn ec_49_five_hundred_parallel_commands_leave_dense_positions(place: &Place) {
        let log = place.start().await;
        join_all((0..50).map(|number| log.execute(register(number, &format!("partner-{number}"))))).await;
        let answers = join_all((0..500_u128).map(|number| {
            let log = &log;
            async move { log.execute(rename(number % 50, &format!("Name {number}"))).await.unwrap().position }
        }));
        let mut positions = answers.await;
        positions.sort_unstable();
        // Registering makes two events per partner.
        assert_eq!(positions, (101..=600).collect::<Vec<u64>>());
        for stream in streams(0..50) {
            let versions: Vec<u64> = log.store.load(&stream).await.unwrap().iter().map(|event| event.version).collect();
            assert_eq!(versions, (1..=12).collect::<Vec<u64>>());
        }
        // Nobody else wrote, so no batch was sent twice.
        assert_eq!(log.store.overtaken(), 0);
        assert_sound(&log).await;
    }

    async fn ec_48_two_creates_of_one_slug_have_one_winner(place: &Place) {
        let log = place.start().await;
        let answers = join_all((0..8).map(|number| log.execute(register(number, "nordlys")))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for refused in answers.into_iter().filter_map(Result::err) {
            let ExecuteError::Rejected(rejection) = refused else { panic!("{refused} is not a refusal") };
            assert_eq!(rejection.code(), "already-exists");
        }
        assert_eq!(log.store.read_head().await.unwrap(), 2);
        assert_sound(&log).await;
    }

    async fn ec_55_a_guard_that_changes_before_the_commit_decides_again(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "nordlys")).await.unwrap();
        log.execute(create_tenant(1)).await.unwrap();
        let attach = AttachPartner { tenant_id: tenant(1), partner_id: partner(1), why: AttachedWhy::Operator };
        // Loaded and decided while the partner was active, handed to the writer after it ended.
        let store = log.store.clone();
        let slow = Meanwhile::new(attach, move || {
            let end = One::<Partner> {
                stream: partner(1).into(),
                command: PartnerCommand::Terminate { reason: None, disposition: Disposition::Retain },
            };
            wait(store.execute(Arc::new(end), request())).unwrap();
        });
        let refused = log.execute(slow).await.unwrap_err();
        let ExecuteError::Rejected(rejection) = refused else { panic!("{refused} is not a refusal") };
        assert_eq!(rejection, Rejection::PartnerNotActive);
        let (attached, _) = log.store.fold::<Tenant>(&tenant(1).into()).await.unwrap();
        assert_eq!(attached.partner_id(), None);
    }

    async fn ec_77_a_clock_that_jumps_back_repeats_a_time_and_keeps_the_order(place: &Place) {
        let log = place.start_with(backwards).await;
        for number in 0..5 {
            log.execute(register(number, &format!("partner-{number}"))).await.unwrap();
        }
        log.stop().await;
        let log = place.start_with(an_hour_earlier).await;
        log.execute(register(9, "partner-9")).await.unwrap();
        let mut times = Vec::new();
        for entry in log.store.follow(0).available(100).await.unwrap().iter() {
            let crate::Entry::Event(recorded) = entry else { panic!("{entry:?} does not decode") };
            times.push(recorded.recorded_at);
        }
        assert_eq!(times.len(), 12);
        assert!(times.is_sorted(), "{times:?}");
        assert_sound(&log).await;
    }

    async fn a_command_over_two_streams_is_recorded_as_a_whole(place: &Place) {
        let log = place.start().await;
        let outcome = log.execute(Both(register(1, "one"), register(2, "two"))).await.unwrap();
        assert_eq!(outcome.news.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(outcome.versions, BTreeMap::from([(partner(1).into(), 2), (partner(2).into(), 2)]));
        let refused = log.execute(Both(register(3, "three"), register(4, "one"))).await;
        assert!(matches!(refused, Err(ExecuteError::Rejected(_))));
        assert_eq!(log.store.read_head().await.unwrap(), 4);
        assert!(log.store.load(&partner(3).into()).await.unwrap().is_empty());
    }

    async fn an_outcome_tells_history_news_and_versions(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        log.execute(register(2, "two")).await.unwrap();
        let also = Request { also_load: streams([2]), ..request() };
        let outcome = log.store.execute(Arc::new(rename(1, "Other")), also).await.unwrap();
        assert_eq!(outcome.position, 5);
        assert_eq!(outcome.history.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(outcome.versions, BTreeMap::from([(partner(1).into(), 3), (partner(2).into(), 2)]));
        assert_eq!(outcome.news, log.store.load(&partner(1).into()).await.unwrap()[2..]);
    }

    async fn saying_the_same_again_is_no_news(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let outcome = log.execute(rename(1, "Nordlys")).await.unwrap();
        assert_eq!((outcome.position, outcome.news.len()), (2, 0));
        assert_eq!(log.store.read_head().await.unwrap(), 2);
    }

    async fn a_version_the_caller_has_not_seen_is_a_mismatch(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let stale = Request { expect: vec![(partner(1).into(), [1].into())], ..request() };
        let answer = log.store.execute(Arc::new(rename(1, "Other")), stale).await;
        assert!(matches!(answer, Err(ExecuteError::VersionMismatch { current: 2 })));
        let fresh = Request { expect: vec![(partner(1).into(), [1, 2].into())], ..request() };
        assert_eq!(log.store.execute(Arc::new(rename(1, "Other")), fresh).await.unwrap().position, 3);
    }

    async fn a_condition_may_be_about_a_stream_the_command_does_not_touch(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let stale = Request { expect: vec![(partner(1).into(), [1].into())], ..request() };
        let answer = log.store.execute(Arc::new(register(2, "two")), stale).await;
        assert!(matches!(answer, Err(ExecuteError::VersionMismatch { current: 2 })));
        let fresh = Request { expect: vec![(partner(1).into(), [2].into())], ..request() };
        log.store.execute(Arc::new(register(2, "two")), fresh).await.unwrap();
        assert_sound(&log).await;
    }

    async fn a_rehearsal_says_what_would_follow_and_records_nothing(place: &Place) {
        let log = place.start().await;
        let events = log.store.rehearse(Arc::new(register(1, "one")), &request()).await.unwrap();
        let recorded = log.execute(register(1, "one")).await.unwrap().news;
        let recorded: Vec<_> = recorded.into_iter().map(|event| (event.stream, event.event)).collect();
        assert_eq!(events, recorded);
        let refused = log.store.rehearse(Arc::new(register(2, "one")), &request()).await;
        assert!(matches!(refused, Err(ExecuteError::Rejected(_))));
        assert_eq!(log.store.read_head().await.unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ec_75_the_same_script_gives_the_same_answers_on_both() {
    let Some(postgres) = Place::postgres().await else {
        return;
    };
    let (left, right) = (script(&Place::sqlite()).await, script(&postgres).await);
    assert_eq!(left, right);
}

/// Positions, versions, refusals and stored answers of a fixed list of commands.
async fn script(place: &Place) -> Vec<String> {
    let log = place.start().await;
    let mut told = Vec::new();
    for round in 0..60_u128 {
        let number = round % 7;
        let answer = match round % 4 {
            0 => log.execute(register(round, &format!("partner-{number}"))).await,
            1 => log.execute(rename(round - 1, &format!("Name {round}"))).await,
            2 => log.keyed(rename(0, &format!("Name {number}")), &format!("key-{number}"), "same").await,
            _ => log.execute(Both(rename(0, "Both"), register(round, &format!("both-{number}")))).await,
        };
        told.push(match answer {
            Ok(outcome) => format!("{} {:?} {:?}", outcome.position, outcome.versions, outcome.replayed),
            Err(error) => error.to_string(),
        });
    }
    for stream in streams(0..60) {
        told.extend(
            log.store
                .load(&stream)
                .await
                .unwrap()
                .iter()
                .map(|event| format!("{stream} {} {:?}", event.version, event.event)),
        );
    }
    told
}

fn tenant(number: u128) -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(number))
}

fn create_tenant(number: u128) -> One<Tenant> {
    One {
        stream: tenant(number).into(),
        command: TenantCommand::Create {
            slug: format!("tenant-{number}").parse().unwrap(),
            name: "Acme".parse().unwrap(),
            origin: Origin::Operator,
            plan_id: PlanId::from_uuid(Uuid::from_u128(1)),
            locale: None,
            timezone: None,
            created_by: None,
            ordinal: None,
        },
    }
}

/// Two commands in one commit.
struct Both(One<Partner>, One<Partner>);

impl Act for Both {
    fn streams(&self) -> Vec<StreamId> {
        vec![self.0.stream.clone(), self.1.stream.clone()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        self.0.decide(board, asked)?;
        self.1.decide(board, asked)
    }
}

/// Every reading is an hour before the last.
fn backwards() -> Timestamp {
    static READINGS: AtomicI64 = AtomicI64::new(0);
    noon().plus_seconds(-3600 * READINGS.fetch_add(1, Ordering::Relaxed))
}

fn an_hour_earlier() -> Timestamp {
    noon().plus_seconds(-3600)
}
