//! `?validate_only=true`: the same way to the same answer, and nothing happens.

use axum::http::Method;
use serde_json::{Value, json};

use crate::house::House;

fn kinds(events: &Value) -> Vec<String> {
    events
        .as_array()
        .expect("events")
        .iter()
        .map(|event| event["kind"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// One command of each kind, each on the ground of those before it.
fn commands(admin: &str) -> Vec<(Method, &str, Value)> {
    vec![
        (Method::POST, "/partners", json!({ "slug": "reseller", "name": "Reseller" })),
        (
            Method::POST,
            "/tenants",
            json!({ "name": "Acme", "slug": "acme", "owner": { "email": "ada@owner.example" } }),
        ),
        (Method::POST, "/tenants/acme/users", json!({ "email": "new@acme.example", "role": "admin" })),
        (Method::POST, "/tenants/acme/domains", json!({ "domain": "acme.dk" })),
        (Method::POST, "/tenants/acme/domains/acme.dk/verify", json!({ "method": "operator" })),
        (Method::POST, "/tenants/acme/domains/acme.dk/make-primary", json!({})),
        (Method::DELETE, "/tenants/acme/domains/acme.dk", Value::Null),
        (
            Method::PATCH,
            "/tenants/acme",
            json!({ "name": "Other", "domains": ["a.dk"], "partnerId": "reseller" }),
        ),
        (Method::POST, "/tenants/acme/suspend", json!({ "reason": "Asked" })),
        (Method::POST, "/tenants/acme/resume", json!({})),
        (Method::DELETE, "/partners/reseller/tenants/acme", Value::Null),
        (Method::POST, "/partners/reseller/tenants", json!({ "tenant": "acme" })),
        (Method::DELETE, "/tenants/acme", Value::Null),
        (Method::POST, "/tenants/acme/restore", json!({})),
        (Method::PATCH, "/partners/reseller", json!({ "marginPct": 5 })),
        (Method::POST, "/partners/reseller/terminate", json!({})),
        (Method::POST, admin, json!({ "reason": "Joins" })),
        (Method::DELETE, admin, json!({ "reason": "Leaves" })),
    ]
}

#[tokio::test]
async fn ec_58_a_rehearsal_lists_the_events_of_the_real_run() {
    let (house, operator) = House::with_operator().await;
    let me = house.get("/users/me").by(&house.idp.operator("second@dezky.example")).send().await.expect(200);
    let admin = format!("/users/{}/platform-admin", me.json["id"].as_str().expect("an id"));
    house.customer("new@acme.example").await;
    for (method, path, body) in commands(&admin) {
        let query = if method == Method::DELETE && !body.is_null() { "reason=Leaves&" } else { "" };
        let call = |query: &str| {
            let call = house.call(method.clone(), &format!("{path}?{query}")).by(&operator);
            if method == Method::DELETE { call } else { call.json(&body) }
        };
        let head = house.store.head();
        let rehearsed = call(&format!("{query}validate_only=true")).key("ignored").send().await.expect(200);
        assert_eq!(rehearsed.json["valid"], true, "{path}: {}", rehearsed.text);
        assert_eq!(house.store.head(), head, "{path}");
        let done = call(query.trim_end_matches('&')).send().await;
        assert!(done.status.is_success(), "{path}: {}", done.text);
        let events = house.store.follow(head).available(1000).await.expect("events");
        let real: Vec<String> = events
            .iter()
            .map(|entry| match entry {
                event_store::Entry::Event(recorded) => recorded.event.encode().expect("encoded").kind,
                event_store::Entry::Malformed { .. } => panic!("our own events can be read"),
            })
            .collect();
        let mut listed = kinds(&rehearsed.json["events"]);
        let mut sorted = real.clone();
        listed.sort();
        sorted.sort();
        assert_eq!(listed, sorted, "{path}");
    }
}

#[tokio::test]
async fn a_rehearsal_says_what_would_be_refused() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    let refused =
        house.post("/tenants?validate_only=true").by(&operator).json(&body).send().await.expect(200);
    assert_eq!(refused.json["valid"], false);
    assert_eq!(refused.json["problems"][0]["code"], "already-exists");
    let invalid =
        house.post("/partners?validate_only=true").by(&operator).json(&json!({})).send().await.expect(200);
    assert_eq!(invalid.json["problems"][0]["code"], "validation-failed");
    let odd = house.post("/partners?validate_only=maybe").by(&operator).json(&json!({})).send().await;
    odd.refused(400, "malformed-query");
    let portal = house.customer("ada@acme.example").await;
    house
        .post("/partners?validate_only=true")
        .by(&portal)
        .json(&json!({}))
        .send()
        .await
        .refused(403, "operator-scope-required");
    house
        .post("/tenants/acme/suspend?validate_only=true")
        .by(&portal)
        .send()
        .await
        .refused(403, "operator-scope-required");
}

#[tokio::test]
async fn a_rehearsal_shows_what_would_follow_outside() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house.member(&operator, "acme", "owner").await;
    let rehearsed =
        house.post("/tenants/acme/suspend?validate_only=true").by(&operator).send().await.expect(200);
    assert_eq!(rehearsed.json["desiredChanges"]["ocis"], json!(["look at files"]));
    assert_eq!(
        rehearsed.json["impact"],
        json!({ "users": 1, "mailboxes": 0, "spaces": 1, "mrrDelta": null })
    );
}
