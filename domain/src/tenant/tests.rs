//! Rules of a tenant, as sentences.

mod properties;

use schema::people::ContactInfo;
use schema::tenant::{
    AttachedWhy, DetachedWhy, DomainUse, Generations, HoldKind, HoldRef, LivingPhase, MemberSource, Origin,
    VerifyMethod,
};
use schema::{Personal, Role, TenantCommand as C, TenantEvent as E, Timestamp, UserId};

use super::Tenant;
use crate::access::{Lifecycle, MemberStatus, TenantStatus};
use crate::testing::*;

fn created() -> E {
    E::Created {
        slug: slug("acme"),
        origin: Origin::Operator,
        plan_id: plan(1),
        locale: None,
        timezone: None,
        created_by: None,
        ordinal: None,
        name: named("Acme ApS").into(),
    }
}

fn activated() -> E {
    E::Activated { generations: Generations::default() }
}

fn placed(number: u128, kind: HoldKind, until: Option<Timestamp>) -> E {
    E::HoldPlaced { hold_id: hold(number), kind, until, reason: None, customer_message: None }
}

fn released(number: u128, kind: HoldKind) -> E {
    E::HoldReleased { hold_id: hold(number), kind, reason: None }
}

fn suspended(number: u128) -> E {
    E::Suspended { hold_id: hold(number) }
}

fn resumed(number: u128) -> E {
    E::Resumed { hold_id: hold(number) }
}

fn terminating(grace_days: u16, previous_lifecycle: LivingPhase) -> E {
    let terminates_at = noon().plus_days(i64::from(grace_days));
    E::TerminationScheduled { terminates_at, grace_days, previous_lifecycle, reason: None }
}

fn place(number: u128, kind: HoldKind, until: Option<Timestamp>) -> C {
    C::PlaceHold { hold_id: hold(number), kind, reason: None, customer_message: None, until }
}

fn release(kind: HoldKind) -> C {
    C::ReleaseHold { hold: HoldRef::Kind(kind), reason: None }
}

fn terminate() -> C {
    C::Terminate { reason: None, grace_days: 30, confirm: None }
}

fn invited(user_id: UserId, revived: bool) -> E {
    let expires_at = noon().plus_days(14);
    E::MemberInvited { invitation_id: invitation(1), user_id, role: Role::Member, expires_at, revived }
}

fn status(tenant: &Tenant) -> TenantStatus {
    tenant.standing().unwrap().status()
}

#[test]
fn nothing_can_be_asked_of_a_tenant_that_does_not_exist() {
    given::<Tenant>([]).when(terminate()).then_refused("tenant-not-found");
    given::<Tenant>([]).when(place(1, HoldKind::Operator, None)).then_refused("tenant-not-found");
}

#[test]
fn a_tenant_is_created_once() {
    let again = C::Create {
        slug: slug("other"),
        name: named("Other"),
        origin: Origin::Operator,
        plan_id: plan(1),
        locale: None,
        timezone: None,
        created_by: None,
        ordinal: None,
    };
    given::<Tenant>([created()]).when(again).then_refused("already-exists");
}

#[test]
fn the_same_name_again_is_no_news() {
    given::<Tenant>([created()]).when(C::Rename { name: named("Acme ApS") }).then_no_news();
    given::<Tenant>([created()])
        .when(C::Rename { name: named("Acme A/S") })
        .then([E::Renamed { from: named("Acme ApS").into(), to: named("Acme A/S").into() }]);
}

#[test]
fn a_terminated_tenant_keeps_its_name() {
    let ended = [created(), terminating(0, LivingPhase::Pending), E::Terminated {}];
    given::<Tenant>(ended).when(C::Rename { name: named("New") }).then_refused("invalid-transition");
}

#[test]
fn only_what_differs_is_a_change_of_profile() {
    let contact = ContactInfo { name: Some("Bo".into()), ..ContactInfo::default() };
    let known = E::ProfileChanged {
        locale: Some("da".into()),
        timezone: None,
        changed: vec!["locale".into(), "contact".into()],
        contact: Some(contact.clone().into()),
    };
    let same =
        C::ChangeProfile { locale: Some(Some("da".into())), timezone: None, contact: Some(contact.clone()) };
    given::<Tenant>([created(), known.clone()]).when(same).then_no_news();
    let more = C::ChangeProfile {
        locale: Some(Some("da".into())),
        timezone: Some(Some("Europe/Copenhagen".into())),
        contact: Some(contact),
    };
    given::<Tenant>([created(), known.clone()]).when(more).then([E::ProfileChanged {
        locale: None,
        timezone: Some("Europe/Copenhagen".into()),
        changed: vec!["timezone".into()],
        contact: None,
    }]);
    let less = C::ChangeProfile { locale: Some(None), timezone: Some(None), contact: None };
    let taken =
        E::ProfileChanged { locale: None, timezone: None, changed: vec!["locale".into()], contact: None };
    given::<Tenant>([created(), known.clone()]).when(less.clone()).then([taken.clone()]);
    given::<Tenant>([created(), known, taken]).when(less).then_no_news();
}

#[test]
fn ec_1_a_pending_tenant_can_be_suspended_and_still_becomes_ready() {
    given::<Tenant>([created()])
        .when(place(1, HoldKind::Operator, None))
        .then([placed(1, HoldKind::Operator, None), suspended(1)]);
    let held = [created(), placed(1, HoldKind::Operator, None), suspended(1)];
    let ready = given::<Tenant>(held).when(C::Activate { generations: Generations::default() }).then_state();
    assert_eq!(ready.lifecycle(), Some(Lifecycle::Active));
    assert_eq!(status(&ready), TenantStatus::Suspended);
}

#[test]
fn ec_2_one_of_two_holds_keeps_the_doors_shut() {
    let held = [
        created(),
        activated(),
        placed(1, HoldKind::Operator, None),
        suspended(1),
        placed(2, HoldKind::NonPayment, None),
    ];
    given::<Tenant>(held.clone()).when(release(HoldKind::Operator)).then([released(1, HoldKind::Operator)]);
    let left = given::<Tenant>(held).when(release(HoldKind::Operator)).then_state();
    assert_eq!(status(&left), TenantStatus::Suspended);
    assert_eq!(left.open_holds().map(|(_, hold)| hold.kind).collect::<Vec<_>>(), [HoldKind::NonPayment]);
}

#[test]
fn ec_3_a_legal_hold_shuts_no_door() {
    given::<Tenant>([created(), activated()]).when(place(1, HoldKind::Legal, None)).then([placed(
        1,
        HoldKind::Legal,
        None,
    )]);
    let held = fold::<Tenant>([created(), activated(), placed(1, HoldKind::Legal, None)]);
    assert_eq!(status(&held), TenantStatus::Active);
    given::<Tenant>([created(), activated(), placed(1, HoldKind::Legal, None)])
        .when(release(HoldKind::Legal))
        .then([released(1, HoldKind::Legal)]);
}

#[test]
fn ec_4_saying_it_twice_is_no_news() {
    let held = [created(), activated(), placed(1, HoldKind::Operator, None), suspended(1)];
    given::<Tenant>(held.clone()).when(place(2, HoldKind::Operator, None)).then_no_news();
    let open = held.into_iter().chain([released(1, HoldKind::Operator), resumed(1)]).collect::<Vec<_>>();
    given::<Tenant>(open.clone()).when(release(HoldKind::Operator)).then_no_news();
    given::<Tenant>(open.clone())
        .when(C::ReleaseHold { hold: HoldRef::Id(hold(1)), reason: None })
        .then_no_news();
    let ending = [created(), activated(), terminating(30, LivingPhase::Active)];
    given::<Tenant>(ending.clone()).when(terminate()).then_no_news();
    let back = E::Restored { lifecycle: LivingPhase::Active, reason: None };
    given::<Tenant>(ending.into_iter().chain([back])).when(C::Restore { reason: None }).then_no_news();
    let ended = [created(), terminating(0, LivingPhase::Pending), E::Terminated {}];
    given::<Tenant>(ended).when(terminate()).then_no_news();
}

#[test]
fn a_hold_that_never_was_cannot_be_released_by_its_id() {
    let unknown = C::ReleaseHold { hold: HoldRef::Id(hold(9)), reason: None };
    given::<Tenant>([created()]).when(unknown).then_refused("hold-not-found");
}

#[test]
fn a_customer_does_not_lift_a_hold() {
    let held = [created(), placed(1, HoldKind::Operator, None), suspended(1)];
    given::<Tenant>(held)
        .by(customer(user(1)))
        .when(release(HoldKind::Operator))
        .then_refused("role-insufficient");
}

#[test]
fn ec_5_a_hold_expires_once_at_its_time() {
    let until = Some(noon().plus_seconds(1));
    let held = [created(), activated(), placed(1, HoldKind::Operator, until), suspended(1)];
    let expire = || C::ExpireHold { hold_id: hold(1) };
    given::<Tenant>(held.clone()).when(expire()).then_no_news();
    let expired = [E::HoldExpired { hold_id: hold(1), kind: HoldKind::Operator }, resumed(1)];
    given::<Tenant>(held.clone()).at(noon().plus_seconds(1)).when(expire()).then(expired.clone());
    let over = held.into_iter().chain(expired);
    given::<Tenant>(over).at(noon().plus_seconds(2)).when(expire()).then_no_news();
}

#[test]
fn ec_5_no_grace_still_ends_by_the_timer_only() {
    let now = C::Terminate { reason: None, grace_days: 0, confirm: None };
    given::<Tenant>([created(), activated()]).when(now).then([terminating(0, LivingPhase::Active)]);
    let ending = [created(), activated(), terminating(0, LivingPhase::Active)];
    given::<Tenant>(ending).when(C::CompleteTermination).then([E::Terminated {}]);
}

#[test]
fn a_hold_ends_in_the_future() {
    given::<Tenant>([created()])
        .when(place(1, HoldKind::Operator, Some(noon())))
        .then_refused("validation-failed");
}

#[test]
fn ec_6_a_restored_tenant_is_as_held_as_before() {
    let ending = [
        created(),
        activated(),
        placed(1, HoldKind::Operator, None),
        suspended(1),
        terminating(30, LivingPhase::Active),
    ];
    assert_eq!(status(&fold::<Tenant>(ending.clone())), TenantStatus::Terminating);
    let back = given::<Tenant>(ending).when(C::Restore { reason: None }).then_state();
    assert_eq!(back.lifecycle(), Some(Lifecycle::Active));
    assert_eq!(back.open_holds().count(), 1);
    assert_eq!(status(&back), TenantStatus::Suspended);
}

#[test]
fn ec_7_a_terminating_tenant_takes_no_members_domains_or_partners() {
    let ending = || given::<Tenant>([created(), activated(), terminating(30, LivingPhase::Active)]);
    let invite = C::InviteMember {
        invitation_id: invitation(1),
        user_id: user(1),
        role: Role::Member,
        expires_at: noon().plus_days(14),
    };
    ending().when(invite).then_refused("tenant-terminating");
    let add = C::AddMember { user_id: user(1), role: Role::Owner, source: MemberSource::Operator };
    ending().when(add).then_refused("tenant-terminating");
    ending().when(C::ClaimDomain { domain: domain("acme.dk") }).then_refused("tenant-terminating");
    let attach = C::AttachPartner { partner_id: partner(1), why: AttachedWhy::Operator };
    ending().when(attach).then_refused("tenant-terminating");
    ending().when(C::DetachPartner { why: DetachedWhy::Operator }).then_refused("tenant-terminating");
    ending().when(place(1, HoldKind::Operator, None)).then_refused("invalid-transition");
    ending().when(release(HoldKind::Operator)).then_refused("invalid-transition");
}

#[test]
fn ec_9_what_has_ended_is_not_restored() {
    let ended = [created(), terminating(0, LivingPhase::Pending), E::Terminated {}];
    given::<Tenant>(ended).when(C::Restore { reason: None }).then_refused("invalid-transition");
    let back = [
        created(),
        terminating(0, LivingPhase::Pending),
        E::Restored { lifecycle: LivingPhase::Pending, reason: None },
    ];
    given::<Tenant>(back).when(C::CompleteTermination).then_no_news();
}

#[test]
fn ec_11_a_confirmation_must_be_the_slug() {
    let confirmed = |typed: &str| C::Terminate { reason: None, grace_days: 30, confirm: Some(typed.into()) };
    given::<Tenant>([created()]).when(confirmed("acmee")).then_refused("confirmation-mismatch");
    given::<Tenant>([created()]).when(confirmed("acme")).then([terminating(30, LivingPhase::Pending)]);
}

#[test]
fn grace_is_at_most_ninety_days() {
    let long = C::Terminate { reason: None, grace_days: 91, confirm: None };
    given::<Tenant>([created()]).when(long).then_refused("validation-failed");
}

#[test]
fn ec_77_a_clock_that_jumps_back_ends_nothing_early() {
    let ending = [created(), activated(), terminating(1, LivingPhase::Active)];
    let due = noon().plus_days(1);
    given::<Tenant>(ending.clone()).at(due.plus_seconds(-3600)).when(C::CompleteTermination).then_no_news();
    given::<Tenant>(ending).at(due).when(C::CompleteTermination).then([E::Terminated {}]);
}

#[test]
fn a_tenant_becomes_active_once() {
    given::<Tenant>([created(), activated()])
        .when(C::Activate { generations: Generations::default() })
        .then_no_news();
}

#[test]
fn another_partner_comes_when_the_first_has_left() {
    let attached = E::PartnerAttached { partner_id: partner(1), why: AttachedWhy::Create };
    let attach = |number| C::AttachPartner { partner_id: partner(number), why: AttachedWhy::Operator };
    given::<Tenant>([created(), attached.clone()]).when(attach(1)).then_no_news();
    given::<Tenant>([created(), attached]).when(attach(2)).then([
        E::PartnerDetached { partner_id: partner(1), why: DetachedWhy::Transfer },
        E::PartnerAttached { partner_id: partner(2), why: AttachedWhy::Transfer },
    ]);
    given::<Tenant>([created()]).when(C::DetachPartner { why: DetachedWhy::Operator }).then_no_news();
}

#[test]
fn a_member_is_added_once_and_by_operators_only() {
    let add = |role| C::AddMember { user_id: user(1), role, source: MemberSource::Operator };
    let added = E::MemberAdded { user_id: user(1), role: Role::Admin, source: MemberSource::Operator };
    given::<Tenant>([created()]).when(add(Role::Admin)).then([added.clone()]);
    given::<Tenant>([created(), added.clone()]).when(add(Role::Admin)).then_no_news();
    given::<Tenant>([created(), added]).when(add(Role::Owner)).then_refused("already-exists");
    given::<Tenant>([created()])
        .by(customer(user(2)))
        .when(add(Role::Member))
        .then_refused("role-insufficient");
}

#[test]
fn only_owners_and_operators_invite_owners() {
    let owner = E::MemberAdded { user_id: user(1), role: Role::Owner, source: MemberSource::Creator };
    let admin = E::MemberAdded { user_id: user(2), role: Role::Admin, source: MemberSource::Operator };
    let invite = || C::InviteMember {
        invitation_id: invitation(1),
        user_id: user(3),
        role: Role::Owner,
        expires_at: noon().plus_days(14),
    };
    let tenant = || given::<Tenant>([created(), owner.clone(), admin.clone()]);
    tenant().by(customer(user(2))).when(invite()).then_refused("role-insufficient");
    let invited = tenant().by(customer(user(1))).when(invite()).then_state();
    assert_eq!(invited.members()[&user(3)].status, MemberStatus::Invited);
    let held = [created(), owner.clone(), placed(1, HoldKind::Operator, None), suspended(1)];
    given::<Tenant>(held).by(customer(user(1))).when(invite()).then_refused("tenant-suspended");
}

#[test]
fn ec_21_a_former_member_is_revived() {
    let declined = E::InvitationDeclined { invitation_id: invitation(1), user_id: user(1) };
    let again = C::InviteMember {
        invitation_id: invitation(1),
        user_id: user(1),
        role: Role::Member,
        expires_at: noon().plus_days(14),
    };
    given::<Tenant>([created(), invited(user(1), false), declined])
        .when(again)
        .then([invited(user(1), true)]);
}

#[test]
fn ec_25_an_invitation_is_answered_once_and_by_its_person() {
    let accept = || C::AcceptInvitation { invitation_id: invitation(1) };
    let decline = || C::DeclineInvitation { invitation_id: invitation(1) };
    let open = [created(), invited(user(1), false)];
    given::<Tenant>(open.clone()).by(customer(user(2))).when(accept()).then_refused("invitation-not-yours");
    let late = given::<Tenant>(open.clone()).by(customer(user(1))).at(noon().plus_days(14));
    late.when(accept()).then_refused("invalid-transition");
    for answer in [
        E::InvitationDeclined { invitation_id: invitation(1), user_id: user(1) },
        E::InvitationExpired { invitation_id: invitation(1), user_id: user(1) },
    ] {
        let over = open.clone().into_iter().chain([answer]);
        given::<Tenant>(over).by(customer(user(1))).when(accept()).then_refused("invalid-transition");
    }
    let yes = E::InvitationAccepted { invitation_id: invitation(1), user_id: user(1) };
    let accepted = open.into_iter().chain([yes]).collect::<Vec<_>>();
    given::<Tenant>(accepted.clone()).by(customer(user(1))).when(accept()).then_no_news();
    given::<Tenant>(accepted).by(customer(user(1))).when(decline()).then_refused("invalid-transition");
}

#[test]
fn ec_26_an_invitation_can_be_accepted_while_held_but_not_while_ending() {
    let accept = || C::AcceptInvitation { invitation_id: invitation(1) };
    let held = [created(), invited(user(1), false), placed(1, HoldKind::Operator, None), suspended(1)];
    let accepted = given::<Tenant>(held).by(customer(user(1))).when(accept()).then_state();
    assert!(accepted.has_active_member(user(1)));
    let ending = [created(), invited(user(1), false), terminating(30, LivingPhase::Pending)];
    given::<Tenant>(ending).by(customer(user(1))).when(accept()).then_refused("tenant-terminating");
}

#[test]
fn an_invitation_expires_once_at_its_time() {
    let expire = || C::ExpireInvitation { invitation_id: invitation(1) };
    let open = [created(), invited(user(1), false)];
    given::<Tenant>(open.clone()).when(expire()).then_no_news();
    let expired = E::InvitationExpired { invitation_id: invitation(1), user_id: user(1) };
    given::<Tenant>(open.clone()).at(noon().plus_days(14)).when(expire()).then([expired.clone()]);
    given::<Tenant>(open.into_iter().chain([expired])).at(noon().plus_days(15)).when(expire()).then_no_news();
}

#[test]
fn the_first_verified_domain_becomes_primary() {
    let verify =
        |name| C::VerifyDomain { domain: domain(name), method: VerifyMethod::Operator, evidence: None };
    let verified =
        |name| E::DomainVerified { domain: domain(name), method: VerifyMethod::Operator, evidence: None };
    let claimed = |name| E::DomainClaimed { domain: domain(name) };
    let first = E::PrimaryDomainChanged { from: None, to: Some(domain("acme.dk")) };
    given::<Tenant>([created()]).when(verify("acme.dk")).then_refused("domain-not-found");
    let history = [created(), claimed("acme.dk"), claimed("acme.com")];
    given::<Tenant>(history.clone()).when(verify("acme.dk")).then([verified("acme.dk"), first.clone()]);
    let one = history.into_iter().chain([verified("acme.dk"), first]).collect::<Vec<_>>();
    given::<Tenant>(one.clone()).when(verify("acme.dk")).then_no_news();
    given::<Tenant>(one.clone()).when(verify("acme.com")).then([verified("acme.com")]);
    given::<Tenant>(one)
        .when(C::SetPrimaryDomain { domain: domain("acme.com") })
        .then_refused("invalid-transition");
}

#[test]
fn a_primary_domain_leaves_last() {
    let verified =
        |name| E::DomainVerified { domain: domain(name), method: VerifyMethod::Operator, evidence: None };
    let first = E::PrimaryDomainChanged { from: None, to: Some(domain("acme.dk")) };
    let leave = |name, in_use| C::ReleaseDomain { domain: domain(name), in_use };
    let two = [created(), verified("acme.dk"), first, verified("acme.com")];
    given::<Tenant>(two.clone()).when(leave("acme.dk", DomainUse::Free)).then_refused("domain-is-primary");
    given::<Tenant>(two.clone()).when(leave("acme.com", DomainUse::InUse)).then_refused("domain-in-use");
    let gone = E::DomainReleased { domain: domain("acme.com"), was_verified: true };
    given::<Tenant>(two.clone()).when(leave("acme.com", DomainUse::Free)).then([gone.clone()]);
    given::<Tenant>(two.into_iter().chain([gone])).when(leave("acme.dk", DomainUse::Free)).then([
        E::DomainReleased { domain: domain("acme.dk"), was_verified: true },
        E::PrimaryDomainChanged { from: Some(domain("acme.dk")), to: None },
    ]);
    given::<Tenant>([created()]).when(leave("acme.dk", DomainUse::Free)).then_no_news();
}

#[test]
fn a_held_tenant_tells_the_customer_why() {
    let message = Some(Personal::from(text("Please call us")));
    let hold_placed = E::HoldPlaced {
        hold_id: hold(1),
        kind: HoldKind::Operator,
        until: None,
        reason: None,
        customer_message: message,
    };
    let held = fold::<Tenant>([created(), hold_placed, suspended(1)]);
    assert_eq!(held.customer_message(), Some(&text("Please call us")));
}
