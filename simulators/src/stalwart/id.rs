//! Identifiers as this server writes them: numbers in base 32, whose text does not sort.

use std::fmt;

use serde::{Deserialize, Serialize};

const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz792013";
const DIGIT_BITS: u32 = 5;

/// The recovery administrator: no mailbox, no object behind it.
pub(crate) const RECOVERY_ADMIN: Id = Id(u32::MAX as u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Id(pub(crate) u64);

impl Id {
    /// `None` for what is no identifier at all; such text is dropped silently by `/set`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let mut number: u64 = 0;
        for byte in text.bytes() {
            let digit = DIGITS.iter().position(|known| *known == byte)?;
            number = number.checked_mul(1 << DIGIT_BITS)?.checked_add(u64::try_from(digit).ok()?)?;
        }
        Some(Self(number))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::new();
        let mut rest = self.0;
        loop {
            let digit = usize::try_from(rest & 31).unwrap_or_default();
            digits.push(DIGITS.get(digit).copied().unwrap_or(b'a'));
            rest >>= DIGIT_BITS;
            if rest == 0 {
                break;
            }
        }
        digits.iter().rev().try_for_each(|digit| write!(formatter, "{}", char::from(*digit)))
    }
}

#[cfg(test)]
mod tests;
