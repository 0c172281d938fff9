//! A slug: the short name of a tenant, partner or plan in addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::ValueError;

const LENGTH_MIN: usize = 2;
const LENGTH_MAX: usize = 40;

/// Names that are paths, hosts or words of ours and can never be a slug.
pub const RESERVED_SLUGS: [&str; 33] = [
    "admin",
    "api",
    "app",
    "auth",
    "availability",
    "billing",
    "console",
    "dezky",
    "docs",
    "files",
    "help",
    "mail",
    "me",
    "metrics",
    "new",
    "null",
    "office",
    "operator",
    "ops",
    "partner",
    "root",
    "static",
    "status",
    "stream",
    "support",
    "system",
    "undefined",
    "v1",
    "v2",
    "www",
    "openapi",
    "health",
    "readyz",
];

/// `^[a-z0-9]+(?:-[a-z0-9]+)*$`, 2–40 characters, not reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// A slug of our own that may be a reserved word: the platform's own tenant is called `dezky`.
    pub fn of_the_platform(text: &str) -> Result<Self, ValueError> {
        if text.len() < LENGTH_MIN {
            return Err(ValueError::new("too-short", "must have at least 2 characters"));
        }
        if text.len() > LENGTH_MAX {
            return Err(ValueError::new("too-long", "must have at most 40 characters"));
        }
        let words_are_plain = text.split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if !words_are_plain {
            return Err(ValueError::new(
                "pattern",
                "must be lower-case letters, digits and single dashes between them",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// A slug made from a name, if anything of it can be one: `Münchner Büro & Co` → `munchner-buro-co`.
    pub fn from_name(name: &str) -> Option<Self> {
        use unicode_normalization::UnicodeNormalization as _;
        let mut text = String::new();
        for letter in name.nfkd().flat_map(char::to_lowercase) {
            if letter.is_ascii_alphanumeric() {
                text.push(letter);
            } else if let Some(letters) = spelled_out(letter) {
                text.push_str(letters);
            } else if !unicode_normalization::char::is_combining_mark(letter)
                && !text.is_empty()
                && !text.ends_with('-')
            {
                text.push('-');
            }
            if text.len() >= LENGTH_MAX - 3 {
                break; // a letter may add two; two more stay free for "-2" … "-9"
            }
        }
        text.trim_matches('-').parse().ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Latin letters that are no plain letter with a mark on it.
const fn spelled_out(letter: char) -> Option<&'static str> {
    match letter {
        'æ' => Some("ae"),
        'ø' | 'œ' => Some("oe"),
        'ß' => Some("ss"),
        'đ' | 'ð' => Some("d"),
        'ł' => Some("l"),
        'þ' => Some("th"),
        _ => None,
    }
}

impl FromStr for Slug {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let slug = Self::of_the_platform(text)?;
        if RESERVED_SLUGS.contains(&text) {
            Err(ValueError::new("reserved", "is a reserved word"))
        } else {
            Ok(slug)
        }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Slug {
    /// From the log: the shape is checked, reserved words are not (`dezky` is a tenant of ours).
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Self::of_the_platform(&String::deserialize(input)?).map_err(serde::de::Error::custom)
    }
}
