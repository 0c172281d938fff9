//! Domains over HTTP: claimed by anybody, verified by one.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_domain_is_claimed_verified_primary_and_released() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let admin = house.member(&operator, "acme", "admin").await;
    for name in ["acme.dk", "acme.se"] {
        let claimed = house
            .post("/tenants/acme/domains")
            .by(&admin)
            .json(&json!({ "domain": name }))
            .send()
            .await
            .expect(201);
        assert_eq!(claimed.json["status"], "claimed");
        assert_eq!(claimed.json["challenge"]["name"], format!("_dezky-challenge.{name}"));
    }
    let by_operator = json!({ "method": "operator", "evidence": "Seen in the registry" });
    let answer =
        house.post("/tenants/acme/domains/acme.dk/verify").by(&admin).json(&by_operator).send().await;
    answer.refused(403, "field-forbidden");
    for name in ["acme.dk", "acme.se"] {
        let path = format!("/tenants/acme/domains/{name}/verify");
        let verified = house.post(&path).by(&operator).json(&by_operator).send().await.expect(200);
        assert_eq!(verified.json["status"], "verified");
        assert_eq!(verified.json["primary"], name == "acme.dk");
    }
    house.delete("/tenants/acme/domains/acme.dk").by(&admin).send().await.refused(409, "domain-is-primary");
    let primary =
        house.post("/tenants/acme/domains/acme.se/make-primary").by(&admin).send().await.expect(200);
    assert_eq!(primary.json["primary"], true);
    house.delete("/tenants/acme/domains/acme.dk").by(&admin).send().await.expect(200);
    let list = house.get("/tenants/acme/domains").by(&admin).send().await.expect(200);
    assert_eq!(list.json["data"].as_array().map(Vec::len), Some(1));
    house.get("/tenants/acme/domains/acme.dk").by(&admin).send().await.refused(404, "domain-not-found");
}

#[tokio::test]
async fn a_domain_belongs_to_whoever_verifies_it_first() {
    let (house, operator) = House::with_operator().await;
    for slug in ["acme", "other"] {
        house.tenant(&operator, slug).await;
        let path = format!("/tenants/{slug}/domains");
        house.post(&path).by(&operator).json(&json!({ "domain": "acme.dk" })).send().await.expect(201);
    }
    let method = json!({ "method": "operator" });
    house.post("/tenants/acme/domains/acme.dk/verify").by(&operator).json(&method).send().await.expect(200);
    let second = house.post("/tenants/other/domains/acme.dk/verify").by(&operator).json(&method).send().await;
    second.refused(409, "domain-verified-elsewhere");
}

#[tokio::test]
async fn a_domain_with_addresses_is_not_released() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house.member(&operator, "acme", "owner").await;
    let claim = json!({ "domain": "acme.example" });
    house.post("/tenants/acme/domains").by(&operator).json(&claim).send().await.expect(201);
    house
        .delete("/tenants/acme/domains/acme.example")
        .by(&operator)
        .send()
        .await
        .refused(409, "domain-in-use");
    let patch = house.patch("/tenants/acme").by(&operator).json(&json!({ "domains": [] })).send().await;
    patch.refused(409, "domain-in-use");
}

#[tokio::test]
async fn what_is_no_domain_or_not_ours_to_give_is_refused() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    for name in ["co.uk", "localhost", "1.2.3.4", "mail.dezky.local", "no domain"] {
        let body = json!({ "domain": name });
        let answer = house.post("/tenants/acme/domains").by(&operator).json(&body).send().await;
        let answer = answer.refused(422, "validation-failed");
        assert_eq!(answer.errors()[0].0, "/domain", "{name}");
    }
    house
        .post("/tenants/acme/domains/acme.dk/verify")
        .by(&operator)
        .json(&json!({ "method": "operator" }))
        .send()
        .await
        .refused(404, "domain-not-found");
    let dns = house.post("/tenants/acme/domains/acme.dk/verify").by(&operator).json(&json!({})).send().await;
    assert_eq!(dns.refused(422, "validation-failed").errors(), [("/method", "not-allowed")]);
}
