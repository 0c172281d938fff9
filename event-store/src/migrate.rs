//! Applies `schema/migrations`, forward only, and refuses a released file whose text has changed.

use std::collections::BTreeMap;

use schema::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::StoreError;
use crate::db::{Db, DbUrl, Dialect, Purpose};
use crate::keys::InstallationKey;

/// Two processes may start at once: the later one finds the work done when it looks again.
const FAILURES_MAX: usize = 3;

/// A released file.
#[derive(Debug, Clone, Copy)]
struct Migration {
    name: &'static str,
    sql: &'static str,
}

const LOG: &[Migration] =
    &[Migration { name: "log/0001_log.sql", sql: include_str!("../../schema/migrations/log/0001_log.sql") }];

const VIEWS: &[Migration] = &[
    Migration {
        name: "views/0001_work.sql",
        sql: include_str!("../../schema/migrations/views/0001_work.sql"),
    },
    Migration {
        name: "views/0002_reconciler.sql",
        sql: include_str!("../../schema/migrations/views/0002_reconciler.sql"),
    },
];

/// Settings of storage, not of meaning: the head row and the version rows change all the time and should stay in place.
const LOG_ON_POSTGRES: &str = "alter table log_head set (fillfactor = 10, autovacuum_vacuum_threshold = 50, autovacuum_vacuum_scale_factor = 0);
     alter table streams set (fillfactor = 80);";

/// Why the tables are not those this build was made for.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Run the migration first.
    #[error("the migration {0} has not been applied")]
    Missing(&'static str),
    /// The text of a released file was changed: nobody knows what the tables look like.
    #[error("the migration {0} was applied with another text")]
    Changed(&'static str),
    /// A newer build was here.
    #[error("the migration {0} is unknown to this version")]
    Newer(String),
}

/// Brings the log's tables up to date and makes the installation's key. The names of the files applied now.
pub async fn migrate_log(url: &DbUrl, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
    let db = Db::open(url, Purpose::Log).await?;
    migrate_log_in(&db, now).await
}

pub(crate) async fn migrate_log_in(db: &Db, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
    let applied = apply(db, LOG, now).await?;
    if !applied.is_empty() && db.dialect() == Dialect::Postgres {
        db.execute_ddl(LOG_ON_POSTGRES).await?;
    }
    InstallationKey::make(db, now).await?;
    Ok(applied)
}

/// Brings the tables beside the read models up to date. The names of the files applied now.
pub async fn migrate_views(db: &Db, now: Timestamp) -> Result<Vec<&'static str>, StoreError> {
    apply(db, VIEWS, now).await
}

/// Whether the log's tables are those this build was made for.
pub(crate) async fn check_log(db: &Db) -> Result<(), StoreError> {
    check(db, LOG).await
}

/// Whether the tables beside the read models are those this build was made for.
pub async fn check_views(db: &Db) -> Result<(), StoreError> {
    check(db, VIEWS).await
}

async fn check(db: &Db, known: &'static [Migration]) -> Result<(), StoreError> {
    match outstanding(known, &applied(db, known).await?)?.first() {
        Some(missing) => Err(MigrationError::Missing(missing.name).into()),
        None => Ok(()),
    }
}

async fn apply(
    db: &Db,
    known: &'static [Migration],
    now: Timestamp,
) -> Result<Vec<&'static str>, StoreError> {
    let mut done = Vec::new();
    let mut failures = 0;
    while let Some(next) = outstanding(known, &applied(db, known).await?)?.first() {
        // The record comes first: of two processes the second waits for its key, fails, and looks again.
        let sql = format!(
            "create table if not exists schema_migrations (name text primary key, checksum text not null, applied_at text not null);
             insert into schema_migrations (name, checksum, applied_at) values ('{}', '{}', '{now}');
             {}",
            next.name,
            checksum(next.sql),
            next.sql
        );
        match db.execute_ddl(&sql).await {
            Ok(()) => done.push(next.name),
            Err(error) if failures == FAILURES_MAX => return Err(error.into()),
            Err(_) => failures += 1,
        }
    }
    Ok(done)
}

fn outstanding(
    known: &'static [Migration],
    applied: &BTreeMap<String, String>,
) -> Result<Vec<Migration>, MigrationError> {
    if let Some(newer) = applied.keys().find(|name| known.iter().all(|migration| migration.name != **name)) {
        return Err(MigrationError::Newer(newer.clone()));
    }
    let mut todo = Vec::new();
    for migration in known {
        match applied.get(migration.name) {
            None => todo.push(*migration),
            Some(sum) if *sum != checksum(migration.sql) => {
                return Err(MigrationError::Changed(migration.name));
            }
            Some(_) => {}
        }
    }
    Ok(todo)
}

/// What was applied of this set of files; log and views may share one Postgres database.
async fn applied(db: &Db, known: &[Migration]) -> Result<BTreeMap<String, String>, StoreError> {
    let table = match db.dialect() {
        Dialect::Sqlite => {
            "select count(*) from sqlite_schema where type = 'table' and name = 'schema_migrations'"
        }
        Dialect::Postgres => "select count(*) from pg_class where oid = to_regclass('schema_migrations')",
    };
    let exists = db.query(table, &[]).await?;
    if exists.first().map(|row| row.int(0)).transpose()? != Some(1) {
        return Ok(BTreeMap::new());
    }
    let set = known.first().and_then(|migration| migration.name.split('/').next()).unwrap_or_default();
    let rows = db
        .query(
            "select name, checksum from schema_migrations where name like $1",
            &[format!("{set}/%").into()],
        )
        .await?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

fn checksum(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}
