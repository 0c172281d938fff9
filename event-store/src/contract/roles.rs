//! The platform under a role that cannot change what has happened.

use super::*;
use crate::db::{Batch, Expect, WriteError};
use crate::migrate_views;

const GRANTS: &str = include_str!("../../../schema/grants/postgres.sql");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_granted_role_runs_the_log_and_cannot_change_what_has_happened() {
    let Some(url) = test_postgres::TestPostgres::database().await else {
        return;
    };
    let owner = Db::open(&url.parse().unwrap(), Purpose::Log).await.unwrap();
    migrate_log(&url.parse().unwrap(), noon()).await.unwrap();
    migrate_views(&owner, noon()).await.unwrap();
    // Roles belong to the whole server, and other tests may run on it.
    let role = format!("dezky_{}", Uuid::now_v7().simple());
    owner.execute_ddl(&format!("create role {role} login password '{role}'")).await.unwrap();
    owner.execute_ddl(&GRANTS.replace("to dezky;", &format!("to {role};"))).await.unwrap();
    let forgotten = "select relname::text from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace \
                     and not has_table_privilege($1, oid, 'select')";
    assert!(
        owner.query(forgotten, &[role.as_str().into()]).await.unwrap().is_empty(),
        "a table without a grant"
    );
    let (scheme, rest) = url.split_once("://").unwrap();
    let place = rest.split_once('@').map_or(rest, |(_, place)| place);
    let place = Place { url: format!("{scheme}://{role}:{role}@{place}").parse().unwrap(), _directory: None };

    let log = place.start().await;
    log.keyed(register(1, "one"), "k", "body").await.unwrap();
    log.execute(rename(1, "Other")).await.unwrap();
    assert!(log.keyed(register(1, "one"), "k", "body").await.unwrap().replayed.is_some());
    assert_eq!(log.store.prune(noon().plus_days(8)).await.unwrap(), 1);
    assert_eq!(log.store.rebuild_claims().await.unwrap(), 1);
    assert_sound(&log).await;

    let db = place.by_hand().await;
    for sql in [
        "update events set data = '{}'",
        "update events set personal = null",
        "delete from events",
        "truncate events",
        "update commits set chain = ''",
        "delete from commits",
        "delete from log_head",
        "update keys set secret = ''",
        "drop table events",
        "alter table events disable trigger all",
    ] {
        let mut batch = Batch::new();
        batch.run(sql, vec![], Expect::Any);
        let refused = db.write(batch).await.unwrap_err();
        let WriteError::Unavailable(error) = refused else { panic!("{sql}: {refused}") };
        let said = std::error::Error::source(&error).unwrap().to_string();
        assert!(said.starts_with("42501"), "{sql}: {said}");
    }
    db.execute_ddl("create table shown_v1 (id bigint); drop table shown_v1").await.unwrap();
    let before = log.store.read_head().await.unwrap();
    log.execute(rename(1, "Third")).await.unwrap();
    assert_eq!(log.store.read_head().await.unwrap(), before + 1);
    assert_sound(&log).await;

    log.stop().await;
    drop(db);
    owner.execute_ddl(&format!("drop owned by {role}; drop role {role}")).await.unwrap();
}
