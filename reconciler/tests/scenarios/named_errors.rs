//! What a system will not take is named, and everything else of the tenant goes on.

use domain::provisioning::SystemStatus::{Error, Ok, Pending};
use schema::provisioning::{FailureClass, Reason, Resource, ResourceKind};
use schema::{ProvisioningEvent, System, TenantId};
use serde_json::json;
use simulators::stalwart::Login;

use crate::world::World;

async fn failures(world: &World, tenant: TenantId) -> Vec<(FailureClass, Reason, Option<Resource>)> {
    let mut failures = Vec::new();
    for event in world.events(tenant, System::Stalwart).await {
        if let ProvisioningEvent::Failed { class, reason, resource, .. } = event {
            failures.push((class, reason, resource));
        }
    }
    failures
}

fn domain(name: &str) -> Resource {
    Resource { kind: ResourceKind::Domain, key: name.into() }
}

#[tokio::test]
async fn a_domain_the_mail_server_will_not_take_is_named_and_keeps_nobody_from_their_mail() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.verify_domain(acme, "acme.example").await;
    let bo = world.person("bo@acme.test").await;
    world.add_member(acme, bo).await;
    world.settle().await;
    let refused = (FailureClass::Permanent, Reason::ValidationRejected, Some(domain("acme.example")));
    assert_eq!(failures(&world, acme).await, [refused]);
    assert_eq!(world.stalwart.login("bo@acme.test"), Login::Allowed);
    assert_eq!(world.states(acme).await, [Pending, Error, Ok], "the identity door waits for a while");
    world.suspend(acme).await;
    world.settle().await;
    assert_ne!(world.stalwart.login("bo@acme.test"), Login::Allowed, "its door shuts all the same");
}

#[tokio::test]
async fn a_domain_that_is_an_alias_of_anothers_is_owned_by_another_and_stays_as_it_is() {
    let mut world = World::start().await;
    let theirs = json!({ "name": "theirs.test", "aliases": { "beta.test": true } });
    world.mail_by_hand(json!(["x:Domain/set", { "create": { "a": theirs } }])).await;
    let (acme, _) = world.acme().await;
    world.verify_domain(acme, "beta.test").await;
    world.settle().await;
    let owned = (FailureClass::Permanent, Reason::OwnedByAnother, Some(domain("beta.test")));
    assert_eq!(failures(&world, acme).await, [owned]);
    let found = world.mail_by_hand(json!(["x:Domain/query", { "filter": { "name": "theirs.test" } }])).await;
    let read = json!(["x:Domain/get", { "ids": found["ids"], "properties": ["aliases", "description"] }]);
    let domain = &world.mail_by_hand(read).await["list"][0];
    assert_eq!((&domain["aliases"], &domain["description"]), (&json!({ "beta.test": true }), &json!(null)));
}
