//! Names as the log keeps them: who has one, what a command does to them, and the table computed again from the events.

use std::collections::BTreeMap;

use domain::claims::{Claim, ClaimChange, ClaimValue, changes};
use schema::{Event, Recorded, StreamId};

use crate::db::{Batch, DbError, Expect, WriteError};
use crate::judge::ClaimMove;
use crate::keys::InstallationKey;
use crate::load::Found;
use crate::stored::Entry;
use crate::{Shared, StoreError, load, tail};

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

/// What the events of a command want of claims, before anybody looked who has them.
pub(crate) struct ClaimWishes {
    changes: Vec<(StreamId, ClaimChange)>,
    moves: BTreeMap<(&'static str, String), ClaimMove>,
}

impl ClaimWishes {
    pub(crate) fn of<'event>(
        key: &InstallationKey,
        events: impl Iterator<Item = (&'event StreamId, &'event Event)>,
    ) -> Self {
        let mut wishes = Self { changes: Vec::new(), moves: BTreeMap::new() };
        for (stream, event) in events {
            for change in changes(stream, event) {
                let (ClaimChange::Take(claim) | ClaimChange::Release(claim)) = &change;
                let value = key.claim(&claim.value);
                let (scope, shown) = (claim.scope, shown(claim));
                let fresh = ClaimMove { scope, value: value.clone(), shown, before: None, after: None };
                wishes.moves.entry((scope, value)).or_insert(fresh);
                wishes.changes.push((stream.clone(), change));
            }
        }
        wishes
    }

    /// Scopes and stored values somebody has to look up.
    pub(crate) fn names(&self) -> Vec<(&'static str, String)> {
        self.moves.keys().cloned().collect()
    }

    /// What changes hands, given who has what.
    pub(crate) fn moves(mut self, key: &InstallationKey, found: &Found) -> Result<Vec<ClaimMove>, Taken> {
        for ((scope, value), claim) in &mut self.moves {
            claim.before = found.holder(scope, value).cloned();
            claim.after.clone_from(&claim.before);
        }
        for (stream, change) in self.changes {
            let (ClaimChange::Take(claim) | ClaimChange::Release(claim)) = &change;
            let Some(entry) = self.moves.get_mut(&(claim.scope, key.claim(&claim.value))) else {
                continue;
            };
            match (&change, &entry.after) {
                (ClaimChange::Take(_), Some(holder)) if *holder != stream => {
                    return Err(Taken { scope: entry.scope, shown: entry.shown.clone() });
                }
                (ClaimChange::Take(_), _) => entry.after = Some(stream),
                (ClaimChange::Release(_), Some(holder)) if *holder == stream => entry.after = None,
                // Nobody releases what somebody else has.
                (ClaimChange::Release(_), _) => {}
            }
        }
        Ok(self.moves.into_values().filter(|claim| claim.before != claim.after).collect())
    }
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
    changes(&recorded.stream, &recorded.event).into_iter().map(|change| match change {
        ClaimChange::Take(claim) => ((claim.scope, key.claim(&claim.value)), Some(recorded.stream.clone())),
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
