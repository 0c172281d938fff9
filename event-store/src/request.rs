//! What a caller hands to the log, and what it gets back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{Asked, Rejection};
use schema::{Recorded, StreamId};
use uuid::Uuid;

use crate::StoreError;
use crate::bounds::TooLarge;

/// A question to the log: who asks, under which key, on which condition.
#[derive(Clone)]
pub struct Request {
    /// Who, when, and as which command.
    pub asked: Asked,
    /// Circumstances that are written beside the events.
    pub meta: MetaSeed,
    /// The caller's idempotency key.
    pub key: Option<Key>,
    /// Versions the caller has seen (`If-Match`); one of a stream's must be its current one.
    pub expect: Vec<(StreamId, BTreeSet<u64>)>,
    /// Streams wanted in the outcome's history only; they guard nothing.
    pub also_load: Vec<StreamId>,
}

impl Request {
    /// A question without key, condition or circumstances; the command groups what follows from it.
    pub const fn new(asked: Asked) -> Self {
        let meta = MetaSeed {
            audience: None,
            request_id: None,
            correlation_id: asked.command_id,
            causation_position: None,
        };
        Self { asked, meta, key: None, expect: Vec::new(), also_load: Vec::new() }
    }
}

/// Circumstances of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaSeed {
    /// The audience of the caller's token.
    pub audience: Option<String>,
    /// `X-Request-Id` of the request.
    pub request_id: Option<String>,
    /// Groups everything that follows from one cause.
    pub correlation_id: Uuid,
    /// The event that led to the command.
    pub causation_position: Option<u64>,
}

/// An idempotency key, and how the stored answer is made.
#[derive(Clone)]
pub struct Key {
    /// Of the key, the caller and the route.
    pub id: String,
    /// Of the whole request.
    pub fingerprint: String,
    /// Makes the stored answer. Runs in the writer, once positions and time are known: quick, and never panics.
    pub render: Arc<dyn Fn(&Outcome) -> String + Send + Sync>,
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The last position of this command; for a command without news the head it was judged at.
    pub position: u64,
    /// What was recorded now, by position.
    pub news: Vec<Recorded>,
    /// The events of all loaded streams before the news, by position.
    pub history: Vec<Recorded>,
    /// The versions of all loaded streams after the news.
    pub versions: BTreeMap<StreamId, u64>,
    /// The stored answer, when the key had been used before. Then there is no news and no history.
    pub replayed: Option<String>,
}

/// Why a command was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// A rule refused it.
    #[error(transparent)]
    Rejected(Rejection),
    /// The caller saw another version.
    #[error("the resource is at version {current}")]
    VersionMismatch {
        /// The version it has.
        current: u64,
    },
    /// The key was used for another request.
    #[error("the key was used for another request")]
    KeyReused,
    /// The first use of the key has not been answered yet.
    #[error("the key is in use")]
    KeyInFlight,
    /// It would do more at once than one commit takes. Nothing was recorded; smaller portions would be.
    #[error(transparent)]
    TooLarge(TooLarge),
    /// Others were faster, again and again.
    #[error("others changed the same things at the same time")]
    ConcurrentChange,
    /// Too many commands wait already.
    #[error("too many commands are waiting")]
    Overloaded,
    /// Nobody can say whether it was recorded: ask again with the same key.
    #[error("whether the command was recorded is unknown")]
    OutcomeUnknown,
    /// Certainly nothing was recorded.
    #[error("record a command")]
    Unavailable(#[source] StoreError),
}

impl From<StoreError> for ExecuteError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}
