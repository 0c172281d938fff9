//! Signing in, administering, becoming a member.

use schema::plan::Limits;
use schema::tenant::MemberSource;
use schema::user::LinkedHow;
use schema::{PlatformEvent, Role, StreamId, TenantCommand, TenantEvent, UserEvent, UserId};

use super::*;
use crate::access::UserStatus;
use crate::acts::{
    AcceptInvitation, AddMember, Bootstrap, GrantAdmin, InviteMember, ReconcilerLink, Seats, SignIn,
    SignedInAs, Trust,
};
use crate::platform::Platform;
use crate::tenant::Tenant;
use crate::user::User;
use crate::{Asked, One};

const INSTANCE: &str = "https://id.example/application/o/dezky/";

fn sign_in(subject: &str, found: SignedInAs) -> SignIn {
    SignIn {
        instance: INSTANCE.into(),
        subject: subject.into(),
        audience: "dezky-portal".into(),
        name: None,
        found,
        bootstrap: None,
    }
}

fn by_address(user_id: UserId, trust: Trust) -> SignedInAs {
    SignedInAs::Address { user_id, trust }
}

fn nobody(number: u128, address: &str) -> SignedInAs {
    SignedInAs::Nobody { user_id: user(number), email: email(address) }
}

fn kinds(log: &mut Log, act: &dyn crate::Act) -> Result<Vec<&'static str>, &'static str> {
    log.execute(act, &asked(system(), noon())).map_err(|refusal| refusal.code())
}

#[test]
fn ec_37_two_first_sign_ins_at_once_make_one_person() {
    let mut log = world();
    let first = sign_in("s5", nobody(5, "ida@acme.dk"));
    assert_eq!(kinds(&mut log, &first), Ok(vec!["user.registered", "user.identity.linked"]));
    let second = sign_in("s5", nobody(6, "ida@acme.dk"));
    assert_eq!(kinds(&mut log, &second), Err("already-exists"), "looked up again, the identity is known");
    assert_eq!(kinds(&mut log, &sign_in("s5", SignedInAs::Identity(user(5)))), Ok(vec![]));
}

#[test]
fn an_invited_person_is_linked_by_a_trusted_address() {
    let mut log = world().with(user(5), [user_invited("ida@acme.dk")]);
    let linked = kinds(&mut log, &sign_in("s5", by_address(user(5), Trust::Trusted)));
    assert_eq!(linked, Ok(vec!["user.identity.linked", "user.activated"]));
    assert_eq!(log.state::<User>(user(5)).status(), Some(UserStatus::Active));
}

#[test]
fn ec_39_an_untrusted_address_links_nobody() {
    let mut log = world().with(user(5), [user_invited("ida@acme.dk")]);
    let refused = kinds(&mut log, &sign_in("s5", by_address(user(5), Trust::Untrusted)));
    assert_eq!(refused, Err("identity-conflict"));
}

#[test]
fn ec_38_another_subject_with_a_known_address_is_a_conflict() {
    let linked = UserEvent::IdentityLinked {
        instance: INSTANCE.into(),
        how: LinkedHow::SignIn,
        subject: "s1".to_owned().into(),
    };
    let mut log = world().with(user(1), [linked]);
    let refused = kinds(&mut log, &sign_in("s2", by_address(user(1), Trust::Trusted)));
    assert_eq!(refused, Err("identity-conflict"));
    // At another instance the person has no identity yet.
    let elsewhere = SignIn {
        instance: "https://dev.example/".into(),
        ..sign_in("s2", by_address(user(1), Trust::Trusted))
    };
    assert_eq!(kinds(&mut log, &elsewhere), Ok(vec!["user.identity.linked"]));
}

#[test]
fn an_identity_that_was_taken_from_a_person_meanwhile_is_not_theirs() {
    let linked = UserEvent::IdentityLinked {
        instance: INSTANCE.into(),
        how: LinkedHow::Relink,
        subject: "s2".to_owned().into(),
    };
    let mut log = world().with(user(1), [linked]);
    let late = sign_in("s1", SignedInAs::Identity(user(1)));
    assert_eq!(kinds(&mut log, &late), Err("identity-conflict"), "looked up before it was taken");
    assert_eq!(kinds(&mut log, &sign_in("s2", SignedInAs::Identity(user(1)))), Ok(vec![]));
}

#[test]
fn an_account_made_by_the_reconciler_is_known_at_the_first_sign_in() {
    let mut log = world().with(user(5), [user_invited("ida@acme.dk")]);
    let link = ReconcilerLink {
        user_id: user(5),
        instance: INSTANCE.into(),
        subjects: vec!["uuid".into(), "hash".into()],
    };
    assert_eq!(kinds(&mut log, &link), Ok(vec!["user.identity.linked", "user.identity.linked"]));
    assert_eq!(kinds(&mut log, &link), Ok(vec![]));
    assert_eq!(kinds(&mut log, &sign_in("hash", SignedInAs::Identity(user(5)))), Ok(vec!["user.activated"]));
}

#[test]
fn somebody_elses_identity_is_not_linked() {
    let linked = UserEvent::IdentityLinked {
        instance: INSTANCE.into(),
        how: LinkedHow::SignIn,
        subject: "s1".to_owned().into(),
    };
    let mut log = world().with(user(1), [linked]).with(user(5), [user_invited("ida@acme.dk")]);
    let link = ReconcilerLink { user_id: user(5), instance: INSTANCE.into(), subjects: vec!["s1".into()] };
    assert_eq!(kinds(&mut log, &link), Err("identity-conflict"));
}

#[test]
fn the_first_administrator_owns_the_platforms_tenant() {
    let mut log = with_tenant(&create());
    let first = SignIn {
        bootstrap: Some(Bootstrap { tenant_id: Some(tenant(1)) }),
        name: Some(named("Ida")),
        ..sign_in("s5", nobody(5, "ida@dezky.dk"))
    };
    let expected =
        ["platform.admin.granted", "tenant.member.added", "user.registered", "user.identity.linked"];
    assert_eq!(kinds(&mut log, &first), Ok(expected.to_vec()));
    assert!(log.state::<Platform>(StreamId::platform()).admins().contains(&user(5)));
    assert!(log.state::<Tenant>(tenant(1)).has_active_member(user(5)));
    let again = SignIn { found: SignedInAs::Identity(user(5)), ..first };
    assert_eq!(kinds(&mut log, &again), Ok(vec![]));
}

#[test]
fn ec_41_a_bootstrap_address_signs_in_without_a_right_once_there_was_an_administrator() {
    let granted = |number| PlatformEvent::AdminGranted {
        user_id: user(number),
        how: schema::platform::GrantedHow::Grant,
        reason: None,
    };
    let mut log = world().with(
        StreamId::platform(),
        [granted(1), granted(2), PlatformEvent::AdminRevoked { user_id: user(1), reason: None }],
    );
    let act = SignIn {
        bootstrap: Some(Bootstrap { tenant_id: None }),
        ..sign_in("s1", by_address(user(1), Trust::Trusted))
    };
    assert_eq!(kinds(&mut log, &act), Ok(vec!["user.identity.linked"]));
}

#[test]
fn the_end_of_the_platforms_tenant_keeps_nobody_from_signing_in() {
    let mut log = with_tenant(&create()).with(tenant(1), [TenantEvent::Terminated {}]);
    let act = SignIn {
        bootstrap: Some(Bootstrap { tenant_id: Some(tenant(1)) }),
        ..sign_in("s1", by_address(user(1), Trust::Trusted))
    };
    assert_eq!(kinds(&mut log, &act), Ok(vec!["platform.admin.granted", "user.identity.linked"]));
}

#[test]
fn only_an_active_person_becomes_an_administrator() {
    let mut log = world().with(user(5), [user_invited("ida@acme.dk")]);
    assert_eq!(kinds(&mut log, &GrantAdmin { user_id: user(5), reason: None }), Err("invalid-transition"));
    assert_eq!(kinds(&mut log, &GrantAdmin { user_id: user(9), reason: None }), Err("user-not-found"));
    assert_eq!(
        kinds(&mut log, &GrantAdmin { user_id: user(1), reason: None }),
        Ok(vec!["platform.admin.granted"])
    );
}

fn two_seats() -> (Log, Option<Seats>) {
    let limits = plan_with(Limits { seats: Some(2), ..Limits::default() });
    let mut log = Log::default()
        .with(plan(1), [limits])
        .with(user(1), [user_registered("p1@acme.dk")])
        .with(user(2), [user_invited("p2@acme.dk")])
        .with(user(3), [user_registered("p3@acme.dk")]);
    log.execute(&create(), &operator_at(noon())).unwrap();
    (log, Some(Seats { subscription_id: subscription(1), plan_id: plan(1) }))
}

fn add(number: u128, seats: Option<Seats>) -> AddMember {
    let source = MemberSource::Operator;
    AddMember { tenant_id: tenant(1), user_id: user(number), role: Role::Member, source, seats }
}

fn invite(number: u128, seats: Option<Seats>) -> InviteMember {
    InviteMember {
        tenant_id: tenant(1),
        invitation_id: invitation(number),
        user_id: user(number),
        role: Role::Member,
        expires_at: noon().plus_days(14),
        seats,
    }
}

#[test]
fn ec_22_invited_people_take_seats_too() {
    let (mut log, seats) = two_seats();
    assert_eq!(kinds(&mut log, &add(1, seats)), Ok(vec!["tenant.member.added"]));
    assert_eq!(kinds(&mut log, &invite(2, seats)), Ok(vec!["tenant.member.invited"]));
    assert_eq!(kinds(&mut log, &add(3, seats)), Err("seat-limit-reached"));
    assert_eq!(kinds(&mut log, &invite(3, seats)), Err("seat-limit-reached"));
    assert_eq!(kinds(&mut log, &add(1, seats)), Ok(vec![]), "who has a seat keeps it");
    assert_eq!(kinds(&mut log, &add(2, seats)), Ok(vec!["tenant.member.added"]), "an invited person has one");
}

#[test]
fn nobody_becomes_a_member_without_being_known() {
    let (mut log, seats) = two_seats();
    assert_eq!(kinds(&mut log, &add(9, seats)), Err("user-not-found"));
}

#[test]
fn ec_26_saying_yes_makes_a_member() {
    let (mut log, seats) = two_seats();
    kinds(&mut log, &invite(3, seats)).unwrap();
    let accept = AcceptInvitation { tenant_id: tenant(1), invitation_id: invitation(3), user_id: user(3) };
    let asked = asked(customer(user(3)), noon());
    assert_eq!(log.execute(&accept, &asked), Ok(vec!["tenant.invitation.accepted"]));
    assert_eq!(log.execute(&accept, &asked), Ok(vec![]));
    kinds(&mut log, &invite(1, seats)).unwrap();
    let command = TenantCommand::Terminate { reason: None, grace_days: 30, confirm: None };
    log.execute(&One::<Tenant> { stream: tenant(1).into(), command }, &operator_at(noon())).unwrap();
    let late = AcceptInvitation { tenant_id: tenant(1), invitation_id: invitation(1), user_id: user(1) };
    let refused = log.execute(&late, &Asked { actor: customer(user(1)), ..asked });
    assert_eq!(refused.map_err(|refusal| refusal.code()), Err("tenant-terminating"));
}
