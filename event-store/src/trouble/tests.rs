//! Troubles that begin, last and end.

use super::*;

#[test]
fn a_trouble_is_said_once_however_often_it_fails() {
    let (mut trouble, start) = (Trouble::default(), Instant::now());
    let said = (0..1_000).filter(|_| trouble.failed("connection refused", start).is_news).count();
    assert_eq!(said, 1);
}

#[test]
fn another_reason_is_news_once_and_so_is_coming_and_going_between_them() {
    let (mut trouble, start) = (Trouble::default(), Instant::now());
    let said: Vec<bool> = ["refused", "starting up", "refused", "starting up"]
        .map(|kind| trouble.failed(kind, start).is_news)
        .into();
    assert_eq!(said, [true, true, false, false]);
}

#[test]
fn a_reason_that_differs_every_time_is_not_said_every_time() {
    let (mut trouble, start) = (Trouble::default(), Instant::now());
    let said = (0..1_000).filter(|number| trouble.failed(&format!("pid {number}"), start).is_news).count();
    assert_eq!(said, KINDS_MAX);
}

#[test]
fn pauses_double_from_half_a_second_up_to_the_maximum() {
    let (mut trouble, start) = (Trouble::new(Duration::from_secs(30)), Instant::now());
    for expected in [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        let expected = Duration::from_millis(expected);
        let pause = trouble.failed("refused", start).pause;
        assert!(pause <= expected && pause >= expected.mul_f64(1.0 - JITTER), "{pause:?} for {expected:?}");
    }
    for _ in 0..100 {
        assert!(trouble.failed("refused", start).pause <= Duration::from_secs(30));
    }
}

#[test]
fn its_end_is_said_once_with_how_long_it_lasted_and_the_next_begins_afresh() {
    let (mut trouble, start) = (Trouble::default(), Instant::now());
    assert_eq!(trouble.works(start), None);
    trouble.failed("refused", start);
    trouble.failed("refused", start + Duration::from_secs(1));
    let over = trouble.works(start + Duration::from_secs(3));
    assert_eq!(over, Some(Over { lasted: Duration::from_secs(3), tries: 2 }));
    assert_eq!(trouble.works(start + Duration::from_secs(4)), None);
    let again = trouble.failed("refused", start + Duration::from_secs(5));
    assert!(again.is_news && again.pause <= PAUSE_MIN);
}
