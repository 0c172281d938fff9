//! Kills and restarts: in one process, and as three processes on Postgres.

use serde_json::json;
use test_postgres::TestPostgres;
use test_process::{Installation, Running};

use crate::{converged, create, installation, outside, systems_are, until, up};

#[tokio::test]
async fn ec_60_what_was_acknowledged_is_there_after_kill_9() {
    let installation = installation();
    let (running, operator) = up(&installation).await;
    for number in 0..5 {
        create(&operator, &format!("tenant-{number}")).await;
    }
    running.kill().await.unwrap();
    let (_running, operator) = up(&installation).await;
    for number in 0..5 {
        converged(&operator, &format!("tenant-{number}")).await;
    }
    let (code, printed, _) = installation.run(&["verify", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{printed}");
}

/// Migrated on Postgres, with the outside systems; nothing if there is no Postgres.
async fn on_postgres() -> Option<(Installation, Running)> {
    let database = TestPostgres::database().await?;
    let mut installation = installation();
    let outside = outside(&mut installation).await;
    installation.set("DEZKY_LOG_URL", database);
    let (code, _, errors) = installation.run(&["migrate"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    Some((installation, outside))
}

async fn role(installation: &Installation, name: &str) -> Running {
    let mut running = installation.start(&[name]).unwrap();
    if name == "command-api" {
        installation.ready(&mut running).await.unwrap();
    }
    running
}

#[tokio::test]
async fn three_processes_share_one_postgres_and_any_may_be_killed() {
    let Some((installation, _outside)) = on_postgres().await else { return };

    let projector = role(&installation, "projector").await;
    let api = role(&installation, "command-api").await;
    let reconciler = role(&installation, "reconciler").await;
    let operator = installation.client("operator", None).await.unwrap();
    assert_eq!(operator.get("/users/me").await.unwrap().status, 200);
    create(&operator, "first").await;
    converged(&operator, "first").await;

    reconciler.kill().await.unwrap();
    create(&operator, "second").await;
    let _reconciler = role(&installation, "reconciler").await;
    converged(&operator, "second").await;

    projector.kill().await.unwrap();
    create(&operator, "third").await;
    let _projector = role(&installation, "projector").await;
    converged(&operator, "third").await;

    api.kill().await.unwrap();
    let _api = role(&installation, "command-api").await;
    let held = operator.post("/tenants/third/suspend", &json!({})).await.unwrap();
    assert_eq!(held.status, 200, "{}", held.body);
    until(&operator, "/tenants/third", "was shut everywhere", |tenant| {
        systems_are(&tenant["provisioning"]["accessRevoked"], &json!(true))
    })
    .await;
    let (code, printed, _) = installation.run(&["verify", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test]
async fn ec_76_a_first_start_of_two_processes_at_once_makes_one_tenant_of_our_own() {
    let Some((mut installation, _outside)) = on_postgres().await else { return };

    let _projector = installation.start(&["projector"]).unwrap();
    let mut first = installation.start(&["command-api"]).unwrap();
    let there = installation.setting("DEZKY_LISTEN").unwrap().to_owned();
    installation.set("DEZKY_LISTEN", test_process::free_address().unwrap().to_string());
    let mut second = installation.start(&["command-api"]).unwrap();
    installation.ready(&mut second).await.unwrap();
    installation.set("DEZKY_LISTEN", there);
    installation.ready(&mut first).await.unwrap();

    let operator = installation.client("operator", None).await.unwrap();
    assert_eq!(operator.get("/users/me").await.unwrap().status, 200);
    until(&operator, "/tenants", "listed one tenant", |list| {
        list["data"].as_array().is_some_and(|tenants| tenants.len() == 1 && tenants[0]["slug"] == "dezky")
    })
    .await;
}
