//! Doors: what people can get into while a tenant is held, ending, or back.

use domain::access::Lifecycle;
use domain::provisioning::SystemStatus::{Error, Ok, Pending};
use schema::{InvitationId, ProvisioningEvent, Role, System, TenantCommand, TenantId, UserId};
use serde_json::json;
use simulators::authentik::Release;
use simulators::ocis::Login as Token;
use simulators::stalwart::{Delivery, Login, Submission};
use simulators::{Effect, Rule};

use crate::world::{Setup, World, id, now, pass_seconds};

const ANNA: &str = "anna@acme.test";

fn is_refused(login: &Login) -> bool {
    matches!(login, Login::Refused { .. })
}

/// Bo, who has not answered yet.
async fn invited(world: &mut World, tenant: TenantId, role: Role) -> UserId {
    let bo = world.person("bo@acme.test").await;
    let invite = TenantCommand::InviteMember {
        invitation_id: id(InvitationId::from_uuid),
        user_id: bo,
        role,
        expires_at: now().plus_days(14),
    };
    world.tell(tenant, invite).await;
    bo
}

#[tokio::test]
async fn suspending_shuts_all_three_doors_and_mail_still_arrives() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.authentik.login(ANNA).unwrap();
    world.suspend(acme).await;
    world.settle().await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.sessions, door.refresh_tokens), (0, 0));
    assert_eq!(door.groups, ["dezky-tenant-acme"]);
    assert!(door.active, "an owner reads why");
    assert!(is_refused(&world.stalwart.login(ANNA)));
    assert!(world.ocis.spaces()[0].disabled);
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert!(matches!(world.stalwart.deliver(ANNA), Delivery::Accepted { .. }));
}

#[tokio::test]
async fn sessions_are_ended_once_and_the_owner_can_sign_in_again() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.suspend(acme).await;
    world.settle().await;
    world.authentik.login(ANNA).unwrap();
    world.wake(acme, System::Authentik).await;
    world.settle().await;
    world.reconciler.sweep().await.unwrap();
    world.settle().await;
    assert_eq!(world.authentik.door(ANNA).unwrap().sessions, 1);
}

#[tokio::test]
async fn a_failure_between_ending_sessions_and_the_epoch_is_repeated_to_its_end() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.authentik.login(ANNA).unwrap();
    world.authentik.faults.add(Rule::once(Effect::Status(503)).path("/remove_user/"));
    world.suspend(acme).await;
    world.settle().await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.active, door.sessions, door.refresh_tokens), (false, 0, 0));
    world.settle_for(4, 2).await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.active, door.groups), (true, vec!["dezky-tenant-acme".to_owned()]));
    assert_eq!(world.revoked(acme).await, [true, true, true]);
}

#[tokio::test]
async fn sessions_end_in_2025_10_too() {
    let mut world = World::start_with(Setup { release: Release::R2025_10, ..Setup::default() }).await;
    let (acme, _) = world.acme().await;
    world.authentik.login(ANNA).unwrap();
    world.suspend(acme).await;
    world.settle().await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.sessions, door.refresh_tokens), (0, 0));
    assert_eq!(world.revoked(acme).await, [true, true, true]);
}

#[tokio::test]
async fn ec_1_suspended_while_files_still_fail() {
    let mut world = World::start().await;
    world.ocis.faults.add(Rule::always(Effect::Status(503)));
    let (acme, _) = world.acme().await;
    assert_eq!(world.states(acme).await, [Pending, Ok, Pending]);
    assert!(!world.authentik.door(ANNA).unwrap().active, "the identity door waits for files");
    world.suspend(acme).await;
    world.settle().await;
    assert!(world.group("dezky-tenant-acme").is_some(), "work on objects goes on");
    assert_eq!(world.authentik.door(ANNA).unwrap().groups, ["dezky-tenant-acme"]);
    world.ocis.faults.clear();
    world.settle_for(60, 5).await;
    let tenant = world.state_of(acme).await;
    assert_eq!(tenant.lifecycle(), Some(Lifecycle::Active));
    assert!(tenant.standing().unwrap().has_access_hold());
    assert_eq!(world.authentik.door(ANNA).unwrap().groups, ["dezky-tenant-acme"]);
    assert!(is_refused(&world.stalwart.login(ANNA)));
    assert!(world.ocis.spaces()[0].disabled);
}

#[tokio::test]
async fn ec_14_held_in_one_tenant_and_at_work_in_another() {
    let mut world = World::start().await;
    let (acme, anna) = world.acme().await;
    world.tenant("beta", anna).await;
    world.settle().await;
    world.authentik.login(ANNA).unwrap();
    world.suspend(acme).await;
    world.settle().await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.active, door.sessions), (true, 1));
    assert_eq!(door.groups, ["dezky-entitled", "dezky-tenant-acme", "dezky-tenant-beta"]);
    let open: Vec<(String, bool)> =
        world.ocis.spaces().into_iter().map(|space| (space.name, !space.disabled)).collect();
    assert!(
        open.contains(&("acme ApS".into(), false)) && open.contains(&("beta ApS".into(), true)),
        "{open:?}"
    );
    assert!(is_refused(&world.stalwart.login(ANNA)));
    assert!(matches!(world.stalwart.deliver(ANNA), Delivery::Accepted { .. }));
}

#[tokio::test]
async fn ec_96_one_of_three_tenants_lost_leaves_account_sessions_and_entitlement() {
    let mut world = World::start().await;
    let (acme, anna) = world.acme().await;
    world.tenant("beta", anna).await;
    world.tenant("gamma", anna).await;
    world.settle().await;
    world.authentik.login(ANNA).unwrap();
    let end = TenantCommand::Terminate { reason: None, grace_days: 0, confirm: None };
    world.tell(acme, end).await;
    world.settle().await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.active, door.sessions, door.refresh_tokens), (true, 1, 1));
    assert!(door.groups.contains(&"dezky-entitled".to_owned()));
}

#[tokio::test]
async fn ec_86_mail_is_down_and_the_identity_door_opens_after_five_minutes() {
    let mut world = World::start().await;
    world.stalwart.faults().add(Rule::always(Effect::Status(503)));
    let (acme, _) = world.acme().await;
    let door = world.authentik.door(ANNA).unwrap();
    assert_eq!((door.active, door.groups), (false, vec!["dezky-tenant-acme".to_owned()]));
    world.settle_for(280, 20).await;
    assert!(!world.authentik.door(ANNA).unwrap().active);
    world.settle_for(60, 20).await;
    assert!(world.authentik.door(ANNA).unwrap().active, "one broken system must not lock everybody out");
    assert_eq!(world.states(acme).await, [Ok, Error, Ok]);
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Pending));
}

#[tokio::test]
async fn ec_87_identity_is_unreachable_and_the_other_doors_shut_anyway() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.authentik.login(ANNA).unwrap();
    world.authentik.faults.add(Rule::always(Effect::LostBeforeEffect));
    world.suspend(acme).await;
    world.settle().await;
    assert_eq!(world.revoked(acme).await, [false, true, true]);
    assert!(is_refused(&world.stalwart.login(ANNA)));
    assert!(world.ocis.spaces()[0].disabled);
    assert_eq!(world.authentik.door(ANNA).unwrap().sessions, 1);
    world.authentik.faults.clear();
    world.settle_for(60, 5).await;
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    assert_eq!(world.authentik.door(ANNA).unwrap().sessions, 0);
}

#[tokio::test]
async fn ec_88_what_a_suspended_tenant_can_and_cannot_do() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let space = world.ocis.spaces()[0].id.clone();
    world.ocis.write_file(&space, "plan.txt", b"a plan").unwrap();
    world.suspend(acme).await;
    world.settle().await;
    assert!(matches!(world.stalwart.deliver(ANNA), Delivery::Accepted { .. }));
    assert!(is_refused(&world.stalwart.login(ANNA)));
    assert!(matches!(world.stalwart.submit(ANNA), Submission::Refused { .. }));
    assert!(world.ocis.read_file(&space, "plan.txt").is_err());

    world.resume(acme).await;
    world.settle().await;
    assert_eq!(&world.ocis.read_file(&space, "plan.txt").unwrap()[..], b"a plan");
    assert_eq!(world.stalwart.messages(ANNA), Some(1), "what came meanwhile is there");
    assert_eq!(world.stalwart.login(ANNA), Login::Allowed);
    assert_eq!(world.revoked(acme).await, [false, false, false]);
    let token = Token { username: ANNA.into(), display_name: Some("Anna".into()), ..Token::default() };
    let groups = world.authentik.door(ANNA).unwrap().groups;
    assert_eq!(world.ocis.login(&Token { groups, ..token }).unwrap().spaces.len(), 1);
}

#[tokio::test]
async fn ec_89_resuming_sets_permissions_and_never_toggles_them() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.suspend(acme).await;
    world.settle().await;
    let role = role_of(&world, acme).await;
    let odd = json!(["x:Role/set", { "update": { role.as_str(): {
        "disabledPermissions": { "authenticate": true, "emailReceive": true }
    } } }]);
    world.mail_by_hand(odd).await;
    world.resume(acme).await;
    world.settle().await;
    let read = json!(["x:Role/get", { "ids": [role], "properties": ["disabledPermissions"] }]);
    assert_eq!(world.mail_by_hand(read).await["list"][0]["disabledPermissions"], json!({}));
    assert_eq!(world.stalwart.login(ANNA), Login::Allowed);
    assert!(matches!(world.stalwart.deliver(ANNA), Delivery::Accepted { .. }));
}

#[tokio::test]
async fn ec_90_suspended_and_resumed_within_a_second_ends_open() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.suspend(acme).await;
    world.project().await;
    world.reconciler.catch_up().await.unwrap();
    world.resume(acme).await;
    world.reconciler.run_once().await.unwrap();
    pass_seconds(1);
    world.settle().await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(world.stalwart.login(ANNA), Login::Allowed);
    assert!(!world.ocis.spaces()[0].disabled);
    assert!(world.authentik.door(ANNA).unwrap().groups.contains(&"dezky-entitled".to_owned()));
}

#[tokio::test]
async fn ec_15_who_is_no_member_stays_outside_when_a_tenant_resumes() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    invited(&mut world, acme, Role::Member).await;
    world.settle().await;
    world.suspend(acme).await;
    world.settle().await;
    world.resume(acme).await;
    world.settle().await;
    let door = world.authentik.door("bo@acme.test").unwrap();
    assert_eq!((door.active, door.groups), (true, vec![]), "invited: an account that opens nothing");
    assert!(is_refused(&world.stalwart.login("bo@acme.test")));
}

#[tokio::test]
async fn a_member_gets_in_everywhere() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let bo = world.person("bo@acme.test").await;
    world.add_member(acme, bo).await;
    world.settle().await;
    let door = world.authentik.door("bo@acme.test").unwrap();
    assert_eq!(door.groups, ["dezky-entitled", "dezky-tenant-acme"]);
    assert_eq!(world.stalwart.login("bo@acme.test"), Login::Allowed);
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
}

#[tokio::test]
async fn a_terminated_tenant_refuses_mail_at_the_door() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let end = TenantCommand::Terminate { reason: None, grace_days: 1, confirm: None };
    world.tell(acme, end).await;
    world.settle().await;
    assert!(matches!(world.stalwart.deliver(ANNA), Delivery::Accepted { .. }), "in grace it still arrives");
    pass_seconds(86_400);
    assert_eq!(world.reconciler.fire_timers().await.unwrap(), 1);
    world.settle().await;
    assert_eq!(world.state_of(acme).await.lifecycle(), Some(Lifecycle::Terminated));
    let Delivery::Refused { answer } = world.stalwart.deliver(ANNA) else { panic!("mail was taken") };
    assert!(answer.starts_with("550"), "{answer}");
    assert_eq!(world.stalwart.messages(ANNA), Some(1), "nothing was destroyed");
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    assert_eq!(world.reconciler.fire_timers().await.unwrap(), 0, "the timer is gone");
}

#[tokio::test]
async fn evidence_of_shut_doors_names_no_address() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    world.suspend(acme).await;
    world.settle().await;
    for system in System::ALL {
        let events = world.events(acme, system).await;
        let evidence = events.iter().find_map(|event| {
            if let ProvisioningEvent::AccessRevoked { evidence, .. } = event { Some(evidence) } else { None }
        });
        let evidence = evidence.unwrap();
        assert!(!evidence.is_empty());
        assert!(!format!("{evidence:?}").contains("anna"));
    }
}

async fn role_of(world: &World, tenant: schema::TenantId) -> String {
    let observed = world.observed(tenant, System::Stalwart).await;
    let role = observed
        .bound()
        .iter()
        .find(|(resource, _)| resource.kind == schema::provisioning::ResourceKind::Role);
    role.unwrap().1.clone()
}

#[tokio::test]
async fn ec_21_who_was_invited_in_vain_and_is_added_later_is_the_same_person() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let bo = invited(&mut world, acme, Role::Member).await;
    world.settle().await;
    let before = world.authentik.door("bo@acme.test").unwrap().user;
    pass_seconds(15 * 86_400);
    assert_eq!(world.reconciler.fire_timers().await.unwrap(), 1);
    world.settle().await;
    world.add_member(acme, bo).await;
    world.settle().await;
    let door = world.authentik.door("bo@acme.test").unwrap();
    assert_eq!(door.user, before, "the same account");
    assert_eq!(door.groups, ["dezky-entitled", "dezky-tenant-acme"]);
    assert_eq!(world.stalwart.login("bo@acme.test"), Login::Allowed);
}

#[tokio::test]
async fn an_invitation_and_a_hold_end_by_themselves_once() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let until = crate::world::now().plus_seconds(60);
    world
        .tell(
            acme,
            TenantCommand::PlaceHold {
                hold_id: crate::world::id(schema::HoldId::from_uuid),
                kind: schema::tenant::HoldKind::Operator,
                reason: None,
                customer_message: None,
                until: Some(until),
            },
        )
        .await;
    world.settle().await;
    assert!(is_refused(&world.stalwart.login(ANNA)));
    assert_eq!(world.reconciler.fire_timers().await.unwrap(), 0);
    pass_seconds(60);
    assert_eq!(world.reconciler.fire_timers().await.unwrap(), 1);
    assert_eq!(
        world.reconciler.fire_timers().await.unwrap(),
        1,
        "read models are behind: firing twice is no news"
    );
    world.settle().await;
    assert_eq!(world.stalwart.login(ANNA), Login::Allowed);
    assert_eq!(world.reconciler.fire_timers().await.unwrap(), 0);
}

#[tokio::test]
async fn who_is_only_invited_loses_no_door_and_is_left_alone() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    invited(&mut world, acme, Role::Owner).await;
    world.settle().await;
    let account = format!("/core/users/{}/", world.authentik.door("bo@acme.test").unwrap().user);
    world.authentik.login("bo@acme.test").unwrap();
    world.clear_requests();
    world.suspend(acme).await;
    world.settle().await;
    let requests = world.authentik.faults.requests();
    assert!(!requests.iter().any(|seen| seen.write && seen.path.contains(&account)), "{requests:?}");
    assert_eq!(world.authentik.door("bo@acme.test").unwrap().sessions, 1, "to read what the invitation says");
    assert_eq!(world.revoked(acme).await, [true, true, true]);
}

#[tokio::test]
async fn shutting_many_doors_at_once_waits_for_no_turn() {
    const MEMBERS: usize = 14;
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    for number in 0..MEMBERS {
        let member = world.person(&format!("member-{number}@acme.test")).await;
        world.add_member(acme, member).await;
    }
    world.settle().await;
    world.restart_throttled(1);
    world.suspend(acme).await;
    let begun = std::time::Instant::now();
    world.settle().await;
    assert_eq!(world.revoked(acme).await, [true, true, true]);
    let taken = begun.elapsed();
    assert!(taken < std::time::Duration::from_secs(20), "{taken:?} for what would take its turn for 45 s");
}

#[tokio::test]
async fn a_gate_that_was_written_and_never_loaded_is_loaded_by_the_next_look() {
    let mut world = World::start().await;
    let (acme, _) = world.acme().await;
    let end = TenantCommand::Terminate { reason: None, grace_days: 0, confirm: None };
    world.tell(acme, end).await;
    world.settle().await;
    world.stalwart.faults().add(Rule::once(Effect::Status(503)).body("ReloadSettings"));
    world.reconciler.fire_timers().await.unwrap();
    world.settle().await;
    world.restart();
    world.settle_for(10, 2).await;
    assert_eq!(world.states(acme).await, [Ok, Ok, Ok]);
    assert!(matches!(world.stalwart.deliver(ANNA), Delivery::Refused { .. }));
}
