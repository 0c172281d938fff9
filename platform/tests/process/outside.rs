//! Outside systems that are away, and changes made there by hand.

use serde_json::{Value, json};
use test_process::Installation;

use crate::{converged, create, installation, outside, systems_are, until, up};

#[tokio::test]
async fn tenants_made_during_an_outage_converge_when_it_is_over() {
    let mut installation = installation();
    let away = outside(&mut installation).await;
    let (_running, operator) = up(&installation).await;
    away.kill().await.unwrap();
    for number in 0..3 {
        create(&operator, &format!("tenant-{number}")).await;
    }
    let pending = operator.get("/tenants/tenant-0").await.unwrap();
    assert_eq!(pending.body["status"], "pending");
    let _back = outside(&mut installation).await;
    for number in 0..3 {
        converged(&operator, &format!("tenant-{number}")).await;
    }
}

async fn authentik(installation: &Installation, method: reqwest::Method, path: &str, body: Value) -> Value {
    let url = format!("{}{path}", installation.setting("AUTHENTIK_API_URL").unwrap());
    let client = reqwest::Client::builder().build().unwrap();
    let mut request =
        client.request(method, url).bearer_auth(installation.setting("DEZKY_AUTHENTIK_TOKEN").unwrap());
    if !body.is_null() {
        request = request.json(&body);
    }
    let bytes = request.send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[tokio::test]
async fn a_sweep_finds_and_heals_what_was_changed_by_hand() {
    let mut installation = installation();
    let _outside = outside(&mut installation).await;
    installation.set("DEZKY_SWEEP_SECONDS", "1");
    let (_running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    converged(&operator, "acme").await;

    let path = "/api/v3/core/groups/?name=dezky-tenant-acme";
    let found = authentik(&installation, reqwest::Method::GET, path, Value::Null).await;
    let group = found["results"][0]["pk"].as_str().unwrap().to_owned();
    let path = format!("/api/v3/core/groups/{group}/");
    authentik(&installation, reqwest::Method::PATCH, &path, json!({ "name": "renamed-by-hand" })).await;

    until(
        &operator,
        "/tenants/acme/audit?action=provisioning.drift.detected",
        "noticed the change",
        |audit| audit["data"].as_array().is_some_and(|entries| !entries.is_empty()),
    )
    .await;
    until(&operator, "/tenants/acme", "was healed", |tenant| {
        systems_are(&tenant["provisioningStatus"], &json!("ok"))
    })
    .await;
    let healed = authentik(&installation, reqwest::Method::GET, &path, Value::Null).await;
    assert_eq!(healed["name"], "dezky-tenant-acme");
}
