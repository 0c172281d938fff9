//! Identifiers are written as they were recorded, and read back.

use super::*;

#[test]
fn the_recovery_administrator_is_written_as_recorded() {
    assert_eq!(RECOVERY_ADMIN.to_string(), "d333333");
    assert_eq!(Id(u64::MAX).to_string(), "p333333333333");
}

#[test]
fn text_and_number_are_the_same_identifier() {
    for number in [0, 1, 31, 32, 1023, 1 << 40, u64::MAX] {
        assert_eq!(Id::parse(&Id(number).to_string()), Some(Id(number)));
    }
}

#[test]
fn text_outside_the_alphabet_is_no_identifier() {
    for text in ["", "!bad!", "#d", "B", "singleton8", "3333333333333333"] {
        assert_eq!(Id::parse(text), None, "{text}");
    }
}
