//! Suspend, resume, terminate, restore: what repeats, what is refused, what stays.

use domain::One;
use domain::tenant::Tenant;
use schema::provisioning::Access;
use schema::tenant::HoldKind;
use schema::{HoldId, TenantCommand, TenantId};
use serde_json::json;
use uuid::Uuid;

use crate::house::House;

fn id(tenant: &serde_json::Value) -> TenantId {
    tenant["id"].as_str().expect("an id").parse().expect("an id")
}

#[tokio::test]
async fn ec_2_resume_takes_the_operator_hold_and_lists_the_other() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    let command = TenantCommand::PlaceHold {
        hold_id: HoldId::from_uuid(Uuid::now_v7()),
        kind: HoldKind::NonPayment,
        reason: None,
        customer_message: None,
        until: None,
    };
    house.act(One::<Tenant> { stream: id(&tenant).into(), command }).await;
    let resumed = house.post("/tenants/acme/resume").by(&operator).send().await.expect(200);
    assert_eq!(resumed.json["status"], "suspended");
    let kinds: Vec<_> =
        resumed.json["holds"].as_array().expect("holds").iter().map(|hold| hold["kind"].clone()).collect();
    assert_eq!(kinds, [json!("nonPayment")]);
}

#[tokio::test]
async fn ec_4_saying_it_again_is_no_news() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    for verb in ["suspend", "resume", "terminate", "restore"] {
        let path = format!("/tenants/acme/{verb}");
        let first = house.post(&path).by(&operator).send().await.expect(200);
        let head = house.store.head();
        let again = house.post(&path).by(&operator).send().await.expect(200);
        assert_eq!(again.json["version"], first.json["version"], "{verb}");
        assert_eq!(again.json["status"], first.json["status"], "{verb}");
        assert_eq!(house.store.head(), head, "{verb}");
    }
}

#[tokio::test]
async fn ec_7_a_tenant_that_ends_takes_nothing_new() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house
        .post("/partners")
        .by(&operator)
        .json(&json!({ "slug": "reseller", "name": "Reseller" }))
        .send()
        .await
        .expect(201);
    house.customer("new@acme.example").await;
    house.delete("/tenants/acme").by(&operator).send().await.expect(200);
    let head = house.store.head();
    let attempts = [
        house.post("/tenants/acme/users").json(&json!({ "email": "new@acme.example", "role": "member" })),
        house.post("/tenants/acme/domains").json(&json!({ "domain": "acme.dk" })),
        house.patch("/tenants/acme").json(&json!({ "partnerId": "reseller" })),
        house.post("/partners/reseller/tenants").json(&json!({ "tenant": "acme" })),
    ];
    for attempt in attempts {
        attempt.by(&operator).send().await.refused(409, "tenant-terminating");
    }
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn ec_10_a_slug_is_never_used_again() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.delete("/tenants/acme?graceDays=0").by(&operator).send().await.expect(200);
    let tenant_id = id(&tenant);
    house.act(domain::acts::CompleteTermination { tenant_id, subscription_id: None }).await;
    let gone = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(gone.json["status"], "terminated");
    let body = json!({ "name": "Acme", "slug": "acme" });
    house.post("/tenants").by(&operator).json(&body).send().await.refused(409, "already-exists");
    house.post("/tenants/acme/restore").by(&operator).send().await.refused(409, "invalid-transition");
    let named =
        house.post("/tenants").by(&operator).json(&json!({ "name": "Acme" })).send().await.expect(201);
    assert_eq!(named.json["slug"], "acme-2");
}

#[tokio::test]
async fn ec_11_a_confirmation_must_match_when_it_is_given() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let wrong = house.delete("/tenants/acme?confirm=acmee").by(&operator).send().await;
    wrong.refused(422, "confirmation-mismatch");
    let ending = house.delete("/tenants/acme").by(&operator).send().await.expect(200);
    assert_eq!(ending.json["status"], "terminating");
    assert_eq!(ending.json["termination"]["graceDays"], 30);
}

#[tokio::test]
async fn n6_the_truth_about_doors_is_told_at_each_moment() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let text = tenant["id"].as_str().expect("an id").to_owned();
    house.converge(&text).await;
    let suspended = house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    assert_eq!(suspended.json["status"], "suspended");
    let revoked = |json: &serde_json::Value| json["provisioning"]["accessRevoked"].clone();
    let nobody = json!({ "authentik": false, "stalwart": false, "ocis": false });
    assert_eq!(revoked(&suspended.json), nobody);

    house.doors(&text, Access::Revoked).await;
    let held = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(revoked(&held.json), json!({ "authentik": true, "stalwart": true, "ocis": true }));

    let resumed = house.post("/tenants/acme/resume").by(&operator).send().await.expect(200);
    assert_eq!(resumed.json["status"], "active");
    house.doors(&text, Access::Open).await;
    let open = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(revoked(&open.json), nobody);
}

#[tokio::test]
async fn n5_reconcile_answers_when_everything_has_settled() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let answer = house.post("/tenants/acme/reconcile").by(&operator).send().await.expect(200);
    assert_eq!(
        answer.json["provisioningStatus"],
        json!({ "authentik": "ok", "stalwart": "ok", "ocis": "ok" })
    );
    assert_eq!(house.provider.asked.lock().expect("a lock").len(), 1);

    house.provider.is_busy.store(true, std::sync::atomic::Ordering::SeqCst);
    let later = house
        .post("/tenants/acme/reconcile")
        .by(&operator)
        .header("prefer", "wait=0")
        .send()
        .await
        .expect(202);
    assert_eq!(later.json["state"], "running");
    assert_eq!(later.json["progress"], json!({ "done": 0, "total": 3 }));
    let location = later.header("location").to_owned();
    assert_eq!(location, format!("/operations/{}", later.json["id"].as_str().expect("an id")));
    let running = house.get(&location).by(&operator).send().await.expect(200);
    assert_eq!(running.json, later.json);
    assert_eq!(running.header("retry-after"), "1");
    let stranger = house.customer("eve@elsewhere.example").await;
    house.get(&location).by(&stranger).send().await.refused(404, "operation-not-found");
    house.provider.is_busy.store(false, std::sync::atomic::Ordering::SeqCst);
    let done = house.get(&location).by(&operator).send().await.expect(200);
    assert_eq!(done.json["state"], "succeeded");
    assert_eq!(done.json["result"]["provisioningStatus"]["ocis"], "ok");
    assert!(done.json["finishedAt"].is_string());
}

#[tokio::test]
async fn a_hold_says_why_and_until_when() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let body = json!({ "reason": "Asked for a pause", "customerMessage": "Paused.", "until": "2026-12-01T00:00:00Z" });
    let held = house.post("/tenants/acme/suspend").by(&operator).json(&body).send().await.expect(200);
    let placed = &held.json["holds"][0];
    assert_eq!(placed["reason"], "Asked for a pause");
    assert_eq!(placed["until"], "2026-12-01T00:00:00.000Z");
    let id = placed["id"].as_str().expect("an id");
    let listed = house.get("/tenants/acme/holds").by(&operator).fresh().send().await.expect(200);
    assert_eq!(listed.json["data"][0]["id"], id);
    let released = house.delete(&format!("/tenants/acme/holds/{id}")).by(&operator).send().await.expect(200);
    assert_eq!(released.json["holds"], json!([]));
    let never = "/tenants/acme/holds/hld_01jd8r1a3c5e7g9j1m3p5r7t9v";
    house.delete(never).by(&operator).send().await.refused(404, "hold-not-found");
    let past = json!({ "until": "2020-01-01T00:00:00Z" });
    house
        .post("/tenants/acme/suspend")
        .by(&operator)
        .json(&past)
        .send()
        .await
        .refused(422, "validation-failed");
    let abuse =
        house.post("/tenants/acme/suspend").by(&operator).json(&json!({ "kind": "abuse" })).send().await;
    assert_eq!(abuse.refused(422, "validation-failed").errors(), [("/kind", "not-allowed")]);
}

#[tokio::test]
async fn a_command_may_wait_until_the_outside_has_followed() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let waited =
        house.post("/tenants/acme/suspend").by(&operator).header("prefer", "wait=5").send().await.expect(200);
    assert_eq!(waited.json["status"], "suspended");
    let read = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(read.json, waited.json);
    assert_eq!(read.header("etag"), waited.header("etag"));
    let body = json!({ "name": "Bee", "slug": "bee" });
    let made =
        house.post("/tenants").by(&operator).header("prefer", "wait=5").json(&body).send().await.expect(201);
    assert_eq!(made.header("location"), "/tenants/bee");
    let head = house.store.head();
    let odd = house.post("/tenants/bee/suspend").by(&operator).header("prefer", "wait=60").send().await;
    odd.refused(400, "malformed-header");
    assert_eq!(house.store.head(), head);
}
