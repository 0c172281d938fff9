//! Bounds met from outside: at the bound it is done, above it is refused with a precise problem and nothing changes; and
//! where there is no bound, being many hurts nobody.

use std::sync::atomic::Ordering;

use domain::One;
use domain::acts::{AddMember, CompleteTermination, InviteMember};
use domain::tenant::Tenant;
use domain::user::User;
use schema::tenant::{HoldKind, HoldRef, MemberSource};
use schema::user::InviteSource;
use schema::{HoldId, InvitationId, Role, TenantCommand, TenantId, UserCommand, UserId};
use serde_json::json;
use uuid::Uuid;

use crate::house::House;

/// People of one large customer.
const MANY: usize = 500;

async fn claim(house: &House, operator: &str, count: usize) {
    for number in 0..count {
        let body = json!({ "domain": format!("acme-{number}.dk") });
        house.post("/tenants/acme/domains").by(operator).json(&body).send().await.expect(201);
    }
}

async fn person(house: &House, email: &str) -> UserId {
    let user_id = UserId::from_uuid(Uuid::now_v7());
    let command = UserCommand::Invite {
        email: email.parse().expect("an address"),
        name: None,
        source: InviteSource::Operator,
        tenant_id: None,
    };
    house.act(One::<User> { stream: user_id.into(), command }).await;
    user_id
}

async fn join(house: &House, tenant_id: TenantId, user_id: UserId) {
    let (role, source) = (Role::Member, MemberSource::Operator);
    house.act(AddMember { tenant_id, user_id, role, source, seats: None }).await;
}

async fn tenant(house: &House, operator: &str, slug: &str) -> TenantId {
    house.tenant(operator, slug).await["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

#[tokio::test]
async fn sixty_five_domains_at_once_are_refused_in_full_and_sixty_four_are_released() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    claim(&house, &operator, 65).await;
    let head = house.store.head();
    let none = json!({ "domains": [] });
    let refused = house.patch("/tenants/acme").by(&operator).key("k").json(&none).send().await;
    let refused = refused.refused(422, "validation-failed");
    assert_eq!(refused.errors(), [("", "range")]);
    assert_eq!(
        refused.json["errors"][0]["detail"],
        "one command makes 65 changes to one thing, and can make at most 64; do it in portions"
    );
    assert_eq!(house.store.head(), head);
    let rehearsed = house.patch("/tenants/acme?validate_only=true").by(&operator).json(&none).send().await;
    assert_eq!(rehearsed.expect(200).json["valid"], false);

    house.delete("/tenants/acme/domains/acme-0.dk").by(&operator).send().await.expect(200);
    house.patch("/tenants/acme").by(&operator).key("k").json(&none).send().await.expect(200);
    let left = house.get("/tenants/acme/domains").by(&operator).send().await.expect(200);
    assert_eq!(left.json["data"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn twenty_domains_may_be_given_and_one_more_is_refused() {
    let (house, operator) = House::with_operator().await;
    let domains = |count: usize| (0..count).map(|number| format!("d{number}.dk")).collect::<Vec<_>>();
    let made = |slug: &str, count| json!({ "slug": slug, "name": slug, "domains": domains(count) });
    let head = house.store.head();
    let refused = house.post("/tenants").by(&operator).json(&made("acme", 21)).send().await;
    assert_eq!(refused.refused(422, "validation-failed").errors(), [("/domains", "too-long")]);
    assert_eq!(house.store.head(), head);
    house.post("/tenants").by(&operator).json(&made("acme", 20)).send().await.expect(201);
    let refused =
        house.patch("/tenants/acme").by(&operator).json(&json!({ "domains": domains(21) })).send().await;
    assert_eq!(refused.refused(422, "validation-failed").errors(), [("/domains", "too-long")]);
}

#[tokio::test]
async fn a_tenant_of_many_people_invitations_and_holds_lives_and_ends() {
    let (house, operator) = House::with_operator().await;
    let acme = tenant(&house, &operator, "acme").await;
    for number in 0..MANY {
        let user_id = person(&house, &format!("p{number}@acme.example")).await;
        if number % 10 == 0 {
            let invitation_id = InvitationId::from_uuid(Uuid::now_v7());
            let expires_at = House::asked().now.plus_days(14);
            let invite = InviteMember {
                tenant_id: acme,
                invitation_id,
                user_id,
                role: Role::Member,
                expires_at,
                seats: None,
            };
            house.act(invite).await;
        } else {
            join(&house, acme, user_id).await;
        }
    }
    for _ in 0..100 {
        let (hold_id, kind) = (HoldId::from_uuid(Uuid::now_v7()), HoldKind::Operator);
        let place =
            TenantCommand::PlaceHold { hold_id, kind, reason: None, customer_message: None, until: None };
        house.act(One::<Tenant> { stream: acme.into(), command: place }).await;
        let release = TenantCommand::ReleaseHold { hold: HoldRef::Id(hold_id), reason: None };
        house.act(One::<Tenant> { stream: acme.into(), command: release }).await;
    }
    house.catch_up().await;
    house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    let members = house.get("/tenants/acme/users?limit=200").by(&operator).fresh().send().await.expect(200);
    assert_eq!(members.json["data"].as_array().map(Vec::len), Some(200));
    claim(&house, &operator, 1).await;
    house.patch("/tenants/acme").by(&operator).json(&json!({ "domains": [] })).send().await.expect(200);
    let mut at = house.views.snapshot(&projector::facts::MODEL).await.expect("a moment");
    let facts = projector::facts::of_tenant(&mut at, acme).await.expect("facts").expect("a tenant");
    assert_eq!(facts.people.len(), MANY);

    let end = json!({ "graceDays": 0, "confirm": "acme" });
    house.post("/tenants/acme/terminate").by(&operator).json(&end).send().await.expect(200);
    house.act(CompleteTermination { tenant_id: acme, subscription_id: None }).await;
    let ended = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    assert_eq!(ended.json["status"], "terminated");
}

#[tokio::test]
async fn a_person_in_hundreds_of_tenants_signs_in_and_sees_them() {
    let (house, operator) = House::with_operator().await;
    let token = house.customer("ada@busy.example").await;
    let me = house.get("/users/me").by(&token).send().await.expect(200);
    let user_id: UserId = me.json["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
    for number in 0..300 {
        let tenant_id = tenant(&house, &operator, &format!("tenant-{number}")).await;
        join(&house, tenant_id, user_id).await;
    }
    let me = house.get("/users/me").by(&token).fresh().send().await.expect(200);
    assert_eq!(me.json["memberships"].as_array().map(Vec::len), Some(300));
    house.catch_up().await;
    let mut at = house.views.snapshot(&projector::users::MODEL).await.expect("a moment");
    let shown = projector::users::get(&mut at, user_id).await.expect("a view").expect("a person");
    assert_eq!(shown.memberships.len(), 300);
}

#[tokio::test]
async fn a_request_that_panics_is_a_problem_and_the_next_one_is_served() {
    let counted = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&counted);
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    house.provider.is_broken.store(true, Ordering::SeqCst);
    let broken = house.post("/tenants/acme/reconcile").by(&operator).json(&json!({})).send().await;
    let broken = broken.refused(500, "internal");
    assert!(!broken.text.contains("a bug"), "{}", broken.text);
    house.provider.is_broken.store(false, Ordering::SeqCst);
    house.post("/tenants/acme/reconcile").by(&operator).json(&json!({})).send().await.expect(200);
    let counters = counted.handle().render();
    assert!(counters.contains(r#"dezky_panics_total{task="answer a request"} 1"#), "{counters}");
}
