//! Signing in: known, linked or registered, and never more rights than before.

use command_api::EmailTrust;
use domain::One;
use domain::acts::ReconcilerLink;
use domain::user::User;
use schema::user::InviteSource;
use schema::{UserCommand, UserId};
use serde_json::json;
use uuid::Uuid;

use crate::house::{ADMIN, House};

async fn invite(house: &House, email: &str) -> UserId {
    let id = UserId::from_uuid(Uuid::now_v7());
    let command = UserCommand::Invite {
        email: email.parse().expect("an address"),
        name: None,
        source: InviteSource::Operator,
        tenant_id: None,
    };
    house.act(One::<User> { stream: id.into(), command }).await;
    id
}

#[tokio::test]
async fn n4_somebody_sees_their_profile_tenants_and_subscriptions() {
    let (house, operator) = House::with_operator().await;
    for slug in ["dezky-fixture", "acme"] {
        house.tenant(&operator, slug).await;
        let body = json!({ "email": ADMIN, "role": "owner" });
        house.post(&format!("/tenants/{slug}/users")).by(&operator).json(&body).send().await.expect(201);
    }
    let me = house.get("/me").by(&operator).fresh().send().await.expect(200);
    assert_eq!(me.json["name"], "ronja");
    assert_eq!(me.json["role"], "operator");
    assert_eq!(me.json["tenants"].as_array().map(Vec::len), Some(2));
    let plans: Vec<&str> = me.json["subscriptions"]
        .as_array()
        .expect("subscriptions")
        .iter()
        .filter_map(|found| found["plan"].as_str())
        .collect();
    assert_eq!(plans, ["complimentary", "complimentary"]);
    assert_eq!(me.json["memberships"][0]["role"], "owner");
}

#[tokio::test]
async fn ec_37_two_first_sign_ins_at_once_make_one_person() {
    let house = House::open().await;
    let token = house.idp.portal("ada@acme.example");
    let both = [house.get("/users/me").by(&token).send(), house.get("/users/me").by(&token).send()];
    let answers = futures::future::join_all(both).await;
    let ids: Vec<_> = answers.into_iter().map(|answer| answer.expect(200).json["id"].clone()).collect();
    assert_eq!(ids[0], ids[1]);
}

#[tokio::test]
async fn signing_in_again_is_no_news() {
    let house = House::open().await;
    let token = house.customer("ada@acme.example").await;
    let head = house.store.head();
    let me = house.get("/users/me").by(&token).send().await.expect(200);
    assert_eq!(house.store.head(), head);
    assert_eq!(me.json["tenants"], json!([]));
}

#[tokio::test]
async fn ec_38_another_subject_with_a_known_address_is_a_conflict() {
    let house = House::open().await;
    house.customer("ada@acme.example").await;
    let head = house.store.head();
    let mut claims = house.idp.claims("dezky-portal", "ada@acme.example");
    claims["sub"] = json!("after-a-reset");
    house.get("/users/me").by(&house.idp.sign(&claims)).send().await.refused(409, "identity-conflict");
    assert_eq!(house.store.head(), head);
}

#[tokio::test]
async fn an_invited_person_is_linked_when_the_address_is_trusted() {
    let house = House::open().await;
    let invited = invite(&house, "bo@acme.example").await;
    let me = house.get("/users/me").by(&house.idp.portal("bo@acme.example")).send().await.expect(200);
    assert_eq!(me.json["id"], invited.to_string());
    assert_eq!(me.json["status"], "active");
}

#[tokio::test]
async fn ec_39_an_invited_person_is_not_linked_by_an_untrusted_address() {
    let house = House::open_with(|config| config.email_trust = EmailTrust::WhenVerified).await;
    let invited = invite(&house, "bo@acme.example").await;
    let token = house.idp.portal("bo@acme.example");
    house.get("/users/me").by(&token).send().await.refused(409, "identity-conflict");
    let mut claims = house.idp.claims("dezky-portal", "bo@acme.example");
    claims["email_verified"] = json!(true);
    let me = house.get("/users/me").by(&house.idp.sign(&claims)).send().await.expect(200);
    assert_eq!(me.json["id"], invited.to_string());
}

#[tokio::test]
async fn an_address_is_compared_without_case_and_one_that_only_looks_like_it_links_nobody() {
    let house = House::open().await;
    let kim = invite(&house, "kim@acme.example").await;
    for alike in ["\u{212a}im@acme.example", "\u{ff4b}im@acme.example"] {
        let token = house.idp.portal(alike);
        house.get("/users/me").by(&token).send().await.refused(409, "identity-conflict");
    }
    let me = house.get("/users/me").by(&house.idp.portal("KIM@Acme.example")).send().await.expect(200);
    assert_eq!(me.json["id"], kim.to_string());
}

#[tokio::test]
async fn ec_41_the_first_administrator_is_made_once() {
    let (house, operator) = House::with_operator().await;
    let second = house.idp.operator("second@dezky.example");
    let me = house.get("/users/me").by(&second).send().await.expect(200);
    let path = |id: &serde_json::Value| format!("/users/{}/platform-admin", id.as_str().expect("an id"));
    let reason = json!({ "reason": "Takes over" });
    house.post(&path(&me.json["id"])).by(&operator).json(&reason).send().await.expect(200);
    let first = house.get("/users/me").by(&operator).send().await.expect(200);
    let revoke = format!("{}?reason=Takes%20over", path(&first.json["id"]));
    house.delete(&revoke).by(&second).send().await.expect(200);

    let again = house.get("/users/me").by(&operator).fresh().send().await.expect(200);
    assert_eq!(again.json["platformAdmin"], false);
    house.get("/partners").by(&operator).send().await.refused(403, "not-a-platform-admin");
}

#[tokio::test]
async fn the_first_administrator_needs_an_operator_scoped_token() {
    let house =
        House::open_with(|config| config.bootstrap_admin_email = Some(ADMIN.parse().expect("an address")))
            .await;
    let me = house.get("/users/me").by(&house.idp.portal(ADMIN)).send().await.expect(200);
    assert_eq!(me.json["platformAdmin"], false);
    let me = house.get("/users/me").by(&house.idp.operator(ADMIN)).send().await.expect(200);
    assert_eq!(me.json["platformAdmin"], true);
}

#[tokio::test]
async fn an_unknown_person_is_told_to_sign_in_first() {
    let house = House::open().await;
    house.get("/tenants").by(&house.idp.portal("ada@acme.example")).send().await.refused(403, "user-unknown");
    let mut claims = house.idp.claims("dezky-portal", "ada@acme.example");
    claims["email"] = json!(null);
    house.get("/users/me").by(&house.idp.sign(&claims)).send().await.refused(403, "user-unknown");
}

#[tokio::test]
async fn of_several_identities_the_one_somebody_came_with_is_shown() {
    let house = House::open().await;
    let token = house.customer("ada@acme.example").await;
    let me = house.get("/users/me").by(&token).send().await.expect(200);
    let user_id: UserId = me.json["id"].as_str().expect("an id").parse().expect("an id");
    let subjects = vec!["linked-later".to_owned()];
    house.act(ReconcilerLink { user_id, instance: "https://elsewhere.example/".into(), subjects }).await;
    house.catch_up().await;
    let me = house.get("/users/me").by(&token).send().await.expect(200);
    assert_eq!(me.json["authentikSubjectId"], "sub-of-ada@acme.example");
}
