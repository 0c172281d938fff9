//! Entity tags and preconditions.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{etag, if_match, is_known, min_position, prefer_wait};
use crate::query::Query;

fn headers(name: &'static str, value: &'static [u8]) -> HeaderMap {
    [(HeaderName::from_static(name), HeaderValue::from_bytes(value).expect("bytes"))].into_iter().collect()
}

#[test]
fn if_match_takes_versions_and_whole_tags() {
    let versions = |text: &'static str| if_match(&headers("if-match", text.as_bytes())).ok();
    let some = |versions: &[u64]| Some(Some(versions.iter().copied().collect()));
    assert_eq!(versions("\"v17\""), some(&[17]));
    assert_eq!(versions("\"v17-p5790\""), some(&[17]));
    assert_eq!(versions("\"v1\", \"v2-p9\""), some(&[1, 2]));
    assert_eq!(versions("*"), Some(None));
    for text in ["W/\"v17\"", "\"17\"", "\"v\"", "\"v17-p\"", "\"v17-px\"", "\"v+1\"", "\"another, one\""] {
        assert_eq!(versions(text), some(&[]), "{text} is a tag, and none of ours");
    }
    for text in ["v17", "\"v1", "\"v1\" \"v2\"", "", "W/v1", "*, \"v1\""] {
        assert_eq!(versions(text), None, "{text} is no list of tags");
    }
    assert!(if_match(&headers("if-match", b"\xff")).is_err());
}

#[test]
fn if_none_match_knows_strong_and_weak_tags() {
    let tag = etag(17, 5790);
    for text in ["\"v17-p5790\"", "W/\"v17-p5790\"", "\"x\", \"v17-p5790\"", "*"] {
        assert_eq!(is_known(&headers("if-none-match", text.as_bytes()), &tag).ok(), Some(true), "{text}");
    }
    assert_eq!(is_known(&headers("if-none-match", b"\"v17-p5791\""), &tag).ok(), Some(false));
}

#[test]
fn waits_are_bounded() {
    assert_eq!(
        prefer_wait(&headers("prefer", b"respond-async, wait=10")).ok(),
        Some(Some(Duration::from_secs(10)))
    );
    assert!(prefer_wait(&headers("prefer", b"wait=11")).is_err());
    assert!(prefer_wait(&headers("prefer", b"wait=-1")).is_err());
    let query = Query::parse("minPosition=7").expect("query");
    let asked = min_position(&headers("dezky-min-position", b"9"), &query).ok().flatten();
    assert_eq!(asked, Some((9, Duration::from_secs(2))));
    assert!(min_position(&headers("dezky-min-position", b"nine"), &query).is_err());
}
