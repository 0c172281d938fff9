//! One batch into one copy: rows, parked events and checkpoint in one transaction, or nothing.

use event_store::{Batch, Entry, Expect, WriteError};

use super::lead::{self, Track};
use super::{FollowError, position_of};
use crate::fold::Changes;
use crate::memory::FoldError;
use crate::park::{self, Waiting};
use crate::views::Views;

/// The checkpoint comes first: who has lost it learns that before anything else can look wrong.
const CHECKPOINT_STEP: usize = 0;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It is in.
    Done,
    /// Somebody else moved the checkpoint. Nothing was written.
    Lost,
}

/// Applies the entries a copy does not have yet.
pub(crate) async fn apply(
    views: &Views,
    track: &mut Track,
    entries: &[Entry],
) -> Result<Applied, FollowError> {
    let fresh = entries.partition_point(|entry| position_of(entry) <= track.position);
    let Some(fresh) = entries.get(fresh..).filter(|fresh| !fresh.is_empty()) else {
        return Ok(Applied::Done);
    };
    match write(views, track, fresh, None).await? {
        Written::Done => Ok(Applied::Done),
        Written::Lost => Ok(Applied::Lost),
        Written::Refused(_) => one_by_one(views, track, fresh).await,
    }
}

/// Some event of the batch does not fit the rows: find out which, and let the others pass.
async fn one_by_one(views: &Views, track: &mut Track, entries: &[Entry]) -> Result<Applied, FollowError> {
    for entry in entries {
        let single = std::slice::from_ref(entry);
        let done = match write(views, track, single, None).await? {
            Written::Refused(error) => write(views, track, single, Some(&error)).await?,
            done @ (Written::Done | Written::Lost) => done,
        };
        match done {
            Written::Done => {}
            // Parking writes no rows of the read model: only a lost checkpoint can refuse it.
            Written::Lost | Written::Refused(_) => return Ok(Applied::Lost),
        }
        if !track.is_led() {
            return Ok(Applied::Done);
        }
    }
    Ok(Applied::Done)
}

enum Written {
    Done,
    Lost,
    /// The rows refuse it; the text says why.
    Refused(String),
}

/// Writes entries. With `poison`, their streams are parked for this reason instead.
async fn write(
    views: &Views,
    track: &mut Track,
    entries: &[Entry],
    poison: Option<&str>,
) -> Result<Written, FollowError> {
    let mut changes = Changes::default();
    let mut parked = track.parked.clone();
    let mut waiting = Vec::new();
    for entry in entries {
        let (stream, digested) = match entry {
            Entry::Event(recorded) if !track.model.reads_word(recorded.stream.as_str()) => continue,
            Entry::Malformed { stream, .. } if !track.model.reads_word(stream.as_str()) => continue,
            Entry::Event(recorded) if parked.contains(recorded.stream.as_str()) => {
                (recorded.stream.as_str(), Err(park::BEHIND.to_owned()))
            }
            Entry::Event(recorded) if poison.is_some() => {
                (recorded.stream.as_str(), Err(poison.unwrap_or_default().to_owned()))
            }
            Entry::Event(recorded) => {
                let digested = track.model.digest(recorded).map_err(FoldError::from);
                let taken = digested.and_then(|writes| changes.take(track.model, writes));
                (recorded.stream.as_str(), taken.map_err(|error| error.to_string()))
            }
            Entry::Malformed { stream, error, .. } => (stream.as_str(), Err(error.clone())),
        };
        if let Err(error) = digested {
            parked.insert(stream.to_owned());
            waiting.push(Waiting { stream: stream.to_owned(), position: position_of(entry), error });
        }
    }
    let Some(last) = entries.last().map(position_of) else {
        return Ok(Written::Done);
    };
    let mut batch = Batch::new();
    move_checkpoint(&mut batch, track, last, recorded_at(entries));
    if let Err(error) = changes.write_to(&mut batch, track.model, track.copy) {
        return Ok(Written::Refused(error.to_string()));
    }
    park::write_to(&mut batch, track.model, track.copy, &waiting);
    match views.db().write(batch).await {
        Ok(_) => {
            note(track, &waiting);
            track.position = last;
            track.parked = parked;
            lead::stop_when_too_many(views, track).await?;
            Ok(Written::Done)
        }
        Err(WriteError::Expectation { step: CHECKPOINT_STEP, .. }) => Ok(Written::Lost),
        Err(error @ (WriteError::Expectation { .. } | WriteError::Constraint { .. })) => {
            Ok(Written::Refused(error.to_string()))
        }
        // Either way the truth is in the checkpoint: it is read again before anything else.
        Err(WriteError::Unavailable(error) | WriteError::Unknown(error)) => Err(error.into()),
    }
}

/// Moves a copy behind an event that does not concern it.
pub(crate) async fn pass_over(views: &Views, track: &mut Track, position: u64) -> Result<(), FollowError> {
    let mut batch = Batch::new();
    move_checkpoint(&mut batch, track, position, None);
    match views.db().write(batch).await {
        Ok(_) => track.position = position,
        Err(WriteError::Expectation { .. } | WriteError::Constraint { .. }) => track.distrust(),
        Err(WriteError::Unavailable(error) | WriteError::Unknown(error)) => return Err(error.into()),
    }
    Ok(())
}

fn move_checkpoint(batch: &mut Batch, track: &Track, position: u64, recorded_at: Option<String>) {
    batch.run(
        "update checkpoints set position = $1, recorded_at = coalesce($2, recorded_at)
          where read_model = $3 and version = $4 and position = $5 and epoch = $6",
        vec![
            position.into(),
            recorded_at.into(),
            track.model.name.into(),
            track.copy.into(),
            track.position.into(),
            track.epoch.into(),
        ],
        Expect::Rows(1),
    );
}

fn recorded_at(entries: &[Entry]) -> Option<String> {
    entries.iter().rev().find_map(|entry| match entry {
        Entry::Event(recorded) => Some(recorded.recorded_at.to_string()),
        Entry::Malformed { .. } => None,
    })
}

fn note(track: &Track, waiting: &[Waiting]) {
    for first in waiting.iter().filter(|waiting| !track.parked.contains(&waiting.stream)) {
        tracing::error!(
            model = track.model.name,
            stream = first.stream,
            position = first.position,
            error = first.error,
            "a read model parks a stream it cannot digest"
        );
    }
    let labels = [("read_model", track.model.name)];
    metrics::counter!("dezky_projection_parked_events_total", &labels)
        .increment(u64::try_from(waiting.len()).unwrap_or(u64::MAX));
}
