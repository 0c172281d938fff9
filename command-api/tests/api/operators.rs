//! Who counts as an operator: an operator-scoped token and our own list, in this order.

use serde_json::json;

use crate::house::House;

const SEED: &str = "This endpoint requires an operator-scoped token";

#[tokio::test]
async fn n1_a_portal_token_is_told_what_it_lacks() {
    let (house, _) = House::with_operator().await;
    let portal = house.idp.portal(crate::house::ADMIN);
    let body = json!({ "slug": "test-partner", "name": "Test Partner" });
    let answer = house.post("/partners").by(&portal).json(&body).send().await;
    assert_eq!(answer.refused(403, "operator-scope-required").json["detail"], SEED);
}

#[tokio::test]
async fn n2_an_operator_makes_a_partner_once() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "slug": "test-partner", "name": "Test Partner" });
    let made = house.post("/partners").by(&operator).json(&body).send().await.expect(201);
    assert_eq!(made.header("location"), "/partners/test-partner");
    let again = house.post("/partners").by(&operator).json(&body).send().await.refused(409, "already-exists");
    assert!(again.json["detail"].as_str().expect("a detail").contains("already exists"));
    assert_eq!(again.json["field"], "slug");
}

#[tokio::test]
async fn n3_an_operator_token_without_the_flag_is_not_enough() {
    let (house, _) = House::with_operator().await;
    let token = house.idp.operator("somebody@dezky.example");
    house.get("/users/me").by(&token).send().await.expect(200);
    house.get("/partners").by(&token).send().await.refused(403, "not-a-platform-admin");
}

#[tokio::test]
async fn ec_31_a_portal_token_learns_nothing_about_its_body() {
    let (house, _) = House::with_operator().await;
    let portal = house.customer("ada@acme.example").await;
    for body in [&b"{}"[..], b"not json", b"{\"unknown\": 1}"] {
        let answer = house.post("/partners").by(&portal).raw("application/json", body).send().await;
        assert_eq!(answer.refused(403, "operator-scope-required").json["detail"], SEED);
    }
    let answer = house.post("/partners").by(&portal).raw("text/plain", b"x").send().await;
    answer.refused(403, "operator-scope-required");
}

#[tokio::test]
async fn ec_32_the_flag_does_not_help_a_portal_token() {
    let (house, _) = House::with_operator().await;
    let portal = house.idp.portal(crate::house::ADMIN);
    for path in ["/partners", "/v1/partners", "/partners/nobody/tenants"] {
        let answer = house.get(path).by(&portal).send().await.refused(403, "operator-scope-required");
        assert_eq!(answer.json["detail"], SEED);
    }
    let unknown = house.idp.operator("never-seen@dezky.example");
    house.get("/partners").by(&unknown).send().await.refused(403, "not-a-platform-admin");
}

#[tokio::test]
async fn ec_33_a_revoked_admin_stays_revoked_whatever_the_token_says() {
    let (house, operator) = House::with_operator().await;
    let second = house.idp.operator("second@dezky.example");
    let me = house.get("/users/me").by(&second).send().await.expect(200);
    let path = format!("/users/{}/platform-admin", me.json["id"].as_str().expect("an id"));
    let reason = json!({ "reason": "Joins the team" });
    let granted = house.post(&path).by(&operator).json(&reason).send().await.expect(200);
    assert_eq!(granted.json["platformAdmin"], true);
    house.get("/partners").by(&second).send().await.expect(200);

    let revoked =
        house.delete(&format!("{path}?reason=Left%20the%20team")).by(&operator).send().await.expect(200);
    assert_eq!(revoked.json["platformAdmin"], false);
    let mut claims = house.idp.claims(command_api::OPERATOR_AUDIENCE, "second@dezky.example");
    claims["groups"] = json!(["dezky-platform-admins"]);
    let token = house.idp.sign(&claims);
    let me = house.get("/users/me").by(&token).fresh().send().await.expect(200);
    assert_eq!(me.json["platformAdmin"], false);
    house.get("/partners").by(&token).send().await.refused(403, "not-a-platform-admin");
}

#[tokio::test]
async fn an_administrator_needs_a_reason_and_somebody_else() {
    let (house, operator) = House::with_operator().await;
    let me = house.get("/users/me").by(&operator).send().await.expect(200);
    let path = format!("/users/{}/platform-admin", me.json["id"].as_str().expect("an id"));
    let answer =
        house.post(&path).by(&operator).json(&json!({})).send().await.refused(422, "validation-failed");
    assert_eq!(answer.errors(), [("/reason", "required")]);
    let short = json!({ "reason": "ab" });
    let answer = house.post(&path).by(&operator).json(&short).send().await.refused(422, "validation-failed");
    assert_eq!(answer.errors(), [("/reason", "too-short")]);
    let delete = house.delete(&format!("{path}?reason=Because")).by(&operator).send().await;
    delete.refused(403, "self-change-forbidden");
    let nobody = "/users/usr_01jd8q0b2d4f6h8k0m2p4r6t8v/platform-admin";
    house
        .post(nobody)
        .by(&operator)
        .json(&json!({ "reason": "Because" }))
        .send()
        .await
        .refused(404, "user-not-found");
}
