//! What can be computed again: hashes, versions, claims; and a copy of the whole log.

use super::*;
use crate::copy::{CopyError, copy};
use crate::db::{Batch, Expect};

on_both_databases! {
    async fn a_changed_event_is_found(place: &Place) {
        let log = three_partners(place).await;
        assert_sound(&log).await;
        change(place, "update events set data = '{\"bps\":9999,\"effectiveFrom\":\"2026-11-22\"}' where position = 4").await;
        let report = log.store.verify().await.unwrap();
        assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
        assert_eq!(report.problems[0].position, 3);
    }

    async fn a_changed_name_is_found_and_an_erased_one_is_not_a_change(place: &Place) {
        let log = three_partners(place).await;
        change(place, "update events set personal = null where position = 1").await;
        assert_sound(&log).await;
        change(place, "update events set personal = replace(personal, 'Nordlys', 'Sydlys') where position = 3").await;
        let report = log.store.verify().await.unwrap();
        assert_eq!(report.problems.iter().map(|problem| problem.position).collect::<Vec<_>>(), [3]);
    }

    async fn a_removed_event_a_changed_version_and_a_changed_head_are_found(place: &Place) {
        let log = three_partners(place).await;
        change(place, "delete from events where position = 4").await;
        change(place, "update streams set version = 7 where id = (select max(id) from streams)").await;
        change(place, "update log_head set chain = 'another' where id = 1").await;
        let report = log.store.verify().await.unwrap();
        let told: Vec<&str> = report.problems.iter().map(|problem| problem.what.as_str()).collect();
        assert!(told.contains(&"this position is missing"), "{told:?}");
        assert!(told.iter().any(|what| what.starts_with("the version of")), "{told:?}");
        assert!(told.contains(&"the hash of the head differs from the last commit"), "{told:?}");
    }

    async fn ec_73_lost_claims_are_computed_from_the_log(place: &Place) {
        let log = three_partners(place).await;
        let hand = place.by_hand().await;
        let sql = "select scope, value, stream from claims order by value";
        let before = rows(&hand, sql).await;
        assert_eq!(before.len(), 3);
        let mut lost = Batch::new();
        lost.run("delete from claims", vec![], Expect::Rows(3));
        hand.write(lost).await.unwrap();
        assert!(!log.store.verify().await.unwrap().is_sound());
        assert_eq!(log.store.rebuild_claims().await.unwrap(), 3);
        assert_eq!(rows(&hand, sql).await, before);
        assert_sound(&log).await;
        assert!(matches!(log.execute(register(9, "partner-1")).await, Err(ExecuteError::Rejected(_))));
    }

    async fn a_copy_holds_the_same_log_and_goes_on(place: &Place) {
        let log = three_partners(place).await;
        log.keyed(rename(1, "Other"), "k", "body").await.unwrap();
        let (middle, last) = (Place::sqlite(), Place::sqlite());
        for (from, to) in [(place, &middle), (&middle, &last)] {
            migrate_log(&to.url, noon()).await.unwrap();
            assert_eq!(copy(&from.url, &to.url).await.unwrap(), 7);
        }
        let copied = last.start().await;
        assert_sound(&copied).await;
        assert_eq!(copied.store.verify().await.unwrap(), log.store.verify().await.unwrap());
        assert_eq!(copied.store.hash_secret("a"), log.store.hash_secret("a"));
        assert!(copied.keyed(rename(1, "Other"), "k", "body").await.unwrap().replayed.is_some());
        assert_eq!(copied.execute(register(9, "nine")).await.unwrap().position, 9);
        assert!(matches!(copy(&place.url, &last.url).await, Err(CopyError::NotEmpty(9))));
        // And back to where it came from, on a fresh database of the same kind.
        if place.url.is_postgres() {
            let back = Place::postgres().await.unwrap();
            migrate_log(&back.url, noon()).await.unwrap();
            assert_eq!(copy(&middle.url, &back.url).await.unwrap(), 7);
            assert_sound(&back.start().await).await;
        }
    }
}

async fn three_partners(place: &Place) -> TestLog {
    let log = place.start().await;
    for number in 0..3 {
        log.execute(register(number, &format!("partner-{number}"))).await.unwrap();
    }
    log
}

async fn change(place: &Place, sql: &'static str) {
    let mut batch = Batch::new();
    batch.run(sql, vec![], Expect::Rows(1));
    place.by_hand().await.write(batch).await.unwrap();
}
