//! Recomputes what can be recomputed and says what differs. Writes nothing.

use std::collections::BTreeMap;

use schema::StreamId;

use crate::chain::{Leaf, link, personal_digest};
use crate::db::{Db, Row, Value};
use crate::keys::InstallationKey;
use crate::stored::{Entry, Unreadable, entry};
use crate::{StoreError, claims};

const PAGE: u64 = 5_000;
const PROBLEMS_MAX: usize = 100;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogReport {
    /// The head everything was compared at.
    pub head: u64,
    /// How many events were read.
    pub events: u64,
    /// How many commits they were written in.
    pub commits: u64,
    /// The hash over everything.
    pub chain: String,
    /// What differs, at most the first hundred. Empty: the log is what it was.
    pub problems: Vec<LogProblem>,
}

/// One thing that differs from what follows from the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProblem {
    /// Where; the head when it is not about one event.
    pub position: u64,
    /// What, in words. Never repeats personal data.
    pub what: String,
}

impl LogReport {
    /// Whether nothing differs.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn report(&mut self, position: u64, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(LogProblem { position, what: what.into() });
        }
    }
}

const EVENTS: &str = "select position, stream, version, kind, data, meta, command_id, recorded_at, personal, actor, \
                      personal_digest from events where position > $1 and position <= $2 order by position limit $3";
const COMMITS: &str =
    "select first_position, event_count, chain, recorded_at from commits order by first_position";

/// What the tables other than `events` said at the moment of the head.
struct Claimed {
    head: u64,
    chain: String,
    streams: BTreeMap<StreamId, u64>,
    claims: claims::Table,
    commits: BTreeMap<u64, (u64, String, String)>,
}

/// What follows from the events alone.
#[derive(Default)]
struct Computed {
    streams: BTreeMap<StreamId, u64>,
    claims: claims::Table,
    leaves: Vec<(String, String)>,
    first: u64,
}

pub(crate) async fn log(db: &Db) -> Result<LogReport, StoreError> {
    let key = InstallationKey::read(db).await?;
    let claimed = claimed(db).await?;
    let mut report = LogReport { head: claimed.head, ..LogReport::default() };
    let mut computed = Computed { first: 1, ..Computed::default() };
    let mut position = 0;
    while position < claimed.head {
        let params: [Value; 3] = [position.into(), claimed.head.into(), PAGE.into()];
        let rows = db.query(EVENTS, &params).await?;
        if rows.is_empty() {
            report.report(position + 1, "this event and all after it are missing");
            break;
        }
        for row in &rows {
            position = check_event(&key, row, position, &mut computed, &mut report)?;
            close_commit(position, &claimed, &mut computed, &mut report);
        }
    }
    compare(&claimed, &computed, &mut report);
    Ok(report)
}

async fn claimed(db: &Db) -> Result<Claimed, StoreError> {
    let mut snapshot = db.snapshot().await?;
    let head = snapshot.query("select position, chain from log_head where id = 1", &[]).await?;
    let head = head.first().ok_or_else(|| crate::DbError::new("find the head of the log"))?;
    let streams = snapshot.query("select id, version from streams", &[]).await?;
    let claims = snapshot.query("select scope, value, stream from claims", &[]).await?;
    let commits = snapshot.query(COMMITS, &[]).await?;
    Ok(Claimed {
        head: head.count(0)?,
        chain: head.text(1)?.to_owned(),
        streams: streams
            .iter()
            .map(|row| Ok((StreamId::from_log(row.text(0)?), row.count(1)?)))
            .collect::<Result<_, StoreError>>()?,
        claims: claims
            .iter()
            .map(|row| {
                Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned()), StreamId::from_log(row.text(2)?)))
            })
            .collect::<Result<_, StoreError>>()?,
        commits: commits
            .iter()
            .map(|row| Ok((row.count(0)?, (row.count(1)?, row.text(2)?.to_owned(), row.text(3)?.to_owned()))))
            .collect::<Result<_, StoreError>>()?,
    })
}

fn check_event(
    key: &InstallationKey,
    row: &Row,
    before: u64,
    computed: &mut Computed,
    report: &mut LogReport,
) -> Result<u64, StoreError> {
    let position = row.count(0)?;
    let stream = StreamId::from_log(row.text(1)?);
    let version = row.count(2)?;
    report.events += 1;
    if position != before + 1 {
        report.report(before + 1, "this position is missing");
    }
    let last = computed.streams.insert(stream.clone(), version).unwrap_or_default();
    if version != last + 1 {
        report.report(position, format!("version {version} of {stream} follows {last}"));
    }
    let personal = row.opt_text(8)?;
    if personal.is_some() && personal_digest(personal) != row.text(10)? {
        report.report(position, "the personal section was changed");
    }
    match entry(row) {
        Ok(Entry::Event(recorded)) => {
            claims::apply(key, &mut computed.claims, &recorded);
        }
        Ok(Entry::Malformed { error, .. }) => report.report(position, error),
        Err(Unreadable::UnknownKind { kind, .. }) => {
            report.report(position, format!("the kind {kind} is unknown to this version"));
        }
        Err(Unreadable::Db(error)) => return Err(error.into()),
    }
    let leaf = Leaf {
        stream: stream.as_str(),
        version,
        kind: row.text(3)?,
        recorded_at: row.text(7)?,
        actor: row.text(9)?,
        command_id: row.text(6)?,
        meta: row.text(5)?,
        data: row.text(4)?,
        personal_digest: row.text(10)?,
    };
    computed.leaves.push((leaf.hash(), row.text(7)?.to_owned()));
    Ok(position)
}

/// Compares the chain wherever a commit ends.
fn close_commit(position: u64, claimed: &Claimed, computed: &mut Computed, report: &mut LogReport) {
    let Some((count, chain, recorded_at)) = claimed.commits.get(&computed.first) else {
        report.report(computed.first, "no commit starts here");
        computed.first = position + 1;
        computed.leaves.clear();
        return;
    };
    if position + 1 < computed.first + count {
        return;
    }
    let link = link(&report.chain, computed.leaves.iter().map(|(leaf, _)| leaf.as_str()));
    if link != *chain || computed.leaves.iter().any(|(_, time)| time != recorded_at) {
        let what = format!(
            "the hash of the commit up to position {position} differs: one of its events was changed"
        );
        report.report(computed.first, what);
    }
    // Goes on with what was written, so that one changed row is reported once.
    report.chain.clone_from(chain);
    report.commits += 1;
    computed.first = position + 1;
    computed.leaves.clear();
}

fn compare(claimed: &Claimed, computed: &Computed, report: &mut LogReport) {
    if report.chain != claimed.chain {
        report.report(report.head, "the hash of the head differs from the last commit");
    }
    if claimed.commits.len() as u64 != report.commits {
        let what =
            format!("{} commits are recorded and {} were found", claimed.commits.len(), report.commits);
        report.report(report.head, what);
    }
    for (stream, version) in differences(&claimed.streams, &computed.streams) {
        report.report(report.head, format!("the version of {stream} is not {version:?}"));
    }
    for ((scope, _), holder) in differences(&claimed.claims, &computed.claims) {
        report.report(report.head, format!("a claim in scope {scope} should be with {holder:?}"));
    }
}

/// Keys whose values differ, with what was computed.
fn differences<'table, K: Ord, V: PartialEq>(
    claimed: &'table BTreeMap<K, V>,
    computed: &'table BTreeMap<K, V>,
) -> impl Iterator<Item = (&'table K, Option<&'table V>)> {
    let missing = computed.iter().filter(|(key, value)| claimed.get(key) != Some(value));
    let extra = claimed.keys().filter(|key| !computed.contains_key(key));
    missing.map(|(key, value)| (key, Some(value))).chain(extra.map(|key| (key, None)))
}
