//! A domain name a tenant may claim.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ValueError;

const LENGTH_MIN: usize = 4;
const LENGTH_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// An IDNA A-label name in lower case with at least two labels; not a public suffix, not an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DomainName(String);

impl DomainName {
    /// The A-label text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one of the two lies inside the other (`mail.acme.dk` and `acme.dk`), or they are equal.
    pub fn overlaps(&self, other: &Self) -> bool {
        inside(&self.0, &other.0) || inside(&other.0, &self.0)
    }

    /// Whether this name is `zone` or lies below it.
    pub fn is_within(&self, zone: &str) -> bool {
        inside(&self.0, zone)
    }

    /// The A-label form of any host name with at least two labels, or nothing. One trailing dot is forgiven.
    pub(super) fn ascii(text: &str) -> Option<String> {
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii_strict(text).ok()?.to_ascii_lowercase();
        let labels = ascii.split('.');
        let plain = |label: &str| {
            !label.is_empty()
                && label.len() <= LABEL_MAX
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        (ascii.len() <= LENGTH_MAX && labels.clone().count() >= 2 && labels.clone().all(plain))
            .then_some(ascii)
    }
}

fn inside(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|head| head.ends_with('.'))
}

impl FromStr for DomainName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.trim().parse::<IpAddr>().is_ok() {
            return Err(ValueError::new("not-allowed", "must be a domain name, not an address"));
        }
        let ascii = Self::ascii(text)
            .ok_or_else(|| ValueError::new("pattern", "must be a domain name with at least two labels"))?;
        if ascii.len() < LENGTH_MIN {
            return Err(ValueError::new("too-short", "must have at least 4 characters"));
        }
        if ascii.rsplit('.').next().is_some_and(|top| top.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(ValueError::new("pattern", "must not end in a number"));
        }
        if psl::suffix_str(&ascii) == Some(ascii.as_str()) {
            return Err(ValueError::new("not-allowed", "is a public suffix; claim a name below it"));
        }
        Ok(Self(ascii))
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
