//! Names as the log keeps them: who has one, what a command does to them, and the table computed again from the events.

use std::collections::BTreeMap;

use domain::claims::{Claim, ClaimChange, ClaimValue, changes};
use schema::{Event, Recorded, StreamId};

use crate::db::{Batch, DbError, Expect, Query, Snapshot, WriteError};
use crate::judge::ClaimMove;
use crate::keys::InstallationKey;
use crate::stored::Entry;
use crate::{Shared, StoreError, load, tail};

pub(crate) const HOLDER: &str = "select stream from claims where scope = $1 and value = $2";
const ATTEMPTS_MAX: usize = 5;
const PAGE: usize = 5_000;

impl InstallationKey {
    /// A claim's value as the table holds it.
    pub(crate) fn claim(&self, value: &ClaimValue) -> String {
        match value {
            ClaimValue::Plain(text) => text.clone(),
            ClaimValue::Keyed(text) => self.hash(text),
        }
    }
}

/// Somebody else has the name.
pub(crate) struct Taken {
    pub(crate) scope: &'static str,
    pub(crate) shown: String,
}

/// What the events of a command do to claims, against who has them in this snapshot.
pub(crate) async fn moves(
    key: &InstallationKey,
    snapshot: &mut Snapshot,
    // Not an iterator: a closure kept across an await would tie the future to one lifetime.
    events: &[(&StreamId, &Event)],
) -> Result<Result<Vec<ClaimMove>, Taken>, StoreError> {
    let wanted: Vec<(StreamId, ClaimChange)> = events
        .iter()
        .flat_map(|(stream, event)| {
            changes(stream, event)
                .into_iter()
                .map(|change| ((*stream).clone(), change))
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let mut moves: BTreeMap<(&'static str, String), ClaimMove> = BTreeMap::new();
    for (_, ClaimChange::Take(claim) | ClaimChange::Release(claim)) in &wanted {
        let value = key.claim(&claim.value);
        let fresh = ClaimMove {
            scope: claim.scope,
            value: value.clone(),
            shown: shown(claim),
            before: None,
            after: None,
        };
        moves.entry((claim.scope, value)).or_insert(fresh);
    }
    let queries: Vec<Query> = moves
        .keys()
        .map(|(scope, value)| (HOLDER.into(), vec![(*scope).into(), value.as_str().into()]))
        .collect();
    let holders = snapshot.query_all(queries).await?;
    for (claim, rows) in moves.values_mut().zip(holders) {
        claim.before = rows
            .first()
            .map(|row| row.text(0).map(StreamId::from_log))
            .transpose()?;
        claim.after.clone_from(&claim.before);
    }
    for (stream, change) in wanted {
        let (ClaimChange::Take(claim) | ClaimChange::Release(claim)) = &change;
        let Some(entry) = moves.get_mut(&(claim.scope, key.claim(&claim.value))) else {
            continue;
        };
        match (&change, &entry.after) {
            (ClaimChange::Take(_), Some(holder)) if *holder != stream => {
                return Ok(Err(Taken {
                    scope: entry.scope,
                    shown: entry.shown.clone(),
                }));
            }
            (ClaimChange::Take(_), _) => entry.after = Some(stream),
            (ClaimChange::Release(_), Some(holder)) if *holder == stream => entry.after = None,
            // Nobody releases what somebody else has.
            (ClaimChange::Release(_), _) => {}
        }
    }
    Ok(Ok(moves
        .into_values()
        .filter(|claim| claim.before != claim.after)
        .collect()))
}

fn shown(claim: &Claim) -> String {
    match &claim.value {
        ClaimValue::Plain(text) => text.clone(),
        ClaimValue::Keyed(_) => String::new(),
    }
}

/// Names and who has them, by scope and stored value.
pub(crate) type Table = BTreeMap<(String, String), StreamId>;

/// What one event does to the table.
pub(crate) fn apply(key: &InstallationKey, table: &mut Table, recorded: &Recorded) {
    for ((scope, value), holder) in touched(key, recorded) {
        let name = (scope.to_owned(), value);
        match holder {
            Some(holder) => drop(table.insert(name, holder)),
            None => drop(table.remove(&name)),
        }
    }
}

/// Names one recorded event moved, with who has them now.
pub(crate) fn touched(
    key: &InstallationKey,
    recorded: &Recorded,
) -> impl Iterator<Item = ((&'static str, String), Option<StreamId>)> {
    changes(&recorded.stream, &recorded.event)
        .into_iter()
        .map(|change| match change {
            ClaimChange::Take(claim) => (
                (claim.scope, key.claim(&claim.value)),
                Some(recorded.stream.clone()),
            ),
            ClaimChange::Release(claim) => ((claim.scope, key.claim(&claim.value)), None),
        })
}

/// Replaces the table by what the events say. Commands wait for the moment of the exchange only.
pub(crate) async fn rebuild(store: &Shared) -> Result<u64, StoreError> {
    for _ in 0..ATTEMPTS_MAX {
        let head = load::head(&store.db).await?;
        let table = computed(store, head).await?;
        let count = table.len() as u64;
        match store.db.write(exchange(table, head)).await {
            Ok(_) => return Ok(count),
            // Somebody wrote meanwhile, so what was computed is old.
            Err(WriteError::Expectation { step: 0, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(DbError::new("compute claims while nobody writes").into())
}

fn exchange(table: Table, head: u64) -> Batch {
    let mut batch = Batch::new();
    batch.run(
        "update log_head set position = position where id = 1 and position = $1",
        vec![head.into()],
        Expect::Rows(1),
    );
    batch.run("delete from claims", vec![], Expect::Any);
    let rows = table
        .into_iter()
        .map(|((scope, value), stream)| vec![scope.into(), value.into(), stream.as_str().into()]);
    batch.insert_many("claims", &["scope", "value", "stream"], rows.collect());
    batch
}

async fn computed(store: &Shared, head: u64) -> Result<Table, StoreError> {
    let mut table = Table::new();
    let mut position = 0;
    while position < head {
        let entries = tail::read_after(&store.db, position, PAGE).await?;
        for entry in &entries {
            match entry {
                Entry::Event(recorded) if recorded.position <= head => {
                    apply(&store.key, &mut table, recorded);
                }
                Entry::Event(_) => {}
                Entry::Malformed { position, .. } => {
                    return Err(StoreError::Unreadable { position: *position });
                }
            }
        }
        let Some(last) = entries.last() else {
            return Err(StoreError::Shrunk);
        };
        position = last.position();
    }
    Ok(table)
}
