//! Cursors: what comes back, and what is refused.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Place, read, write};

fn seal(text: &str) -> String {
    hex::encode(Sha256::digest(format!("key:{text}")))
}

fn place() -> Place {
    vec![json!("Acme \u{1F4BC}"), json!(7), json!(null)]
}

#[test]
fn a_cursor_leads_back_to_its_place() {
    assert_eq!(
        read(&write(&place(), "tenants?sort=name", &seal), "tenants?sort=name", &seal).ok(),
        Some(place())
    );
}

#[test]
fn a_cursor_of_another_question_is_refused() {
    let cursor = write(&place(), "tenants?sort=name", &seal);
    assert!(read(&cursor, "tenants?sort=slug", &seal).is_err());
}

#[test]
fn an_altered_or_foreign_cursor_is_refused() {
    let cursor = write(&place(), "q", &seal);
    let mut altered = cursor.clone().into_bytes();
    altered[3] ^= 1;
    let foreign = write(&place(), "q", &|text| seal(&format!("other{text}")));
    for text in [
        String::from_utf8_lossy(&altered).into_owned(),
        foreign,
        String::new(),
        ".".into(),
        "a.b".into(),
        "x".repeat(5000),
    ] {
        assert!(read(&text, "q", &seal).is_err(), "{text}");
    }
}
