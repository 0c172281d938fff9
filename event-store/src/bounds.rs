//! How much one command may do. Data of any size leads here: a refusal, never a panic.

use domain::board::Part;

/// How many streams one command appends to. No act has more; it is a bound on our own code, not on anybody's data.
pub const APPENDED_STREAMS_MAX: usize = 4;
/// How many streams one command may rest on without appending to them: each is compared while the writer holds everybody.
pub const GUARDS_MAX: usize = 64;
/// How many events one command may append to a stream. The transaction that carries it holds the row all others wait for,
/// so its size is bounded, not only its time. Whatever grows with somebody's data is recorded in portions of at most this.
pub const EVENTS_MAX: usize = 64;

/// More than one commit takes, and how much it would take. Never a reason to stop: whoever asked does it in portions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// Streams it would append to.
    #[error("one command changes {wanted} things at once, and at most {max} can be changed together")]
    Streams {
        /// How many it would be.
        wanted: usize,
        /// How many there may be.
        max: usize,
    },
    /// Streams it rests on without appending to them.
    #[error("one command rests on {wanted} other things, and can rest on at most {max}")]
    Guards {
        /// How many it would be.
        wanted: usize,
        /// How many there may be.
        max: usize,
    },
    /// Events in one stream.
    #[error("one command makes {wanted} changes to one thing, and can make at most {max}")]
    Events {
        /// How many it would be.
        wanted: usize,
        /// How many there may be.
        max: usize,
    },
}

pub(crate) fn must_fit(parts: &[Part]) -> Result<(), TooLarge> {
    let appended = parts.iter().filter(|part| !part.events.is_empty()).count();
    let guards = parts.len() - appended;
    let events = parts.iter().map(|part| part.events.len()).max().unwrap_or_default();
    if appended > APPENDED_STREAMS_MAX {
        return Err(TooLarge::Streams { wanted: appended, max: APPENDED_STREAMS_MAX });
    }
    if guards > GUARDS_MAX {
        return Err(TooLarge::Guards { wanted: guards, max: GUARDS_MAX });
    }
    if events > EVENTS_MAX {
        return Err(TooLarge::Events { wanted: events, max: EVENTS_MAX });
    }
    Ok(())
}
