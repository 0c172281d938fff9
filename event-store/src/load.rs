//! Reading what decisions need: streams, keys, claims. What several commands need at once is read at once.
//!
//! # What always holds
//! * The head is taken before anything is read, so what was read is at least as new as the head says. Something newer
//!   is no harm: the judge compares versions and holders, not moments.
//! * Everything one command reads is of one moment, so a decision never sees half of a commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use schema::StreamId;
use tokio::sync::{mpsc, oneshot};

use crate::db::{ByKeys, Db, DbError, Row};
use crate::guard::caught;
use crate::remembered::Events;
use crate::stored::{Entry, Unreadable, entry};
use crate::{Shared, StoreError};

pub(crate) const HEAD: &str = "select position from log_head where id = 1";
pub(crate) const STREAMS: &str = "select position, stream, version, kind, data, meta, command_id, recorded_at, personal \
                                  from events where stream = $1 and version > cast($2 as bigint) order by version";
pub(crate) const COMMANDS: &str = "select position, id, cast(null as bigint), fingerprint, reply, null, null, null, null \
                                   from commands where id = $1";
pub(crate) const HOLDERS: &str = "select cast(null as bigint), stream, cast(null as bigint), scope, value, null, null, null, null \
                                  from claims where value = $1 and scope = $2";

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
    streams: BTreeMap<StreamId, Stream>,
    keys: BTreeMap<String, Row>,
    holders: BTreeMap<(String, String), StreamId>,
}

enum Stream {
    Read(Events),
    /// Something stands in the way at this position.
    Unreadable(u64),
}

/// An answer given before.
pub(crate) struct UsedKey {
    pub(crate) fingerprint: String,
    pub(crate) position: u64,
    pub(crate) reply: String,
}

impl Found {
    /// The events of a stream. A decision cannot be made over one that cannot be read.
    pub(crate) fn stream(&self, stream: &StreamId) -> Result<Events, StoreError> {
        match self.streams.get(stream) {
            None => Ok(Events::default()),
            Some(Stream::Read(events)) => Ok(Arc::clone(events)),
            Some(Stream::Unreadable(position)) => Err(StoreError::Unreadable { position: *position }),
        }
    }

    pub(crate) fn used(&self, key: &str) -> Result<Option<UsedKey>, StoreError> {
        let used = self.keys.get(key).map(|row| {
            Ok::<_, StoreError>(UsedKey {
                fingerprint: row.text(3)?.to_owned(),
                position: row.count(0)?,
                reply: row.text(4)?.to_owned(),
            })
        });
        used.transpose()
    }

    pub(crate) fn holder(&self, scope: &str, value: &str) -> Option<&StreamId> {
        self.holders.get(&(scope.to_owned(), value.to_owned()))
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
        Ok(Arc::new(self.find(&[wanted]).await?))
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
    // Without an answer each reads alone, and hears of its own panic: the others are not ended by it.
    let Ok(found) = caught(store.find(&wanted)).await else { return };
    let found = found.map(Arc::new).map_err(Arc::new);
    for answer in answers {
        drop(answer.send(found.clone()));
    }
}

impl Shared {
    async fn find(&self, wanted: &[Wanted]) -> Result<Found, DbError> {
        let mut found = Found { head: self.tail.head(), ..Found::default() };
        // Taken before the read, so that no stream is newer than the moment of the others.
        let mut known: BTreeMap<StreamId, Events> = BTreeMap::new();
        for stream in wanted.iter().flat_map(|one| &one.streams) {
            if !known.contains_key(stream) {
                known.insert(stream.clone(), self.remembered.of(stream).unwrap_or_default());
            }
        }
        let mut answers = self.db.query_by_keys(reads(wanted, &known)).await?.into_iter();
        let (events, keys, holders) = (answers.next(), answers.next(), answers.next());
        for row in keys.unwrap_or_default() {
            found.keys.insert(row.text(1)?.to_owned(), row);
        }
        for row in holders.unwrap_or_default() {
            let name = (row.text(3)?.to_owned(), row.text(4)?.to_owned());
            found.holders.insert(name, StreamId::from_log(row.text(1)?));
        }
        let mut news: BTreeMap<StreamId, Vec<Row>> = BTreeMap::new();
        for row in events.unwrap_or_default() {
            match news.get_mut(row.text(1)?) {
                Some(rows) => rows.push(row),
                None => drop(news.insert(StreamId::from_log(row.text(1)?), vec![row])),
            }
        }
        for (stream, events) in known {
            let read = match news.remove(&stream) {
                None => Stream::Read(events),
                Some(rows) => self.extend(&stream, events, &rows)?,
            };
            found.streams.insert(stream, read);
        }
        Ok(found)
    }

    fn extend(&self, stream: &StreamId, events: Events, rows: &[Row]) -> Result<Stream, DbError> {
        let mut events = Arc::unwrap_or_clone(events);
        for row in rows {
            match entry(row) {
                Ok(Entry::Event(recorded)) => events.push(recorded),
                Ok(Entry::Malformed { position, .. }) | Err(Unreadable::UnknownKind { position, .. }) => {
                    return Ok(Stream::Unreadable(position));
                }
                Err(Unreadable::Db(error)) => return Err(error),
            }
        }
        let events = Arc::new(events);
        self.remembered.keep(stream, &events);
        Ok(Stream::Read(events))
    }
}

/// Always the same three, so that there is one statement, prepared once.
pub(crate) fn reads(wanted: &[Wanted], known: &BTreeMap<StreamId, Events>) -> Vec<ByKeys> {
    let streams = known.keys().map(|stream| stream.as_str().to_owned()).collect();
    let versions = known.values().map(|events| events.last().map_or(0, |last| last.version).to_string());
    let keys = wanted.iter().filter_map(|one| one.key.clone()).collect();
    let names: BTreeSet<_> = wanted.iter().flat_map(|one| &one.claims).collect();
    let (scopes, values) =
        names.into_iter().map(|(scope, value)| ((*scope).to_owned(), value.clone())).unzip();
    vec![
        ByKeys { sql: STREAMS, keys: vec![streams, versions.collect()] },
        ByKeys { sql: COMMANDS, keys: vec![keys] },
        ByKeys { sql: HOLDERS, keys: vec![values, scopes] },
    ]
}

pub(crate) async fn head(db: &Db) -> Result<u64, StoreError> {
    let rows = db.query(HEAD, &[]).await?;
    let row = rows.first().ok_or_else(|| DbError::new("find the head of the log"))?;
    Ok(row.count(0)?)
}
