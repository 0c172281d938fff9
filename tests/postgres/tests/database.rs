//! Each call gives another database.

use test_postgres::TestPostgres;

#[tokio::test]
async fn every_test_gets_a_database_of_its_own() {
    let Some(first) = TestPostgres::database().await else {
        return;
    };
    let second = TestPostgres::database().await.expect("the same server again");
    assert_ne!(first, second);
    assert!(first.starts_with("postgres://"));
}
