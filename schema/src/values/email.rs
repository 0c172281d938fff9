//! An e-mail address: kept as typed, compared in a normal form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::{DomainName, ValueError};

const LENGTH_MAX: usize = 254;
const LOCAL_MAX: usize = 64;

/// At most 254 characters with one `@`; the domain is an A-label in lower case, the local part stays as typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address as typed, with its domain as an A-label.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared and claimed: NFKC, lower case.
    pub fn normalised(&self) -> String {
        self.0.nfkc().flat_map(char::to_lowercase).collect()
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit('@').next().unwrap_or_default()
    }

    /// The part before the `@`, in the form that is compared.
    pub fn local_normalised(&self) -> String {
        let normal = self.normalised();
        normal.rsplit_once('@').map(|(local, _)| local.to_owned()).unwrap_or_default()
    }
}

impl FromStr for Email {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::new("pattern", "must be an e-mail address");
        let text = text.trim();
        if text.len() > LENGTH_MAX {
            return Err(ValueError::new("too-long", "must have at most 254 characters"));
        }
        let (local, domain) = text.split_once('@').ok_or_else(wrong)?;
        let domain = DomainName::ascii(domain).ok_or_else(wrong)?;
        let plain = |letter: char| letter.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(letter);
        let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        if local.is_empty() || local.len() > LOCAL_MAX || dots || !local.chars().all(plain) {
            return Err(wrong());
        }
        Ok(Self(format!("{local}@{domain}")))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
