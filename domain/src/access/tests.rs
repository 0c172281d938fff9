//! Derived access against a model written apart from it, as a table of words.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schema::Role;
use schema::tenant::HoldKind;

use super::*;

fn standing() -> impl Strategy<Value = TenantStanding> {
    let holds = prop::collection::btree_set(prop::sample::select(HoldKind::ALL), 0..3);
    (prop::sample::select(Lifecycle::ALL), holds)
        .prop_map(|(lifecycle, holds)| TenantStanding { lifecycle, holds })
}

fn membership() -> impl Strategy<Value = Membership> {
    (prop::sample::select(&Role::ALL[..]), prop::sample::select(MemberStatus::ALL))
        .prop_map(|(role, status)| Membership { role, status })
}

fn person() -> impl Strategy<Value = Person> {
    (prop::sample::select(UserStatus::ALL), any::<bool>())
        .prop_map(|(status, platform_admin)| Person { status, platform_admin })
}

/// The model: everything as words, every rule as an exclusion.
fn model_can_use(person: Person, membership: Membership, tenant: &TenantStanding) -> bool {
    let shut: Vec<&str> =
        tenant.holds.iter().map(|hold| hold.as_str()).filter(|hold| *hold != "legal").collect();
    if !["invited", "active"].contains(&person.status.as_str()) {
        return false;
    }
    if membership.status.as_str() != "active" || tenant.lifecycle.as_str() != "active" {
        return false;
    }
    shut.is_empty()
}

fn model_idp_enabled(person: Person, memberships: &[(Membership, TenantStanding)]) -> bool {
    match person.status.as_str() {
        "disabled" | "deactivated" => return false,
        "invited" => return true,
        _ if person.platform_admin => return true,
        _ => {}
    }
    let active: Vec<_> =
        memberships.iter().filter(|(membership, _)| membership.status.as_str() == "active").collect();
    if active.is_empty() {
        return true;
    }
    active.iter().any(|(membership, tenant)| {
        let holds: BTreeSet<&str> = tenant.holds.iter().map(|hold| hold.as_str()).collect();
        let hard = holds.contains("abuse") || holds.contains("security");
        let soft = holds.iter().any(|hold| *hold != "legal");
        match (tenant.lifecycle.as_str(), membership.role.as_str()) {
            ("terminated", _) => false,
            ("active", _) if !soft => true,
            (_, "owner" | "admin" | "billing") => !hard,
            ("pending", _) => !soft,
            _ => false,
        }
    })
}

proptest! {
    #[test]
    fn ec_30_access_equals_an_independent_model(
        person in person(),
        memberships in prop::collection::vec((membership(), standing()), 0..4),
    ) {
        for (membership, tenant) in &memberships {
            prop_assert_eq!(can_use(&person, membership, tenant), model_can_use(person, *membership, tenant));
        }
        let usable = memberships.iter().any(|(membership, tenant)| model_can_use(person, *membership, tenant));
        prop_assert_eq!(entitled(&person, &memberships), usable);
        prop_assert_eq!(idp_enabled(&person, &memberships), model_idp_enabled(person, &memberships));
    }

    #[test]
    fn who_can_use_can_write_and_who_can_write_can_enter(
        person in person(), membership in membership(), tenant in standing(),
    ) {
        prop_assert!(!can_use(&person, &membership, &tenant) || can_write(&person, &membership, &tenant));
        prop_assert!(!can_write(&person, &membership, &tenant) || can_enter(&person, &membership, &tenant));
        prop_assert!(!can_enter(&person, &membership, &tenant) || is_member(&person, &membership));
        prop_assert!(!can_use(&person, &membership, &tenant) || space_open(&tenant) && mail_receive(&tenant));
    }

    #[test]
    fn a_hold_opens_no_door(
        person in person(), membership in membership(), tenant in standing(), hold in prop::sample::select(HoldKind::ALL),
    ) {
        let mut held = tenant.clone();
        held.holds.insert(hold);
        prop_assert!(can_use(&person, &membership, &tenant) || !can_use(&person, &membership, &held));
        prop_assert!(can_write(&person, &membership, &tenant) || !can_write(&person, &membership, &held));
        prop_assert_eq!(can_enter(&person, &membership, &tenant), can_enter(&person, &membership, &held));
        prop_assert_eq!(mail_receive(&tenant), mail_receive(&held));
    }

    #[test]
    fn words_come_back_as_what_they_were(lifecycle in prop::sample::select(Lifecycle::ALL)) {
        prop_assert_eq!(lifecycle.as_str().parse(), Ok(lifecycle));
    }
}

const ACTIVE: Person = Person { status: UserStatus::Active, platform_admin: false };

fn tenant(lifecycle: Lifecycle, holds: impl IntoIterator<Item = HoldKind>) -> TenantStanding {
    TenantStanding { lifecycle, holds: holds.into_iter().collect() }
}

fn active(role: Role) -> Membership {
    Membership { role, status: MemberStatus::Active }
}

#[test]
fn ec_3_a_legal_hold_is_no_suspension() {
    let held = tenant(Lifecycle::Active, [HoldKind::Legal]);
    assert_eq!(held.status(), TenantStatus::Active);
    assert!(space_open(&held));
}

#[test]
fn ec_14_a_member_of_a_held_tenant_works_in_the_other() {
    let held = tenant(Lifecycle::Active, [HoldKind::Operator]);
    let open = tenant(Lifecycle::Active, []);
    let both = [(active(Role::Member), held.clone()), (active(Role::Member), open)];
    assert!(!can_use(&ACTIVE, &both[0].0, &held) && mail_receive(&held) && !space_open(&held));
    assert!(entitled(&ACTIVE, &both) && idp_enabled(&ACTIVE, &both));
}

#[test]
fn ec_15_who_was_disabled_on_their_own_stays_so_when_the_tenant_resumes() {
    let disabled = Person { status: UserStatus::Disabled, platform_admin: false };
    let memberships = [(active(Role::Owner), tenant(Lifecycle::Active, []))];
    assert!(!entitled(&disabled, &memberships) && !idp_enabled(&disabled, &memberships));
}

#[test]
fn owners_of_a_held_tenant_can_still_sign_in_and_members_cannot() {
    let held = |hold| tenant(Lifecycle::Active, [hold]);
    for role in [Role::Owner, Role::Admin, Role::Billing] {
        assert!(idp_enabled(&ACTIVE, &[(active(role), held(HoldKind::NonPayment))]));
        assert!(
            !idp_enabled(&ACTIVE, &[(active(role), held(HoldKind::Abuse))]),
            "a hard hold keeps everybody out"
        );
    }
    assert!(!idp_enabled(&ACTIVE, &[(active(Role::Member), held(HoldKind::NonPayment))]));
}

#[test]
fn who_is_only_invited_can_sign_in_to_say_yes() {
    let invited = Membership { role: Role::Member, status: MemberStatus::Invited };
    let held = tenant(Lifecycle::Active, [HoldKind::Operator]);
    assert!(idp_enabled(&ACTIVE, &[(invited, held.clone())]));
    assert!(!entitled(&ACTIVE, &[(invited, held)]));
    assert!(idp_enabled(&ACTIVE, &[]), "U4: nobody needs a membership");
}
