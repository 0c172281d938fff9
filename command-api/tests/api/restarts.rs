//! What a client can rely on when the process behind the service goes away.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use crate::house::{ADMIN, House, NOW_SECONDS};
use test_identity::Idp;

/// A file for a log, removed at the end.
struct LogFile(PathBuf);

impl LogFile {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("dezky-api-test-{}", uuid::Uuid::now_v7())))
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{ending}", self.0.display()));
        }
    }
}

async fn open(log: &LogFile, idp: &Arc<Idp>) -> House {
    let email = ADMIN.parse().expect("an address");
    House::start(&log.url(), Arc::clone(idp), |config| {
        config.bootstrap_admin_email = Some(email);
    })
    .await
}

#[tokio::test]
async fn ec_51_a_stored_answer_survives_the_process() {
    let (log, idp) = (LogFile::new(), Arc::new(Idp::start(NOW_SECONDS).await));
    let operator = idp.operator(ADMIN);
    let body = json!({ "slug": "test-partner", "name": "Test Partner" });
    let house = open(&log, &idp).await;
    house.get("/users/me").by(&operator).send().await.expect(200);
    let first = house.post("/partners").by(&operator).key("k-1").json(&body).send().await.expect(201);
    drop(house);
    let house = open(&log, &idp).await;
    let head = house.store.head();
    let again = house.post("/partners").by(&operator).key("k-1").json(&body).send().await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json, first.json);
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn ec_52_a_failure_is_not_an_answer_to_a_key() {
    let (log, idp) = (LogFile::new(), Arc::new(Idp::start(NOW_SECONDS).await));
    let operator = idp.operator(ADMIN);
    let body = json!({ "slug": "test-partner", "name": "Test Partner" });
    let house = open(&log, &idp).await;
    house.get("/users/me").by(&operator).send().await.expect(200);
    house.stop_log();
    while house.store.is_alive() {
        tokio::task::yield_now().await;
    }
    let failed = house.post("/partners").by(&operator).key("k-1").json(&body).send().await;
    let failed = failed.refused(503, "event-store-unavailable");
    assert_eq!(failed.json["retryable"], true);
    assert!(!failed.header("retry-after").is_empty());
    drop(house);
    let house = open(&log, &idp).await;
    let done = house.post("/partners").by(&operator).key("k-1").json(&body).send().await.expect(201);
    assert_eq!(done.header("idempotency-replayed"), "");
}
