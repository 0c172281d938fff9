//! Recomputes what can be recomputed and says what differs. Writes nothing, and keeps little: a page of events, the commits
//! that start in it, and the names that are taken.

use std::collections::BTreeMap;

use schema::StreamId;

use crate::chain::{Leaf, link, personal_digest};
use crate::db::{Db, DbError, Row, Value};
use crate::keys::InstallationKey;
use crate::stored::{Entry, Unreadable, entry};
use crate::{StoreError, claims, load, tail};

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

/// Beside each event where the version before it stands, and whether its stream has a version at all.
const EVENTS: &str = "select position, stream, version, kind, data, meta, command_id, recorded_at, personal, actor, \
                      personal_digest, \
                      (select before.position from events as before \
                       where before.stream = events.stream and before.version = events.version - 1) as earlier, \
                      (select id from streams where id = events.stream) as known \
                      from events where position > $1 and position <= $2 order by position limit $3";
const COMMITS: &str = "select first_position, event_count, chain, recorded_at from commits \
                       where first_position > $1 and first_position <= $2 order by first_position";
/// Both versions are of one moment, whoever writes meanwhile.
const STREAMS: &str = "select id, version, (select max(version) from events where stream = streams.id) \
                       from streams where id > $1 order by id limit $2";
const CLAIMS: &str = "select scope, value, stream from claims \
                      where (scope, value) > ($1, $2) order by scope, value limit $3";

/// What was written down about one commit.
struct Commit {
    events: u64,
    chain: String,
    recorded_at: String,
}

/// What follows from the events read so far. Only names are kept to the end.
#[derive(Default)]
struct Computed {
    claims: claims::Table,
    leaves: Vec<(String, String)>,
    /// Where the open commit starts.
    first: u64,
    /// Those that start among the events at hand.
    commits: BTreeMap<u64, Commit>,
}

pub(crate) async fn log(db: &Db) -> Result<LogReport, StoreError> {
    let key = InstallationKey::read(db).await?;
    let rows = db.query("select position, chain from log_head where id = 1", &[]).await?;
    let end = rows.first().ok_or_else(|| DbError::new("find the head of the log"))?;
    let (head, chain) = (end.count(0)?, end.text(1)?);
    let mut report = LogReport { head, ..LogReport::default() };
    let mut computed = Computed { first: 1, ..Computed::default() };
    let mut position = 0;
    while position < head {
        let rows = db.query(EVENTS, &[position.into(), head.into(), PAGE.into()]).await?;
        let Some(last) = rows.last() else {
            report.report(position + 1, "this event and all after it are missing");
            break;
        };
        computed.read_commits(db, position, last.count(0)?).await?;
        for row in &rows {
            position = check_event(&key, row, position, &mut computed, &mut report)?;
            close_commit(position, &mut computed, &mut report);
        }
    }
    if report.chain != chain {
        report.report(head, "the hash of the head differs from the last commit");
    }
    count_commits(db, &mut report).await?;
    compare_versions(db, &mut report).await?;
    compare_names(db, &key, computed.claims, &mut report).await?;
    Ok(report)
}

impl Computed {
    async fn read_commits(&mut self, db: &Db, after: u64, until: u64) -> Result<(), StoreError> {
        for row in db.query(COMMITS, &[after.into(), until.into()]).await? {
            let commit = Commit {
                events: row.count(1)?,
                chain: row.text(2)?.to_owned(),
                recorded_at: row.text(3)?.to_owned(),
            };
            self.commits.insert(row.count(0)?, commit);
        }
        Ok(())
    }
}

fn check_event(
    key: &InstallationKey,
    row: &Row,
    before: u64,
    computed: &mut Computed,
    report: &mut LogReport,
) -> Result<u64, StoreError> {
    let position = row.count(0)?;
    let (stream, version) = (row.text(1)?, row.count(2)?);
    report.events += 1;
    if position != before + 1 {
        report.report(before + 1, "this position is missing");
    }
    let follows = match row.opt_int(11)? {
        None => version == 1,
        Some(earlier) => version != 1 && earlier < row.int(0)?,
    };
    if !follows {
        report.report(position, format!("version {version} of {stream} does not follow the one before"));
    }
    if version == 1 && row.opt_text(12)?.is_none() {
        report.report(position, format!("the version of {stream} is missing"));
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
        stream,
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
fn close_commit(position: u64, computed: &mut Computed, report: &mut LogReport) {
    let Some(commit) = computed.commits.get(&computed.first) else {
        report.report(computed.first, "no commit starts here");
        computed.first = position + 1;
        computed.leaves.clear();
        return;
    };
    if position + 1 < computed.first + commit.events {
        return;
    }
    let link = link(&report.chain, computed.leaves.iter().map(|(leaf, _)| leaf.as_str()));
    if link != commit.chain || computed.leaves.iter().any(|(_, time)| *time != commit.recorded_at) {
        let what = format!(
            "the hash of the commit up to position {position} differs: one of its events was changed"
        );
        report.report(computed.first, what);
    }
    // Goes on with what was written, so that one changed row is reported once.
    report.chain.clone_from(&commit.chain);
    report.commits += 1;
    computed.first = position + 1;
    computed.commits = computed.commits.split_off(&computed.first);
    computed.leaves.clear();
}

async fn count_commits(db: &Db, report: &mut LogReport) -> Result<(), StoreError> {
    let sql = "select count(*) from commits where first_position <= $1";
    let rows = db.query(sql, &[report.head.into()]).await?;
    let recorded = rows.first().map_or(Ok(0), |row| row.count(0))?;
    if recorded != report.commits {
        let what = format!("{recorded} commits are recorded and {} were found", report.commits);
        report.report(report.head, what);
    }
    Ok(())
}

async fn compare_versions(db: &Db, report: &mut LogReport) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let rows = db.query(STREAMS, &[after.as_str().into(), PAGE.into()]).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        last.text(0)?.clone_into(&mut after);
        for row in &rows {
            let (recorded, computed) = (row.int(1)?, row.opt_int(2)?);
            if computed != Some(recorded) {
                let what = format!("the version of {} is not {computed:?}", row.text(0)?);
                report.report(report.head, what);
            }
        }
    }
}

/// The names as the events leave them, against the table at one moment, up to which events that came meanwhile are read.
async fn compare_names(
    db: &Db,
    key: &InstallationKey,
    mut computed: claims::Table,
    report: &mut LogReport,
) -> Result<(), StoreError> {
    let mut moment = db.snapshot().await?;
    let rows = moment.query(load::HEAD, &[]).await?;
    let until = rows.first().map_or(Ok(0), |row| row.count(0))?;
    let mut position = report.head;
    while position < until {
        let rows = moment.query(tail::PAGE, &[position.into(), PAGE.into()]).await?;
        let Some(last) = rows.last() else { break };
        position = last.count(0)?;
        for row in &rows {
            if let Ok(Entry::Event(recorded)) = entry(row) {
                claims::apply(key, &mut computed, &recorded);
            }
        }
    }
    let mut after: [Value; 2] = ["".into(), "".into()];
    loop {
        let [scope, value] = after;
        let rows = moment.query(CLAIMS, &[scope, value, PAGE.into()]).await?;
        let Some(last) = rows.last() else { break };
        after = [last.value(0).clone(), last.value(1).clone()];
        for row in &rows {
            let holder = computed.remove(&(row.text(0)?.to_owned(), row.text(1)?.to_owned()));
            if holder.as_ref().map(StreamId::as_str) != Some(row.text(2)?) {
                report.report(report.head, misplaced(row.text(0)?, holder.as_ref()));
            }
        }
    }
    for ((scope, _), holder) in &computed {
        report.report(report.head, misplaced(scope, Some(holder)));
    }
    Ok(())
}

fn misplaced(scope: &str, holder: Option<&StreamId>) -> String {
    format!("a claim in scope {scope} should be with {holder:?}")
}
