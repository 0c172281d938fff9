//! The audit list: filters, forms, and who sees what of it.

use serde_json::{Value, json};

use crate::house::{ADMIN, House};

#[tokio::test]
async fn entries_are_found_by_what_they_are_about() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.tenant(&operator, "other").await;
    let partner = json!({ "slug": "reseller", "name": "R" });
    house.post("/partners").by(&operator).json(&partner).send().await.expect(201);
    house
        .patch("/tenants/acme")
        .by(&operator)
        .json(&json!({ "partnerId": "reseller" }))
        .send()
        .await
        .expect(200);
    let actions = async |path: &str| -> Vec<String> {
        let list = house.get(path).by(&operator).fresh().send().await.expect(200).json;
        let rows = list["data"].as_array().expect("rows").clone();
        rows.iter().map(|row| row["action"].as_str().expect("an action").to_owned()).collect()
    };
    let id = tenant["id"].as_str().expect("an id");
    assert_eq!(
        actions(&format!("/audit?subject=tenant:{id}&action=tenant.partner.*")).await,
        ["tenant.partner.attached"]
    );
    assert_eq!(actions("/audit?tenant=acme&action=tenant.created").await.len(), 1);
    assert_eq!(actions("/audit?action=tenant.created").await.len(), 2);
    assert_eq!(actions("/audit?partner=reseller&action=tenant.*").await, ["tenant.partner.attached"]);
    assert_eq!(actions("/tenants/acme/audit?tenant=other").await, Vec::<String>::new());
    assert_eq!(actions("/audit?tenant=nobody").await, Vec::<String>::new());
    let odd = house.get("/audit?subject=tenant").by(&operator).send().await;
    odd.refused(400, "malformed-query");
    house.get("/audit").by(&house.idp.portal(ADMIN)).send().await.refused(403, "operator-scope-required");
}

#[tokio::test]
async fn ec_112_a_table_has_no_formulas_and_keeps_the_filter() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house.tenant(&operator, "other").await;
    for name in ["=cmd()", "+1,\"2\"", "@sum"] {
        house.patch("/tenants/acme").by(&operator).json(&json!({ "name": name })).send().await.expect(200);
    }
    let reason = json!({ "reason": "-1+1" });
    house.post("/tenants/acme/suspend").by(&operator).json(&reason).send().await.expect(200);
    let file =
        house.get("/audit?tenant=acme&format=csv&limit=1").by(&operator).fresh().send().await.expect(200);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert!(file.header("content-disposition").contains("audit.csv"));
    assert!(file.text.starts_with("id,position,at,action"));
    assert!(file.text.contains("\"'-1+1\""), "{}", file.text);
    assert!(!file.text.contains(",=cmd") && !file.text.contains(",@sum"), "{}", file.text);
    assert!(file.text.contains("\"'@sum\""), "{}", file.text);
    assert!(!file.text.contains("other"), "{}", file.text);
    let rows = file.text.matches("\r\n").count();
    let lines = house
        .get("/tenants/acme/audit")
        .by(&operator)
        .header("accept", "application/x-ndjson")
        .fresh()
        .send()
        .await
        .expect(200);
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    let entries: Vec<Value> =
        lines.text.lines().map(|line| serde_json::from_str(line).expect("an entry")).collect();
    assert_eq!(entries.len() + 1, rows, "one heading more");
    let renamed = entries.iter().find(|entry| entry["action"] == "tenant.renamed").expect("a change");
    assert!(renamed["changes"][0]["after"].is_string());
    house
        .get("/tenants")
        .by(&operator)
        .header("accept", "text/csv")
        .send()
        .await
        .refused(406, "not-acceptable");
}

#[tokio::test]
async fn an_administrator_in_the_portal_sees_what_an_owner_sees() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    house.converge(tenant["id"].as_str().expect("an id")).await;
    let body = json!({ "reason": "internal remark", "customerMessage": "Paused." });
    house.post("/tenants/acme/suspend").by(&operator).json(&body).send().await.expect(200);
    let portal = house.idp.portal(ADMIN);
    for path in ["", "/audit", "/provisioning", "/holds", "/audit?format=ndjson"] {
        let answer = house.get(&format!("/tenants/acme{path}")).by(&portal).fresh().send().await.expect(200);
        for secret in ["internal remark", "external-id-of"] {
            assert!(!answer.text.contains(secret), "{path} shows {secret}: {}", answer.text);
        }
    }
    let seen = house.get("/tenants/acme").by(&portal).send().await.expect(200);
    assert_eq!(seen.json["handles"], json!(null));
    assert_eq!(seen.json["holds"][0]["customerMessage"], "Paused.");
}

#[tokio::test]
async fn the_reason_for_an_administrator_is_kept() {
    let (house, operator) = House::with_operator().await;
    let second = house.get("/me").by(&house.idp.operator("second@dezky.example")).send().await.expect(200);
    let admin = format!("/users/{}/platform-admin", second.json["id"].as_str().expect("an id"));
    house.post(&admin).by(&operator).json(&json!({ "reason": "Joins the team" })).send().await.expect(200);
    house.delete(&format!("{admin}?reason=Left")).by(&operator).send().await.expect(200);
    let list = house.get("/audit?action=platform.*").by(&operator).fresh().send().await.expect(200).json;
    let reasons: Vec<&Value> =
        list["data"].as_array().expect("rows").iter().map(|row| &row["reason"]).collect();
    assert_eq!(reasons[..2], [&json!("Left"), &json!("Joins the team")]);
}

#[tokio::test]
async fn who_of_our_staff_invited_is_for_our_staff() {
    let (house, operator) = House::with_operator().await;
    let body = json!({ "name": "Acme", "slug": "acme", "owner": { "email": "ada@acme.dk" } });
    house.post("/tenants").by(&operator).json(&body).send().await.expect(201);
    let admin = house.member(&operator, "acme", "admin").await;
    let full = house.get("/tenants/acme/invitations").by(&operator).fresh().send().await.expect(200);
    assert!(full.json["data"][0]["invitedBy"].is_string());
    let safe = house.get("/tenants/acme/invitations").by(&admin).fresh().send().await.expect(200);
    assert_eq!(safe.json["data"][0]["invitedBy"], json!(null));
    let ada = house.customer("ada@acme.dk").await;
    let me = house.get("/me").by(&ada).fresh().send().await.expect(200);
    assert_eq!(me.json["invitations"][0]["invitedBy"], json!(null));
}

#[tokio::test]
async fn what_was_refused_is_an_entry_too() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let member = house.member(&operator, "acme", "member").await;
    let admin = house.member(&operator, "acme", "admin").await;
    let head = house.store.head();
    house
        .post("/tenants/acme/domains")
        .by(&member)
        .json(&json!({ "domain": "acme.dk" }))
        .send()
        .await
        .expect(403);
    house.delete("/tenants/acme?confirm=other").by(&operator).send().await.expect(422);
    house.post("/tenants/acme/suspend").by(&member).send().await.expect(403);
    // Nobody's requests, unreadable ones and rehearsals are no commands.
    house.post("/tenants/acme/suspend").send().await.expect(401);
    house.post("/tenants/acme/suspend").by(&operator).raw("application/json", b"{").send().await.expect(400);
    house.delete("/tenants/acme?confirm=other&validate_only=true").by(&operator).send().await.expect(200);
    assert_eq!(house.store.head(), head);
    let rows = async |token: &str, path: &str| -> Vec<Value> {
        house.get(path).by(token).fresh().send().await.expect(200).json["data"]
            .as_array()
            .expect("rows")
            .clone()
    };
    let refused = rows(&operator, "/tenants/acme/audit?outcome=denied,failed").await;
    let told: Vec<(&str, &str, &str)> = refused
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap_or_default();
            (text("action"), text("outcome"), text("code"))
        })
        .collect();
    // A route of operators looks at nobody's tenant before it refuses.
    assert_eq!(
        told,
        [
            ("tenant.delete", "failed", "confirmation-mismatch"),
            ("tenant.domains.create", "denied", "role-insufficient")
        ]
    );
    assert_eq!(refused[1]["actor"]["display"], "member");
    assert_eq!(refused[1]["subject"]["slug"], "acme");
    let denied = rows(&operator, "/audit?outcome=denied").await;
    assert_eq!(denied[0]["code"], "operator-scope-required");
    let safe = rows(&admin, "/tenants/acme/audit?outcome=failed").await;
    assert_eq!(safe[0]["actor"]["display"], "Operations");
    assert_eq!(safe[0]["actor"]["id"], json!(null));
    let mut path = "/tenants/acme/audit?limit=1".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = house.get(&path).by(&operator).fresh().send().await.expect(200).json;
        ids.extend(page["data"].as_array().expect("rows").iter().map(|row| row["id"].to_string()));
        match page["page"]["nextCursor"].as_str() {
            Some(cursor) => path = format!("/tenants/acme/audit?limit=1&cursor={cursor}"),
            None => break,
        }
    }
    let all: Vec<String> =
        rows(&operator, "/tenants/acme/audit").await.iter().map(|row| row["id"].to_string()).collect();
    assert_eq!(ids, all, "page by page is the whole");
    assert!(all.len() > 5);
    house.get("/audit?outcome=lost").by(&operator).send().await.refused(400, "malformed-query");
}
