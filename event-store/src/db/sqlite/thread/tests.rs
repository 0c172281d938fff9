//! A thread of a database and a job that panics.

use super::*;

#[tokio::test]
async fn a_statement_that_panics_leaves_the_thread_and_no_transaction_behind() {
    let directory = tempfile::tempdir().unwrap();
    let worker =
        Worker::start(&directory.path().join("one.db"), "create table things (id integer);").unwrap();
    let panicked = worker.ask(|connection| {
        let transaction = connection.transaction().unwrap();
        transaction.execute("insert into things values (1)", []).unwrap();
        assert!(transaction.is_autocommit(), "a statement of ours is wrong");
    });
    assert!(panicked.await.is_err());
    assert!(worker.is_alive());
    let count = |connection: &mut Connection| -> i64 {
        connection.query_row("select count(*) from things", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(worker.ask(count).await.unwrap(), 0);
}
