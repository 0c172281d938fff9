//! Panics that are caught.

use std::sync::{Arc, Mutex};

use super::*;

#[tokio::test]
async fn a_panic_becomes_an_error_that_names_its_place_and_not_its_text() {
    let done = caught(async {
        tokio::task::yield_now().await;
        panic!("olga@example.com does not fit");
    })
    .await;
    let panicked: Panicked = done.unwrap_err();
    assert!(panicked.place.contains("guard/tests.rs:"), "{}", panicked.place);
    assert!(panicked.to_string().starts_with("panicked at "), "{panicked}");
    assert!(!panicked.to_string().contains("olga"), "{panicked}");
}

#[tokio::test]
async fn what_panicked_lets_go_of_what_it_held() {
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let held = Arc::clone(&lock);
    let done = caught(async move {
        let _guard = held.lock().await;
        tokio::task::yield_now().await;
        assert!(held.try_lock().is_ok(), "somebody holds it");
    })
    .await;
    assert!(done.is_err());
    assert!(lock.try_lock().is_ok());
}

#[tokio::test]
async fn neighbours_of_what_panicked_go_on() {
    let finished = Mutex::new(Vec::new());
    let work = |number: u32| {
        let finished = &finished;
        caught(async move {
            tokio::task::yield_now().await;
            assert_ne!(number, 1);
            finished.lock().unwrap().push(number);
        })
    };
    let done = futures::join!(work(0), work(1), work(2));
    assert!(done.0.is_ok() && done.1.is_err() && done.2.is_ok());
    assert_eq!(*finished.lock().unwrap(), [0, 2]);
}

#[test]
fn a_long_text_is_cut() {
    let panicked = caught_now(|| panic!("{}", "ø".repeat(5_000))).unwrap_err();
    assert_eq!(panicked.message.chars().count(), MESSAGE_MAX);
}
