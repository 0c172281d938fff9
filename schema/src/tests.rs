//! Old events: every kind ever released decodes to what it meant, and goes back to the same text.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::{DecodeError, Event, Personal, TenantEvent, UserEvent};

struct Fixture {
    kind: String,
    data: String,
    personal: Option<String>,
    decoded: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/events")
}

fn fixtures() -> Vec<Fixture> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fixture(&fs::read_to_string(path).unwrap())).collect()
}

fn fixture(text: &str) -> Fixture {
    let value: Value = serde_json::from_str(text).unwrap();
    let personal = Some(&value["personal"]).filter(|personal| !personal.is_null());
    Fixture {
        kind: value["kind"].as_str().unwrap().to_owned(),
        data: value["data"].to_string(),
        personal: personal.map(Value::to_string),
        decoded: value["decoded"].as_str().unwrap().to_owned(),
    }
}

fn decode(fixture: &Fixture) -> Event {
    Event::decode(&fixture.kind, &fixture.data, fixture.personal.as_deref())
        .unwrap_or_else(|error| panic!("{}: {error}: {:?}", fixture.kind, std::error::Error::source(&error)))
}

#[test]
fn ec_71_every_kind_has_a_fixture() {
    let known: BTreeSet<String> = Event::kinds().map(str::to_owned).collect();
    let kept: BTreeSet<String> = fixtures().into_iter().map(|fixture| fixture.kind).collect();
    let missing: Vec<&String> = known.difference(&kept).collect();
    assert!(missing.is_empty(), "write fixtures/events/<kind>.json for {missing:?}");
    let unreadable: Vec<&String> = kept.difference(&known).collect();
    assert!(unreadable.is_empty(), "a released kind stays readable, and these do not: {unreadable:?}");
}

#[test]
fn ec_71_every_fixture_decodes_to_what_it_meant_and_encodes_to_the_same_text() {
    for fixture in fixtures() {
        let event = decode(&fixture);
        assert_eq!(format!("{event:?}"), fixture.decoded, "{}", fixture.kind);
        assert_eq!(event.kind(), fixture.kind);
        let encoded = event.encode().unwrap();
        assert_eq!(encoded.kind, fixture.kind);
        assert_eq!(encoded.data, fixture.data, "{}", fixture.kind);
        assert_eq!(encoded.personal, fixture.personal, "{}", fixture.kind);
    }
}

#[test]
fn ec_74_every_fixture_decodes_without_its_personal_section() {
    for fixture in fixtures() {
        let erased = Event::decode(&fixture.kind, &fixture.data, None).unwrap();
        let encoded = erased.encode().unwrap();
        assert_eq!(encoded.data, fixture.data, "{}: what is not personal stays", fixture.kind);
        assert_eq!(encoded.personal, None, "{}", fixture.kind);
    }
}

#[test]
fn stored_text_has_sorted_keys_and_no_white_space() {
    let text = fs::read_to_string(folder().join("tenant.created.json")).unwrap();
    let encoded = decode(&fixture(&text)).encode().unwrap();
    let expected = concat!(
        r#"{"createdBy":"usr_01jd8q4zk7v3m9x2c5b6n7p8qs","locale":"da-DK","ordinal":1,"origin":"selfService","#,
        r#""planId":"pln_01jd8q4zk7v3m9x2c5b6n7p8qa","slug":"acme","timezone":"Europe/Copenhagen"}"#,
    );
    assert_eq!(encoded.data, expected);
    assert_eq!(encoded.personal.as_deref(), Some(r#"{"name":"Acme ApS"}"#));
}

#[test]
fn personal_fields_leave_the_data_and_come_back() {
    let event = UserEvent::Registered {
        audience: "dezky-portal".into(),
        email: Personal::Present("bo@acme.dk".parse().unwrap()),
        name: None,
    };
    let encoded = Event::from(event.clone()).encode().unwrap();
    assert_eq!(encoded.data, r#"{"audience":"dezky-portal"}"#);
    let back = Event::decode(&encoded.kind, &encoded.data, encoded.personal.as_deref()).unwrap();
    assert_eq!(back, Event::from(event));
}

#[test]
fn ec_66_an_unknown_kind_is_told_from_a_malformed_event() {
    let unknown = Event::decode("tenant.sold", "{}", None).unwrap_err();
    assert!(matches!(unknown, DecodeError::UnknownKind(kind) if kind == "tenant.sold"));
    let newer = Event::decode("tenant.created.v2", "{}", None).unwrap_err();
    assert!(matches!(newer, DecodeError::UnknownKind(_)));
    let stranger = Event::decode("invoice.sent", "{}", None).unwrap_err();
    assert!(matches!(stranger, DecodeError::UnknownKind(_)));
    for data in ["{}", "not json", "[]", r#"{"holdId":"nonsense"}"#] {
        let malformed = Event::decode("tenant.suspended", data, None).unwrap_err();
        assert!(matches!(malformed, DecodeError::Malformed { .. }), "{data}");
    }
}

#[test]
fn a_field_that_is_not_known_yet_is_no_obstacle() {
    let event = Event::decode("tenant.terminated", r#"{"laterField":1}"#, None).unwrap();
    assert_eq!(event, Event::from(TenantEvent::Terminated {}));
}
