//! Copies of a read model's tables: which there are, how far they are, and how one is brought to a position.

use std::collections::BTreeSet;

use event_store::{Db, DbError, EventStore, TailError};

use crate::follow::{Applied, BATCH_MAX, FollowError, Track, apply, pass_over};
use crate::model::ReadModel;
use crate::park;
use crate::views::Views;

/// The loop may move the checkpoint at the same time; each lost round means that somebody moved on.
const ROUNDS_MAX: u32 = 100_000;

/// One copy, as its checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) number: u32,
    pub(crate) definition: u64,
    pub(crate) position: u64,
    pub(crate) epoch: u64,
    pub(crate) state: String,
}

/// All copies of a read model, and the number of the live one.
pub(crate) async fn all(db: &Db, model: &ReadModel) -> Result<(Vec<Copy>, Option<u32>), DbError> {
    let rows = db
        .query(
            "select c.version, c.definition, c.position, c.epoch, c.state, l.version
               from checkpoints c left join live l on l.read_model = c.read_model
              where c.read_model = $1 order by c.version",
            &[model.name.into()],
        )
        .await?;
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut copies = Vec::new();
    let mut live = None;
    for row in &rows {
        copies.push(Copy {
            number: number(row.count(0)?),
            definition: row.count(1)?,
            position: row.count(2)?,
            epoch: row.count(3)?,
            state: row.text(4)?.to_owned(),
        });
        live = row.opt_int(5)?.and_then(|live| u32::try_from(live).ok());
    }
    Ok((copies, live))
}

/// One copy, if it is still there.
pub(crate) async fn one(db: &Db, model: &ReadModel, number: u32) -> Result<Option<Copy>, DbError> {
    let (copies, _) = all(db, model).await?;
    Ok(copies.into_iter().find(|copy| copy.number == number))
}

/// Brings a copy to exactly a position, unless it is further already. Does not mind the loop doing the same.
pub(crate) async fn catch_up(
    views: &Views,
    store: &EventStore,
    model: &'static ReadModel,
    number: u32,
    to: u64,
) -> Result<(), FollowError> {
    for _ in 0..ROUNDS_MAX {
        let Some(copy) = one(views.db(), model, number).await? else {
            return Ok(());
        };
        if copy.position >= to {
            return Ok(());
        }
        let parked: BTreeSet<String> = park::streams(views.db(), model, number).await?;
        let mut track = Track::borrowed(model, &copy, parked);
        let mut follower = store.follow(copy.position);
        while track.position < to {
            let limit = usize::try_from(to - track.position).unwrap_or(BATCH_MAX).min(BATCH_MAX);
            match follower.available(limit).await {
                Ok(entries) if entries.is_empty() => return Ok(()),
                Ok(entries) => match apply(views, &mut track, &entries).await? {
                    Applied::Done => {}
                    Applied::Lost => break,
                },
                Err(TailError::UnknownKind { position, kind }) if !model.reads_word(&kind) => {
                    pass_over(views, &mut track, position).await?;
                    follower = store.follow(position);
                }
                Err(error) => return Err(error.into()),
            }
            if !track.is_led() {
                return Ok(());
            }
        }
    }
    Ok(())
}
