//! Reading what a decision needs: streams, versions, keys, the head, all of one moment.

use std::collections::{BTreeMap, BTreeSet};

use schema::{Recorded, StreamId};

use crate::StoreError;
use crate::db::{Db, Query, Row, Snapshot};
use crate::request::Request;
use crate::stored::{Entry, Unreadable, entry};

pub(crate) const HEAD: &str = "select position from log_head where id = 1";
pub(crate) const STREAM: &str = "select position, stream, version, kind, data, meta, command_id, recorded_at, personal \
                                 from events where stream = $1 order by version";
pub(crate) const COMMAND: &str = "select fingerprint, position, reply from commands where id = $1";

/// What stood in the log at one moment.
pub(crate) struct Loaded {
    /// Still of that moment, for reads that follow from the decision.
    pub(crate) snapshot: Snapshot,
    pub(crate) head: u64,
    pub(crate) streams: BTreeMap<StreamId, Vec<Recorded>>,
    pub(crate) used: Option<UsedKey>,
}

/// An answer given before.
pub(crate) struct UsedKey {
    pub(crate) fingerprint: String,
    pub(crate) position: u64,
    pub(crate) reply: String,
}

impl Loaded {
    pub(crate) fn version(&self, stream: &StreamId) -> u64 {
        self.streams
            .get(stream)
            .and_then(|events| events.last())
            .map_or(0, |last| last.version)
    }
}

pub(crate) async fn head(db: &Db) -> Result<u64, StoreError> {
    let rows = db.query(HEAD, &[]).await?;
    head_of(&rows)
}

fn head_of(rows: &[Row]) -> Result<u64, StoreError> {
    let row = rows
        .first()
        .ok_or_else(|| crate::DbError::new("find the head of the log"))?;
    Ok(row.count(0)?)
}

/// One round trip: the head, the caller's key, and every stream the decision, the condition or the reply needs.
pub(crate) async fn load(db: &Db, declared: &[StreamId], request: &Request) -> Result<Loaded, StoreError> {
    let mut snapshot = db.snapshot().await?;
    let wanted: BTreeSet<&StreamId> = declared
        .iter()
        .chain(request.expect.iter().map(|(stream, _)| stream))
        .chain(&request.also_load)
        .collect();
    let mut queries: Vec<Query> = vec![(HEAD.into(), vec![])];
    queries.extend(
        wanted
            .iter()
            .map(|stream| (STREAM.into(), vec![stream.as_str().into()])),
    );
    queries.extend(
        request
            .key
            .iter()
            .map(|key| (COMMAND.into(), vec![key.id.as_str().into()])),
    );
    let mut answers = snapshot.query_all(queries).await?.into_iter();
    let head = head_of(&answers.next().unwrap_or_default())?;
    let mut streams = BTreeMap::new();
    for stream in wanted {
        streams.insert(stream.clone(), recorded(&answers.next().unwrap_or_default())?);
    }
    let used = answers.next().and_then(|rows| rows.into_iter().next());
    let used = used.map(|row| {
        Ok::<_, StoreError>(UsedKey {
            fingerprint: row.text(0)?.to_owned(),
            position: row.count(1)?,
            reply: row.text(2)?.to_owned(),
        })
    });
    Ok(Loaded {
        snapshot,
        head,
        streams,
        used: used.transpose()?,
    })
}

/// Rows as events. A decision cannot be made over one that cannot be read.
pub(crate) fn recorded(rows: &[Row]) -> Result<Vec<Recorded>, StoreError> {
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
