//! Making and changing tenants.

use domain::One;
use domain::plan::Plan;
use schema::plan::{Integrations, Interval, Limits, Price, PriceModel, SelfService};
use schema::{Currency, PlanCommand, PlanId, PriceId};
use serde_json::json;
use uuid::Uuid;

use crate::house::House;

async fn closed_plan(house: &House) {
    let price = Price {
        price_id: PriceId::from_uuid(Uuid::now_v7()),
        currency: Currency("DKK".to_owned()),
        interval: Interval::Month,
        model: PriceModel::Flat,
        unit_amount: 5000,
    };
    let command = PlanCommand::Create {
        key: "enterprise".parse().expect("a slug"),
        name: "Enterprise".to_owned(),
        limits: Limits { domains: Some(1), ..Limits::default() },
        integrations: Integrations::ALL,
        self_service: SelfService::Closed,
        prices: vec![price],
    };
    house.act(One::<Plan> { stream: PlanId::from_uuid(Uuid::now_v7()).into(), command }).await;
}

#[tokio::test]
async fn a_new_tenant_is_answered_whole() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "name": "Acme ApS", "slug": "acme", "domains": ["acme.dk"], "locale": "da-DK",
        "timezone": "Europe/Copenhagen", "owner": { "email": "ada@acme.dk", "name": "Ada Holm" } });
    let made = house.post("/tenants").by(&operator).json(&body).send().await.expect(201);
    assert_eq!(made.header("location"), "/tenants/acme");
    assert_eq!(made.json["status"], "pending");
    assert_eq!(made.json["plan"], "complimentary");
    assert_eq!(made.json["domains"], json!(["acme.dk"]));
    assert_eq!(made.json["members"], json!({ "active": 0, "invited": 1, "disabled": 0, "seats": null }));
    assert_eq!(made.json["origin"], "operator");
    assert_eq!(
        made.json["provisioningStatus"],
        json!({ "authentik": "pending", "stalwart": "pending", "ocis": "pending" })
    );
    assert!(made.json["subscriptionId"].is_string());
    let read = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(read.json, made.json, "the answer to a command is what the read model will show");
    assert_eq!(read.header("etag"), made.header("etag"));
    let by_id = house
        .get(&format!("/v1/tenants/{}", made.json["id"].as_str().expect("an id")))
        .by(&operator)
        .send()
        .await;
    assert_eq!(by_id.expect(200).json, made.json);
}

#[tokio::test]
async fn the_answer_to_every_command_is_what_the_read_model_will_show() {
    let (house, operator) = House::with_operator().await;
    house
        .post("/partners")
        .by(&operator)
        .json(&json!({ "slug": "reseller", "name": "Reseller" }))
        .send()
        .await
        .expect(201);
    let tenant = house.tenant(&operator, "acme").await;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let commands = [
        house.post("/tenants/acme/suspend").json(&json!({ "customerMessage": "Paused." })),
        house.post("/tenants/acme/resume"),
        house
            .patch("/tenants/acme")
            .json(&json!({ "name": "Acme", "contact": { "name": "Bo" }, "domains": ["a.dk", "b.dk"] })),
        house.patch("/tenants/acme").json(&json!({ "partnerId": "reseller" })),
        house.delete("/partners/reseller/tenants/acme"),
        house.post("/partners/reseller/tenants").json(&json!({ "tenant": "acme" })),
        house.post("/tenants/acme/terminate").json(&json!({ "graceDays": 7, "confirm": "acme" })),
        house.post("/tenants/acme/restore"),
    ];
    for command in commands {
        let answer = command.by(&operator).send().await.expect(200);
        let read = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
        assert_eq!(read.json, answer.json);
        assert_eq!(read.header("etag"), answer.header("etag"));
    }
}

#[tokio::test]
async fn the_answer_does_not_wait_for_read_models() {
    let (house, operator) = House::with_operator().await;
    house.stop_projector().await;
    let made = house
        .post("/tenants")
        .by(&operator)
        .json(&json!({ "name": "Acme", "slug": "acme" }))
        .send()
        .await
        .expect(201);
    assert_eq!(made.json["plan"], "complimentary");
    let held = house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    assert_eq!(held.json["status"], "suspended");
    assert_eq!(held.json["plan"], "complimentary");
    let renamed =
        house.patch("/tenants/acme").by(&operator).json(&json!({ "name": "Other" })).send().await.expect(200);
    assert_eq!(renamed.json["name"], "Other");
}

#[tokio::test]
async fn ec_44_customers_make_tenants_of_their_own_within_limits() {
    let (house, operator) = House::with_operator().await;
    closed_plan(&house).await;
    let ada = house.customer("ada@acme.example").await;
    for (field, value) in [
        ("partnerId", json!("reseller")),
        ("owner", json!({ "email": "x@y.example" })),
        ("plan", json!("enterprise")),
    ] {
        let mut body = json!({ "name": "Acme", "slug": "acme" });
        body[field] = value;
        let answer = house.post("/tenants").by(&ada).json(&body).send().await.refused(403, "field-forbidden");
        assert_eq!(answer.errors(), [(format!("/{field}").as_str(), "not-allowed")]);
    }
    let made = house
        .post("/tenants")
        .by(&ada)
        .json(&json!({ "name": "Acme", "slug": "acme" }))
        .send()
        .await
        .expect(201);
    assert_eq!(made.json["origin"], "selfService");
    assert_eq!(made.json["members"]["active"], 1);
    let second = json!({ "name": "Another", "slug": "another" });
    house.post("/tenants").by(&ada).json(&second).send().await.refused(409, "tenant-limit-reached");
    house.converge(made.json["id"].as_str().expect("an id")).await;
    house.post("/tenants").by(&ada).json(&second).send().await.expect(201);
    let me = house.get("/users/me").by(&ada).fresh().send().await.expect(200);
    assert_eq!(me.json["memberships"].as_array().map(Vec::len), Some(2));
    let all = house.get("/tenants").by(&operator).fresh().send().await.expect(200);
    assert_eq!(all.json["data"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn unknown_plans_and_partners_are_told_at_their_place() {
    let (house, operator) = House::with_operator().await;
    let with = |field: &str, value: &str| {
        let mut body = json!({ "name": "Acme", "slug": "acme" });
        body[field] = json!(value);
        body
    };
    for (field, value) in [("plan", "nothing"), ("partnerId", "nobody")] {
        let answer = house.post("/tenants").by(&operator).json(&with(field, value)).send().await;
        assert_eq!(
            answer.refused(422, "validation-failed").errors(),
            [(format!("/{field}").as_str(), "unknown-value")]
        );
    }
    closed_plan(&house).await;
    let mut body = with("plan", "enterprise");
    body["domains"] = json!(["a.dk", "b.dk"]);
    house.post("/tenants").by(&operator).json(&body).send().await.refused(422, "validation-failed");
}

#[tokio::test]
async fn slugs_are_checked_before_they_are_wanted() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let ask = async |slug: &str| {
        house.get(&format!("/tenants/availability?slug={slug}")).by(&operator).send().await.expect(200).json
    };
    let taken = ask("acme").await;
    assert_eq!(taken["reason"], "taken");
    assert_eq!(taken["suggestions"], json!(["acme-2", "acme-3", "acme-4"]));
    assert_eq!(ask("status").await["reason"], "reserved");
    assert_eq!(ask("No%20Good").await["reason"], "invalid");
    assert_eq!(ask("free").await["available"], true);
    for _ in 0..6 {
        ask("free").await;
    }
    let answer =
        house.get("/tenants/availability?slug=free").by(&operator).send().await.refused(429, "rate-limited");
    assert!(!answer.header("retry-after").is_empty());
}
