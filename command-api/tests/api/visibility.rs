//! What somebody may not see does not exist for them, and what members see is the safe view.

use serde_json::{Value, json};

use crate::house::{Answer, House};

fn without_request(answer: &Answer) -> Value {
    let mut body = answer.json.clone();
    let object = body.as_object_mut().expect("a problem");
    object.remove("instance");
    object.remove("requestId");
    body
}

#[tokio::test]
async fn ec_42_an_invisible_tenant_answers_like_an_unknown_one() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let stranger = house.customer("eve@elsewhere.example").await;
    let id = tenant["id"].as_str().expect("an id");
    let unknown_id = "ten_01jd8q4zk7v3m9x2c5b6n7p8qr";
    let paths = [
        "",
        "/users",
        "/members",
        "/domains",
        "/domains/acme.dk",
        "/invitations",
        "/holds",
        "/audit",
        "/provisioning",
    ];
    for path in paths {
        for (real, unknown) in [("acme", "nobody"), (id, unknown_id)] {
            let real = house
                .get(&format!("/tenants/{real}{path}"))
                .by(&stranger)
                .send()
                .await
                .refused(404, "tenant-not-found");
            let unknown = house
                .get(&format!("/tenants/{unknown}{path}"))
                .by(&stranger)
                .send()
                .await
                .refused(404, "tenant-not-found");
            assert_eq!(without_request(&real), without_request(&unknown), "{path}");
        }
    }
    let commands = [
        house.patch("/tenants/acme").json(&json!({ "name": "Mine" })),
        house.post("/tenants/acme/domains").json(&json!({ "domain": "acme.dk" })),
        house.post("/tenants/acme/reconcile"),
        house.delete("/tenants/acme/domains/acme.dk"),
    ];
    for command in commands {
        command.by(&stranger).send().await.refused(404, "tenant-not-found");
    }
    let list = house.get("/tenants?include=facets").by(&stranger).fresh().send().await.expect(200);
    assert_eq!(list.json["data"], json!([]));
    assert_eq!(list.json["facets"]["status"]["all"], 0);
}

#[tokio::test]
async fn ec_43_one_forbidden_field_stops_the_whole_change() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let admin = house.member(&operator, "acme", "admin").await;
    let body = json!({ "name": "New name", "partnerId": "reseller" });
    let answer =
        house.patch("/tenants/acme").by(&admin).json(&body).send().await.refused(403, "field-forbidden");
    assert_eq!(answer.errors(), [("/partnerId", "not-allowed")]);
    let tenant = house.get("/tenants/acme").by(&admin).fresh().send().await.expect(200);
    assert_eq!(tenant.json["name"], "ACME");
    let renamed =
        house.patch("/tenants/acme").by(&admin).json(&json!({ "name": "New name" })).send().await.expect(200);
    assert_eq!(renamed.json["name"], "New name");
}

#[tokio::test]
async fn each_field_has_its_own_right() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let billing = house.member(&operator, "acme", "billing").await;
    let member = house.member(&operator, "acme", "member").await;
    let payer = json!({ "billingInfo": { "legalName": "Acme ApS", "country": "DK" } });
    let paid = house.patch("/tenants/acme").by(&billing).json(&payer).send().await.expect(200);
    assert_eq!(paid.json["billingInfo"]["legalName"], "Acme ApS");
    let name = json!({ "name": "Mine" });
    house.patch("/tenants/acme").by(&billing).json(&name).send().await.refused(403, "field-forbidden");
    house.patch("/tenants/acme").by(&member).json(&payer).send().await.refused(403, "field-forbidden");
    let seen = house.get("/tenants/acme").by(&member).fresh().send().await.expect(200);
    assert_eq!(seen.json["billingInfo"], json!(null));
    let plan = house.patch("/tenants/acme").by(&operator).json(&json!({ "plan": "business" })).send().await;
    assert_eq!(plan.refused(422, "validation-failed").errors(), [("/plan", "not-allowed")]);
}

#[tokio::test]
async fn ec_45_members_of_a_held_tenant_are_told_why() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let owner = house.member(&operator, "acme", "owner").await;
    let body = json!({ "reason": "internal remark", "customerMessage": "Please call us." });
    house.post("/tenants/acme/suspend").by(&operator).json(&body).send().await.expect(200);
    let name = json!({ "name": "New name" });
    let answer =
        house.patch("/tenants/acme").by(&owner).json(&name).send().await.refused(403, "tenant-suspended");
    assert_eq!(answer.json["customerMessage"], "Please call us.");
    let domain = json!({ "domain": "acme.dk" });
    house
        .post("/tenants/acme/domains")
        .by(&owner)
        .json(&domain)
        .send()
        .await
        .refused(403, "tenant-suspended");
    let payer = json!({ "billingInfo": { "legalName": "Acme ApS", "country": "DK" } });
    house.patch("/tenants/acme").by(&owner).json(&payer).send().await.expect(200);
    let me = house.get("/users/me").by(&owner).fresh().send().await.expect(200);
    assert_eq!(me.json["memberships"][0]["tenantStatus"], "suspended");
    assert_eq!(me.json["memberships"][0]["canUse"], false);
    assert!(!me.text.contains("internal remark"));
}

#[tokio::test]
async fn ec_46_members_never_see_what_is_ours() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let owner = house.member(&operator, "acme", "owner").await;
    let body = json!({ "reason": "internal remark", "customerMessage": "Paused." });
    house.post("/tenants/acme/suspend").by(&operator).json(&body).send().await.expect(200);
    let me = house.get("/users/me").by(&operator).send().await.expect(200);
    let operator_id = me.json["id"].as_str().expect("an id");
    for path in ["", "/audit", "/provisioning", "/holds"] {
        let answer = house.get(&format!("/tenants/acme{path}")).by(&owner).fresh().send().await.expect(200);
        for secret in [operator_id, "internal remark", "external-id-of", crate::house::ADMIN, "ronja"] {
            assert!(!answer.text.contains(secret), "{path} shows {secret}: {}", answer.text);
        }
        let full = house.get(&format!("/tenants/acme{path}")).by(&operator).fresh().send().await.expect(200);
        if path != "/provisioning" {
            assert!(full.text.contains("internal remark"), "{path}: {}", full.text);
        }
    }
    house
        .get("/tenants/acme/provisioning/ocis")
        .by(&owner)
        .send()
        .await
        .refused(403, "operator-scope-required");
    let ocis = house.get("/tenants/acme/provisioning/ocis").by(&operator).fresh().send().await.expect(200);
    assert_eq!(ocis.json["resources"][0]["externalId"], "external-id-of-ocis");
    let wrong = house.get("/tenants/acme/provisioning/nextcloud").by(&operator).send().await;
    wrong.refused(404, "integration-not-found");
}

#[tokio::test]
async fn roles_open_what_they_should_and_no_more() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let member = house.member(&operator, "acme", "member").await;
    house.get("/tenants/acme").by(&member).send().await.expect(200);
    for path in ["/invitations", "/audit", "/provisioning", "/holds"] {
        house.get(&format!("/tenants/acme{path}")).by(&member).send().await.refused(403, "role-insufficient");
    }
    house.post("/tenants/acme/suspend").by(&member).send().await.refused(403, "operator-scope-required");
    let portal_admin = house.idp.portal(crate::house::ADMIN);
    house.get("/tenants/acme/audit").by(&portal_admin).send().await.expect(200);
    let name = json!({ "name": "New name" });
    house
        .patch("/tenants/acme")
        .by(&portal_admin)
        .json(&name)
        .send()
        .await
        .refused(403, "operator-scope-required");
}
