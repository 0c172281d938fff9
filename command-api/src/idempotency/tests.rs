//! Idempotency keys and fingerprints.

use axum::http::{HeaderMap, HeaderValue, Method};
use schema::UserId;
use serde_json::json;
use uuid::Uuid;

use super::{Keyed, Scope, Stored, of};

fn key(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("idempotency-key", HeaderValue::from_bytes(text.as_bytes()).expect("bytes"));
    headers
}

fn scope<'a>(user: u128, path: &'a str, body: &'a [u8]) -> Scope<'a> {
    Scope { user: UserId::from_uuid(Uuid::from_u128(user)), method: &Method::POST, path, query: "", body }
}

fn keyed(text: &str, scope: Scope) -> Keyed {
    of(&key(text), scope).expect("valid").expect("present")
}

#[test]
fn a_key_belongs_to_its_user_and_path_and_both_paths_are_one() {
    let first = keyed("k", scope(1, "/tenants", b"{}"));
    assert_eq!(keyed("k", scope(1, "/v1/tenants", b"{}")), first);
    assert_ne!(keyed("k", scope(2, "/tenants", b"{}")).id, first.id);
    assert_ne!(keyed("k", scope(1, "/partners", b"{}")).id, first.id);
    let other_body = keyed("k", scope(1, "/tenants", b"{ }"));
    assert_eq!(other_body.id, first.id);
    assert_ne!(other_body.fingerprint, first.fingerprint);
}

#[test]
fn a_key_is_visible_ascii_of_bounded_length() {
    for text in ["", "a b", "ø", &"x".repeat(129)] {
        assert!(of(&key(text), scope(1, "/tenants", b"")).is_err(), "{text:?}");
    }
}

#[test]
fn a_kept_answer_is_given_again_as_it_was() {
    let stored = Stored {
        status: 201,
        position: 7,
        etag: Some("\"v1-p7\"".into()),
        location: Some("/tenants/acme".into()),
        body: json!({"slug": "acme"}),
    };
    let again = Stored::from_text(&stored.to_text()).expect("readable");
    assert_eq!(again, stored);
    let response = again.to_replayed_response();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["idempotency-replayed"], "true");
    assert_eq!(response.headers()["etag"], "\"v1-p7\"");
}
