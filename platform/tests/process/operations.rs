//! What operators run beside the platform: replay, rollback, plan, status, backup, restore.

use serde_json::Value;
use test_postgres::TestPostgres;

use crate::{converged, create, installation, up};

fn json(printed: &str) -> Value {
    serde_json::from_str(printed).unwrap_or_else(|error| panic!("one JSON document, not {printed}: {error}"))
}

#[tokio::test]
async fn a_replay_under_load_never_makes_a_read_fail() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    for number in 0..5 {
        create(&operator, &format!("tenant-{number}")).await;
    }
    let reader = operator.clone();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let reads = tokio::spawn(async move {
        let mut count = 0_u64;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let answer = reader.get("/tenants").await.expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.body);
            count += 1;
        }
        count
    });
    for _ in 0..2 {
        let (code, printed, errors) = installation.run(&["replay", "tenants"]).await.unwrap();
        assert_eq!(code, 0, "{printed}{errors}");
    }
    let (code, _, errors) = installation.run(&["rollback", "tenants"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    create(&operator, "after-rollback").await;
    converged(&operator, "after-rollback").await;
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reads.await.unwrap() > 0);
    let (code, printed, _) = installation.run(&["verify", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test]
async fn a_plan_of_a_converged_tenant_has_no_step_and_changes_nothing() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    converged(&operator, "acme").await;
    let (code, printed, errors) = installation.run(&["plan", "acme", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let plan = json(&printed);
    for system in ["authentik", "stalwart", "ocis"] {
        assert_eq!(plan["systems"][system]["steps"], serde_json::json!([]), "{plan}");
    }
    let (code, _, errors) = installation.run(&["plan", "nobody"]).await.unwrap();
    assert_ne!(code, 0);
    assert!(errors.contains("nobody"), "{errors}");
}

#[tokio::test]
async fn status_says_where_everything_stands() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    converged(&operator, "acme").await;
    let (code, printed, _) = installation.run(&["status", "--json"]).await.unwrap();
    assert_eq!(code, 0);
    let status = json(&printed);
    assert!(status["head"].as_u64().unwrap() > 0, "{status}");
    assert!(
        status["readModels"].as_array().unwrap().iter().any(|model| model["name"] == "tenants"),
        "{status}"
    );
}

#[tokio::test]
async fn a_backup_of_sqlite_is_restored_into_postgres() {
    let Some(database) = TestPostgres::database().await else { return };
    let here = installation();
    let (running, operator) = up(&here).await;
    create(&operator, "acme").await;
    converged(&operator, "acme").await;
    let file = here.folder().join("copy.backup").display().to_string();
    let (code, _, errors) = here.run(&["backup", &file]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    running.kill().await.unwrap();

    let mut there = installation();
    there.set("DEZKY_LOG_URL", database);
    let (code, _, errors) = there.run(&["restore", &file]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let (code, _, errors) = there.run(&["restore", &file]).await.unwrap();
    assert_ne!(code, 0, "a log that is not empty must not be overwritten");
    assert!(errors.contains("empty"), "{errors}");
    let (_running, operator) = up(&there).await;
    assert_eq!(operator.get("/tenants/acme").await.unwrap().status, 200);
    let (code, printed, _) = there.run(&["verify", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{printed}");
}
