//! What goes wrong underneath: a full disk, a store that cannot be written, connections that die.

use std::time::Duration;

use futures::future::join_all;

use super::*;
use crate::db::{Batch, Expect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ec_61_a_full_disk_is_told_and_over_when_there_is_room_again() {
    let place = Place::sqlite();
    let log = place.start().await;
    log.execute(register(1, "one")).await.unwrap();
    // The file may not grow by a page: what a full disk looks like to the database.
    log.store.limit_pages(1).await;
    let mut refused = None;
    for number in 2..40 {
        match log.execute(register(number, &format!("partner-{number}"))).await {
            Ok(_) => {}
            Err(error) => {
                refused = Some((number, error));
                break;
            }
        }
    }
    let (number, error) = refused.unwrap();
    assert!(matches!(error, ExecuteError::Unavailable(_)), "{error}");
    let head = log.store.read_head().await.unwrap();
    log.store.limit_pages(1_000_000).await;
    assert_eq!(log.execute(register(number, &format!("partner-{number}"))).await.unwrap().position, head + 2);
    assert_sound(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ec_61_a_server_that_became_read_only_is_told_and_recovers() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let log = place.start().await;
    log.execute(register(1, "one")).await.unwrap();
    let hand = place.by_hand().await;
    let name = rows(&hand, "select current_database()").await.remove(0).remove(0);
    let Value::Text(name) = name else { panic!("a database has a name") };
    hand.execute_ddl(&format!("alter database {name} set default_transaction_read_only = on")).await.unwrap();
    end_connections(&hand, "dezky-writer").await;
    let refused = loop {
        match log.execute(register(2, "two")).await {
            // The first answer may still tell of the lost connection.
            Err(ExecuteError::OutcomeUnknown) => {}
            answer => break answer.unwrap_err(),
        }
    };
    assert!(matches!(refused, ExecuteError::Unavailable(_)), "{refused}");
    assert_eq!(log.store.read_head().await.unwrap(), 2);
    let back =
        format!("set transaction read write; alter database {name} reset default_transaction_read_only");
    hand.execute_ddl(&back).await.unwrap();
    end_connections(&hand, "dezky-writer").await;
    loop {
        match log.execute(register(2, "two")).await {
            Err(ExecuteError::Unavailable(_) | ExecuteError::OutcomeUnknown) => {}
            answer => {
                assert_eq!(answer.unwrap().position, 4);
                break;
            }
        }
    }
    assert_sound(&log).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_die_at_any_moment_lose_no_acknowledged_command() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let log = place.start().await;
    let hand = place.by_hand().await;
    let write = async {
        let mut acknowledged = Vec::new();
        for round in 0..40_u128 {
            let numbers = round * 10..round * 10 + 10;
            let answers = join_all(numbers.map(|number| {
                let log = &log;
                async move {
                    (
                        number,
                        log.keyed(register(number, &format!("p-{number}")), &format!("{number}"), "").await,
                    )
                }
            }));
            acknowledged.extend(
                answers
                    .await
                    .into_iter()
                    .filter_map(|(number, answer)| Some((number, answer.ok()?.position))),
            );
        }
        acknowledged
    };
    let kill = async {
        let mut beat = tokio::time::interval(Duration::from_millis(7));
        for _ in 0..30 {
            end_connections(&hand, "dezky-writer").await;
            beat.tick().await;
        }
    };
    let (acknowledged, ()) = futures::join!(write, kill);
    for (number, position) in &acknowledged {
        let events = log.store.load(&partner(*number).into()).await.unwrap();
        assert_eq!(events.last().map(|last| last.position), Some(*position), "{number}");
    }
    // Whoever was told "unknown" asks again under the same key and has one effect.
    for number in 0..400_u128 {
        log.keyed(register(number, &format!("p-{number}")), &format!("{number}"), "").await.unwrap();
    }
    assert_eq!(log.store.read_head().await.unwrap(), 800);
    assert_sound(&log).await;
}

on_both_databases! {
    async fn a_stopped_store_says_so(place: &Place) {
        let log = place.start().await;
        let store = log.store.clone();
        log.stop().await;
        let answer = store.execute(Arc::new(register(1, "one")), request()).await;
        assert!(matches!(answer, Err(ExecuteError::Unavailable(StoreError::Closed))));
        assert!(!store.is_alive());
        assert!(matches!(store.run(CancellationToken::new()).await, Err(StoreError::Closed)));
    }

    async fn commands_that_wait_when_the_stop_comes_are_answered(place: &Place) {
        let log = place.start().await;
        let stop = log.stop.clone();
        let commands = join_all((0..50).map(|number| log.execute(register(number, &format!("partner-{number}")))));
        let (answers, ()) = futures::join!(commands, async move { stop.cancel() });
        for answer in &answers {
            assert!(matches!(answer, Ok(_) | Err(ExecuteError::Unavailable(StoreError::Closed))), "{answer:?}");
        }
        let recorded = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
        assert_eq!(log.store.read_head().await.unwrap(), recorded * 2);
    }

    async fn a_log_that_becomes_shorter_stops_its_process(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let mut restored = Batch::new();
        restored.run("update log_head set position = 0, chain = '' where id = 1", vec![], Expect::Rows(1));
        place.by_hand().await.write(restored).await.unwrap();
        assert!(matches!(log.running.await.unwrap(), Err(StoreError::Shrunk)));
        assert!(!log.store.is_alive());
    }
}

async fn end_connections(hand: &Db, name: &str) {
    let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
               where application_name = $1 and datname = current_database() and pid <> pg_backend_pid()";
    // The hand's own connections bear the same name, so its query may be among those that end.
    drop(hand.query(sql, &[name.into()]).await);
}

impl EventStore {
    /// How many pages the file may have; an existing file keeps what it has.
    async fn limit_pages(&self, pages: u32) {
        self.0.db.execute_ddl(&format!("pragma max_page_count = {pages}")).await.unwrap();
    }
}
