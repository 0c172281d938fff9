//! The seam itself: transactions, snapshots, bulk work, and the plans of hot statements.

use std::collections::BTreeMap;

use super::*;
use crate::db::{Batch, Dialect, Expect, WriteError};
use crate::{load, tail};
use futures::FutureExt as _;

const TABLE: &str = "create table things (id bigint primary key, name text not null, note text)";

on_both_databases! {
    async fn a_transaction_is_all_or_nothing(place: &Place) {
        let db = with_table(place).await;
        for one_flush in [false, true] {
            let mut batch = Batch::new();
            batch.run("insert into things (id, name) values ($1, $2)", vec![1.into(), "one".into()], Expect::Rows(1));
            batch.run("update things set name = $2 where id = $1", vec![7.into(), "seven".into()], Expect::Rows(1));
            let batch = if one_flush { batch.in_one_flush() } else { batch };
            let failed = db.write(batch).await;
            assert!(matches!(failed, Err(WriteError::Expectation { step: 1, rows: 0 })), "{failed:?}");
            assert!(rows(&db, "select id from things").await.is_empty());
        }
    }

    async fn a_refused_row_is_told_from_a_broken_statement(place: &Place) {
        let db = with_table(place).await;
        for one_flush in [false, true] {
            let twice = |sql: &'static str| {
                let mut batch = Batch::new();
                batch.insert_many("things", &["id", "name"], vec![vec![1.into(), "one".into()]]);
                batch.run(sql, vec![], Expect::Any);
                if one_flush { batch.in_one_flush() } else { batch }
            };
            let refused = db.write(twice("insert into things (id, name) values (1, 'again')")).await;
            assert!(matches!(refused, Err(WriteError::Constraint { step: 1, .. })), "{refused:?}");
            let broken = db.write(twice("insert into nowhere (id) values (1)")).await;
            assert!(matches!(broken, Err(WriteError::Unavailable(_))), "{broken:?}");
            assert!(rows(&db, "select id from things").await.is_empty());
        }
    }

    async fn a_guard_that_does_not_hold_or_a_refused_row_leaves_nothing(place: &Place) {
        let db = with_table(place).await;
        let guarded = |expected: i64, rows: &[i64]| {
            let mut batch = Batch::new();
            let guard = "update log_head set position = position + 1 where id = 1 and position = $1";
            batch.run(guard, vec![expected.into()], Expect::Rows(1));
            let rows = rows.iter().map(|id| vec![(*id).into(), "thing".into()]);
            batch.insert_many("things", &["id", "name"], rows.collect());
            batch.in_one_flush()
        };
        db.execute_ddl("create table log_head (id bigint primary key, position bigint not null);
                        insert into log_head (id, position) values (1, 0)").await.unwrap();
        let overtaken = db.write(guarded(7, &[1])).await;
        assert!(matches!(overtaken, Err(WriteError::Expectation { step: 0, rows: 0 })), "{overtaken:?}");
        let refused = db.write(guarded(0, &[1, 2, 1])).await;
        assert!(matches!(refused, Err(WriteError::Constraint { step: 1, .. })), "{refused:?}");
        assert!(rows(&db, "select id from things").await.is_empty());
        assert_eq!(db.write(guarded(0, &[1, 2])).await.unwrap(), [1, 2]);
        // Of two with one guard, whoever comes second finds it moved.
        let (one, other) = futures::join!(db.write(guarded(1, &[3])), db.write(guarded(1, &[3])));
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
        let lost = if one.is_ok() { other } else { one };
        assert!(matches!(lost, Err(WriteError::Expectation { step: 0, rows: 0 })), "{lost:?}");
        assert_eq!(rows(&db, "select position, (select count(*) from things) from log_head").await, [[2.into(), Value::Int(3)]]);
    }

    async fn steps_run_in_their_order_however_many_there_are(place: &Place) {
        let db = with_table(place).await;
        for one_flush in [false, true] {
            let mut batch = Batch::new();
            batch.run("delete from things", vec![], Expect::Any);
            batch.run("insert into things (id, name) values (1, '0')", vec![], Expect::Rows(1));
            for step in 0..200_u32 {
                let params = vec![step.to_string().into(), (step + 1).to_string().into()];
                batch.run("update things set name = $2 where name = $1", params, Expect::Rows(1));
            }
            let batch = if one_flush { batch.in_one_flush() } else { batch };
            assert_eq!(db.write(batch).await.unwrap().len(), 202);
            assert_eq!(rows(&db, "select name from things").await, [[Value::from("200")]]);
        }
    }

    async fn a_parameter_is_bound_by_its_number(place: &Place) {
        let db = with_table(place).await;
        let sql = "select cast($2 as text), cast($1 as text), cast($2 as text)";
        let found = db.query(sql, &["one".into(), "two".into()]).await.unwrap();
        assert_eq!(found[0].clone().into_values(), ["two".into(), "one".into(), Value::from("two")]);
    }

    async fn many_rows_with_and_without_nulls(place: &Place) {
        let db = with_table(place).await;
        let mut batch = Batch::new();
        batch.insert_many("things", &["id", "name", "note"], vec![
            vec![1.into(), "one".into(), Value::Null],
            vec![2.into(), "two".into(), "noted".into()],
        ]);
        batch.insert_many("things", &["id", "name", "note"], vec![vec![3.into(), "three".into(), Value::Null]]);
        batch.insert_many_or("things", &["id", "name"], vec![vec![3.into(), "drei".into()]],
            "on conflict (id) do update set name = excluded.name");
        assert_eq!(db.write(batch).await.unwrap(), [2, 1, 1]);
        let found = rows(&db, "select name, note from things order by id").await;
        assert_eq!(found, [["one".into(), Value::Null], ["two".into(), "noted".into()], ["drei".into(), Value::Null]]);
    }

    async fn a_bulk_load_takes_more_than_one_page(place: &Place) {
        let db = with_table(place).await;
        let many = (0..12_345_i64).map(|id| vec![id.into(), format!("name {id}").into(), Value::Null]);
        assert_eq!(db.bulk_load("things", &["id", "name", "note"], many).await.unwrap(), 12_345);
        let counted = rows(&db, "select count(*), max(id), count(note) from things").await;
        assert_eq!(counted, [[12_345.into(), 12_344.into(), Value::Int(0)]]);
    }

    async fn a_snapshot_stays_at_its_moment(place: &Place) {
        let db = with_table(place).await;
        let add = |id: i64| {
            let mut batch = Batch::new();
            batch.insert_many("things", &["id", "name"], vec![vec![id.into(), "thing".into()]]);
            batch
        };
        db.write(add(1)).await.unwrap();
        let count = "select count(*) from things";
        let mut snapshot = db.snapshot().await.unwrap();
        assert_eq!(snapshot.query(count, &[]).await.unwrap()[0].int(0).unwrap(), 1);
        db.write(add(2)).await.unwrap();
        assert_eq!(snapshot.query(count, &[]).await.unwrap()[0].int(0).unwrap(), 1);
        drop(snapshot);
        // As often as there are readers: each is given back in order.
        for _ in 0..20 {
            let mut fresh = db.snapshot().await.unwrap();
            assert_eq!(fresh.query(count, &[]).await.unwrap()[0].int(0).unwrap(), 2);
        }
    }

    async fn a_snapshot_nobody_waits_for_any_more_leaves_no_reader_behind(place: &Place) {
        let db = with_table(place).await;
        let count = "select count(*) from things";
        for id in 1..=20_i64 {
            drop(db.snapshot().now_or_never());
            let mut batch = Batch::new();
            batch.insert_many("things", &["id", "name"], vec![vec![id.into(), "thing".into()]]);
            db.write(batch).await.unwrap();
            assert_eq!(db.query(count, &[]).await.unwrap()[0].int(0).unwrap(), id);
        }
    }

    async fn a_reader_cannot_write(place: &Place) {
        let db = with_table(place).await;
        assert!(db.query("insert into things (id, name) values (1, 'one')", &[]).await.is_err());
        let mut snapshot = db.snapshot().await.unwrap();
        assert!(snapshot.query("delete from things", &[]).await.is_err());
        drop(snapshot);
        assert!(rows(&db, "select id from things").await.is_empty());
    }

    async fn a_table_swapped_under_a_view_is_read_by_the_next_query(place: &Place) {
        let db = with_table(place).await;
        db.execute_ddl("create table things_v2 (id bigint primary key, name text not null, note bigint);
                        insert into things_v2 (id, name, note) values (1, 'one', 1);
                        create view shown as select id, note from things").await.unwrap();
        for _ in 0..10 {
            assert!(rows(&db, "select id, note from shown").await.is_empty());
        }
        db.execute_ddl("drop view shown; create view shown as select id, note from things_v2").await.unwrap();
        for _ in 0..10 {
            assert_eq!(rows(&db, "select id, note from shown").await, [[1.into(), Value::Int(1)]]);
        }
    }

    async fn a_failed_change_of_tables_changes_nothing(place: &Place) {
        let db = with_table(place).await;
        assert!(db.execute_ddl("drop table things; create table nonsense (").await.is_err());
        assert!(rows(&db, "select id from things").await.is_empty());
        db.execute_ddl("drop table things").await.unwrap();
    }

    async fn hot_reads_use_their_keys(place: &Place) {
        migrate_log(&place.url, noon()).await.unwrap();
        let db = place.by_hand().await;
        // Many names in one scope, and no statistics yet: as after the first busy minute.
        let names = (0..3_000).map(|number| vec!["email".into(), format!("name {number}").into(), "user-x".into()]);
        db.bulk_load("claims", &["scope", "value", "stream"], names).await.unwrap();
        let by_keys = db.by_keys(&load::reads(&[], &BTreeMap::new()));
        for sql in by_keys.iter().map(String::as_str).chain([tail::PAGE]) {
            let plan = plan(&db, sql).await;
            let is_by_key = match db.dialect() {
                Dialect::Sqlite => plan.contains("SEARCH") && !plan.contains("SCAN"),
                Dialect::Postgres => {
                    plan.contains("Index Cond") && !plan.contains("Seq Scan") && !plan.contains("Filter")
                }
            };
            assert!(is_by_key, "{sql}\n{plan}");
        }
        let mut reading = String::new();
        for sql in &by_keys {
            reading.push_str(&plan(&db, sql).await);
        }
        for (one, other) in [("stream", "version"), ("scope", "value")] {
            assert!(reading.lines().any(|line| line.contains(one) && line.contains(other)), "{reading}");
        }
    }
}

/// How a reader's connection runs a statement.
async fn plan(db: &Db, sql: &str) -> String {
    let (column, found) = match db.dialect() {
        Dialect::Sqlite => {
            let explain = format!("explain query plan {sql}");
            (3, db.query(&explain, &[]).await.unwrap())
        }
        Dialect::Postgres => {
            let mut snapshot = db.snapshot().await.unwrap();
            snapshot.query(&format!("prepare hot as {sql}"), &[]).await.unwrap();
            let known = snapshot.query(
                "select cardinality(parameter_types) from pg_prepared_statements where name = 'hot'",
                &[],
            );
            let nulls =
                vec!["null"; usize::try_from(known.await.unwrap()[0].int(0).unwrap()).unwrap()].join(", ");
            let explain = format!("explain execute hot({nulls})");
            let found = snapshot.query(&explain, &[]).await.unwrap();
            snapshot.query("deallocate hot", &[]).await.unwrap();
            (0, found)
        }
    };
    let lines = found.iter().map(|row| row.text(column).unwrap().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

async fn with_table(place: &Place) -> Db {
    let db = place.by_hand().await;
    db.execute_ddl(TABLE).await.unwrap();
    db
}
