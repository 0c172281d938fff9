//! The README's story, and the seed's proofs.

use serde_json::json;

use crate::{converged, create, installation, systems_are, until, up};

#[tokio::test]
async fn a_tenant_is_created_converges_is_suspended_and_resumed() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;

    let created = create(&operator, "acme").await;
    assert_eq!(created.body["status"], "pending");
    converged(&operator, "acme").await;

    let suspended = operator
        .post("/tenants/acme/suspend", &json!({ "reason": "Owner asked for a pause" }))
        .await
        .unwrap();
    assert_eq!((suspended.status, &suspended.body["status"]), (200, &json!("suspended")));
    until(&operator, "/tenants/acme", "was shut everywhere", |tenant| {
        systems_are(&tenant["provisioning"]["accessRevoked"], &json!(true))
    })
    .await;

    let resumed = operator.post("/tenants/acme/resume", &json!({})).await.unwrap();
    assert_eq!((resumed.status, &resumed.body["status"]), (200, &json!("active")));
    until(&operator, "/tenants/acme", "was open everywhere", |tenant| {
        systems_are(&tenant["provisioning"]["accessRevoked"], &json!(false))
            && systems_are(&tenant["provisioningStatus"], &json!("ok"))
    })
    .await;
}

#[tokio::test]
async fn a_partner_is_made_once_and_by_operators_only() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    let customer = installation.client("portal", None).await.unwrap();
    let stranger = installation.client("operator", Some("stranger@dezky.local")).await.unwrap();
    let body = json!({ "slug": "test-partner", "name": "Test Partner" });

    assert_eq!(operator.post("/partners", &body).await.unwrap().status, 201);
    let again = operator.post("/partners", &body).await.unwrap();
    assert_eq!(again.status, 409);
    assert!(again.body["detail"].as_str().unwrap().contains("already exists"));

    let refused = customer.post("/partners", &body).await.unwrap();
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body["detail"], "This endpoint requires an operator-scoped token");
    let unknown = stranger.post("/partners", &body).await.unwrap();
    assert_eq!((unknown.status, &unknown.body["code"]), (403, &json!("not-a-platform-admin")));
}

#[tokio::test]
async fn a_customer_does_not_learn_that_another_tenant_exists() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    let customer = installation.client("portal", Some("ada@example.com")).await.unwrap();
    assert_eq!(customer.get("/users/me").await.unwrap().status, 200);

    let mut foreign = customer.get("/tenants/acme").await.unwrap().body;
    let mut unknown = customer.get("/tenants/nobody").await.unwrap().body;
    for body in [&mut foreign, &mut unknown] {
        let body = body.as_object_mut().unwrap();
        body.remove("instance");
        body.remove("requestId");
    }
    assert_eq!(foreign, unknown);
    assert_eq!(foreign["status"], 404);
}
