//! The stored form of read models: tables, indexes and views as SQL, made once from the constant definitions.

use event_store::{Db, DbError, Dialect, Value};

use crate::READ_MODELS;
use crate::model::{Column, ReadModel, Table};
use crate::select::columns_of;

/// The first copy of every read model.
pub(crate) const FIRST_COPY: u32 = 1;
/// Processes may start at once; each lost attempt means that another one made the tables of a read model.
const ATTEMPTS_MAX: u32 = 20;

/// Why tables could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database did not answer, or refused.
    #[error("make the tables of a read model")]
    Db(#[from] DbError),
}

/// Makes the tables of read models that were never made here, and points the views at them.
pub(crate) async fn create_missing(db: &Db) -> Result<(), StorageError> {
    let mut attempt = 1;
    loop {
        match create_missing_once(db).await {
            Err(_) if attempt < ATTEMPTS_MAX => attempt += 1,
            done => return done,
        }
    }
}

async fn create_missing_once(db: &Db) -> Result<(), StorageError> {
    for model in READ_MODELS {
        let known =
            db.query("select version from live where read_model = $1", &[Value::from(model.name)]).await?;
        if !known.is_empty() {
            continue;
        }
        // The registration comes first: of two processes the second waits for its key, fails, and looks again.
        let mut ddl = registration(model);
        for table in model.tables {
            ddl += &create_table(table, FIRST_COPY, db.dialect());
            ddl += &create_indexes(table, FIRST_COPY);
        }
        for statement in view_statements(model, FIRST_COPY) {
            ddl += &statement;
            ddl += ";\n";
        }
        db.execute_ddl(&ddl).await?;
    }
    Ok(())
}

/// A read model without events, and its first copy as the live one. Only constants of ours stand in the text.
fn registration(model: &ReadModel) -> String {
    let (name, definition) = (model.name, model.version);
    format!(
        "insert into live (read_model, version, definition) values ('{name}', {FIRST_COPY}, {definition});
         insert into checkpoints (read_model, version, definition, position, recorded_at, epoch, state)
         values ('{name}', {FIRST_COPY}, {definition}, 0, '', 0, 'live');
"
    )
}

/// The table of one copy, without indexes.
pub(crate) fn create_table(table: &Table, copy: u32, dialect: Dialect) -> String {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let nullable = if table.key.contains(&column.name()) { " not null" } else { "" };
            format!("{} {}{nullable}", column.name(), type_of(*column, dialect))
        })
        .collect();
    format!(
        "create table if not exists {} ({}, primary key ({}));\n",
        table.stored_name(copy),
        columns.join(", "),
        table.key.join(", ")
    )
}

/// Order by bytes on both databases: the same page has the same rows everywhere.
const fn type_of(column: Column, dialect: Dialect) -> &'static str {
    match (column, dialect) {
        (Column::Text(_), Dialect::Sqlite) => "text",
        (Column::Text(_), Dialect::Postgres) => "text collate \"C\"",
        (Column::Int(_), Dialect::Sqlite | Dialect::Postgres) => "bigint",
    }
}

/// The indexes of one copy.
pub(crate) fn create_indexes(table: &Table, copy: u32) -> String {
    let stored = table.stored_name(copy);
    let statements: Vec<String> = table
        .indexes
        .iter()
        .map(|columns| {
            format!(
                "create index if not exists {stored}_by_{} on {stored} ({});\n",
                columns.join("_"),
                columns.join(", ")
            )
        })
        .collect();
    statements.concat()
}

/// Points what queries name at one copy. The mark comes first: a reader that has read it keeps the views where they are
/// until it is done.
pub(crate) fn view_statements(model: &ReadModel, copy: u32) -> Vec<String> {
    let mark = mark_of(model);
    let mut statements =
        vec![format!("drop view if exists {mark}"), format!("create view {mark} as select {copy} as copy")];
    for table in model.tables {
        statements.push(format!("drop view if exists {}", table.name));
        statements.push(format!(
            "create view {} as select {} from {}",
            table.name,
            columns_of(table),
            table.stored_name(copy)
        ));
    }
    statements
}

/// A view with one row that says which copy the other views show.
pub(crate) fn mark_of(model: &ReadModel) -> String {
    format!("{}_copy", model.name)
}

/// Away with one copy.
pub(crate) fn drop_table(table: &Table, copy: u32) -> String {
    format!("drop table if exists {};\n", table.stored_name(copy))
}
