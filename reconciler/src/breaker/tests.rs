//! When everybody is kept away from a system, and when one probe goes through.

use schema::provisioning::Reason;

use super::*;

fn error(class: FailureClass) -> CallError {
    CallError::new(class, Reason::AuthFailed, "tried")
}

#[test]
fn refused_credentials_let_one_probe_through_per_minute() {
    let (breakers, start) = (Breakers::default(), Timestamp::UNIX_EPOCH);
    breakers.failed(System::Authentik, &error(FailureClass::Auth), start);
    let asked = |seconds| breakers.ask(System::Authentik, start.plus_seconds(seconds));
    assert_eq!(asked(59), Verdict::Wait(start.plus_seconds(60)));
    assert_eq!(asked(60), Verdict::Go);
    assert_eq!(asked(61), Verdict::Wait(start.plus_seconds(120)));
    assert_eq!(breakers.ask(System::Ocis, start), Verdict::Go);
    assert!(breakers.succeeded(System::Authentik));
    assert_eq!(asked(62), Verdict::Go);
}

#[test]
fn a_system_is_down_after_failures_in_a_row_only() {
    let (breakers, now) = (Breakers::default(), Timestamp::UNIX_EPOCH);
    for _ in 0..FAILURES_MAX - 1 {
        breakers.failed(System::Ocis, &error(FailureClass::Transient), now);
    }
    assert_eq!(breakers.ask(System::Ocis, now), Verdict::Go);
    breakers.succeeded(System::Ocis);
    breakers.failed(System::Ocis, &error(FailureClass::Transient), now);
    assert_eq!(breakers.ask(System::Ocis, now), Verdict::Go);
    for _ in 0..FAILURES_MAX {
        breakers.failed(System::Ocis, &error(FailureClass::Transient), now);
    }
    assert_eq!(breakers.ask(System::Ocis, now), Verdict::Wait(now.plus_seconds(10)));
}

#[test]
fn what_is_refused_for_good_says_nothing_about_the_system() {
    let (breakers, now) = (Breakers::default(), Timestamp::UNIX_EPOCH);
    for _ in 0..20 {
        breakers.failed(System::Ocis, &error(FailureClass::Permanent), now);
    }
    assert_eq!(breakers.ask(System::Ocis, now), Verdict::Go);
}
