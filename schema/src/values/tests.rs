//! Values: what is accepted, what it becomes, and what is refused.

use crate::plan::Interval;
use uuid::Uuid;

use super::*;

fn code<T>(result: Result<T, ValueError>) -> &'static str {
    result.err().map_or("accepted", |error| error.code)
}

#[test]
fn ec_106_one_domain_has_one_form() {
    let one: DomainName = "münchen.example".parse().unwrap();
    assert_eq!(one.as_str(), "xn--mnchen-3ya.example");
    for text in ["MÜNCHEN.example.", "xn--mnchen-3ya.example", " münchen.EXAMPLE "] {
        assert_eq!(text.parse::<DomainName>().unwrap(), one, "{text}");
    }
}

#[test]
fn ec_106_what_nobody_can_own_is_no_domain() {
    for text in
        ["co.uk", "localhost", "1.2.3.4", "::1", "example.123", "a..dk", "-a.dk", "a_b.dk", "", "*.acme.dk"]
    {
        assert!(text.parse::<DomainName>().is_err(), "{text}");
    }
    let label = "a".repeat(64);
    assert!(format!("{label}.dk").parse::<DomainName>().is_err());
}

#[test]
fn a_domain_knows_what_lies_within_it() {
    let acme: DomainName = "acme.dk".parse().unwrap();
    let mail: DomainName = "mail.acme.dk".parse().unwrap();
    let other: DomainName = "notacme.dk".parse().unwrap();
    assert!(acme.overlaps(&mail) && mail.overlaps(&acme) && acme.overlaps(&acme));
    assert!(!acme.overlaps(&other) && !other.overlaps(&acme));
    assert!(mail.is_within("acme.dk") && !acme.is_within("mail.acme.dk"));
}

#[test]
fn slugs_are_plain_and_not_reserved() {
    for text in ["acme", "a1", "acme-aps-2", "0x"] {
        assert_eq!(text.parse::<Slug>().unwrap().as_str(), text);
    }
    for (text, expected) in [("a", "too-short"), ("Acme", "pattern"), ("a--b", "pattern"), ("-a", "pattern")]
    {
        assert_eq!(code(text.parse::<Slug>()), expected, "{text}");
    }
    assert_eq!(code("a".repeat(41).parse::<Slug>()), "too-long");
    for text in RESERVED_SLUGS {
        assert_eq!(code(text.parse::<Slug>()), "reserved", "{text}");
    }
    assert!(Slug::of_the_platform("dezky").is_ok());
}

#[test]
fn a_slug_is_made_from_a_name() {
    let from = |name| Slug::from_name(name).map(|slug| slug.as_str().to_owned());
    assert_eq!(from("Münchner Büro & Co"), Some("munchner-buro-co".to_owned()));
    assert_eq!(from("Ærø Øl & Straße"), Some("aeroe-oel-strasse".to_owned()));
    assert_eq!(Slug::from_name(&"ø".repeat(60)).map(|slug| slug.as_str().len()), Some(38));
    assert_eq!(from("!!"), None);
}

#[test]
fn addresses_are_kept_as_typed_and_compared_in_one_form() {
    let typed: Email = " Bo.Friis@ACME.dk ".parse().unwrap();
    assert_eq!(typed.as_str(), "Bo.Friis@acme.dk");
    assert_eq!(typed.normalised(), "bo.friis@acme.dk");
    assert_eq!(typed.domain(), "acme.dk");
    for text in
        ["", "bo", "@acme.dk", "bo@", "bo@acme", "a@b@acme.dk", ".bo@acme.dk", "b..o@acme.dk", "b o@acme.dk"]
    {
        assert!(text.parse::<Email>().is_err(), "{text}");
    }
    assert!(format!("{}@acme.dk", "a".repeat(65)).parse::<Email>().is_err());
}

#[test]
fn names_are_one_clean_line() {
    assert_eq!("  Acme  ".parse::<DisplayName>().unwrap().as_str(), "Acme");
    assert_eq!("e\u{301}".parse::<DisplayName>().unwrap().as_str(), "é", "composed");
    assert_eq!(code("a\nb".parse::<DisplayName>()), "not-allowed");
    assert_eq!(code("a\u{202e}b".parse::<DisplayName>()), "not-allowed");
    assert_eq!(code("a\0b".parse::<Text>()), "not-allowed");
    assert!("a\nb".parse::<Text>().is_ok());
    assert!("x".repeat(120).parse::<DisplayName>().is_ok());
    assert_eq!(code("x".repeat(121).parse::<DisplayName>()), "too-long");
    assert_eq!(code("x".repeat(501).parse::<Text>()), "too-long");
    assert!(" \n ".parse::<Text>().is_err());
}

#[test]
fn ids_round_trip_and_forgive_case() {
    for number in [0, 1, u128::MAX, 0x0193_5c80_7b3e_7cc3_8f11_22aa_bb44_cc55] {
        let id = TenantId::from_uuid(Uuid::from_u128(number));
        let text = id.to_string();
        assert_eq!((text.len(), &text[..4]), (30, "ten_"));
        assert_eq!(text.parse::<TenantId>(), Ok(id));
        assert_eq!(text.to_uppercase().parse::<TenantId>(), Ok(id));
        assert!(text.parse::<UserId>().is_err(), "another kind of id");
    }
}

#[test]
fn what_does_not_fit_a_uuid_is_no_id() {
    for tail in [
        "",
        "8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "0123",
        "0000000000000000000000000u",
        "00000000000000000000000000x",
    ] {
        assert!(format!("ten_{tail}").parse::<TenantId>().is_err(), "{tail}");
    }
}

#[test]
fn streams_say_what_they_are_about() {
    let tenant = TenantId::from_uuid(Uuid::from_u128(7));
    let own = StreamId::from(tenant);
    assert_eq!((own.aggregate(), own.tenant()), ("tenant", Some(tenant)));
    let mail = StreamId::provisioning(tenant, System::Stalwart);
    assert_eq!(mail.as_str(), format!("provisioning-{tenant}-stalwart"));
    assert_eq!(
        (mail.aggregate(), mail.tenant(), mail.system()),
        ("provisioning", Some(tenant), Some(System::Stalwart))
    );
    assert_eq!(StreamId::platform().tenant(), None);
    assert_eq!(StreamId::platform_provisioning().tenant(), None);
    assert_eq!(StreamId::platform_provisioning().system(), Some(System::Authentik));
    let user = UserId::from_uuid(Uuid::from_u128(8));
    assert_eq!(StreamId::from(user).user(), Some(user));
}

#[test]
fn text_order_of_moments_is_their_order() {
    let moments: Vec<Timestamp> = [0, 1, 999_999, 1_000_000, 1_766_404_742_120_000, 1_766_404_742_120_001]
        .into_iter()
        .map(|micros| Timestamp::from_micros(micros).unwrap())
        .collect();
    let texts: Vec<String> = moments.iter().map(Timestamp::to_string).collect();
    assert!(texts.is_sorted() && texts.iter().all(|text| text.len() == texts[0].len()), "{texts:?}");
    for (text, moment) in texts.iter().zip(&moments) {
        assert_eq!(text.parse::<Timestamp>().as_ref(), Ok(moment));
    }
}

#[test]
fn moments_are_utc_whatever_was_typed() {
    let typed: Timestamp = "2026-11-22T17:59:02.12+01:00".parse().unwrap();
    assert_eq!(typed.to_string(), "2026-11-22T16:59:02.120000Z");
    assert_eq!(typed.to_api(), "2026-11-22T16:59:02.120Z");
    assert_eq!(typed.date().to_string(), "2026-11-22");
    assert_eq!(typed.plus_days(1).millis_since(typed), 86_400_000);
    for text in ["", "2026-11-22", "2026-11-22T16:59:02", "yesterday"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn shares_end_at_the_whole() {
    assert_eq!(Bps::new(10_000).map(Bps::get), Ok(10_000));
    assert_eq!(code(Bps::new(10_001)), "range");
}

#[test]
fn roles_include_each_other_as_said() {
    assert!(Role::ALL.iter().all(|role| Role::Owner.includes(*role) && role.includes(Role::Member)));
    assert!(!Role::Admin.includes(Role::Billing) && !Role::Billing.includes(Role::Admin));
    assert!(!Role::Admin.includes(Role::Owner));
    for role in Role::ALL {
        assert_eq!(role.as_str().parse(), Ok(role));
    }
}

#[test]
fn closed_lists_of_words_read_and_write_the_same() {
    for kind in crate::tenant::HoldKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for reason in crate::provisioning::Reason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
    for class in crate::provisioning::FailureClass::ALL {
        assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
    }
    for mode in crate::provisioning::Mode::ALL {
        assert_eq!(serde_json::to_value(mode).unwrap(), mode.as_str());
    }
    assert_eq!(code("nonsense".parse::<crate::provisioning::Reason>()), "unknown-value");
}

#[test]
fn ec_103_a_period_that_starts_on_the_31st_does_not_drift() {
    let date = |text: &str| text.parse::<crate::Date>().unwrap();
    let starts_on = date("2025-01-31");
    let mut day = starts_on;
    let mut begins = Vec::new();
    while day < date("2027-02-01") {
        let (from, to) = Interval::Month.period_on(starts_on, day);
        assert!(from <= day && day < to, "{day} lies in {from} – {to}");
        if begins.last() != Some(&from) {
            begins.push(from);
        }
        day = day.tomorrow().unwrap();
    }
    assert_eq!(begins.len(), 25);
    assert_eq!(begins[1], date("2025-02-28"));
    assert_eq!(begins[2], date("2025-03-31"));
    assert_eq!(begins[24], date("2027-01-31"));
    let yearly = |day| Interval::Year.period_on(date("2024-02-29"), date(day));
    assert_eq!(yearly("2025-02-28"), (date("2025-02-28"), date("2026-02-28")));
    assert_eq!(yearly("2028-02-28"), (date("2027-02-28"), date("2028-02-29")));
    assert_eq!(yearly("2024-01-01"), (date("2024-02-29"), date("2025-02-28")), "not before the first");
}
