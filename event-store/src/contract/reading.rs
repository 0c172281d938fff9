//! Following the log: in order, without a hole, and not past what cannot be read.

use futures::future::join_all;

use super::*;
use crate::db::{Batch, Expect};
use crate::{Entry, TailError};

on_both_databases! {
    async fn ec_64_a_reader_stops_at_a_gap(place: &Place) {
        let log = place.start().await;
        for number in 0..5 {
            log.execute(register(number, &format!("partner-{number}"))).await.unwrap();
        }
        by_hand(place, "delete from events where position = 4").await;
        let fresh = place.start().await;
        let mut follower = fresh.store.follow(0);
        assert_eq!(follower.next(100).await.unwrap().len(), 3);
        assert!(matches!(follower.next(100).await, Err(TailError::Gap { expected: 4, found: 5 })));
        assert!(matches!(follower.next(100).await, Err(TailError::Gap { expected: 4, found: 5 })));
        assert_eq!(follower.position(), 3);
    }

    async fn ec_64_a_missing_end_is_a_gap_too(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        by_hand(place, "delete from events where position = 2").await;
        let fresh = place.start().await;
        let mut follower = fresh.store.follow(1);
        assert!(matches!(follower.next(100).await, Err(TailError::Gap { expected: 2, .. })));
    }

    async fn a_reader_ahead_of_the_log_needs_a_person(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let ahead = log.store.follow(9).next(1).await;
        assert!(matches!(ahead, Err(TailError::AheadOfLog { position: 9, head: 2 })));
    }

    async fn ec_66_an_unknown_kind_stops_the_reader_after_what_stands_before_it(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        by_hand(place, "update events set kind = 'partner.from.the.future' where position = 2").await;
        let fresh = place.start().await;
        let mut follower = fresh.store.follow(0);
        assert_eq!(follower.next(100).await.unwrap().len(), 1);
        let stopped = follower.next(100).await;
        assert!(matches!(stopped, Err(TailError::UnknownKind { position: 2, kind }) if kind == "partner.from.the.future"));
        // Commands on other streams still work.
        assert_eq!(fresh.execute(register(2, "two")).await.unwrap().position, 4);
    }

    async fn an_event_that_does_not_decode_is_handed_out_as_such(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        by_hand(place, "update events set data = '{\"bps\":\"secret@example.com\"}' where position = 2").await;
        let fresh = place.start().await;
        let entries = fresh.store.follow(0).next(100).await.unwrap();
        let Entry::Malformed { position, stream, kind, error, .. } = &entries[1] else { panic!("{entries:?}") };
        assert_eq!((*position, stream, kind.as_str()), (2, &StreamId::from(partner(1)), "partner.margin.set"));
        assert!(!error.contains("secret"), "{error}");
    }

    async fn a_reader_in_the_process_sees_what_the_table_says(place: &Place) {
        let log = place.start().await;
        let mut follower = log.store.follow(0);
        let mut seen = Vec::new();
        let write = join_all((0..40).map(|number| log.execute(register(number, &format!("partner-{number}")))));
        let read = async {
            while seen.len() < 80 {
                seen.extend(follower.next(7).await.unwrap().iter().cloned());
            }
        };
        futures::join!(write, read);
        let fresh = place.start().await;
        assert_eq!(seen, *fresh.store.follow(0).available(100).await.unwrap());
        assert_eq!(log.store.head(), 80);
    }

    async fn a_reader_without_a_running_writer_finds_what_is_new(place: &Place) {
        let log = place.start().await;
        let beside = EventStore::open(Config { url: place.url.clone(), clock: noon }).await.unwrap();
        let mut follower = beside.follow(0);
        assert!(follower.available(10).await.unwrap().is_empty());
        log.execute(register(1, "one")).await.unwrap();
        assert_eq!(follower.next(10).await.unwrap().len(), 2);
        assert!(!beside.is_alive());
        assert!(log.store.is_alive());
    }
}

async fn by_hand(place: &Place, sql: &'static str) {
    let mut batch = Batch::new();
    batch.run(sql, vec![], Expect::Rows(1));
    place.by_hand().await.write(batch).await.unwrap();
}
