//! Merge patches (RFC 7396): what is absent stays, what is null goes, and what cannot go says so.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_patch_of_a_tenant_takes_away_what_is_null_and_keeps_what_is_absent() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let patch = async |body: serde_json::Value| {
        house.patch("/tenants/acme").by(&operator).json(&body).send().await.expect(200).json
    };
    patch(json!({ "locale": "da-DK", "contact": { "name": "Bo", "phone": "1" },
        "billingInfo": { "legalName": "Acme ApS", "country": "DK" } }))
    .await;
    let merged = patch(json!({ "contact": { "phone": "2" }, "billingInfo": { "city": "Aarhus" } })).await;
    assert_eq!(merged["contact"], json!({ "name": "Bo", "email": null, "phone": "2" }));
    assert_eq!(merged["billingInfo"]["legalName"], "Acme ApS");
    assert_eq!(merged["billingInfo"]["city"], "Aarhus");
    let less = patch(json!({ "contact": { "phone": null }, "locale": null, "billingInfo": null })).await;
    assert_eq!(less["contact"], json!({ "name": "Bo", "email": null, "phone": null }));
    assert_eq!(less["locale"], json!(null));
    assert_eq!(less["billingInfo"], json!(null));
    assert_eq!(patch(json!({ "contact": null })).await["contact"], json!(null));
    let read = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(read.json["contact"], json!(null));
    for field in ["name", "domains"] {
        let body = json!({ field: null });
        let answer = house.patch("/tenants/acme").by(&operator).json(&body).send().await;
        let pointer = format!("/{field}");
        assert_eq!(answer.refused(422, "validation-failed").errors(), [(pointer.as_str(), "required")]);
    }
    let part = json!({ "billingInfo": { "city": "Aarhus" } });
    let answer = house.patch("/tenants/acme").by(&operator).json(&part).send().await;
    let missing = [("/billingInfo/legalName", "required"), ("/billingInfo/country", "required")];
    assert_eq!(answer.refused(422, "validation-failed").errors(), missing);
    let twice = json!({ "domains": ["acme.dk", "ACME.dk."] });
    let answer = house.patch("/tenants/acme").by(&operator).json(&twice).send().await;
    assert_eq!(answer.refused(422, "validation-failed").errors(), [("/domains/1", "duplicate")]);
}

#[tokio::test]
async fn a_patch_of_a_partner_does_the_same() {
    let (house, operator) = House::with_operator().await;
    let draft =
        json!({ "slug": "reseller", "name": "R", "domain": "r.example", "contactInfo": { "name": "Bo" } });
    house.post("/partners").by(&operator).json(&draft).send().await.expect(201);
    let body = json!({ "domain": null, "contactInfo": { "phone": "1" } });
    let changed = house.patch("/partners/reseller").by(&operator).json(&body).send().await.expect(200);
    assert_eq!(changed.json["domain"], json!(null));
    assert_eq!(changed.json["contactInfo"], json!({ "name": "Bo", "email": null, "phone": "1" }));
    let read = house.get("/partners/reseller").by(&operator).fresh().send().await.expect(200);
    assert_eq!(read.json, changed.json);
    let body = json!({ "marginPct": null });
    let answer = house.patch("/partners/reseller").by(&operator).json(&body).send().await;
    assert_eq!(answer.refused(422, "validation-failed").errors(), [("/marginPct", "required")]);
}

#[tokio::test]
async fn conditions_are_lists_and_weak_tags_match_nothing() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let version = tenant["version"].as_u64().expect("a version");
    let rename = async |condition: &str, name: &str| {
        let body = json!({ "name": name });
        house.patch("/tenants/acme").by(&operator).header("if-match", condition).json(&body).send().await
    };
    rename(&format!("\"v{version}\", \"v99\""), "One").await.expect(200);
    let answer = rename(&format!("W/\"v{}\"", version + 1), "Two").await.refused(412, "version-mismatch");
    assert_eq!(answer.json["currentVersion"], version + 1);
    rename("\"something else\"", "Two").await.refused(412, "version-mismatch");
    rename("v2", "Two").await.refused(400, "malformed-header");
    rename("*", "Two").await.expect(200);
}

#[tokio::test]
async fn people_describe_themselves() {
    let (house, _) = House::with_operator().await;
    let ada = house.customer("ada@acme.example").await;
    let body = json!({ "name": "Ada H", "locale": "da-DK", "theme": "dark" });
    let me = house.patch("/users/me").by(&ada).json(&body).send().await.expect(200);
    assert_eq!(me.json["name"], "Ada H");
    assert_eq!(me.json["theme"], "dark");
    assert_eq!(
        me.json["allowedActions"][0],
        json!({ "action": "updateProfile", "allowed": true, "code": null })
    );
    let read = house.get("/users/me").by(&ada).fresh().send().await.expect(200);
    assert_eq!(read.json["name"], "Ada H", "the token's name no longer counts");
    assert_eq!(read.json["locale"], "da-DK");
    let head = house.store.head();
    house.patch("/v1/users/me").by(&ada).json(&body).send().await.expect(200);
    assert_eq!(house.store.head(), head);
    let odd = json!({ "theme": "pink", "name": null, "timezone": "nowhere" });
    let answer = house.patch("/users/me").by(&ada).json(&odd).send().await.refused(422, "validation-failed");
    assert_eq!(
        answer.errors(),
        [("/name", "required"), ("/timezone", "pattern"), ("/theme", "unknown-value")]
    );
    let role = json!({ "platformAdmin": true });
    house.patch("/users/me").by(&ada).json(&role).send().await.refused(422, "unknown-field");
}

#[tokio::test]
async fn somebodys_second_tenant_at_once_is_one_too_many() {
    let (house, _) = House::with_operator().await;
    let ada = house.customer("ada@acme.example").await;
    let make =
        |slug: &str| house.post("/tenants").by(&ada).json(&json!({ "name": slug, "slug": slug })).send();
    let answers = futures::future::join_all(["one", "two", "three"].map(make)).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn a_subscription_is_shown_whole() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let owner = house.member(&operator, "acme", "owner").await;
    house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    let me = house.get("/users/me").by(&owner).fresh().send().await.expect(200);
    let paid = &me.json["subscriptions"][0];
    assert_eq!(paid["currentPeriod"], json!({ "from": "2026-11-22", "to": "2026-12-22" }));
    assert_eq!(paid["createdAt"], "2026-11-22T16:30:00.000Z");
    assert_eq!(paid["atRisk"], true);
    let limits = json!({ "seats": null, "domains": null, "mailBytesPerUser": null, "filesBytes": null });
    assert_eq!(paid["limits"], limits);
}

#[tokio::test]
async fn ec_27_whose_last_membership_ends_sees_an_empty_list_and_no_error() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let owner = house.member(&operator, "acme", "owner").await;
    house.delete("/tenants/acme?graceDays=0").by(&operator).send().await.expect(200);
    let tenant_id = tenant["id"].as_str().expect("an id").parse().expect("an id");
    house.act(domain::acts::CompleteTermination { tenant_id, subscription_id: None }).await;
    let me = house.get("/users/me").by(&owner).fresh().send().await.expect(200);
    assert_eq!(me.json["tenants"], json!([]));
    assert_eq!(me.json["subscriptions"], json!([]));
    house.get("/tenants/acme").by(&owner).send().await.refused(404, "tenant-not-found");
}

#[tokio::test]
async fn ec_107_a_domain_with_addresses_on_it_is_not_released() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house.member(&operator, "acme", "member").await;
    let claim = json!({ "domain": "acme.example" });
    house.post("/tenants/acme/domains").by(&operator).json(&claim).send().await.expect(201);
    let path = "/tenants/acme/domains/acme.example";
    house.delete(path).by(&operator).send().await.refused(409, "domain-in-use");
    let none = json!({ "domains": [] });
    house.patch("/tenants/acme").by(&operator).json(&none).send().await.refused(409, "domain-in-use");
    let by_dns = house.post(&format!("{path}/verify")).by(&operator).json(&json!({})).send().await;
    by_dns.refused(422, "validation-failed");
}

#[tokio::test]
async fn ec_99_no_customer_goes_to_another_partner_by_mistake() {
    let (house, operator) = House::with_operator().await;
    for slug in ["one", "two"] {
        let body = json!({ "slug": slug, "name": slug });
        house.post("/partners").by(&operator).json(&body).send().await.expect(201);
    }
    let head = house.store.head();
    for query in [
        "disposition=transfer",
        "disposition=transfer&transferTo=one",
        "disposition=transfer&transferTo=nobody",
        "disposition=retain&transferTo=two",
    ] {
        let answer = house.delete(&format!("/partners/one?{query}")).by(&operator).send().await;
        answer.refused(422, "validation-failed");
    }
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn ec_23_roles_do_not_reach_above_themselves() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let admin = house.member(&operator, "acme", "admin").await;
    let billing = house.member(&operator, "acme", "billing").await;
    let owner = json!({ "email": "admin@acme.example", "role": "owner" });
    let answer = house.post("/tenants/acme/users").by(&admin).json(&owner).send().await;
    answer.refused(403, "operator-scope-required");
    house.post("/tenants/acme/reconcile").by(&admin).send().await.refused(403, "role-insufficient");
    let domain = json!({ "domain": "acme.dk" });
    let answer = house.post("/tenants/acme/domains").by(&billing).json(&domain).send().await;
    answer.refused(403, "role-insufficient");
    house.get("/tenants/acme/invitations").by(&billing).send().await.refused(403, "role-insufficient");
}

#[tokio::test]
async fn a_repeated_reconcile_gets_its_first_answer() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let body = json!({ "integrations": ["ocis"] });
    let ask = || house.post("/tenants/acme/reconcile").by(&operator).key("again").json(&body);
    let first = ask().send().await.expect(200);
    let second = ask().send().await.expect(200);
    assert_eq!(second.header("idempotency-replayed"), "true");
    assert_eq!(second.json, first.json);
    assert_eq!(house.provider.asked.lock().expect("a lock").len(), 1);
    let other = json!({ "integrations": ["stalwart"] });
    let reused = house.post("/tenants/acme/reconcile").by(&operator).key("again").json(&other).send().await;
    reused.refused(422, "idempotency-key-reused");
}
