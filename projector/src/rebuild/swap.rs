//! Pointing queries at another copy: one transaction, at one position, with the old copy fenced.

use std::time::Duration;

use event_store::{Batch, EventStore, Expect, WriteError};
use futures::future::BoxFuture;
use tokio::time::sleep;

use super::{ReplayError, named};
use crate::copies::{self, Copy};
use crate::model::ReadModel;
use crate::storage;
use crate::views::Views;

/// The live copy may move between looking and swapping, and under load it does so most of the time; readers may hold the
/// views for a moment. Some 25 seconds at the least before it is given up, with the live copy as it was.
const ATTEMPTS_MAX: u32 = 5_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Goes back to the copy that was live before the last rebuild. Its number, and where.
pub fn rollback<'a>(
    views: &'a Views,
    store: &'a EventStore,
    name: &'a str,
) -> BoxFuture<'a, Result<(u32, u64), ReplayError>> {
    Box::pin(rolling_back(views, store, name))
}

async fn rolling_back(views: &Views, store: &EventStore, name: &str) -> Result<(u32, u64), ReplayError> {
    let model = named(name)?;
    let (copies, live) = copies::all(views.db(), model).await?;
    let is_usable = |copy: &&Copy| {
        Some(copy.number) != live && copy.definition == u64::from(model.version) && copy.state != "rebuilding"
    };
    let before = copies.iter().filter(is_usable).max_by_key(|copy| copy.number);
    let number = before.ok_or(ReplayError::NothingBefore(model.name))?.number;
    let position = swap_to(views, store, model, number).await?;
    tracing::info!(model = model.name, copy = number, position, "a read model was swapped back");
    Ok((number, position))
}

/// Swaps at the first position that both copies have.
pub(super) async fn swap_to(
    views: &Views,
    store: &EventStore,
    model: &'static ReadModel,
    number: u32,
) -> Result<u64, ReplayError> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        let (copies, live) = copies::all(views.db(), model).await?;
        let find = |wanted: u32| copies.iter().find(|copy| copy.number == wanted);
        let (Some(old), Some(new)) = (live.and_then(find), find(number)) else {
            return Err(ReplayError::NothingBefore(model.name));
        };
        if new.position < old.position {
            copies::catch_up(views, store, model, number, old.position).await?;
            continue;
        }
        if old.position < new.position && old.definition == u64::from(model.version) {
            copies::catch_up(views, store, model, old.number, new.position).await?;
            continue;
        }
        match views.db().write(batch(model, old, new)).await {
            Ok(_) => return Ok(new.position),
            Err(WriteError::Expectation { .. }) => {}
            // A reader holds the views, or the database is busy: nothing was written.
            Err(error @ WriteError::Unavailable(_)) => last = Some(error),
            Err(error @ (WriteError::Constraint { .. } | WriteError::Unknown(_))) => return Err(error.into()),
        }
        sleep(PAUSE).await;
    }
    Err(last.map_or(ReplayError::Busy, ReplayError::Write))
}

/// Whoever leads the old copy loses its next write, looks again, and finds itself owner of both.
fn batch(model: &'static ReadModel, old: &Copy, new: &Copy) -> Batch {
    let mut batch = Batch::new();
    batch
        .run(
            "update checkpoints set epoch = epoch + 1, state = 'retired', retired_at = null
              where read_model = $1 and version = $2 and position = $3 and epoch = $4",
            vec![model.name.into(), old.number.into(), old.position.into(), old.epoch.into()],
            Expect::Rows(1),
        )
        .run(
            "update checkpoints set epoch = epoch + 1, state = 'live', retired_at = null,
                    owner = (select o.owner from checkpoints o where o.read_model = $1 and o.version = $2)
              where read_model = $1 and version = $3 and position = $4 and epoch = $5",
            vec![
                model.name.into(),
                old.number.into(),
                new.number.into(),
                new.position.into(),
                new.epoch.into(),
            ],
            Expect::Rows(1),
        )
        .run(
            "update live set version = $1, definition = $2 where read_model = $3 and version = $4",
            vec![new.number.into(), new.definition.into(), model.name.into(), old.number.into()],
            Expect::Rows(1),
        );
    for statement in storage::view_statements(model, new.number) {
        batch.run(statement, vec![], Expect::Any);
    }
    batch
}

/// The new copy was made of the whole log; the live one may still be on its way there.
pub(super) async fn wait_for_live(
    views: &Views,
    store: &EventStore,
    model: &'static ReadModel,
    number: u32,
) -> Result<(), ReplayError> {
    let (copies, live) = copies::all(views.db(), model).await?;
    let find = |wanted: u32| copies.iter().find(|copy| copy.number == wanted);
    let (Some(old), Some(new)) = (live.and_then(find), find(number)) else {
        return Err(ReplayError::NothingBefore(model.name));
    };
    if old.definition == u64::from(model.version) {
        copies::catch_up(views, store, model, old.number, new.position).await?;
    }
    Ok(())
}
