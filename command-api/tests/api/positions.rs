//! Positions, tags and conditions: reading one's own writes, and not overwriting those of others.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn ec_48_two_tenants_with_one_slug_at_once() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "name": "Acme", "slug": "acme" });
    let both = (0..2).map(|_| house.post("/tenants").by(&operator).json(&body).send());
    let mut statuses: Vec<u16> =
        futures::future::join_all(both).await.into_iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn ec_53_a_stale_condition_is_refused_and_convergence_does_not_disturb() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let read = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    let tag = read.header("etag").to_owned();
    let version = read.json["version"].as_u64().expect("a version");
    house.patch("/tenants/acme").by(&operator).json(&json!({ "name": "Other" })).send().await.expect(200);
    let name = json!({ "name": "Third" });
    for stale in [tag, format!("\"v{version}\"")] {
        let answer =
            house.patch("/tenants/acme").by(&operator).header("if-match", &stale).json(&name).send().await;
        assert_eq!(answer.refused(412, "version-mismatch").json["currentVersion"], version + 1);
    }
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let now = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    let current = format!("\"v{}\"", now.json["version"]);
    let answer =
        house.patch("/tenants/acme").by(&operator).header("if-match", &current).json(&name).send().await;
    answer.expect(200);
    let answer = house.patch("/tenants/acme").by(&operator).header("if-match", "17").json(&name).send().await;
    answer.refused(400, "malformed-header");
}

#[tokio::test]
async fn what_the_caller_has_already_is_not_sent_again() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let read = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    let tag = read.header("etag").to_owned();
    let again =
        house.get("/tenants/acme").by(&operator).header("if-none-match", &tag).send().await.expect(304);
    assert_eq!(again.text, "");
    assert_eq!(again.header("etag"), tag);
    house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    house.get("/tenants/acme").by(&operator).header("if-none-match", &tag).fresh().send().await.expect(200);
}

#[tokio::test]
async fn ec_54_a_read_waits_for_its_position_or_says_that_it_lags() {
    let (house, operator) = House::with_operator().await;
    let made = house
        .post("/tenants")
        .by(&operator)
        .json(&json!({ "name": "Acme", "slug": "acme" }))
        .send()
        .await
        .expect(201);
    let position = made.position().to_string();
    let call = || house.get("/tenants").by(&operator).header("dezky-min-position", &position);
    let list = call().header("prefer", "wait=10").send().await.expect(200);
    assert_eq!(list.json["data"][0]["slug"], "acme");
    assert!(list.json["asOf"]["position"].as_u64() >= Some(made.position()));

    house.stop_projector().await;
    let second = house
        .post("/tenants")
        .by(&operator)
        .json(&json!({ "name": "B", "slug": "bb" }))
        .send()
        .await
        .expect(201);
    let position = second.position();
    for call in [
        house.get("/tenants").header("dezky-min-position", &position.to_string()),
        house.get(&format!("/tenants/acme?minPosition={position}")),
    ] {
        let answer =
            call.by(&operator).header("prefer", "wait=0").send().await.refused(503, "projection-lagging");
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.json["retryable"], true);
    }
}

#[tokio::test]
async fn every_answer_says_where_it_stands() {
    let (house, operator) = House::with_operator().await;
    // A list says where its read model stands, which may be behind the log.
    house.catch_up().await;
    let answers = [
        house.get("/health").send().await,
        house.get("/tenants").by(&operator).send().await,
        house.get("/nowhere").send().await,
        house.get("/tenants").send().await,
    ];
    for answer in answers {
        assert!(answer.position() > 0);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("x-request-id").starts_with("req_"), "{:?}", answer.headers);
    }
    let named = house.get("/tenants").header("x-request-id", "my-request.1").send().await;
    assert_eq!(named.header("x-request-id"), "my-request.1");
    assert_eq!(named.json["requestId"], "my-request.1");
    let odd = house.get("/tenants").header("x-request-id", "no spaces please").send().await;
    assert!(odd.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn machines_learn_whether_we_are_ready() {
    let house = House::open().await;
    house.catch_up().await;
    let ready = house.get("/readyz").send().await.expect(200);
    assert_eq!(ready.json["checks"], json!({ "eventStore": "ok", "projections": "ok", "migrations": "ok" }));
    house.get("/version").send().await.expect(200);
    house.get("/metrics").send().await.expect(200);
    let contract = house.get("/openapi.json").send().await.expect(200);
    assert_eq!(contract.json["openapi"], "3.1.0");
    assert!(
        house.get("/docs/").header("accept", "text/html").send().await.expect(200).text.contains("swagger")
    );
}
