//! Values at the door.

use serde_json::json;

use super::{date, line, locale, percent, timezone, whole};

#[test]
fn a_percentage_has_at_most_two_decimals_and_lies_between_0_and_100() {
    assert_eq!(percent(&json!(12.5)).map(schema::Bps::get), Ok(1250));
    assert_eq!(percent(&json!(0)).map(schema::Bps::get), Ok(0));
    assert_eq!(percent(&json!(100)).map(schema::Bps::get), Ok(10_000));
    let code = |value| percent(&value).expect_err("refused").code;
    assert_eq!(code(json!(12.345)), "pattern");
    assert_eq!(code(json!(100.01)), "range");
    assert_eq!(code(json!(-1)), "range");
    assert_eq!(code(json!("12")), "type");
}

#[test]
fn a_whole_number_is_not_a_fraction_and_not_text() {
    assert_eq!(whole(&json!(90), 0, 90), Ok(90));
    assert!(whole(&json!(91), 0, 90).is_err());
    assert!(whole(&json!(1.5), 0, 90).is_err());
    assert!(whole(&json!(-1), 0, 90).is_err());
    assert!(whole(&json!("1"), 0, 90).is_err());
}

#[test]
fn a_line_has_no_control_characters_and_no_direction_marks() {
    assert_eq!(line(&json!("  Havnegade 1 ")).as_deref(), Ok("Havnegade 1"));
    for text in ["a\u{0}b", "a\nb", "a\u{202e}b", "", &"x".repeat(201)] {
        assert!(line(&json!(text)).is_err(), "{text:?}");
    }
}

#[test]
fn tags_zones_and_days_are_checked_for_shape() {
    assert!(locale(&json!("da-DK")).is_ok() && locale(&json!("zh-Hant-TW")).is_ok());
    assert!(locale(&json!("d")).is_err() && locale(&json!("da_DK")).is_err() && locale(&json!("")).is_err());
    assert!(timezone(&json!("Europe/Copenhagen")).is_ok() && timezone(&json!("UTC")).is_ok());
    assert!(timezone(&json!("Copenhagen")).is_err() && timezone(&json!("../etc/passwd")).is_err());
    assert!(date(&json!("2026-11-22")).is_ok() && date(&json!("22.11.2026")).is_err());
}
