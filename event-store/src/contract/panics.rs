//! Code of ours that panics, and data of any size: one command is refused or given up, everything else goes on.

use futures::future::join_all;

use super::*;
use crate::{EVENTS_MAX, GUARDS_MAX, TooLarge};

/// Gives a partner so many names, one after the other.
struct Renames(usize);

impl Act for Renames {
    fn streams(&self) -> Vec<StreamId> {
        streams([1])
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        for number in 0..self.0 {
            let One { stream, command } = rename(1, &format!("Name {number}"));
            board.run::<Partner>(&stream, command, asked)?;
        }
        Ok(())
    }
}

/// Renames every partner of a list, and reads those of another.
struct Touches {
    written: Vec<u128>,
    read: Vec<u128>,
}

impl Act for Touches {
    fn streams(&self) -> Vec<StreamId> {
        streams(self.written.iter().chain(&self.read).copied())
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        for number in &self.written {
            let One { stream, command } = rename(*number, "Touched");
            board.run::<Partner>(&stream, command, asked)?;
        }
        Ok(())
    }
}

/// A bug in a rule.
struct Panics;

impl Act for Panics {
    fn streams(&self) -> Vec<StreamId> {
        streams([1])
    }

    fn decide(&self, _: &mut Board, _: &Asked) -> Result<(), Rejection> {
        panic!("a rule of ours is wrong")
    }
}

fn too_large(answer: Result<Outcome, ExecuteError>) -> TooLarge {
    match answer {
        Err(ExecuteError::TooLarge(why)) => why,
        other => panic!("{other:?} is not too large"),
    }
}

fn broken_key(id: &str) -> Key {
    Key { render: Arc::new(|_: &Outcome| panic!("an answer of ours is wrong")), ..key(id, "body") }
}

/// Each database has a clock of its own, whose second look fails.
fn failing_clock<const DATABASE: usize>() -> Timestamp {
    static LOOKS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];
    assert_ne!(LOOKS[DATABASE].fetch_add(1, Ordering::Relaxed), 1, "a clock of ours is wrong");
    noon()
}

on_both_databases! {
    async fn sixty_four_events_of_one_stream_are_recorded_and_one_more_is_refused(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let refused = too_large(log.execute(Renames(EVENTS_MAX + 1)).await);
        assert_eq!(refused, TooLarge::Events { wanted: EVENTS_MAX + 1, max: EVENTS_MAX });
        assert_eq!(log.store.read_head().await.unwrap(), 2);
        let rehearsed = log.store.rehearse(Arc::new(Renames(EVENTS_MAX + 1)), &request()).await;
        assert!(matches!(rehearsed, Err(ExecuteError::TooLarge(_))));
        assert_eq!(log.execute(Renames(EVENTS_MAX)).await.unwrap().news.len(), EVENTS_MAX);
        assert_sound(&log).await;
    }

    async fn four_streams_are_written_together_and_a_fifth_is_refused(place: &Place) {
        let log = place.start().await;
        join_all((1..=5).map(|number| log.execute(register(number, &format!("partner-{number}"))))).await;
        let five = Touches { written: (1..=5).collect(), read: vec![] };
        assert_eq!(too_large(log.execute(five).await), TooLarge::Streams { wanted: 5, max: 4 });
        assert_eq!(log.store.read_head().await.unwrap(), 10);
        let four = Touches { written: (1..=4).collect(), read: vec![5] };
        assert_eq!(log.execute(four).await.unwrap().news.len(), 4);
    }

    async fn sixty_four_guards_hold_and_one_more_is_refused(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        let reads = |count: usize| Touches { written: vec![1], read: (2..).take(count).collect() };
        let refused = too_large(log.execute(reads(GUARDS_MAX + 1)).await);
        assert_eq!(refused, TooLarge::Guards { wanted: GUARDS_MAX + 1, max: GUARDS_MAX });
        assert_eq!(log.store.read_head().await.unwrap(), 2);
        assert_eq!(log.execute(reads(GUARDS_MAX)).await.unwrap().position, 3);
    }

    async fn a_rule_that_panics_takes_neither_stream_nor_key_with_it(place: &Place) {
        let log = place.start().await;
        log.execute(register(1, "one")).await.unwrap();
        for _ in 0..3 {
            let panicked = crate::guard::caught(log.keyed(Panics, "k", "body")).await.unwrap_err();
            assert!(panicked.place.contains("contract/panics.rs"), "{panicked}");
        }
        assert_eq!(log.keyed(rename(1, "Two"), "k", "body").await.unwrap().position, 3);
        assert!(log.store.is_alive());
    }

    async fn an_answer_that_cannot_be_made_holds_up_no_neighbour(place: &Place) {
        let log = place.start().await;
        let commands = join_all((0..20_u128).map(|number| {
            let key = if number % 5 == 0 { broken_key(&format!("k{number}")) } else { key(&format!("k{number}"), "body") };
            let act: Arc<dyn Act> = Arc::new(register(number, &format!("partner-{number}")));
            let store = log.store.clone();
            async move { (number, store.execute(act, Request { key: Some(key), ..request() }).await) }
        }));
        for (number, answer) in commands.await {
            assert_eq!(answer.is_err(), number % 5 == 0, "{number}: {answer:?}");
        }
        // What was refused was not recorded, and its key is free.
        assert_eq!(log.store.read_head().await.unwrap(), 32);
        assert_eq!(log.keyed(register(0, "partner-0"), "k0", "body").await.unwrap().position, 34);
        assert_sound(&log).await;
    }

    async fn a_panic_while_a_batch_is_in_hand_leaves_the_writer_running(place: &Place) {
        let clock = if place.url.is_postgres() { failing_clock::<0> } else { failing_clock::<1> };
        let log = place.start_with(clock).await;
        log.execute(register(1, "one")).await.unwrap();
        let unknown = log.execute(register(2, "two")).await;
        assert!(matches!(unknown, Err(ExecuteError::OutcomeUnknown)), "{unknown:?}");
        assert_eq!(log.execute(register(2, "two")).await.unwrap().position, 4);
        assert!(log.store.is_alive());
        assert_sound(&log).await;
    }
}
