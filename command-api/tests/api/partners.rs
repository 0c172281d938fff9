//! Partners: made, changed, ended; their customers are never affected.

use serde_json::json;

use crate::house::House;

async fn reseller(house: &House, operator: &str) {
    let body = json!({ "slug": "reseller", "name": "Reseller", "marginPct": 12.5, "domain": "reseller.example",
        "contactInfo": { "name": "Bo Friis", "email": "bo@reseller.example" } });
    house.post("/partners").by(operator).json(&body).send().await.expect(201);
}

#[tokio::test]
async fn a_partner_is_shown_as_it_was_made() {
    let (house, operator) = House::with_operator().await;
    reseller(&house, &operator).await;
    let partner = house.get("/partners/reseller").by(&operator).fresh().send().await.expect(200);
    assert_eq!(partner.json["marginPct"], 12.5);
    assert_eq!(partner.json["contactInfo"]["name"], "Bo Friis");
    assert_eq!(partner.json["customers"], 0);
    assert_eq!(partner.json["scheduledMargin"], json!(null));
}

#[tokio::test]
async fn the_answer_to_every_command_is_what_the_read_model_will_show() {
    let (house, operator) = House::with_operator().await;
    reseller(&house, &operator).await;
    house.tenant(&operator, "acme").await;
    house
        .post("/partners/reseller/tenants")
        .by(&operator)
        .json(&json!({ "tenant": "acme" }))
        .send()
        .await
        .expect(200);
    house.catch_up().await;
    let commands = [
        house
            .patch("/partners/reseller")
            .json(&json!({ "name": "Re-Seller", "marginPct": 15, "marginEffectiveFrom": "2027-01-01" })),
        house
            .patch("/partners/reseller")
            .json(&json!({ "billingInfo": { "legalName": "Reseller ApS", "country": "DK" } })),
        house.delete("/partners/reseller?reason=Ended"),
    ];
    for command in commands {
        let answer = command.by(&operator).send().await.expect(200);
        let read = house.get("/partners/reseller").by(&operator).fresh().send().await.expect(200);
        assert_eq!(read.json, answer.json);
        assert_eq!(read.header("etag"), answer.header("etag"));
    }
}

#[tokio::test]
async fn ec_98_customers_of_a_partner_that_ends_go_on() {
    let (house, operator) = House::with_operator().await;
    reseller(&house, &operator).await;
    for slug in ["one", "two", "three"] {
        let body = json!({ "name": slug, "slug": slug, "partnerId": "reseller" });
        house.post("/tenants").by(&operator).json(&body).send().await.expect(201);
    }
    house.delete("/tenants/three").by(&operator).send().await.expect(200);
    let before = house.get("/partners/reseller").by(&operator).fresh().send().await.expect(200);
    assert_eq!(before.json["customers"], 3);
    assert_eq!(before.json["customersByStatus"]["terminating"], 1);
    let ended = house.post("/partners/reseller/terminate").by(&operator).send().await.expect(200);
    assert_eq!(ended.json["status"], "terminated");
    assert_eq!(ended.json["disposition"]["kind"], "retain");
    let head = house.store.head();
    house.post("/partners/reseller/terminate").by(&operator).send().await.expect(200);
    assert_eq!(house.store.head(), head);
    let tenants =
        house.get("/partners/reseller/tenants?sort=slug").by(&operator).fresh().send().await.expect(200);
    let statuses: Vec<_> = tenants.json["data"]
        .as_array()
        .expect("tenants")
        .iter()
        .map(|tenant| tenant["status"].clone())
        .collect();
    assert_eq!(statuses, [json!("pending"), json!("terminating"), json!("pending")]);
    assert_eq!(tenants.json["data"][0]["partner"]["status"], "terminated");
    let body = json!({ "name": "Four", "slug": "four", "partnerId": "reseller" });
    house.post("/tenants").by(&operator).json(&body).send().await.refused(409, "partner-not-active");
    house.tenant(&operator, "five").await;
    let attach = json!({ "tenant": "five" });
    house
        .post("/partners/reseller/tenants")
        .by(&operator)
        .json(&attach)
        .send()
        .await
        .refused(409, "partner-not-active");
}

#[tokio::test]
async fn only_retain_is_available() {
    let (house, operator) = House::with_operator().await;
    reseller(&house, &operator).await;
    for (query, pointer) in [("disposition=detach", "/disposition"), ("transferTo=other", "/transferTo")] {
        let answer = house.delete(&format!("/partners/reseller?{query}")).by(&operator).send().await;
        assert_eq!(answer.refused(422, "validation-failed").errors(), [(pointer, "not-allowed")]);
    }
    house
        .patch("/partners/nobody")
        .by(&operator)
        .json(&json!({}))
        .send()
        .await
        .refused(404, "partner-not-found");
    let past = json!({ "marginPct": 1, "marginEffectiveFrom": "2020-01-01" });
    house
        .patch("/partners/reseller")
        .by(&operator)
        .json(&past)
        .send()
        .await
        .refused(422, "validation-failed");
}

#[tokio::test]
async fn attaching_moves_and_detaching_repeats() {
    let (house, operator) = House::with_operator().await;
    reseller(&house, &operator).await;
    house
        .post("/partners")
        .by(&operator)
        .json(&json!({ "slug": "second", "name": "Second" }))
        .send()
        .await
        .expect(201);
    house.tenant(&operator, "acme").await;
    let tenant = json!({ "tenant": "acme" });
    for slug in ["reseller", "second"] {
        let path = format!("/partners/{slug}/tenants");
        let attached = house.post(&path).by(&operator).json(&tenant).send().await.expect(200);
        assert_eq!(attached.json["partner"]["slug"], slug);
    }
    let other = house.delete("/partners/reseller/tenants/acme").by(&operator).send().await;
    other.refused(409, "invalid-transition");
    for _ in 0..2 {
        let detached = house.delete("/partners/second/tenants/acme").by(&operator).send().await.expect(200);
        assert_eq!(detached.json["partnerId"], json!(null));
    }
    let audit = house.get("/partners/second/audit").by(&operator).fresh().send().await.expect(200);
    assert!(audit.text.contains("partner.registered"), "{}", audit.text);
}
