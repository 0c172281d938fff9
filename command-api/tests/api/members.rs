//! Members and invitations: how an invited owner becomes a member.

use serde_json::{Value, json};

use crate::house::House;

async fn invited(house: &House, operator: &str) -> Value {
    let body =
        json!({ "name": "Acme", "slug": "acme", "owner": { "email": "ada@acme.dk", "name": "Ada Holm" } });
    house.post("/tenants").by(operator).json(&body).send().await.expect(201);
    let list = house.get("/tenants/acme/invitations").by(operator).send().await.expect(200);
    list.json["data"][0].clone()
}

#[tokio::test]
async fn an_invited_owner_says_yes() {
    let (house, operator) = House::with_operator().await;
    let invitation = invited(&house, &operator).await;
    assert_eq!(invitation["status"], "open");
    assert_eq!(invitation["email"], "ada@acme.dk");
    assert_eq!(invitation["role"], "owner");
    let ada = house.customer("ada@acme.dk").await;
    let me = house.get("/users/me").by(&ada).fresh().send().await.expect(200);
    assert_eq!(me.json["invitations"][0]["id"], invitation["id"]);
    house.get("/tenants/acme").by(&ada).send().await.refused(404, "tenant-not-found");
    let path = format!("/invitations/{}/accept", invitation["id"].as_str().expect("an id"));
    let accepted = house.post(&path).by(&ada).send().await.expect(200);
    assert_eq!(accepted.json["status"], "accepted");
    let head = house.store.head();
    house.post(&path).by(&ada).send().await.expect(200);
    assert_eq!(house.store.head(), head);
    let tenant = house.get("/tenants/acme").by(&ada).fresh().send().await.expect(200);
    assert_eq!(tenant.json["members"]["active"], 1);
}

#[tokio::test]
async fn ec_25_an_invitation_is_for_one_person_and_one_answer() {
    let (house, operator) = House::with_operator().await;
    let invitation = invited(&house, &operator).await;
    let id = invitation["id"].as_str().expect("an id");
    let eve = house.customer("eve@acme.dk").await;
    house
        .post(&format!("/invitations/{id}/accept"))
        .by(&eve)
        .send()
        .await
        .refused(403, "invitation-not-yours");
    let ada = house.customer("ada@acme.dk").await;
    let declined = house.post(&format!("/invitations/{id}/decline")).by(&ada).send().await.expect(200);
    assert_eq!(declined.json["status"], "declined");
    house.post(&format!("/invitations/{id}/accept")).by(&ada).send().await.refused(409, "invalid-transition");
    for unknown in ["inv_01jd8q0b2d4f6h8k0m2p4r6t8v", "nonsense"] {
        let answer = house.post(&format!("/invitations/{unknown}/accept")).by(&ada).send().await;
        answer.refused(404, "invitation-not-found");
    }
}

#[tokio::test]
async fn ec_26_saying_yes_waits_for_nothing_but_not_after_the_end() {
    let (house, operator) = House::with_operator().await;
    let invitation = invited(&house, &operator).await;
    let path = format!("/invitations/{}/accept", invitation["id"].as_str().expect("an id"));
    let ada = house.customer("ada@acme.dk").await;
    house.delete("/tenants/acme").by(&operator).send().await.expect(200);
    house.post(&path).by(&ada).send().await.refused(409, "tenant-terminating");
    house.post("/tenants/acme/restore").by(&operator).send().await.expect(200);
    house.post("/tenants/acme/suspend").by(&operator).send().await.expect(200);
    house.post(&path).by(&ada).send().await.expect(200);
    let me = house.get("/users/me").by(&ada).fresh().send().await.expect(200);
    assert_eq!(me.json["memberships"][0]["status"], "active");
    assert_eq!(me.json["memberships"][0]["canUse"], false);
}

#[tokio::test]
async fn an_operator_adds_a_member_at_once() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let ada = house.customer("ada@acme.dk").await;
    let body = json!({ "email": "ada@acme.dk", "role": "admin" });
    let added = house.post("/tenants/acme/users").by(&operator).json(&body).send().await.expect(201);
    assert_eq!(added.json["role"], "admin");
    assert_eq!(added.json["status"], "active");
    assert_eq!(added.json["kind"], "guest");
    let list = house.get("/tenants/acme/users").by(&ada).fresh().send().await.expect(200);
    assert_eq!(list.json["data"][0]["email"], "ada@acme.dk");
    let keys = |value: &Value| value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>());
    assert_eq!(keys(&list.json["data"][0]), keys(&added.json));
    let other = json!({ "email": "ada@acme.dk", "role": "owner" });
    house.post("/tenants/acme/users").by(&operator).json(&other).send().await.refused(409, "already-exists");
    let nobody = json!({ "email": "nobody@acme.dk", "role": "member" });
    house.post("/tenants/acme/users").by(&operator).json(&nobody).send().await.refused(404, "user-not-found");
    let both = json!({ "role": "member" });
    let answer = house.post("/tenants/acme/users").by(&operator).json(&both).send().await;
    assert_eq!(answer.refused(422, "validation-failed").errors(), [("/userId", "required")]);
}
