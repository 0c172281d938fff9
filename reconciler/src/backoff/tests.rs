//! Pauses, by class and number of failures.

use schema::provisioning::Reason;

use super::*;

fn failed(class: FailureClass) -> CallError {
    CallError::new(class, Reason::UpstreamUnavailable, "tried")
}

#[test]
fn a_passing_failure_is_tried_again_ever_later_up_to_ten_minutes() {
    let longest = |failures| pause(&failed(FailureClass::Transient), failures, |most| most).as_secs();
    assert_eq!([1, 2, 3, 8, 9, 40].map(longest), [2, 4, 8, 256, 512, 600]);
    assert_eq!(pause(&failed(FailureClass::Transient), 9, |_| 0), Duration::ZERO, "full jitter");
}

#[test]
fn a_rate_limit_holds_at_least_five_seconds_and_at_most_ten_minutes() {
    let asked = |seconds: Option<u64>| {
        let mut error = failed(FailureClass::RateLimited);
        error.retry_after = seconds.map(Duration::from_secs);
        pause(&error, 1, |most| most).as_secs()
    };
    assert_eq!([None, Some(1), Some(30), Some(86_400)].map(asked), [5, 5, 30, 600]);
}
