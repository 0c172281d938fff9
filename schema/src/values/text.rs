//! Text people typed: trimmed, NFC, without control or direction-changing characters.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::ValueError;

const DISPLAY_NAME_MAX: usize = 120;
const TEXT_MAX: usize = 500;

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident: $max:expr, $newline:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                clean(text, $max, $newline).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    )* };
}

text! {
    /// A name shown to people: 1–120 characters, one line.
    DisplayName: DISPLAY_NAME_MAX, "";
    /// A remark or reason: 1–500 characters, newlines allowed.
    Text: TEXT_MAX, "\n";
}

fn clean(text: &str, length_max: usize, allowed: &str) -> Result<String, ValueError> {
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Err(ValueError::new("too-short", "must not be empty"));
    }
    if text.chars().count() > length_max {
        return Err(ValueError::new("too-long", format!("must have at most {length_max} characters")));
    }
    if text.chars().any(|letter| is_forbidden(letter) && !allowed.contains(letter)) {
        return Err(ValueError::new(
            "not-allowed",
            "must not contain control or direction-changing characters",
        ));
    }
    Ok(text)
}

/// Control characters, and the marks that make text read in another order than it is stored (Unicode UAX #9).
fn is_forbidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{061c}' | '\u{feff}')
}
