//! The contract against real answers: every shape has exactly the names the document says.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::House;

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn documented<'a>(contract: &'a Value, shape: &str) -> BTreeSet<&'a str> {
    names(&contract["components"]["schemas"][shape]["properties"])
}

#[tokio::test]
async fn real_answers_have_the_documented_names() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "name": "Acme", "slug": "acme", "domains": ["acme.dk"], "owner": { "email": "ada@acme.dk" } });
    let tenant = house.post("/tenants").by(&operator).json(&body).send().await.expect(201).json;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    house
        .post("/partners")
        .by(&operator)
        .json(&json!({ "slug": "reseller", "name": "R" }))
        .send()
        .await
        .expect(201);
    let second = house.get("/me").by(&house.idp.operator("second@dezky.example")).send().await.expect(200);
    let admin = format!("/users/{}/platform-admin", second.json["id"].as_str().expect("an id"));
    let user =
        house.post(&admin).by(&operator).json(&json!({ "reason": "Joins" })).send().await.expect(200).json;
    house.provider.is_busy.store(true, std::sync::atomic::Ordering::SeqCst);
    let reconcile = house.post("/tenants/acme/reconcile").by(&operator).header("prefer", "wait=0");
    let operation = reconcile.send().await.expect(202).json;
    let contract = house.get("/openapi.json").send().await.expect(200).json;
    let read = async |path: &str| house.get(path).by(&operator).fresh().send().await.expect(200).json;
    let first = |list: Value| list["data"][0].clone();
    let shapes = [
        ("Health", read("/health").await),
        ("Readiness", read("/readyz").await),
        ("Version", read("/version").await),
        ("User", user),
        ("Me", read("/users/me").await),
        ("Tenant", read("/tenants/acme").await),
        ("Tenant", first(read("/tenants").await)),
        ("TenantList", read("/tenants").await),
        ("Partner", read("/partners/reseller").await),
        ("Member", first(read("/tenants/acme/users").await)),
        ("MemberList", read("/tenants/acme/members").await),
        ("Invitation", first(read("/tenants/acme/invitations").await)),
        ("Domain", first(read("/tenants/acme/domains").await)),
        ("Domain", read("/tenants/acme/domains/acme.dk").await),
        ("Hold", first(read("/tenants/acme/holds").await)),
        ("AuditEntry", first(read("/tenants/acme/audit").await)),
        ("AuditList", read("/partners/reseller/audit").await),
        ("Provisioning", read("/tenants/acme/provisioning").await),
        ("Integration", read("/tenants/acme/provisioning/authentik").await),
        ("Operation", operation),
        ("Availability", read("/tenants/availability?slug=free").await),
    ];
    for (shape, answer) in &shapes {
        assert_eq!(names(answer), documented(&contract, shape), "{shape}: {answer}");
    }
    let problem = house.get("/nowhere").send().await.refused(404, "route-not-found");
    assert_eq!(names(&problem.json), documented(&contract, "Problem"));
}
