//! Accounts and groups of others with our names: nothing is written to them, and nothing is made beside them.

use domain::provisioning::SystemStatus::{Error, Ok};
use domain::user::User;
use http::Method;
use schema::provisioning::{FailureClass, Reason, Resource, ResourceKind};
use schema::{ProvisioningEvent, System, TenantId, UserId};
use serde_json::{Value, json};

use crate::world::{INSTANCE, Setup, World, id};

const OLGA: &str = "olga@acme.test";

async fn untrusting() -> World {
    World::start_with(Setup { trusts_addresses: false, ..Setup::default() }).await
}

fn make(world: &World, body: Value) -> i64 {
    let (status, made) = world.authentik.by_hand(&Method::POST, "/api/v3/core/users/", body);
    assert_eq!(status, 201, "{made}");
    made["pk"].as_i64().unwrap()
}

fn account(world: &World, pk: i64) -> Value {
    world.authentik.by_hand(&Method::GET, &format!("/api/v3/core/users/{pk}/"), Value::Null).1
}

fn accounts(world: &World) -> usize {
    let (_, page) = world.authentik.by_hand(&Method::GET, "/api/v3/core/users/?search=olga", Value::Null);
    page["results"].as_array().unwrap().len()
}

/// A tenant of anna's that olga is a member of.
async fn with_olga(world: &mut World) -> (TenantId, UserId) {
    let (acme, _) = world.acme().await;
    let olga = world.person(OLGA).await;
    world.add_member(acme, olga).await;
    world.settle().await;
    (acme, olga)
}

/// Whether it was told that the account is somebody else's, and about whom.
async fn is_refused(world: &World, tenant: TenantId, person: UserId) -> bool {
    let about = Resource { kind: ResourceKind::User, key: person.to_string() };
    world.events(tenant, System::Authentik).await.iter().any(|event| {
        matches!(event, ProvisioningEvent::Failed { reason: Reason::OwnedByAnother, resource, .. }
            if resource.as_ref() == Some(&about))
    })
}

#[tokio::test]
async fn where_addresses_prove_nothing_an_account_with_the_address_of_an_owner_stays_its_holders() {
    let mut world = untrusting().await;
    let pk = make(&world, json!({ "username": OLGA, "email": OLGA, "name": "Mallory" }));
    let before = account(&world, pk);
    let olga = world.person(OLGA).await;
    let acme = world.tenant("acme", olga).await;
    world.settle().await;
    assert!(is_refused(&world, acme, olga).await);
    assert_eq!(account(&world, pk), before, "nothing was written to it");
    assert_eq!(accounts(&world), 1, "and none was made beside it");
    let (user, _) = world.store.fold::<User>(&olga.into()).await.unwrap();
    assert!(!user.has_identity_at(INSTANCE), "its holder is nobody here");
}

#[tokio::test]
async fn nobody_with_rights_there_is_taken_over_even_where_addresses_are_trusted() {
    for kind in ["superuser", "service account", "role", "role of a group"] {
        let mut world = World::start().await;
        let body = json!({ "username": OLGA, "email": OLGA, "name": "Olga" });
        let pk = make(&world, body);
        match kind {
            "superuser" => {
                let (group, _) = world.group("authentik%20Admins").unwrap();
                world.identity_by_hand(
                    &Method::POST,
                    &format!("/core/groups/{group}/add_user/"),
                    json!({ "pk": pk }),
                );
            }
            "service account" => {
                let body = json!({ "type": "service_account" });
                world.identity_by_hand(&Method::PATCH, &format!("/core/users/{pk}/"), body);
            }
            "role" => {
                let (_, role) =
                    world.authentik.by_hand(&Method::POST, "/api/v3/rbac/roles/", json!({ "name": "r" }));
                let path = format!("/rbac/roles/{}/add_user/", role["pk"].as_str().unwrap());
                world.identity_by_hand(&Method::POST, &path, json!({ "pk": pk }));
            }
            _ => {
                let (group, _) = world.group("authentik%20Read-only").unwrap();
                world.identity_by_hand(
                    &Method::POST,
                    &format!("/core/groups/{group}/add_user/"),
                    json!({ "pk": pk }),
                );
            }
        }
        let before = account(&world, pk);
        let (acme, olga) = with_olga(&mut world).await;
        assert!(is_refused(&world, acme, olga).await, "{kind}");
        assert_eq!(account(&world, pk), before, "{kind}");
        assert_eq!(accounts(&world), 1, "{kind}");
        assert_eq!(world.states(acme).await, [Ok, Ok, Ok], "{kind}: the others are served");
    }
}

#[tokio::test]
async fn an_address_in_another_case_is_the_same_account_at_a_login_and_so_here() {
    let mut world = World::start().await;
    let pk = make(&world, json!({ "username": "Olga@Acme.test", "email": "Olga@Acme.test", "name": "Olga" }));
    let (acme, olga) = with_olga(&mut world).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(accounts(&world), 1);
    let there = account(&world, pk);
    assert_eq!((there["username"].as_str(), there["email"].as_str()), (Some(OLGA), Some(OLGA)));
    assert_eq!(there["attributes"]["dezky"]["userId"], json!(olga));

    let mut world = untrusting().await;
    let pk = make(&world, json!({ "username": "someone", "email": "Olga@Acme.test", "name": "Olga" }));
    let before = account(&world, pk);
    let (acme, olga) = with_olga(&mut world).await;
    assert!(is_refused(&world, acme, olga).await);
    assert_eq!((account(&world, pk), accounts(&world)), (before, 1));
}

#[tokio::test]
async fn two_accounts_that_answer_to_one_address_are_left_alone() {
    let mut world = World::start().await;
    let one = make(&world, json!({ "username": OLGA, "email": "", "name": "One" }));
    let two = make(&world, json!({ "username": "olga", "email": "OLGA@acme.test", "name": "Two" }));
    let before = (account(&world, one), account(&world, two));
    let (acme, olga) = with_olga(&mut world).await;
    assert!(is_refused(&world, acme, olga).await);
    assert_eq!((account(&world, one), account(&world, two)), before);
}

#[tokio::test]
async fn an_identity_linked_here_proves_an_account_where_addresses_prove_nothing() {
    let mut world = untrusting().await;
    let pk = make(&world, json!({ "username": "olga", "email": OLGA, "name": "Olga" }));
    let olga = id(UserId::from_uuid);
    let command = schema::UserCommand::RegisterFromSignIn {
        instance: INSTANCE.into(),
        subject: account(&world, pk)["uuid"].as_str().unwrap().into(),
        email: OLGA.parse().unwrap(),
        name: None,
        audience: "dezky-portal".into(),
    };
    world.execute(domain::One::<User> { stream: olga.into(), command }).await;
    let acme = world.tenant("acme", olga).await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(account(&world, pk)["attributes"]["dezky"]["userId"], json!(olga));
    assert_eq!(accounts(&world), 1);
}

#[tokio::test]
async fn a_mark_that_was_wiped_is_drift_and_one_that_names_another_is_not() {
    let mut world = untrusting().await;
    let (acme, olga) = with_olga(&mut world).await;
    let pk = world.authentik.door(OLGA).unwrap().user;
    let path = format!("/core/users/{pk}/");
    world.identity_by_hand(&Method::PATCH, &path, json!({ "attributes": { "colour": "blue" } }));
    world.wake(acme, System::Authentik).await;
    world.settle().await;
    let attributes = account(&world, pk)["attributes"].clone();
    assert_eq!((&attributes["colour"], &attributes["dezky"]["userId"]), (&json!("blue"), &json!(olga)));

    let theirs = json!({ "attributes": { "dezky": { "userId": id(UserId::from_uuid) } } });
    world.identity_by_hand(&Method::PATCH, &path, theirs.clone());
    let before = account(&world, pk);
    world.wake(acme, System::Authentik).await;
    world.settle_for(30, 5).await;
    assert!(is_refused(&world, acme, olga).await);
    let now = account(&world, pk);
    assert_eq!((&now["attributes"], &now["username"]), (&before["attributes"], &before["username"]));
    assert_eq!(accounts(&world), 1);
}

#[tokio::test]
async fn an_entitlement_group_that_gives_rights_is_not_used() {
    let mut world = World::start().await;
    let body = json!({ "name": "dezky-entitled", "is_superuser": true });
    world.identity_by_hand(&Method::POST, "/core/groups/", body);
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Error, Ok, Ok]);
    assert_eq!(world.authentik.door("anna@acme.test").unwrap().groups, ["dezky-tenant-acme"]);
}

#[tokio::test]
async fn a_value_that_is_refused_is_told_with_its_object_and_their_words() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let long = format!("{}@{}.test", "o".repeat(60), "a".repeat(63));
    let long = long.replace(".test", &format!(".{}.test", "b".repeat(40)));
    let olga = world.person(&long).await;
    world.add_member(acme, olga).await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok], "the others are served");
    let about = Resource { kind: ResourceKind::User, key: olga.to_string() };
    let told = world.events(acme, System::Authentik).await;
    assert!(told.iter().any(|event| matches!(event,
        ProvisioningEvent::Failed { class: FailureClass::Permanent, reason: Reason::ValidationRejected, resource, .. }
            if resource.as_ref() == Some(&about))), "{told:?}");
    assert!(world.authentik.door("anna@acme.test").unwrap().active);
}

#[tokio::test]
async fn a_stranger_with_a_members_address_is_not_let_into_the_group_of_the_file_server() {
    let mut world = untrusting().await;
    make(&world, json!({ "username": OLGA, "email": OLGA, "name": "Mallory" }));
    let account = json!({ "onPremisesSamAccountName": OLGA, "displayName": "Mallory", "mail": OLGA });
    world.files_by_hand(&Method::POST, "/graph/v1.0/users", &account);
    with_olga(&mut world).await;
    let path = "/graph/v1.0/groups/dezky-tenant-acme?$expand=members";
    let (_, group) = world.ocis.by_hand(&Method::GET, path, &json!(null));
    assert!(group["members"].as_array().is_none_or(Vec::is_empty), "{group}");
}

#[tokio::test]
async fn a_member_who_was_in_the_file_server_before_is_let_in_once_the_account_is_known_to_be_theirs() {
    let mut world = World::start().await;
    let account = json!({ "onPremisesSamAccountName": OLGA, "displayName": "Olga", "mail": OLGA });
    world.files_by_hand(&Method::POST, "/graph/v1.0/users", &account);
    with_olga(&mut world).await;
    let path = "/graph/v1.0/groups/dezky-tenant-acme?$expand=members";
    let (_, group) = world.ocis.by_hand(&Method::GET, path, &json!(null));
    assert_eq!(group["members"].as_array().map_or(0, Vec::len), 1, "{group}");
}
