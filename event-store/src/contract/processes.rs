//! Several processes on one log: the guard queues them, nobody loses a command, every reader sees all.

use futures::future::join_all;

use super::*;

on_both_databases! {
    async fn two_processes_write_one_dense_log(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        let on = |log: &TestLog, from: u128| {
            let store = log.store.clone();
            join_all((from..from + 60).map(move |number| {
                let store = store.clone();
                async move {
                    store.execute(Arc::new(register(number, &format!("partner-{number}"))), request()).await
                }
            }))
        };
        let (a, b) = futures::join!(on(&left, 0), on(&right, 1000));
        let mut recorded = 0;
        for answer in a.into_iter().chain(b) {
            match answer {
                Ok(_) => recorded += 1,
                // Honest under contention: nothing was recorded, and the caller is told to come again.
                Err(ExecuteError::ConcurrentChange) => {}
                Err(other) => panic!("{other}"),
            }
        }
        assert!(recorded >= 60, "{recorded} of 120");
        assert_eq!(left.store.read_head().await.unwrap(), recorded * 2);
        assert_sound(&left).await;
    }

    async fn two_processes_on_one_stream_both_get_through(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        left.execute(register(1, "one")).await.unwrap();
        for round in 0..15 {
            let (a, b) = futures::join!(
                left.execute(rename(1, &format!("Left {round}"))),
                right.execute(rename(1, &format!("Right {round}"))),
            );
            let (a, b) = (a.unwrap(), b.unwrap());
            assert_eq!(a.position.abs_diff(b.position), 1);
        }
        assert_eq!(right.store.load(&partner(1).into()).await.unwrap().len(), 32);
        assert_sound(&right).await;
    }

    async fn what_is_remembered_of_a_stream_never_hides_what_another_process_wrote(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        left.execute(register(1, "one")).await.unwrap();
        for round in 0..5 {
            // Both have read the stream by now, and neither hears of the other but through the database.
            left.execute(rename(1, &format!("Left {round}"))).await.unwrap();
            let again = right.execute(rename(1, &format!("Left {round}"))).await.unwrap();
            assert!(again.news.is_empty(), "nothing changes, because the other process changed it already");
            let changed = right.execute(rename(1, &format!("Right {round}"))).await.unwrap();
            assert_eq!(changed.history.len(), 3 + 2 * round);
            let stale = Request { expect: vec![(partner(1).into(), [3 + 2 * round as u64].into())], ..request() };
            let refused = left.store.execute(Arc::new(rename(1, "Third")), stale).await;
            assert!(matches!(refused, Err(ExecuteError::VersionMismatch { .. })), "{refused:?}");
            let stream = StreamId::from(partner(1));
            assert_eq!(left.store.load(&stream).await.unwrap(), right.store.load(&stream).await.unwrap());
        }
    }

    async fn a_name_freed_and_taken_elsewhere_is_seen_by_a_guess_on_old_memory(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        right.execute(register(1, "one")).await.unwrap();
        // The stream of the second partner is new to both, so both guess; the slug is not free.
        for log in [&left, &right] {
            let refused = log.execute(register(2, "one")).await;
            assert!(matches!(refused, Err(ExecuteError::Rejected(_))), "{refused:?}");
        }
        right.execute(register(2, "two")).await.unwrap();
        // Left has read the second stream while it was empty.
        let refused = left.execute(register(2, "three")).await;
        assert!(matches!(refused, Err(ExecuteError::Rejected(_))), "{refused:?}");
        assert_eq!(left.store.read_head().await.unwrap(), 4);
        assert_sound(&left).await;
    }

    async fn ec_65_a_reader_of_a_third_process_misses_nothing(place: &Place) {
        let (left, right, third) = (place.start().await, place.start().await, place.start().await);
        let write = async |log: &TestLog, from: u128| {
            for number in from..from + 40 {
                while let Err(error) = log.execute(register(number, &format!("partner-{number}"))).await {
                    assert!(matches!(error, ExecuteError::ConcurrentChange), "{error}");
                }
            }
        };
        let read = async {
            let mut follower = third.store.follow(0);
            let mut positions = Vec::new();
            while positions.len() < 160 {
                positions.extend(follower.next(10).await.unwrap().iter().map(crate::Entry::position));
            }
            positions
        };
        let ((), (), positions) = futures::join!(write(&left, 0), write(&right, 1000), read);
        assert_eq!(positions, (1..=160).collect::<Vec<u64>>());
    }

    async fn a_claim_taken_by_another_process_is_refused(place: &Place) {
        let (left, right) = (place.start().await, place.start().await);
        for round in 0..15_u128 {
            let slug = format!("slug-{round}");
            let (a, b) = futures::join!(
                left.execute(register(round, &slug)),
                right.execute(register(1000 + round, &slug)),
            );
            let refused = if a.is_ok() { b } else { a };
            assert!(matches!(refused, Err(ExecuteError::Rejected(_))), "{refused:?}");
        }
        assert_eq!(left.store.read_head().await.unwrap(), 30);
        assert_sound(&left).await;
    }
}
