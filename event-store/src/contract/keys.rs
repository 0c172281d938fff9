//! Idempotency keys and claims: one effect, one answer, one holder.

use futures::future::join_all;

use super::*;
use crate::db::{Batch, Expect};

on_both_databases! {
    async fn ec_50_the_same_key_gets_the_first_answer_and_another_body_is_refused(place: &Place) {
        let log = place.start().await;
        let first = log.keyed(register(1, "one"), "k", "body").await.unwrap();
        assert_eq!((first.position, first.replayed), (2, None));
        let again = log.keyed(register(1, "one"), "k", "body").await.unwrap();
        assert_eq!((again.position, again.news.len()), (2, 0));
        assert_eq!(again.replayed.as_deref(), Some("2 events, at 2"));
        let other = log.keyed(register(2, "two"), "k", "other body").await;
        assert!(matches!(other, Err(ExecuteError::KeyReused)));
        // Another caller's key is another id.
        assert_eq!(log.keyed(register(2, "two"), "k of somebody else", "other body").await.unwrap().position, 4);
    }

    async fn ec_50_a_second_copy_in_flight_is_told_so(place: &Place) {
        let log = place.start().await;
        let copies = join_all((0..5).map(|_| log.keyed(register(1, "one"), "k", "body"))).await;
        assert_eq!(copies.iter().filter(|copy| matches!(copy, Ok(outcome) if outcome.replayed.is_none())).count(), 1);
        for refused in copies.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, ExecuteError::KeyInFlight), "{refused}");
        }
        assert_eq!(log.store.read_head().await.unwrap(), 2);
    }

    async fn ec_51_a_key_answered_by_a_process_that_died_is_answered_again(place: &Place) {
        let log = place.start().await;
        log.keyed(register(1, "one"), "k", "body").await.unwrap();
        log.running.abort();
        let next = place.start().await;
        let again = next.keyed(register(1, "one"), "k", "body").await.unwrap();
        assert_eq!(again.replayed.as_deref(), Some("2 events, at 2"));
        assert_eq!(next.store.read_head().await.unwrap(), 2);
    }

    async fn ec_51_one_key_in_two_processes_has_one_effect(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        for round in 0..20_u128 {
            let (id, slug) = (format!("key-{round}"), format!("slug-{round}"));
            let (a, b) = futures::join!(
                left.keyed(register(round, &slug), &id, "body"),
                right.keyed(register(round, &slug), &id, "body"),
            );
            let (a, b) = (a.unwrap(), b.unwrap());
            assert_eq!(a.position, b.position);
            assert_eq!(a.replayed.is_some(), b.replayed.is_none());
        }
        assert_eq!(left.store.read_head().await.unwrap(), 40);
        assert_sound(&left).await;
    }

    async fn a_key_without_news_is_stored_and_a_refusal_is_not(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let nothing = log.keyed(rename(1, "Nordlys"), "no news", "body").await.unwrap();
        assert_eq!((nothing.position, nothing.replayed), (2, None));
        let again = log.keyed(rename(1, "Nordlys"), "no news", "body").await.unwrap();
        assert_eq!(again.replayed.as_deref(), Some("0 events, at 2"));
        assert!(log.keyed(register(2, "one"), "refused", "body").await.is_err());
        assert_eq!(log.keyed(register(2, "two"), "refused", "body").await.unwrap().replayed, None);
        assert_sound(&log).await;
    }

    async fn ec_56_only_the_command_that_breaks_a_claim_is_refused(place: &Place) {
        migrate_log(&place.url, noon()).await.unwrap();
        let store = EventStore::open(Config { url: place.url.clone(), clock: noon }).await.unwrap();
        let hand = place.by_hand().await;
        let commands = join_all((0..20_u128).map(|number| {
            let store = store.clone();
            async move { store.execute(Arc::new(register(number, &format!("slug-{number}"))), request()).await }
        }));
        // All of them wait for the writer, so that they are one batch; then a hand in the database takes a name that the
        // writer cannot know of.
        let all_wait = async {
            while store.0.proposals.max_capacity() - store.0.proposals.capacity() < 20 {
                tokio::task::yield_now().await;
            }
            take_by_hand(&hand, "slug-7").await;
            TestLog::run(store.clone())
        };
        let (answers, log) = futures::join!(commands, all_wait);
        for (number, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(_) => assert_ne!(number, 7),
                Err(ExecuteError::Rejected(rejection)) => {
                    assert_eq!((number, rejection.code()), (7, "already-exists"));
                }
                Err(other) => panic!("{number}: {other}"),
            }
        }
        let entries = place.start().await.store.follow(0).available(100).await.unwrap();
        assert_eq!(entries.iter().map(crate::Entry::position).collect::<Vec<_>>(), (1..=38).collect::<Vec<_>>());
        log.stop().await;
    }

    async fn answers_are_forgotten_after_seven_days(place: &Place) {
        let log = place.start().await;
        log.keyed(register(1, "one"), "k", "body").await.unwrap();
        assert_eq!(log.store.prune(noon().plus_days(7)).await.unwrap(), 0);
        assert_eq!(log.store.prune(noon().plus_days(7).plus_seconds(1)).await.unwrap(), 1);
        assert!(rows(&place.by_hand().await, "select id from commands").await.is_empty());
    }
}

async fn take_by_hand(hand: &Db, slug: &str) {
    let mut taken = Batch::new();
    taken.run(
        "insert into claims (scope, value, stream) values ('partner-slug', $1, 'partner-somebody')",
        vec![slug.into()],
        Expect::Rows(1),
    );
    hand.write(taken).await.unwrap();
}
