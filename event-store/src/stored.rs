//! An event between its row and its value.

use schema::{DecodeError, Event, Meta, Recorded, StreamId, Timestamp};

use crate::chain;
use crate::db::{DbError, Row};

/// What stands at a position.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "all but a few entries ever are events")]
pub enum Entry {
    /// An event.
    Event(Recorded),
    /// An event of a known kind whose text does not fit it. Its stream is known, so only its stream has to wait.
    Malformed {
        /// Where.
        position: u64,
        /// In which stream.
        stream: StreamId,
        /// At which version of the stream.
        version: u64,
        /// Of which kind it says it is.
        kind: String,
        /// What does not fit. Never repeats the text.
        error: String,
    },
}

impl Entry {
    /// Where it stands.
    pub const fn position(&self) -> u64 {
        match self {
            Self::Event(recorded) => recorded.position,
            Self::Malformed { position, .. } => *position,
        }
    }
}

/// Why a row is not an entry.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// Written by a newer build.
    UnknownKind { position: u64, kind: String },
    /// The columns themselves are not what they have to be.
    Db(DbError),
}

impl From<DbError> for Unreadable {
    fn from(error: DbError) -> Self {
        Self::Db(error)
    }
}

/// Columns: position, stream, version, kind, data, meta, `command_id`, `recorded_at`, personal; more may follow.
pub(crate) fn entry(row: &Row) -> Result<Entry, Unreadable> {
    let position = row.count(0)?;
    let kind = row.text(3)?;
    let personal = row.opt_text(8)?.and_then(chain::personal_fields);
    let event = Event::decode(kind, row.text(4)?, personal);
    let stream = StreamId::from_log(row.text(1)?);
    let version = row.count(2)?;
    let malformed = |error: String| Entry::Malformed {
        position,
        stream: stream.clone(),
        version,
        kind: kind.to_owned(),
        error,
    };
    let event = match event {
        Ok(event) => event,
        Err(DecodeError::UnknownKind(kind)) => return Err(Unreadable::UnknownKind { position, kind }),
        Err(DecodeError::Malformed { source, .. }) => return Ok(malformed(describe("data", &source))),
    };
    let meta: Meta = match serde_json::from_str(row.text(5)?) {
        Ok(meta) => meta,
        Err(source) => return Ok(malformed(describe("meta", &source))),
    };
    let (Ok(command_id), Ok(recorded_at)) = (row.text(6)?.parse(), row.text(7)?.parse::<Timestamp>()) else {
        return Ok(malformed("command_id or recorded_at cannot be read".to_owned()));
    };
    Ok(Entry::Event(Recorded {
        position,
        stream: stream.clone(),
        version,
        recorded_at,
        command_id,
        meta,
        event,
    }))
}

/// Serde's own words may repeat a value, and a value may be somebody's address.
fn describe(column: &str, error: &serde_json::Error) -> String {
    format!("{column} does not fit the kind ({:?} error at column {})", error.classify(), error.column())
}
