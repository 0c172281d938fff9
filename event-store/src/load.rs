//! Reading what decisions need: streams, keys, claims. What several commands need at once is read at once.
//!
//! # What always holds
//! * The head is taken before anything is read, so what was read is at least as new as the head says. Something newer
//!   is no harm: the judge compares versions and holders, not moments.
//! * All streams of one command come from one statement, so a decision never sees half of a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use schema::{Recorded, StreamId};
use tokio::sync::{mpsc, oneshot};

use crate::db::{ByKeys, Db, DbError, Row};
use crate::stored::{Entry, Unreadable, entry};
use crate::{Shared, StoreError};

pub(crate) const HEAD: &str = "select position from log_head where id = 1";
pub(crate) const STREAMS: &str = "select position, stream, version, kind, data, meta, command_id, recorded_at, personal \
                                  from events where stream = $1 order by version";
pub(crate) const COMMANDS: &str = "select id, fingerprint, position, reply from commands where id = $1";
pub(crate) const HOLDERS: &str = "select value, stream from claims where value = $1 and scope = $2";

/// How many commands read together.
const TOGETHER_MAX: usize = 256;
/// How many reads are on their way at a time; what comes meanwhile reads together.
const OPEN_MAX: usize = 3;

/// What one command wants to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) streams: BTreeSet<StreamId>,
    pub(crate) key: Option<String>,
    /// Scope and stored value.
    pub(crate) claims: Vec<(&'static str, String)>,
}

/// What was found for one command, or for several.
#[derive(Default)]
pub(crate) struct Found {
    /// Everything up to here is in it.
    pub(crate) head: u64,
    streams: BTreeMap<String, Vec<Row>>,
    keys: BTreeMap<String, Row>,
    holders: BTreeMap<(&'static str, String), StreamId>,
}

/// An answer given before.
pub(crate) struct UsedKey {
    pub(crate) fingerprint: String,
    pub(crate) position: u64,
    pub(crate) reply: String,
}

impl Found {
    /// The events of a stream. A decision cannot be made over one that cannot be read.
    pub(crate) fn stream(&self, stream: &StreamId) -> Result<Vec<Recorded>, StoreError> {
        self.streams.get(stream.as_str()).map_or_else(|| Ok(Vec::new()), |rows| recorded(rows))
    }

    pub(crate) fn used(&self, key: &str) -> Result<Option<UsedKey>, StoreError> {
        let used = self.keys.get(key).map(|row| {
            Ok::<_, StoreError>(UsedKey {
                fingerprint: row.text(1)?.to_owned(),
                position: row.count(2)?,
                reply: row.text(3)?.to_owned(),
            })
        });
        used.transpose()
    }

    pub(crate) fn holder(&self, scope: &'static str, value: &str) -> Option<&StreamId> {
        self.holders.get(&(scope, value.to_owned()))
    }
}

/// A command waiting for what it wants.
pub(crate) struct Waiting {
    wanted: Wanted,
    answer: oneshot::Sender<Result<Arc<Found>, Arc<DbError>>>,
}

impl Shared {
    /// Reads what a command wants, together with others if somebody serves; alone otherwise.
    pub(crate) async fn read(&self, wanted: Wanted) -> Result<Arc<Found>, StoreError> {
        if self.is_running() {
            let (answer, answered) = oneshot::channel();
            let waiting = Waiting { wanted: wanted.clone(), answer };
            if self.reads.send(waiting).await.is_ok()
                && let Ok(found) = answered.await
            {
                return found.map_err(|error| DbError::because("read what a command needs", error).into());
            }
        }
        Ok(Arc::new(find(&self.db, self.tail.head(), &[wanted]).await?))
    }
}

/// Serves readers for as long as it is polled.
pub(crate) async fn serve(store: Arc<Shared>, mut intake: mpsc::Receiver<Waiting>) {
    let mut open = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(()) = open.next(), if !open.is_empty() => {}
            first = intake.recv(), if open.len() < OPEN_MAX => {
                let Some(first) = first else { return };
                // Commands that were woken by the same commit read together.
                tokio::task::yield_now().await;
                let mut together = vec![first];
                while together.len() < TOGETHER_MAX {
                    let Ok(next) = intake.try_recv() else { break };
                    together.push(next);
                }
                open.push(answer(&store, together));
            }
        }
    }
}

async fn answer(store: &Shared, together: Vec<Waiting>) {
    let (wanted, answers): (Vec<_>, Vec<_>) =
        together.into_iter().map(|waiting| (waiting.wanted, waiting.answer)).unzip();
    let found = find(&store.db, store.tail.head(), &wanted).await.map(Arc::new).map_err(Arc::new);
    for answer in answers {
        drop(answer.send(found.clone()));
    }
}

async fn find(db: &Db, head: u64, wanted: &[Wanted]) -> Result<Found, DbError> {
    let streams: BTreeSet<&str> =
        wanted.iter().flat_map(|one| one.streams.iter().map(StreamId::as_str)).collect();
    let keys: Vec<String> = wanted.iter().filter_map(|one| one.key.clone()).collect();
    let mut scopes: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
    for (scope, value) in wanted.iter().flat_map(|one| &one.claims) {
        scopes.entry(scope).or_default().insert(value);
    }
    let mut reads = Vec::new();
    if !streams.is_empty() {
        reads.push(ByKeys { sql: STREAMS, keys: owned(&streams), rest: vec![] });
    }
    if !keys.is_empty() {
        reads.push(ByKeys { sql: COMMANDS, keys, rest: vec![] });
    }
    for (scope, values) in &scopes {
        reads.push(ByKeys { sql: HOLDERS, keys: owned(values), rest: vec![(*scope).into()] });
    }
    let kinds: Vec<&'static str> = reads.iter().map(|read| read.sql).collect();
    let mut scopes = scopes.into_keys();
    let mut found = Found { head, ..Found::default() };
    for (kind, rows) in kinds.into_iter().zip(db.query_by_keys(reads).await?) {
        match kind {
            STREAMS => found.put_streams(rows)?,
            COMMANDS => {
                for row in rows {
                    found.keys.insert(row.text(0)?.to_owned(), row);
                }
            }
            _ => {
                let Some(scope) = scopes.next() else { continue };
                for row in rows {
                    found.holders.insert((scope, row.text(0)?.to_owned()), StreamId::from_log(row.text(1)?));
                }
            }
        }
    }
    Ok(found)
}

impl Found {
    fn put_streams(&mut self, rows: Vec<Row>) -> Result<(), DbError> {
        for row in rows {
            let stream = row.text(1)?;
            match self.streams.get_mut(stream) {
                Some(events) => events.push(row),
                None => drop(self.streams.insert(stream.to_owned(), vec![row])),
            }
        }
        Ok(())
    }
}

fn owned(names: &BTreeSet<&str>) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) async fn head(db: &Db) -> Result<u64, StoreError> {
    let rows = db.query(HEAD, &[]).await?;
    let row = rows.first().ok_or_else(|| DbError::new("find the head of the log"))?;
    Ok(row.count(0)?)
}

fn recorded(rows: &[Row]) -> Result<Vec<Recorded>, StoreError> {
    rows.iter()
        .map(|row| match entry(row) {
            Ok(Entry::Event(recorded)) => Ok(recorded),
            Ok(Entry::Malformed { position, .. }) | Err(Unreadable::UnknownKind { position, .. }) => {
                Err(StoreError::Unreadable { position })
            }
            Err(Unreadable::Db(error)) => Err(error.into()),
        })
        .collect()
}
