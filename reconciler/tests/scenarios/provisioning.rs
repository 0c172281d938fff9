//! A tenant comes into being in three systems.

use domain::One;
use domain::access::Lifecycle;
use domain::platform::Platform;
use domain::provisioning::SystemStatus::{Error, Ok, Pending, Skipped};
use domain::user::User;
use event_store::{Batch, Expect};
use http::Method;
use reconciler::SystemMode;
use schema::provisioning::{Adopted, ConvergedReason, Reason, ResourceKind};
use schema::{ProvisioningEvent, StreamId, System};
use serde_json::json;
use simulators::ocis::{HalfCreated, Login, Switch};
use simulators::stalwart::Delivery;
use simulators::{Effect, Rule};

use crate::world::{INSTANCE, Setup, World};

#[tokio::test]
async fn a_new_tenant_is_in_place_everywhere_and_active() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Active));

    let door = world.authentik.door("anna@acme.test").unwrap();
    assert!(door.active);
    assert_eq!(door.groups, ["dezky-entitled", "dezky-tenant-acme"]);
    assert_eq!(world.stalwart.login("anna@acme.test"), simulators::stalwart::Login::Allowed);
    let spaces = world.ocis.spaces();
    assert_eq!(spaces.len(), 1);
    assert_eq!((spaces[0].name.as_str(), spaces[0].disabled, spaces[0].quota), ("acme ApS", false, 0));
    let login = Login {
        username: "anna@acme.test".into(),
        groups: door.groups,
        display_name: Some("Anna".into()),
        email: Some("anna@acme.test".into()),
        subject: None,
    };
    assert_eq!(world.ocis.login(&login).unwrap().spaces.len(), 1);
}

#[tokio::test]
async fn ec_12_all_three_disabled_by_configuration() {
    let modes = [SystemMode::Disabled; 3];
    let mut world = World::start_with(Setup { modes, ..Setup::default() }).await;
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Skipped, Skipped, Skipped]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Active));
    assert_eq!(
        world.kinds(acme, System::Ocis).await,
        ["provisioning.spec.changed", "provisioning.converged"]
    );
}

#[tokio::test]
async fn ec_92_a_tenant_without_a_verified_domain_has_no_mail_yet() {
    let mut world = World::start().await;
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant("acme", anna).await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let reasons: Vec<_> = world.events(acme, System::Stalwart).await;
    assert!(reasons.iter().any(|event| matches!(
        event,
        ProvisioningEvent::Converged { reason: ConvergedReason::NoDomains, .. }
    )));

    world.verify_domain(acme, "acme.test").await;
    world.settle().await;
    assert_eq!(
        world.stalwart.messages("anna@acme.test"),
        Some(0),
        "the mailbox is there before the first login"
    );
    assert!(matches!(world.stalwart.deliver("anna@acme.test"), Delivery::Accepted { .. }));
}

#[tokio::test]
async fn ec_78_a_create_whose_answer_was_lost_with_the_process_makes_one_space() {
    let mut world = World::start().await;
    let lost = Rule::once(Effect::LostReplyAfterEffect).method(&Method::POST).path("/graph/v1.0/drives");
    world.ocis.faults.add(lost);
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant("acme", anna).await;
    world.turn().await;
    assert_eq!(world.ocis.spaces().len(), 1, "it happened, and nobody was told");

    world.restart();
    world.settle_for(10, 5).await;
    assert_eq!(world.ocis.spaces().len(), 1);
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let bound: Vec<_> = world.events(acme, System::Ocis).await;
    assert!(bound.iter().any(|event| matches!(
        event,
        ProvisioningEvent::ResourceBound { resource, adopted: Adopted::Found, .. }
            if resource.kind == ResourceKind::Space
    )));
}

#[tokio::test]
async fn a_space_that_nobody_manages_is_made_anew() {
    let mut world = World::start().await;
    world.ocis.set(Switch::HalfCreateNext(HalfCreated::WithoutPermissions));
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant("acme", anna).await;
    world.settle_for(30, 5).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let spaces = world.ocis.spaces();
    assert_eq!(spaces.len(), 1);
    assert!(!spaces[0].disabled);
    assert_eq!(spaces[0].members.len(), 2, "we and the tenant's group: {:?}", spaces[0].members);
}

#[tokio::test]
async fn ec_85_a_space_is_matched_by_its_mark_never_by_name_or_alias() {
    let mut world = World::start().await;
    let body = json!({ "name": "acme ApS", "driveAlias": "project/acme-aps" });
    world.files_by_hand(&Method::POST, "/graph/v1.0/drives", &body);
    let theirs = world.ocis.spaces()[0].clone();
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let spaces = world.ocis.spaces();
    assert_eq!(spaces.len(), 2);
    assert!(spaces.contains(&theirs), "nothing was written to it");
    assert!(spaces.iter().any(|space| space.description == format!("dezky:{acme}")));
}

#[tokio::test]
async fn ec_84_a_domain_without_our_mark_is_left_alone() {
    let mut world = World::start().await;
    let theirs =
        json!(["x:Domain/set", { "create": { "d": { "name": "acme.test", "description": "a neighbour" } } }]);
    world.mail_by_hand(theirs).await;
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Pending, Error, Ok]);
    world.settle_for(360, 60).await;
    assert_eq!(world.states(acme).await, [Ok, Error, Ok]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Pending));
    let failed = world.events(acme, System::Stalwart).await;
    assert!(
        failed
            .iter()
            .any(|event| matches!(event, ProvisioningEvent::Failed { reason: Reason::OwnedByAnother, .. }))
    );
    let read = json!(["x:Domain/query", { "filter": { "text": "neighbour" } }]);
    assert_eq!(world.mail_by_hand(read).await["ids"].as_array().unwrap().len(), 1);
    assert_eq!(world.stalwart.messages("anna@acme.test"), None);
}

#[tokio::test]
async fn ec_84_an_active_tenant_stays_active_when_its_new_domain_is_anothers() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let theirs = json!(["x:Domain/set", { "create": { "d": { "name": "acme.dk" } } }]);
    world.mail_by_hand(theirs).await;
    world.verify_domain(acme, "acme.dk").await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Error, Ok]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Active));
}

#[tokio::test]
async fn ec_95_no_address_of_a_person_reaches_what_is_recorded() {
    let mut world = World::start().await;
    let foreign = json!({
        "username": "anna@acme.test", "email": "anna@acme.test", "name": "Anna",
        "attributes": { "dezky": { "userId": "usr_00000000000000000000000000" } },
    });
    world.identity_by_hand(&Method::POST, "/core/users/", foreign);
    let (acme, anna) = world.acme().await;
    let failed = format!("{:?}", world.observed(acme, System::Authentik).await.phase());
    assert!(failed.contains("OwnedByAnother") && failed.contains(&anna.to_string()), "{failed}");
    for system in System::ALL {
        for event in world.events(acme, system).await {
            let text = format!("{event:?}");
            assert!(!text.contains("anna"), "{text}");
        }
    }
    let rows =
        world.views.db().query("select summary from attempts where summary is not null", &[]).await.unwrap();
    let due = world.reconciler.status().await.unwrap();
    assert!(!format!("{rows:?}{due:?}").contains("anna"));
}

#[tokio::test]
async fn people_who_were_there_before_are_taken_over_with_what_is_theirs() {
    let mut world = World::start().await;
    let before = json!({
        "username": "anna@acme.test", "email": "anna@acme.test", "name": "Anna",
        "attributes": { "settings": { "locale": "da" } },
    });
    world.identity_by_hand(&Method::POST, "/core/users/", before);
    let (acme, anna) = world.acme().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    let door = world.authentik.door("anna@acme.test").unwrap();
    assert_eq!(door.attributes["settings"], json!({ "locale": "da" }));
    assert_eq!(door.attributes["dezky"], json!({ "userId": anna, "sessionsEpoch": 0 }));
}

#[tokio::test]
async fn the_subjects_of_an_account_are_known_before_the_first_sign_in() {
    let mut world = World::start().await;
    let (_, anna) = world.acme().await;
    let (user, _) = world.store.fold::<User>(&anna.into()).await.unwrap();
    let subjects = user.identities().iter().filter(|identity| identity.instance == INSTANCE).count();
    assert_eq!(subjects, 2, "the uuid and the hashed id");
}

#[tokio::test]
async fn ec_72_beginning_again_with_the_whole_log_writes_nothing_outside() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let before = world.store.read_head().await.unwrap();
    let mut batch = Batch::new();
    batch.run("delete from checkpoints where read_model = 'reconciler'", vec![], Expect::Any);
    batch.run("delete from due", vec![], Expect::Any);
    world.views.db().write(batch).await.unwrap();
    world.clear_requests();
    world.restart();
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(world.store.read_head().await.unwrap(), before);
    let writes = world.authentik.faults.writes() + world.stalwart.faults().writes();
    assert_eq!(writes, 0);
    let written =
        world.ocis.faults.requests().into_iter().filter(|seen| seen.write && !seen.path.contains("token"));
    assert_eq!(written.count(), 0);
}

#[tokio::test]
async fn ec_94_a_paused_system_is_left_alone() {
    let modes = [SystemMode::Enforce, SystemMode::Enforce, SystemMode::Paused];
    let mut world = World::start_with(Setup { modes, ..Setup::default() }).await;
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Pending]);
    world.settle_for(180, 60).await;
    assert_eq!(world.ocis.faults.requests().len(), 0);
    assert!(world.kinds(acme, System::Ocis).await.iter().all(|kind| *kind == "provisioning.spec.changed"));
}

#[tokio::test]
async fn a_system_that_is_only_observed_is_never_written_to() {
    let modes = [SystemMode::Observe; 3];
    let mut world = World::start_with(Setup { modes, ..Setup::default() }).await;
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Pending, Pending, Pending]);
    assert_eq!(world.authentik.faults.writes(), 0);
    assert_eq!(world.ocis.spaces().len(), 0);
}

#[tokio::test]
async fn a_plan_says_what_would_be_done_and_does_nothing() {
    let mut world = World::start().await;
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant("acme", anna).await;
    world.verify_domain(acme, "acme.test").await;
    world.project().await;
    let plans = world.reconciler.plan_tenant("acme").await.unwrap().unwrap();
    let text: Vec<String> = plans
        .iter()
        .flat_map(|plan| plan.steps.iter().map(move |step| format!("{}: {step}", plan.system)))
        .map(|line| line.replace(&anna.to_string(), "anna"))
        .collect();
    insta::assert_snapshot!(text.join("\n"), @"
    authentik: create group dezky-tenant-acme
    authentik: create the account of anna
    stalwart: create the tenant's role, shut
    stalwart: create domain acme.test
    ocis: create the space without a quota
    ocis: create group dezky-tenant-acme
    ");
    assert_eq!(world.authentik.faults.writes(), 0);
    assert_eq!(world.ocis.spaces().len(), 0);
    assert_eq!(world.reconciler.plan_tenant("nobody").await.unwrap(), None);
}

#[tokio::test]
async fn administrators_are_in_their_group() {
    let mut world = World::start().await;
    let olga = world.person("olga@dezky.test").await;
    let command = schema::PlatformCommand::BootstrapAdmin { user_id: olga };
    world.execute(One::<Platform> { stream: StreamId::platform(), command }).await;
    world.settle().await;
    let door = world.authentik.door("olga@dezky.test").unwrap();
    assert_eq!((door.active, door.groups), (true, vec!["dezky-platform-admins".to_owned()]));
}

#[tokio::test]
async fn ec_93_a_system_outside_the_plan_is_skipped_and_never_called() {
    let mut world = World::start().await;
    let plan = world.plan_without_mail().await;
    let anna = world.person("anna@acme.test").await;
    let acme = world.tenant_on(plan, "acme", anna).await;
    world.verify_domain(acme, "acme.test").await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Skipped, Ok]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Active));
    assert_eq!(world.stalwart.faults().requests().len(), 0);
}

#[tokio::test]
async fn one_person_who_is_somebody_elses_holds_up_nobody_else() {
    let mut world = World::start().await;
    let theirs = json!({ "username": "bo@acme.test", "name": "Bo", "attributes": { "dezky": { "userId": "usr_0000000000000000000000000x" } } });
    world.identity_by_hand(&Method::POST, "/core/users/", theirs);
    let before = world.authentik.door("bo@acme.test").unwrap();
    let (anna, bo) = (world.person("anna@acme.test").await, world.person("bo@acme.test").await);
    let acme = world.tenant("acme", anna).await;
    world.add_member(acme, bo).await;
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Active));
    assert_eq!(
        world.authentik.door("anna@acme.test").unwrap().groups,
        ["dezky-entitled", "dezky-tenant-acme"]
    );
    assert_eq!(world.authentik.door("bo@acme.test").unwrap(), before, "nothing was written to it");
    let events = world.events(acme, System::Authentik).await;
    let attention: Vec<_> = events
        .iter()
        .filter_map(|event| {
            if let ProvisioningEvent::Failed { reason, resource, .. } = event {
                Some((reason, resource))
            } else {
                None
            }
        })
        .collect();
    let resource = schema::provisioning::Resource { kind: ResourceKind::User, key: bo.to_string() };
    let told = (&Reason::OwnedByAnother, &Some(resource));
    assert_eq!(
        attention,
        [told, told],
        "once while it is set up and once when it is active, about one person"
    );
    world.suspend(acme).await;
    world.settle().await;
    assert_eq!(world.revoked(acme).await, [true, true, true]);
}

#[tokio::test]
async fn the_group_all_tenants_share_is_made_once() {
    let mut world =
        World::start_with(Setup { release: simulators::authentik::Release::R2025_10, ..Setup::default() })
            .await;
    for number in 0..6 {
        let owner = world.person(&format!("owner@tenant-{number}.test")).await;
        world.tenant(&format!("tenant-{number}"), owner).await;
    }
    world.settle().await;
    assert_eq!(world.groups("dezky-entitled"), 1);
}
