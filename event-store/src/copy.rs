//! Copies a whole log from one database into another, empty one, and proves the copy's chain.

use crate::db::{Batch, Db, DbUrl, Dialect, Expect, Purpose, Snapshot, Value};
use crate::migrate::check_log;
use crate::{StoreError, verify};

/// Rows in one hand: bounds memory, whatever the log's length.
const PAGE: i64 = 5_000;

/// Why a log was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Somebody has written there: a copy would mix two histories.
    #[error("the log to be filled is not empty: it stands at position {0}")]
    NotEmpty(u64),
    /// The copy does not hold what the chain promises.
    #[error("the copy's hash chain is broken at position {0}")]
    Broken(u64),
    /// Somebody reads the copy while it is made.
    #[error("write the whole copy into its file while somebody reads it")]
    Unfinished,
    /// A database.
    #[error("copy the log")]
    Store(#[from] StoreError),
}

/// A table of the log, in the order of its key. `after` is the key of the last row before.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    first: &'static str,
    next: &'static str,
    /// How many columns, from the left, are the key.
    key: usize,
}

const TABLES: [Table; 6] = [
    Table {
        name: "events",
        columns: &[
            "position",
            "stream",
            "version",
            "kind",
            "data",
            "meta",
            "actor",
            "command_id",
            "recorded_at",
            "personal",
            "personal_digest",
        ],
        first: "select position, stream, version, kind, data, meta, actor, command_id, recorded_at, personal, personal_digest \
                from events order by position limit $1",
        next: "select position, stream, version, kind, data, meta, actor, command_id, recorded_at, personal, personal_digest \
               from events where position > $2 order by position limit $1",
        key: 1,
    },
    Table {
        name: "streams",
        columns: &["id", "version"],
        first: "select id, version from streams order by id limit $1",
        next: "select id, version from streams where id > $2 order by id limit $1",
        key: 1,
    },
    Table {
        name: "claims",
        columns: &["scope", "value", "stream"],
        first: "select scope, value, stream from claims order by scope, value limit $1",
        next: "select scope, value, stream from claims where (scope, value) > ($2, $3) order by scope, value limit $1",
        key: 2,
    },
    Table {
        name: "commands",
        columns: &["id", "fingerprint", "position", "event_count", "reply", "recorded_at"],
        first: "select id, fingerprint, position, event_count, reply, recorded_at from commands order by id limit $1",
        next: "select id, fingerprint, position, event_count, reply, recorded_at from commands where id > $2 order by id limit $1",
        key: 1,
    },
    Table {
        name: "commits",
        columns: &["first_position", "event_count", "chain", "recorded_at"],
        first: "select first_position, event_count, chain, recorded_at from commits order by first_position limit $1",
        next: "select first_position, event_count, chain, recorded_at from commits where first_position > $2 \
               order by first_position limit $1",
        key: 1,
    },
    Table {
        name: "keys",
        columns: &["id", "secret", "created_at"],
        first: "select id, secret, created_at from keys order by id limit $1",
        next: "select id, secret, created_at from keys where id > $2 order by id limit $1",
        key: 1,
    },
];

/// Copies everything as of one moment; how many events that is. Both databases have their tables; the target has no event.
///
/// The head is written last: a copy that was interrupted still counts as empty and can be made again.
pub async fn copy(from: &DbUrl, to: &DbUrl) -> Result<u64, CopyError> {
    let source = open(from).await?;
    let target = open(to).await?;
    let head = head(&target).await?;
    if head > 0 {
        return Err(CopyError::NotEmpty(head));
    }
    let mut clean = Batch::new();
    for table in &TABLES {
        clean.run(format!("delete from {}", table.name), vec![], Expect::Any);
    }
    target.write(clean).await.map_err(StoreError::from)?;
    let mut moment = source.snapshot().await.map_err(StoreError::from)?;
    for table in &TABLES {
        fill(&mut moment, &target, table).await?;
    }
    let rows = moment
        .query("select position, chain from log_head where id = 1", &[])
        .await
        .map_err(StoreError::from)?;
    let end = rows.first().ok_or(StoreError::Shrunk)?;
    let position = end.count(0).map_err(StoreError::from)?;
    let mut batch = Batch::new();
    batch.run(
        "update log_head set position = $1, chain = $2 where id = 1 and position = 0",
        vec![end.value(0).clone(), end.value(1).clone()],
        Expect::Rows(1),
    );
    target.write(batch).await.map_err(StoreError::from)?;
    let report = verify::log(&target).await?;
    if let Some(broken) = report.problems.first() {
        return Err(CopyError::Broken(broken.position));
    }
    into_one_file(&target).await?;
    Ok(position)
}

/// A copy must be whole in its one file: what still stands beside it would be left behind when the file is moved.
async fn into_one_file(target: &Db) -> Result<(), CopyError> {
    if target.dialect() == Dialect::Postgres {
        return Ok(());
    }
    let rows = target.query("pragma wal_checkpoint(truncate)", &[]).await.map_err(StoreError::from)?;
    let is_busy = rows.first().map(|row| row.int(0)).transpose().map_err(StoreError::from)?;
    if is_busy == Some(0) { Ok(()) } else { Err(CopyError::Unfinished) }
}

async fn open(url: &DbUrl) -> Result<Db, StoreError> {
    let db = Db::open(url, Purpose::Log).await?;
    check_log(&db).await?;
    Ok(db)
}

async fn head(db: &Db) -> Result<u64, StoreError> {
    let rows = db.query("select position from log_head where id = 1", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.count(0).map_err(StoreError::from))
}

async fn fill(moment: &mut Snapshot, target: &Db, table: &Table) -> Result<(), StoreError> {
    let mut sql = table.first;
    let mut params = vec![Value::Int(PAGE)];
    loop {
        let rows = moment.query(sql, &params).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        params.truncate(1);
        params.extend((0..table.key).map(|column| last.value(column).clone()));
        sql = table.next;
        let width = table.columns.len();
        let page =
            rows.into_iter().map(move |row| (0..width).map(|column| row.value(column).clone()).collect());
        target.bulk_load(table.name, table.columns, page).await?;
    }
}
