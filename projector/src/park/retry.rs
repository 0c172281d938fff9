//! Trying again what a read model could not digest: by hand, and by the clock.

use std::ops::RangeInclusive;

use event_store::{Batch, DbError, EventStore, Expect, StoreError, Value, WriteError};
use schema::{StreamId, Timestamp};

use crate::READ_MODELS;
use crate::fold::Changes;
use crate::memory::FoldError;
use crate::model::ReadModel;
use crate::status::ParkedStream;
use crate::views::Views;

/// What became of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// The stream's events are in, in order, and it is followed again.
    Drained {
        /// How many events.
        events: u64,
    },
    /// It still cannot be digested.
    StillParked {
        /// Why.
        error: String,
    },
    /// It was not parked.
    NotParked,
}

/// Why a retry could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The database did not answer.
    #[error("look at parked events")]
    Db(#[from] DbError),
    /// The log did not give the stream.
    #[error("read a parked stream")]
    Log(#[from] StoreError),
    /// There is no such read model here.
    #[error("there is no read model {0}; there are {known}", known = crate::rebuild::names())]
    Unknown(String),
    /// The loop was faster, again and again.
    #[error("retry a parked stream of a read model that keeps moving")]
    Busy,
}

/// The loop may move the checkpoint while a retry is prepared.
const ROUNDS_MAX: u32 = 50;

/// Retries by the clock begin so often and double up to once a day: what stays parked is for a person.
const PAUSE_SECONDS: i64 = 300;
const PAUSE_SECONDS_MAX: i64 = 86_400;

/// Applies the parked events of a stream, in order, in one transaction.
pub async fn retry(
    views: &Views,
    store: &EventStore,
    name: &str,
    stream: &StreamId,
    now: Timestamp,
) -> Result<Retried, RetryError> {
    let model = READ_MODELS.iter().find(|model| model.name == name);
    let Some(model) = model else { return Err(RetryError::Unknown(name.to_owned())) };
    for _ in 0..ROUNDS_MAX {
        if let Some(done) = retry_once(views, store, model, stream, now).await? {
            return Ok(done);
        }
    }
    Err(RetryError::Busy)
}

/// Retries every parked stream of a live read model whose time has come. What became of each.
pub async fn retry_due(
    views: &Views,
    store: &EventStore,
    now: Timestamp,
) -> Result<Vec<(ParkedStream, Retried)>, RetryError> {
    let mut done = Vec::new();
    for parked in views.parked().await?.into_iter().filter(|parked| parked.is_due(now)) {
        let stream = StreamId::from_log(parked.stream.as_str());
        let became = retry(views, store, &parked.model, &stream, now).await?;
        done.push((parked, became));
    }
    Ok(done)
}

/// Nothing when the loop moved the checkpoint meanwhile.
async fn retry_once(
    views: &Views,
    store: &EventStore,
    model: &'static ReadModel,
    stream: &StreamId,
    now: Timestamp,
) -> Result<Option<Retried>, RetryError> {
    let checkpoint = views
        .db()
        .query(
            "select c.version, c.position, c.epoch from live l
               join checkpoints c on c.read_model = l.read_model and c.version = l.version
              where l.read_model = $1",
            &[model.name.into()],
        )
        .await?;
    let Some(row) = checkpoint.first() else {
        return Err(RetryError::Unknown(model.name.to_owned()));
    };
    let (copy, position, epoch) = (row.count(0)?, row.count(1)?, row.count(2)?);
    let number = u32::try_from(copy).unwrap_or(u32::MAX);
    let of_stream: [Value; 3] = [model.name.into(), copy.into(), stream.as_str().into()];
    let parked = views
        .db()
        .query(
            "select position, attempts from parked
              where read_model = $1 and version = $2 and stream = $3 order by position",
            &of_stream,
        )
        .await?;
    let Some(first) = parked.first() else {
        return Ok(Some(Retried::NotParked));
    };
    let (first, attempts) = (first.count(0)?, first.count(1)?);
    let digested = digest(store, model, stream, first..=position).await?;
    let mut batch = Batch::new();
    fence(&mut batch, model, copy, position, epoch);
    batch.run(
        "delete from parked where read_model = $1 and version = $2 and stream = $3",
        of_stream.to_vec(),
        Expect::Any,
    );
    let refused = match digested.and_then(|changes| write_changes(changes, &mut batch, model, number)) {
        Err(error) => error,
        Ok(()) => match views.db().write(batch).await {
            Ok(_) => {
                let events = u64::try_from(parked.len()).unwrap_or(u64::MAX);
                return Ok(Some(Retried::Drained { events }));
            }
            Err(WriteError::Expectation { step: 0, .. }) => return Ok(None),
            Err(error @ (WriteError::Expectation { .. } | WriteError::Constraint { .. })) => {
                error.to_string()
            }
            Err(WriteError::Unavailable(error) | WriteError::Unknown(error)) => return Err(error.into()),
        },
    };
    let next_try = now.plus_seconds(pause_after(attempts));
    note_failure(views, &of_stream, first, &refused, next_try).await?;
    Ok(Some(Retried::StillParked { error: refused }))
}

/// What the waiting events do, or why they still do nothing.
async fn digest(
    store: &EventStore,
    model: &'static ReadModel,
    stream: &StreamId,
    waiting: RangeInclusive<u64>,
) -> Result<Result<Changes, String>, RetryError> {
    let events = match store.load(stream).await {
        Ok(events) => events,
        Err(StoreError::Unreadable { position }) => {
            return Ok(Err(format!("the event at position {position} cannot be read")));
        }
        Err(error) => return Err(error.into()),
    };
    let mut changes = Changes::default();
    for recorded in events.iter().filter(|recorded| waiting.contains(&recorded.position)) {
        let taken = model.digest(recorded).map_err(FoldError::from);
        if let Err(error) = taken.and_then(|writes| changes.take(model, writes)) {
            return Ok(Err(error.to_string()));
        }
    }
    Ok(Ok(changes))
}

fn write_changes(changes: Changes, batch: &mut Batch, model: &ReadModel, copy: u32) -> Result<(), String> {
    changes.write_to(batch, model, copy).map_err(|error: FoldError| error.to_string())
}

/// The loop that leads the copy loses its next write, looks again, and finds the stream no longer parked.
fn fence(batch: &mut Batch, model: &ReadModel, copy: u64, position: u64, epoch: u64) {
    batch.run(
        "update checkpoints set epoch = epoch + 1
          where read_model = $1 and version = $2 and position = $3 and epoch = $4",
        vec![model.name.into(), copy.into(), position.into(), epoch.into()],
        Expect::Rows(1),
    );
}

async fn note_failure(
    views: &Views,
    of_stream: &[Value; 3],
    first: u64,
    error: &str,
    next_try: Timestamp,
) -> Result<(), RetryError> {
    let mut batch = Batch::new();
    let [model, copy, stream] = of_stream.clone();
    batch.run(
        "update parked set attempts = attempts + 1, error = $1, next_try = $2
          where read_model = $3 and version = $4 and stream = $5 and position = $6",
        vec![error.into(), next_try.to_string().into(), model, copy, stream, first.into()],
        Expect::Any,
    );
    match views.db().write(batch).await {
        Ok(_) | Err(WriteError::Expectation { .. } | WriteError::Constraint { .. }) => Ok(()),
        Err(WriteError::Unavailable(error) | WriteError::Unknown(error)) => Err(error.into()),
    }
}

fn pause_after(attempts: u64) -> i64 {
    let doubled = u32::try_from(attempts).ok().and_then(|attempts| 2_i64.checked_pow(attempts));
    doubled.map_or(PAUSE_SECONDS_MAX, |times| PAUSE_SECONDS.saturating_mul(times).min(PAUSE_SECONDS_MAX))
}
