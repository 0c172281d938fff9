//! Strict JSON: what is read, and what is refused.

use serde_json::json;

use super::parse;

#[test]
fn an_object_is_read_as_it_stands() {
    assert_eq!(parse(br#"{"a":[1,-2,2.5,"x",null,true]}"#), Ok(json!({"a": [1, -2, 2.5, "x", null, true]})));
}

#[test]
fn a_name_given_twice_is_refused_at_any_depth() {
    assert!(parse(br#"{"a":1,"a":2}"#).is_err());
    assert!(parse(br#"{"a":{"b":1,"b":1}}"#).is_err());
}

#[test]
fn truncated_text_trailing_text_and_numbers_that_are_none_are_refused() {
    for text in [&br#"{"a":1"#[..], b"{} x", br#"{"a":NaN}"#, b"", b"\xff", br#"{"a":1e999}"#] {
        assert!(parse(text).is_err(), "{}", String::from_utf8_lossy(text));
    }
}

#[test]
fn great_depth_is_refused_without_a_stack_overflow() {
    let text = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(parse(text.as_bytes()).is_err());
}

#[test]
fn the_refusal_does_not_repeat_the_text() {
    let error = parse(br#"{"secret-word": tru}"#).expect_err("not JSON");
    assert!(!error.contains("secret"), "{error}");
}
