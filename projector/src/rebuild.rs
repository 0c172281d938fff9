//! A read model made again beside the live one, proved equal, and swapped in; and the way back.
//!
//! Readers notice nothing. Killed half-way it leaves the live copy untouched, and the next rebuild clears the rest away.

mod swap;

use event_store::{Batch, DbError, Dialect, EventStore, Expect, StoreError, TailError, WriteError};
use futures::future::BoxFuture;

pub use swap::rollback;

use crate::READ_MODELS;
use crate::copies;
use crate::follow::FollowError;
use crate::model::ReadModel;
use crate::parity::{Comparison, Difference, Expected, compare};
use crate::park;
use crate::replay::{Remade, remake};
use crate::storage;
use crate::views::Views;

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Reading the log.
    Reading {
        /// Up to here.
        position: u64,
        /// To here.
        of: u64,
    },
    /// Storing rows.
    Loading,
    /// Comparing with the live copy.
    Comparing,
    /// Pointing queries at the new copy.
    Swapping,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// The number of the copy that is live now.
    pub copy: u32,
    /// Where the swap happened.
    pub position: u64,
    /// Rows it has.
    pub rows: u64,
    /// How equality was judged.
    pub proof: Proof,
}

/// How equality was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Every row of both copies was compared at one position, and all were equal.
    Equal,
    /// The definition has changed: the old rows say other things, and were not compared.
    OtherDefinition,
}

/// Why a rebuild was given up. The live copy is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such read model.
    #[error("there is no read model {0}; there are {known}", known = names())]
    Unknown(String),
    /// The new copy differs from the live one. The live one is wrong, or the projection is not a function of the log.
    #[error("the copy differs from the live rows in {count} places, first in {first}")]
    Differs {
        /// How many differences.
        count: u64,
        /// The first one.
        first: Box<Difference>,
    },
    /// There is no copy of this definition to go back to.
    #[error("there is no earlier copy of {0} to go back to")]
    NothingBefore(&'static str),
    /// The live copy does not get as far as the log, so there is no position to compare at.
    #[error("bring the live copy of {model} further than position {position}")]
    Stuck {
        /// Which.
        model: &'static str,
        /// Where it stands.
        position: u64,
    },
    /// The later of two rebuilds clears away what the earlier one has made so far.
    #[error("make {0} again: somebody else has begun to, and goes on")]
    Overtaken(&'static str),
    /// The live copy kept moving.
    #[error("swap copies of a read model that keeps moving")]
    Busy,
    /// The database.
    #[error("write a copy of a read model")]
    Db(#[from] DbError),
    /// A transaction.
    #[error("swap copies of a read model")]
    Write(#[from] WriteError),
    /// The log.
    #[error("replay the log")]
    Log(#[from] TailError),
    /// The head of the log.
    #[error("look how long the log is")]
    Head(#[from] StoreError),
    /// Following the rest of the log.
    #[error("bring a copy up to date")]
    Follow(#[from] FollowError),
}

impl ReplayError {
    /// Whether the same may work later, without anybody doing anything.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Db(_)
            | Self::Write(_)
            | Self::Head(_)
            | Self::Log(TailError::Db(_))
            | Self::Stuck { .. }
            | Self::Overtaken(_)
            | Self::Busy => true,
            Self::Follow(error) => error.passes(),
            Self::Log(
                TailError::Gap { .. } | TailError::AheadOfLog { .. } | TailError::UnknownKind { .. },
            )
            | Self::Unknown(_)
            | Self::Differs { .. }
            | Self::NothingBefore(_) => false,
        }
    }
}

const ROOM_ATTEMPTS_MAX: u32 = 3;

/// All of them, for who mistyped one.
pub(crate) fn names() -> String {
    READ_MODELS.iter().map(|model| model.name).collect::<Vec<_>>().join(", ")
}

/// A read model by its name.
pub(crate) fn named(name: &str) -> Result<&'static ReadModel, ReplayError> {
    let found = READ_MODELS.iter().find(|model| model.name == name);
    found.copied().ok_or_else(|| ReplayError::Unknown(name.to_owned()))
}

/// Makes a read model again, proves it equal to the live one, and swaps.
pub fn replay<'a>(
    views: &'a Views,
    store: &'a EventStore,
    name: &'a str,
    report: &'a (dyn Fn(Progress) + Sync),
) -> BoxFuture<'a, Result<Replayed, ReplayError>> {
    Box::pin(replaying(views, store, name, report))
}

async fn replaying(
    views: &Views,
    store: &EventStore,
    name: &str,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Replayed, ReplayError> {
    let model = named(name)?;
    let number = make_room(views, model).await?;
    match replay_as(views, store, model, number, report).await {
        Err(_) if copies::one(views.db(), model, number).await?.is_none() => {
            Err(ReplayError::Overtaken(model.name))
        }
        done => done,
    }
}

async fn replay_as(
    views: &Views,
    store: &EventStore,
    model: &'static ReadModel,
    number: u32,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Replayed, ReplayError> {
    let head = store.read_head().await?;
    let reading = |position| report(Progress::Reading { position, of: head });
    let mut remade = remake(store, &[(model, head)], &reading).await?;
    let Some(remade) = remade.pop() else {
        return Err(ReplayError::Unknown(model.name.to_owned()));
    };
    report(Progress::Loading);
    fill(views, number, remade).await?;
    report(Progress::Comparing);
    let (proof, rows) = prove(views, store, model, number).await?;
    report(Progress::Swapping);
    let position = swap::swap_to(views, store, model, number).await?;
    tracing::info!(
        model = model.name,
        copy = number,
        position,
        rows,
        "a read model was made again and swapped in"
    );
    Ok(Replayed { copy: number, position, rows, proof })
}

/// Models whose live copy is of another definition, by name: this build has to make them again before it can follow.
pub async fn outdated(views: &Views) -> Result<Vec<&'static str>, DbError> {
    let mut names = Vec::new();
    for model in READ_MODELS {
        let (copies, live) = copies::all(views.db(), model).await?;
        let live = copies.iter().find(|copy| Some(copy.number) == live);
        if live.is_some_and(|copy| copy.definition != u64::from(model.version)) {
            names.push(model.name);
        }
    }
    Ok(names)
}

/// What is left of a rebuild that was killed may still be on its way into the database: then its number is taken.
async fn make_room(views: &Views, model: &'static ReadModel) -> Result<u32, ReplayError> {
    let mut attempt = 1;
    loop {
        match make_room_once(views, model).await {
            Err(ReplayError::Db(_)) if attempt < ROOM_ATTEMPTS_MAX => attempt += 1,
            done => return done,
        }
    }
}

/// Clears away every copy but the live one, and makes empty tables under the next number.
async fn make_room_once(views: &Views, model: &'static ReadModel) -> Result<u32, ReplayError> {
    let (copies, live) = copies::all(views.db(), model).await?;
    // A swap meanwhile makes another copy the live one: then this doubles a key, and nothing is cleared away.
    let mut ddl = vec![format!(
        "insert into live (read_model, version, definition)
         select read_model, version, definition from live where read_model = '{}' and version <> {};\n",
        model.name,
        live.unwrap_or_default()
    )];
    for copy in copies.iter().filter(|copy| Some(copy.number) != live) {
        ddl.push(format!(
            "delete from checkpoints where read_model = '{name}' and version = {number};
             delete from parked where read_model = '{name}' and version = {number};\n",
            name = model.name,
            number = copy.number
        ));
        for table in model.tables {
            ddl.push(storage::drop_table(table, copy.number));
        }
    }
    let number = copies.iter().map(|copy| copy.number).max().unwrap_or_default() + 1;
    for table in model.tables {
        ddl.push(storage::drop_table(table, number));
        ddl.push(storage::create_table(table, number, views.db().dialect()));
    }
    ddl.push(format!(
        "insert into checkpoints (read_model, version, definition, position, recorded_at, epoch, state)
         values ('{}', {number}, {}, 0, '', 0, 'rebuilding');\n",
        model.name, model.version
    ));
    views.db().execute_ddl(&ddl.concat()).await?;
    Ok(number)
}

/// Stores rows in the order of their keys, then indexes, then the position they are of.
async fn fill(views: &Views, number: u32, remade: Remade) -> Result<(), ReplayError> {
    let Remade { model, memory, position, recorded_at, waiting, .. } = remade;
    for (table, rows) in memory.into_tables() {
        let columns: Vec<&str> = table.columns.iter().map(|column| column.name()).collect();
        views.db().bulk_load(&table.stored_name(number), &columns, rows.into_values()).await?;
        let mut ddl = storage::create_indexes(table, number);
        if views.db().dialect() == Dialect::Postgres {
            ddl.push_str("analyze ");
            ddl.push_str(&table.stored_name(number));
        }
        if !ddl.is_empty() {
            views.db().execute_ddl(&ddl).await?;
        }
    }
    let mut batch = Batch::new();
    batch.run(
        "update checkpoints set position = $1, recorded_at = $2
          where read_model = $3 and version = $4 and position = 0 and state = 'rebuilding'",
        vec![position.into(), recorded_at.into(), model.name.into(), number.into()],
        Expect::Rows(1),
    );
    park::write_to(&mut batch, model, number, &waiting);
    views.db().write(batch).await?;
    Ok(())
}

/// Compares the new copy with the live one, both as of the position the live one has now.
async fn prove(
    views: &Views,
    store: &EventStore,
    model: &'static ReadModel,
    number: u32,
) -> Result<(Proof, u64), ReplayError> {
    // The live copy may be behind the head the new one was made of; nobody else moves the new one.
    swap::wait_for_live(views, store, model, number).await?;
    let mut live = views.db().snapshot().await?;
    let found = live
        .query(
            "select c.version, c.definition, c.position from live l
               join checkpoints c on c.read_model = l.read_model and c.version = l.version
              where l.read_model = $1",
            &[model.name.into()],
        )
        .await?;
    let Some(row) = found.first() else {
        return Err(ReplayError::NothingBefore(model.name));
    };
    let (live_number, definition, position) = (row.count(0)?, row.count(1)?, row.count(2)?);
    if definition != u64::from(model.version) {
        return Ok((Proof::OtherDefinition, 0));
    }
    let made_of = copies::one(views.db(), model, number).await?.map_or(0, |copy| copy.position);
    if position < made_of {
        return Err(ReplayError::Stuck { model: model.name, position });
    }
    copies::catch_up(views, store, model, number, position).await?;
    let mut made = views.db().snapshot().await?;
    let live_number = u32::try_from(live_number).unwrap_or(u32::MAX);
    let mut result = Comparison::default();
    for table in model.tables {
        let (old, new) = (table.stored_name(live_number), table.stored_name(number));
        let expected = Expected::Copy { snapshot: &mut made, stored: &new };
        result.add(compare(&mut live, table, &old, expected).await?);
    }
    match result.differences.into_iter().next() {
        Some(first) => Err(ReplayError::Differs { count: result.difference_count, first: Box::new(first) }),
        None => Ok((Proof::Equal, result.rows)),
    }
}
