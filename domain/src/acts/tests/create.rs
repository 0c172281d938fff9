//! Making tenants.

use schema::people::{BillingInfo, ContactInfo};
use schema::plan::Limits;
use schema::tenant::Origin;
use schema::{Role, StreamId};

use super::*;
use crate::access::{MemberStatus, Membership};
use crate::acts::{OwnerPerson, SelfServiceUse};
use crate::subscription::Subscription;
use crate::tenant::Tenant;
use crate::user::User;
use crate::{Act, Asked, Rejection};

fn refusal(log: &mut Log, act: &CreateTenant, asked: &Asked) -> &'static str {
    log.execute(act, asked).map_err(|refusal| refusal.code()).unwrap_err()
}

#[test]
fn a_tenant_comes_with_its_subscription() {
    let mut log = world();
    let kinds = log.execute(&create(), &operator_at(noon())).unwrap();
    assert_eq!(kinds, ["subscription.started", "tenant.created"]);
    assert!(log.state::<Subscription>(subscription(1)).is_open());
    assert_eq!(log.state::<Tenant>(tenant(1)).plan_id(), Some(plan(1)));
}

#[test]
fn everything_given_with_a_tenant_is_recorded_in_one_commit() {
    let act = CreateTenant {
        domains: vec![domain("acme.dk"), domain("acme.com")],
        billing_info: Some(BillingInfo { legal_name: "Acme".into(), ..BillingInfo::default() }),
        contact: Some(ContactInfo { name: Some("Bo".into()), ..ContactInfo::default() }),
        partner_id: Some(partner(1)),
        owner: Owner::Creator(user(1)),
        ..create()
    };
    let kinds = world().execute(&act, &operator_at(noon())).unwrap();
    let expected = [
        "subscription.started",
        "tenant.created",
        "tenant.member.added",
        "tenant.domain.claimed",
        "tenant.domain.claimed",
        "tenant.partner.attached",
        "tenant.billingInfo.changed",
        "tenant.profile.changed",
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn what_was_only_read_is_guarded() {
    let act = CreateTenant { partner_id: Some(partner(1)), owner: Owner::Creator(user(1)), ..create() };
    let parts = world().rehearse(&act, &operator_at(noon())).unwrap();
    let guards: Vec<StreamId> =
        parts.into_iter().filter(|part| part.events.is_empty()).map(|part| part.stream).collect();
    assert_eq!(guards, [StreamId::from(partner(1)), plan(1).into(), user(1).into()]);
}

#[test]
fn a_new_owner_is_made_known_and_invited() {
    let person = OwnerPerson::New { user_id: user(5), email: email("ida@acme.dk"), name: Some(named("Ida")) };
    let owner = Owner::Invited { person, invitation_id: invitation(1), expires_at: noon().plus_days(14) };
    let mut log = world();
    let kinds = log.execute(&CreateTenant { owner, ..create() }, &operator_at(noon())).unwrap();
    assert_eq!(kinds, ["subscription.started", "tenant.created", "tenant.member.invited", "user.invited"]);
    let invited = Membership { role: Role::Owner, status: MemberStatus::Invited };
    assert_eq!(log.state::<Tenant>(tenant(1)).members().get(&user(5)), Some(&invited));
    assert!(log.state::<User>(user(5)).is_welcome());
}

#[test]
fn a_known_owner_is_invited_without_a_second_record() {
    let person = OwnerPerson::Known(user(1));
    let owner = Owner::Invited { person, invitation_id: invitation(1), expires_at: noon().plus_days(14) };
    let kinds = world().execute(&CreateTenant { owner, ..create() }, &operator_at(noon())).unwrap();
    assert_eq!(kinds, ["subscription.started", "tenant.created", "tenant.member.invited"]);
}

#[test]
fn ec_48_one_slug_is_given_once() {
    let mut log = with_tenant(&create());
    let second = CreateTenant { tenant_id: tenant(2), subscription_id: subscription(2), ..create() };
    assert_eq!(refusal(&mut log, &second, &operator_at(noon())), "already-exists");
}

#[test]
fn a_plan_and_its_price_must_be_orderable() {
    let choose =
        |plan_id, price_id| CreateTenant { plan: PlanChoice { plan_id, price_id, quantity: 1 }, ..create() };
    let asked = operator_at(noon());
    assert_eq!(refusal(&mut world(), &choose(plan(9), price(1)), &asked), "plan-not-active");
    assert_eq!(refusal(&mut world(), &choose(plan(1), price(9)), &asked), "plan-not-active");
}

#[test]
fn a_partner_must_be_active() {
    let brought_by = |number| CreateTenant { partner_id: Some(partner(number)), ..create() };
    let asked = operator_at(noon());
    assert_eq!(refusal(&mut world(), &brought_by(2), &asked), "partner-not-active");
    assert_eq!(refusal(&mut world(), &brought_by(9), &asked), "partner-not-found");
}

#[test]
fn ec_44_a_customer_has_one_pending_tenant_and_five_at_most() {
    let by_themselves = |own, pending| CreateTenant {
        owner: Owner::Creator(user(1)),
        origin: Origin::SelfService,
        self_service: Some(SelfServiceUse { user_id: user(1), own, pending, ordinal: 1 }),
        ..create()
    };
    let asked = asked(customer(user(1)), noon());
    assert!(world().execute(&by_themselves(4, 0), &asked).is_ok());
    assert_eq!(refusal(&mut world(), &by_themselves(1, 1), &asked), "tenant-limit-reached");
    assert_eq!(refusal(&mut world(), &by_themselves(5, 0), &asked), "tenant-limit-reached");
    assert!(by_themselves(0, 0).streams().contains(&user(1).into()));
}

#[test]
fn domains_fit_the_plan_and_twenty() {
    let names =
        |count: usize| (0..count).map(|number| domain(&format!("acme{number}.dk"))).collect::<Vec<_>>();
    let asked = operator_at(noon());
    let many = CreateTenant { domains: names(21), ..create() };
    assert_eq!(refusal(&mut world(), &many, &asked), "validation-failed");
    let small = plan_with(Limits { domains: Some(1), ..Limits::default() });
    let mut log = Log::default().with(plan(1), [small]);
    let two = CreateTenant { domains: names(2), ..create() };
    assert_eq!(refusal(&mut log, &two, &asked), "validation-failed");
}

#[test]
fn an_owner_needs_a_seat() {
    let none = plan_with(Limits { seats: Some(0), ..Limits::default() });
    let mut log = Log::default().with(plan(1), [none]).with(user(1), [user_registered("bo@acme.dk")]);
    let act = CreateTenant { owner: Owner::Creator(user(1)), ..create() };
    assert_eq!(log.execute(&act, &operator_at(noon())), Err(Rejection::SeatLimitReached));
    let per_seat = PlanChoice { plan_id: plan(1), price_id: price(2), quantity: 1 };
    assert!(log.execute(&CreateTenant { plan: per_seat, ..act }, &operator_at(noon())).is_ok());
}
