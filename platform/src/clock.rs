//! The only clock.

use schema::Timestamp;

/// The time now, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the one clock; everything else is given the time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::new(jiff::Timestamp::now())
}

/// The same for simulators, which know nothing of our types.
#[expect(clippy::disallowed_methods, reason = "this is the one clock; everything else is given the time")]
pub(crate) fn plain_now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
