//! Tables are brought up to date once, and a changed release is refused.

use futures::future::join_all;

use super::*;
use crate::db::{Batch, Expect};
use crate::{MigrationError, check_views, migrate_views};

on_both_databases! {
    async fn a_second_migration_does_nothing(place: &Place) {
        assert_eq!(migrate_log(&place.url, noon()).await.unwrap(), ["log/0001_log.sql"]);
        let secret = rows(&place.by_hand().await, "select secret from keys").await;
        assert!(migrate_log(&place.url, noon()).await.unwrap().is_empty());
        assert_eq!(rows(&place.by_hand().await, "select secret from keys").await, secret);
    }

    async fn several_processes_may_migrate_at_once(place: &Place) {
        let all = join_all((0..4).map(|_| migrate_log(&place.url, noon()))).await;
        let applied: usize = all.into_iter().map(|applied| applied.unwrap().len()).sum();
        assert_eq!(applied, 1);
        assert_eq!(rows(&place.by_hand().await, "select id from keys").await.len(), 1);
    }

    async fn a_log_without_its_tables_is_not_opened(place: &Place) {
        let opened = EventStore::open(Config { url: place.url.clone(), clock: noon }).await.err().unwrap();
        assert!(matches!(opened, StoreError::Migration(MigrationError::Missing("log/0001_log.sql"))));
    }

    async fn a_changed_or_unknown_release_is_refused(place: &Place) {
        migrate_log(&place.url, noon()).await.unwrap();
        set(place, "update schema_migrations set checksum = 'another'").await;
        let changed = migrate_log(&place.url, noon()).await.unwrap_err();
        assert!(matches!(changed, StoreError::Migration(MigrationError::Changed("log/0001_log.sql"))));
        set(place, "update schema_migrations set name = 'log/0002_from_the_future.sql'").await;
        let newer = EventStore::open(Config { url: place.url.clone(), clock: noon }).await.err().unwrap();
        assert!(matches!(newer, StoreError::Migration(MigrationError::Newer(name)) if name == "log/0002_from_the_future.sql"));
    }

    async fn log_and_views_may_share_one_database(place: &Place) {
        migrate_log(&place.url, noon()).await.unwrap();
        let db = place.by_hand().await;
        assert!(check_views(&db).await.is_err());
        let made = migrate_views(&db, noon()).await.unwrap();
        assert_eq!(made, ["views/0001_work.sql", "views/0002_reconciler.sql"]);
        check_views(&db).await.unwrap();
        assert!(rows(&db, "select read_model from checkpoints").await.is_empty());
        EventStore::open(Config { url: place.url.clone(), clock: noon }).await.unwrap();
    }
}

async fn set(place: &Place, sql: &'static str) {
    let mut batch = Batch::new();
    batch.run(sql, vec![], Expect::Rows(1));
    place.by_hand().await.write(batch).await.unwrap();
}

#[tokio::test]
async fn a_log_in_memory_is_made_in_one_go() {
    let store =
        EventStore::create(Config { url: "sqlite::memory:".parse().unwrap(), clock: noon }).await.unwrap();
    let log = TestLog::run(store);
    assert_eq!(log.execute(register(1, "one")).await.unwrap().position, 2);
    assert_sound(&log).await;
    log.stop().await;
}
