//! Quarantine: a stream a read model cannot digest waits, in order and visibly, while all others go on.

mod retry;

use std::collections::BTreeSet;

use event_store::{Batch, Db, DbError, Value};

use crate::model::ReadModel;
pub use retry::{Retried, RetryError, retry, retry_due};

/// Why a later event of a parked stream waits.
pub(crate) const BEHIND: &str = "waits behind an earlier event of its stream";
/// So many parked streams are never taken for a bug.
const PARKED_MIN: u64 = 10;
/// So many always are.
const PARKED_MAX: u64 = 100;

/// How many parked streams a copy bears: one in a hundred events, within bounds. A log has at least as many events as
/// streams, so this is never stricter than one stream in a hundred.
pub(crate) fn limit(position: u64) -> u64 {
    (position / 100).clamp(PARKED_MIN, PARKED_MAX)
}

/// An event that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) stream: String,
    pub(crate) position: u64,
    pub(crate) error: String,
}

/// Parks events in the transaction that passes over them.
pub(crate) fn write_to(batch: &mut Batch, model: &ReadModel, copy: u32, waiting: &[Waiting]) {
    let rows = waiting.iter().map(|waiting| {
        vec![
            model.name.into(),
            copy.into(),
            waiting.stream.clone().into(),
            waiting.position.into(),
            waiting.error.clone().into(),
            Value::Int(0),
        ]
    });
    batch.insert_many(
        "parked",
        &["read_model", "version", "stream", "position", "error", "attempts"],
        rows.collect(),
    );
}

/// Streams of a copy that wait.
pub(crate) async fn streams(db: &Db, model: &ReadModel, copy: u32) -> Result<BTreeSet<String>, DbError> {
    let rows = db
        .query(
            "select distinct stream from parked where read_model = $1 and version = $2",
            &[model.name.into(), copy.into()],
        )
        .await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}
