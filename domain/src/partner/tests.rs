//! Rules of a partner, as sentences.

use proptest::prelude::*;
use schema::partner::Disposition;
use schema::people::{BillingInfo, ContactInfo};
use schema::{Bps, Date, PartnerCommand as C, PartnerEvent as E};

use super::{Partner, Settlement};
use crate::Decider;
use crate::testing::*;

fn bps(value: u16) -> Bps {
    Bps::new(value).unwrap()
}

/// A number of days from the day on which tests take place.
fn day(offset: i64) -> Date {
    noon().plus_days(offset).date()
}

fn registered() -> E {
    E::Registered { slug: slug("test-partner"), domain: None, name: named("Test Partner").into() }
}

fn margin(value: u16, offset: i64) -> E {
    E::MarginSet { bps: bps(value), effective_from: day(offset), withdrawn: None }
}

fn set(value: u16, offset: i64) -> C {
    C::SetMargin { margin: bps(value), effective_from: Some(day(offset)) }
}

fn terminated() -> [E; 2] {
    [
        E::Terminated {
            disposition: Disposition::Retain,
            transfer_to: None,
            effective_at: noon(),
            reason: None,
        },
        E::DispositionCompleted { tenants: 0, skipped: vec![] },
    ]
}

fn terminate() -> C {
    C::Terminate { reason: None, disposition: Disposition::Retain }
}

#[test]
fn a_partner_is_registered_once_with_a_margin_from_today() {
    let register = || C::Register {
        slug: slug("test-partner"),
        name: named("Test Partner"),
        domain: None,
        margin: bps(1250),
        contact_info: None,
        billing_info: None,
    };
    given::<Partner>([]).when(register()).then([registered(), margin(1250, 0)]);
    given::<Partner>([registered()]).when(register()).then_refused("already-exists");
}

#[test]
fn what_is_given_with_a_registration_is_recorded() {
    let register = C::Register {
        slug: slug("test-partner"),
        name: named("Test Partner"),
        domain: None,
        margin: Bps::ZERO,
        contact_info: Some(ContactInfo { name: Some("Bo".into()), ..ContactInfo::default() }),
        billing_info: Some(BillingInfo {
            legal_name: "Test ApS".into(),
            country: "DK".into(),
            ..BillingInfo::default()
        }),
    };
    let kinds: Vec<_> =
        Partner::default().decide(register, &operator_at(noon())).unwrap().iter().map(E::kind).collect();
    let expected = [
        "partner.registered",
        "partner.margin.set",
        "partner.contact.changed",
        "partner.billingInfo.changed",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn only_what_differs_is_a_change() {
    let same = C::ChangeProfile { name: Some(named("Test Partner")), domain: None };
    given::<Partner>([registered()]).when(same).then_no_news();
    let other =
        C::ChangeProfile { name: Some(named("Test Partner")), domain: Some(Some(domain("partner.dk"))) };
    given::<Partner>([registered()]).when(other).then([E::ProfileChanged {
        changed: vec!["domain".into()],
        domain: Some(domain("partner.dk")),
        name: None,
    }]);
}

#[test]
fn ec_100_a_margin_changes_on_its_day_and_never_before() {
    let partner = fold::<Partner>([registered(), margin(1000, -10), margin(2000, 0), margin(3000, 10)]);
    assert_eq!(partner.margin_on(day(-11)), Bps::ZERO);
    assert_eq!(partner.margin_on(day(-1)), bps(1000));
    assert_eq!(partner.margin_on(day(0)), bps(2000));
    assert_eq!(partner.margin_on(day(9)), bps(2000));
    assert_eq!(partner.margin_on(day(10)), bps(3000));
    assert_eq!(partner.scheduled_margin(day(0)), Some((day(10), bps(3000))));
    assert_eq!(partner.scheduled_margin(day(10)), None);
}

#[test]
fn a_margin_is_not_set_for_a_day_that_has_passed() {
    given::<Partner>([registered()]).when(set(1000, -1)).then_refused("validation-failed");
}

#[test]
fn the_margin_in_force_is_no_news() {
    given::<Partner>([registered(), margin(1000, -5)]).when(set(1000, 0)).then_no_news();
    given::<Partner>([registered(), margin(1000, -5)]).when(set(1000, 3)).then_no_news();
    let scheduled = [registered(), margin(1000, -5), margin(2000, 5)];
    given::<Partner>(scheduled).when(set(2000, 5)).then_no_news();
}

#[test]
fn a_scheduled_margin_replaces_the_scheduled_one() {
    let scheduled = [registered(), margin(1000, -5), margin(2000, 5)];
    let replaced = E::MarginSet { bps: bps(3000), effective_from: day(8), withdrawn: Some(day(5)) };
    given::<Partner>(scheduled.clone()).when(set(3000, 8)).then([replaced.clone()]);
    let partner = fold::<Partner>(scheduled.clone().into_iter().chain([replaced]));
    assert_eq!(partner.margin_on(day(6)), bps(1000));
    // The margin in force, said again, takes the scheduled one back.
    let kept = E::MarginSet { bps: bps(1000), effective_from: day(0), withdrawn: Some(day(5)) };
    given::<Partner>(scheduled).when(set(1000, 0)).then([kept]);
}

#[test]
fn a_terminated_partner_has_no_margin_and_takes_no_change() {
    given::<Partner>([registered(), margin(1000, -5)]).when(terminate()).then(terminated());
    let ended = || [registered(), margin(1000, -5)].into_iter().chain(terminated());
    let partner = fold::<Partner>(ended());
    assert_eq!(partner.margin_on(day(-1)), bps(1000));
    assert_eq!(partner.margin_on(day(0)), Bps::ZERO);
    assert_eq!(partner.settlement(), Some(Settlement::Done(Disposition::Retain)));
    given::<Partner>(ended()).when(terminate()).then_no_news();
    given::<Partner>(ended()).when(set(1000, 1)).then_refused("invalid-transition");
    let rename = C::ChangeProfile { name: Some(named("New")), domain: None };
    given::<Partner>(ended()).when(rename).then_refused("invalid-transition");
}

#[test]
fn a_disposition_is_completed_once_and_after_the_end() {
    let done = || C::RecordDispositionDone { tenants: 2, skipped: vec![tenant(1)] };
    given::<Partner>([registered()]).when(done()).then_refused("invalid-transition");
    given::<Partner>([registered()].into_iter().chain(terminated())).when(done()).then_no_news();
    let [ended, _] = terminated();
    given::<Partner>([registered(), ended])
        .when(done())
        .then([E::DispositionCompleted { tenants: 2, skipped: vec![tenant(1)] }]);
}

proptest! {
    #[test]
    fn setting_a_margin_never_changes_an_earlier_day(steps in prop::collection::vec((0_i64..5, 0_i64..20, 0_u16..4), 1..20)) {
        let mut partner = fold::<Partner>([registered(), margin(500, 0)]);
        let mut today = 0;
        for (passed, ahead, value) in steps {
            today += passed;
            let before: Vec<_> = (-1..today).map(|offset| partner.margin_on(day(offset))).collect();
            let asked = operator_at(noon().plus_days(today));
            for event in partner.decide(set(value * 100, today + ahead), &asked).unwrap() {
                partner.evolve(&event);
            }
            let after: Vec<_> = (-1..today).map(|offset| partner.margin_on(day(offset))).collect();
            prop_assert_eq!(before, after);
            prop_assert_eq!(partner.margin_on(day(today + ahead)), bps(value * 100));
        }
    }
}
