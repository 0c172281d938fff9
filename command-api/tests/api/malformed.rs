//! What is not a request of ours: refused with the right code, nothing appended, never 500.

use serde_json::json;

use crate::house::House;

const TYPE: &str = "application/json";

#[tokio::test]
async fn ec_108_bodies_that_are_no_json_of_ours() {
    let (house, operator) = House::with_operator().await;
    let head = house.store.head();
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let malformed: [&[u8]; 6] = [
        br#"{"slug":"a"#,
        br#"{"slug":"test-partner","slug":"other","name":"x"}"#,
        br#"{"marginPct": NaN}"#,
        deep.as_bytes(),
        b"\xff\xfe",
        br#"{"name":"\ud800"}"#,
    ];
    for body in malformed {
        house.post("/partners").by(&operator).raw(TYPE, body).send().await.refused(400, "malformed-json");
    }
    let large = format!(r#"{{"slug":"aa","name":"{}"}}"#, "x".repeat(256 * 1024));
    house
        .post("/partners")
        .by(&operator)
        .raw(TYPE, large.as_bytes())
        .send()
        .await
        .refused(413, "payload-too-large");
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let answer = house.post("/partners").by(&operator).raw(kind, b"{}").send().await;
        answer.refused(415, "unsupported-media-type");
    }
    let patch =
        house.patch("/partners/x").by(&operator).raw("application/merge-patch+json", b"{}").send().await;
    patch.refused(404, "partner-not-found");
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn ec_108_values_that_are_not_ours() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let head = house.store.head();
    let cases = [
        (json!([]), "", "type"),
        (json!({ "slug": 3, "name": "x" }), "/slug", "type"),
        (json!({ "slug": "A B", "name": "x" }), "/slug", "pattern"),
        (json!({ "slug": "status", "name": "x" }), "/slug", "reserved"),
        (json!({ "slug": "ok", "name": "a\u{0}b" }), "/name", "not-allowed"),
        (json!({ "slug": "ok", "name": "a\u{202e}b" }), "/name", "not-allowed"),
        (json!({ "slug": "ok", "name": " " }), "/name", "too-short"),
        (json!({ "slug": "ok", "name": "x".repeat(121) }), "/name", "too-long"),
        (json!({ "slug": "ok", "name": "x", "marginPct": 100.5 }), "/marginPct", "range"),
        (json!({ "slug": "ok", "name": "x", "marginPct": "12" }), "/marginPct", "type"),
        (
            json!({ "slug": "ok", "name": "x", "billingInfo": { "legalName": "x" } }),
            "/billingInfo/country",
            "required",
        ),
        (
            json!({ "slug": "ok", "name": "x", "contactInfo": { "email": "no" } }),
            "/contactInfo/email",
            "pattern",
        ),
    ];
    for (body, pointer, code) in cases {
        let answer =
            house.post("/partners").by(&operator).json(&body).send().await.refused(422, "validation-failed");
        assert_eq!(answer.errors(), [(pointer, code)], "{body}");
    }
    for field in ["status", "slug", "lifecycle"] {
        let mut body = json!({ "name": "New" });
        body[field] = json!("active");
        let answer =
            house.patch("/tenants/acme").by(&operator).json(&body).send().await.refused(422, "unknown-field");
        assert_eq!(answer.json["pointer"], format!("/{field}"));
    }
    let nested = json!({ "slug": "ok", "name": "x", "contactInfo": { "fax": "1" } });
    let answer =
        house.post("/partners").by(&operator).json(&nested).send().await.refused(422, "unknown-field");
    assert_eq!(answer.json["pointer"], "/contactInfo/fax");
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn requests_that_are_not_for_us() {
    let (house, operator) = House::with_operator().await;
    house.get("/nowhere").send().await.refused(404, "route-not-found");
    house.get("/v1/health").send().await.refused(404, "route-not-found");
    let answer = house.call(axum::http::Method::PUT, "/tenants/acme").by(&operator).send().await;
    let answer = answer.refused(405, "method-not-allowed");
    let mut allowed: Vec<&str> = answer.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH"]);
    house
        .get("/tenants")
        .by(&operator)
        .header("host", "evil.example")
        .send()
        .await
        .refused(421, "misdirected-request");
    house.get("/tenants").by(&operator).header("host", "API.dezky.local").send().await.expect(200);
    house
        .get("/tenants")
        .by(&operator)
        .header("accept", "image/png")
        .send()
        .await
        .refused(406, "not-acceptable");
    house.get("/tenants").by(&operator).header("accept", "image/png, */*;q=0.1").send().await.expect(200);
    house.get("/tenants?statsu=active").by(&operator).send().await.refused(400, "malformed-query");
    house.get("/tenants?limit=0").by(&operator).send().await.refused(400, "malformed-query");
    house.get("/tenants?sort=colour").by(&operator).send().await.refused(400, "malformed-query");
    house.get("/tenants?status=open").by(&operator).send().await.refused(400, "malformed-query");
    let instance = house
        .get("/tenants/nobody?minPosition=1")
        .by(&operator)
        .send()
        .await
        .refused(404, "tenant-not-found");
    assert_eq!(instance.json["instance"], "/tenants/nobody");
}
