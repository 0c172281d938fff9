//! Systems that are down, slow, strict or wrong: commands still work, and everything converges by itself.

use domain::provisioning::SystemStatus::{Error, Ok, Pending};
use http::Method;
use schema::provisioning::{FailureClass, Reason};
use schema::{ProvisioningEvent, System};
use serde_json::json;
use simulators::authentik::Release;
use simulators::stalwart::Login;
use simulators::{Effect, Rule};

use crate::world::{Setup, World, pass_seconds};

fn count(kinds: &[&str], kind: &str) -> usize {
    kinds.iter().filter(|one| **one == kind).count()
}

#[tokio::test]
async fn ec_79_an_hour_of_503_is_one_failure_and_one_recovery() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let before = world.kinds(acme, System::Ocis).await.len();
    world.ocis.faults.add(Rule::always(Effect::Status(503)));
    world.suspend(acme).await;
    world.settle().await;
    world.settle_for(3_600, 60).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Error]);
    world.ocis.faults.clear();
    world.settle_for(1_200, 60).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let news = world.kinds(acme, System::Ocis).await.split_off(before);
    assert_eq!(count(&news, "provisioning.failed"), 1, "{news:?}");
    assert_eq!(count(&news, "provisioning.converged"), 1, "{news:?}");
}

#[tokio::test]
async fn ec_80_two_failures_and_a_success_are_no_failure() {
    let mut world = World::start().await;
    world.ocis.faults.add(Rule::times(2, Effect::Status(503)));
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Pending, Ok, Pending]);
    world.settle_for(20, 2).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(count(&world.kinds(acme, System::Ocis).await, "provisioning.failed"), 0);
}

#[tokio::test]
async fn ec_81_a_dead_token_keeps_everybody_away_and_is_probed_once_a_minute() {
    let mut world = World::start().await;
    let (acme, anna) = world.acme().await;
    let beta = world.tenant("beta", anna).await;
    world.settle().await;
    let set_key = "/core/tokens/authentik-bootstrap-token/set_key/";
    world.identity_by_hand(&Method::POST, set_key, json!({ "key": "another-key" }));
    world.suspend(acme).await;
    world.settle().await;
    let failed = world.events(acme, System::Authentik).await;
    assert!(failed.iter().any(|event| matches!(
        event,
        ProvisioningEvent::Failed { class: FailureClass::Auth, reason: Reason::AuthFailed, .. }
    )));
    let left_alone = world.reconciler.status().await.unwrap().left_alone;
    let found = left_alone.iter().map(|left| (left.system, left.why.as_str()));
    assert_eq!(found.collect::<Vec<_>>(), [(System::Authentik, "credentials")]);
    world.authentik.faults.clear_requests();
    world.suspend(beta).await;
    world.settle().await;
    assert_eq!(world.authentik.faults.requests().len(), 0, "the other tenant waits");
    world.settle_for(300, 10).await;
    let probes = world.authentik.faults.requests().len();
    assert!((1..=5).contains(&probes), "{probes} calls in five minutes");

    world.identity_by_hand(&Method::POST, set_key, json!({ "key": "authentik-token" }));
    world.settle_for(70, 10).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(world.states(beta).await, [Ok, Ok, Ok]);
    assert_eq!(world.reconciler.status().await.unwrap().left_alone, []);
}

#[tokio::test]
async fn ec_82_a_system_that_asks_for_thirty_seconds_gets_them() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let wait = Rule::once(Effect::TooManyRequests { retry_after_s: 30 });
    world.stalwart.faults().add(wait);
    world.suspend(acme).await;
    world.settle().await;
    world.stalwart.faults().clear_requests();
    world.settle_for(29, 1).await;
    world.wake(acme, System::Stalwart).await;
    world.settle().await;
    assert_eq!(world.stalwart.faults().requests().len(), 0);
    world.settle_for(2, 1).await;
    assert!(matches!(world.stalwart.login("anna@acme.test"), Login::Refused { .. }));
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
}

#[tokio::test]
async fn ec_91_flapping_fills_the_side_table_and_not_the_log() {
    const FLIPS: u64 = 100;
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let (head, attempts) = (world.store.read_head().await.unwrap(), world.attempts().await);
    for _ in 0..FLIPS {
        world.ocis.faults.add(Rule::once(Effect::Status(500)));
        crate::world::pass_seconds(1);
        world.wake(acme, System::Ocis).await;
        world.settle().await;
        world.settle_for(2, 2).await;
        assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    }
    assert_eq!(world.store.read_head().await.unwrap(), head, "no event at all");
    assert_eq!(world.attempts().await - attempts, 2 * FLIPS);
}

#[tokio::test]
async fn an_empty_405_of_authentik_is_looked_at_before_it_is_repeated() {
    let mut world = World::start().await;
    let unlucky = Rule::once(Effect::EmptyMethodNotAllowed).method(&Method::POST).path("/core/groups/");
    world.authentik.faults.add(unlucky);
    let (acme, _) = world.acme().await;
    world.settle_for(10, 5).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(count(&world.kinds(acme, System::Authentik).await, "provisioning.failed"), 0);
}

#[tokio::test]
async fn a_method_error_of_the_mail_server_hides_no_commit() {
    let mut world = World::start().await;
    world.stalwart.stumble("x:Role/set", 1);
    let (acme, _) = world.acme().await;
    world.settle_for(10, 5).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let roles = world.mail_by_hand(json!(["x:Role/query", { "filter": { "description": "dezky" } }])).await;
    assert_eq!(roles["ids"].as_array().unwrap().len(), 1, "one role, found by its mark");
}

#[tokio::test]
async fn a_revoked_token_of_ocis_is_fetched_anew_at_once() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.ocis.set(simulators::ocis::Switch::RevokeTokens);
    world.suspend(acme).await;
    world.settle().await;
    assert!(world.ocis.spaces()[0].disabled);
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
}

#[tokio::test]
async fn a_system_that_is_not_there_is_made_right_when_it_comes() {
    let mut world = World::start().await;
    world.stop_listening(System::Stalwart).await;
    let (acme, _) = world.acme().await;
    world.settle_for(120, 10).await;
    assert_eq!(world.states(acme).await, [Pending, Error, Ok]);
    assert!(
        world.reconciler.status().await.unwrap().waiting.iter().any(|row| row.system == System::Stalwart)
    );
}

#[tokio::test]
async fn a_suspension_that_failed_goes_first_when_it_is_tried_again() {
    let mut world = World::start_with(Setup { hands: 1, ..Setup::default() }).await;
    let (acme, anna) = world.acme().await;
    world.ocis.faults.add(Rule::once(Effect::Status(503)).method(&Method::DELETE));
    world.suspend(acme).await;
    world.settle().await;
    assert!(!world.ocis.spaces()[0].disabled);
    for number in 0..4 {
        world.tenant(&format!("bulk-{number}"), anna).await;
    }
    world.project().await;
    world.reconciler.catch_up().await.unwrap();
    pass_seconds(2);
    world.clear_requests();
    world.turn().await;
    let writes: Vec<String> =
        world.ocis.faults.requests().into_iter().filter(|seen| seen.write).map(|seen| seen.method).collect();
    assert_eq!(writes.first().map(String::as_str), Some("DELETE"), "{writes:?}");
}

#[tokio::test]
async fn a_suspension_that_fails_for_long_is_tried_ever_more_rarely() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.ocis.faults.add(Rule::always(Effect::Status(500)).method(&Method::DELETE));
    world.suspend(acme).await;
    world.settle().await;
    world.clear_requests();
    world.settle_for(3_600, 60).await;
    let tries = world.ocis.faults.requests().iter().filter(|seen| seen.method == "DELETE").count();
    assert!((5..=70).contains(&tries), "{tries} tries in an hour");
}

#[tokio::test]
async fn a_file_server_that_shows_nothing_for_a_moment_gets_nothing_made_twice() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.ocis.faults.add(Rule::always(Effect::NothingThere).path("/graph/"));
    world.reconciler.sweep().await.unwrap();
    world.wake(acme, System::Ocis).await;
    world.settle().await;
    world.ocis.faults.clear();
    world.settle_for(30, 5).await;
    assert_eq!(world.ocis.spaces().len(), 1);
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let kinds = world.kinds(acme, System::Ocis).await;
    assert_eq!(count(&kinds, "provisioning.resource.lost"), 0, "{kinds:?}");
}

#[tokio::test]
async fn an_identity_system_that_shows_nothing_for_a_moment_gets_nothing_made_twice() {
    let mut world = World::start_with(Setup { release: Release::R2025_10, ..Setup::default() }).await;
    let (acme, _) = world.acme().await;
    world.authentik.faults.add(Rule::always(Effect::NothingThere).method(&Method::GET));
    world.reconciler.sweep().await.unwrap();
    world.wake(acme, System::Authentik).await;
    world.settle().await;
    world.authentik.faults.clear();
    world.settle_for(30, 5).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    for name in ["dezky-tenant-acme", "dezky-entitled"] {
        assert_eq!(world.groups(name), 1, "{name}");
    }
    assert_eq!(
        world.authentik.door("anna@acme.test").unwrap().groups,
        ["dezky-entitled", "dezky-tenant-acme"]
    );
}
