//! Idempotency keys: the same request gets the first answer again, and nothing happens twice.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn ec_50_the_same_request_gets_its_first_answer_again() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    let first = house.post("/tenants").by(&operator).key("k-1").json(&body).send().await.expect(201);
    let head = house.store.head();
    house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    for path in ["/tenants", "/v1/tenants"] {
        let again = house.post(path).by(&operator).key("k-1").json(&body).send().await.expect(201);
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("idempotency-replayed"), "true");
        for name in ["etag", "location", "dezky-position"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
    }
    assert!(house.store.head() > head, "only the suspension was new");
}

#[tokio::test]
async fn ec_50_another_request_with_the_key_is_refused_before_its_body_is_read() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "slug": "test-partner", "name": "Test Partner" });
    house.post("/partners").by(&operator).key("k-1").json(&body).send().await.expect(201);
    for other in [&br#"{"slug":"other","name":"Other"}"#[..], b"not json", br#"{"unknown":1}"#] {
        let answer =
            house.post("/partners").by(&operator).key("k-1").raw("application/json", other).send().await;
        answer.refused(422, "idempotency-key-reused");
    }
}

#[tokio::test]
async fn ec_50_a_key_belongs_to_its_user() {
    let (house, operator) = House::with_operator().await;
    for email in ["ada@acme.example", "bo@acme.example"] {
        let token = house.customer(email).await;
        let body = json!({ "name": email.split('@').next() });
        let made = house.post("/tenants").by(&token).key("mine").json(&body).send().await.expect(201);
        assert_eq!(made.header("idempotency-replayed"), "");
    }
    let all = house.get("/tenants").by(&operator).fresh().send().await.expect(200);
    assert_eq!(all.json["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn ec_50_the_key_of_a_running_request_is_taken() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    let both = (0..2).map(|_| house.post("/tenants").by(&operator).key("k-1").json(&body).send());
    let answers = futures::future::join_all(both).await;
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    let replayed = answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count();
    assert_eq!(refused + replayed, 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status == 409) {
        assert_eq!(answer.json["code"], "idempotency-in-flight");
        assert_eq!(answer.header("retry-after"), "1");
    }
    let again = house.post("/tenants").by(&operator).key("k-1").json(&body).send().await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test]
async fn ec_51_an_answer_that_was_lost_is_given_again_without_a_second_event() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let suspend = || house.post("/tenants/acme/suspend").by(&operator).key("k-1");
    let lost = suspend().send().await.expect(200);
    let head = house.store.head();
    house.stop_projector().await;
    let again = suspend().send().await.expect(200);
    assert_eq!(again.json, lost.json);
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn refusals_are_decided_again_under_the_same_key() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "tenant": "acme" });
    house
        .post("/partners")
        .by(&operator)
        .json(&json!({ "slug": "reseller", "name": "R" }))
        .send()
        .await
        .expect(201);
    let attach = || house.post("/partners/reseller/tenants").by(&operator).key("k-1").json(&body);
    attach().send().await.refused(404, "tenant-not-found");
    house.tenant(&operator, "acme").await;
    attach().send().await.expect(200);
    let long = "x".repeat(129);
    let answer = house.post("/partners").by(&operator).key(&long).json(&json!({})).send().await;
    answer.refused(400, "malformed-header");
}
