//! What holds after any sequence of commands: the invariants I1–I10 of a tenant.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schema::tenant::{
    AttachedWhy, DetachedWhy, DomainUse, Generations, HoldKind, HoldRef, MemberSource, Origin, VerifyMethod,
};
use schema::{Actor, Event, Role, TenantCommand as C, TenantEvent as E, Timestamp};

use crate::access::{Lifecycle, shuts_doors};
use crate::tenant::{DomainState, Tenant};
use crate::testing::*;
use crate::{Decider, Rejection};

#[derive(Debug, Clone)]
struct Step {
    command: C,
    actor: Actor,
    minutes: i64,
}

fn command() -> impl Strategy<Value = C> {
    let number = 1_u128..4;
    let kinds = prop::sample::select(HoldKind::ALL);
    let roles = prop::sample::select(&Role::ALL[..]);
    let names = prop::sample::select(vec!["acme.dk", "acme.com", "acme.org"]);
    let until = prop::option::of(1_i64..200);
    prop_oneof![
        (1_u128..40, kinds.clone(), until).prop_map(|(id, kind, until)| C::PlaceHold {
            hold_id: hold(id),
            kind,
            reason: None,
            customer_message: None,
            until: until.map(|minutes| noon().plus_seconds(minutes * 60)),
        }),
        kinds.prop_map(|kind| C::ReleaseHold { hold: HoldRef::Kind(kind), reason: None }),
        (1_u128..40).prop_map(|id| C::ReleaseHold { hold: HoldRef::Id(hold(id)), reason: None }),
        (1_u128..40).prop_map(|id| C::ExpireHold { hold_id: hold(id) }),
        Just(C::Activate { generations: Generations::default() }),
        (0_u16..2).prop_map(|grace_days| C::Terminate { reason: None, grace_days, confirm: None }),
        Just(C::Restore { reason: None }),
        Just(C::CompleteTermination),
        number
            .clone()
            .prop_map(|id| C::AttachPartner { partner_id: partner(id), why: AttachedWhy::Operator }),
        Just(C::DetachPartner { why: DetachedWhy::Operator }),
        (number.clone(), roles.clone()).prop_map(|(id, role)| C::AddMember {
            user_id: user(id),
            role,
            source: MemberSource::Operator,
        }),
        (1_u128..40, number.clone(), roles, 1_i64..200).prop_map(|(id, who, role, minutes)| {
            C::InviteMember {
                invitation_id: invitation(id),
                user_id: user(who),
                role,
                expires_at: noon().plus_seconds(minutes * 60),
            }
        }),
        (1_u128..40).prop_map(|id| C::AcceptInvitation { invitation_id: invitation(id) }),
        (1_u128..40).prop_map(|id| C::DeclineInvitation { invitation_id: invitation(id) }),
        (1_u128..40).prop_map(|id| C::ExpireInvitation { invitation_id: invitation(id) }),
        names.clone().prop_map(|name| C::ClaimDomain { domain: domain(name) }),
        names.clone().prop_map(|name| C::VerifyDomain {
            domain: domain(name),
            method: VerifyMethod::Operator,
            evidence: None,
        }),
        names.clone().prop_map(|name| C::SetPrimaryDomain { domain: domain(name) }),
        names.prop_map(|name| C::ReleaseDomain { domain: domain(name), in_use: DomainUse::Free }),
        Just(C::Rename { name: named("Another") }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let actor = prop_oneof![3 => Just(operator()), 1 => Just(system()), 1 => (1_u128..4).prop_map(|id| customer(user(id)))];
    let step =
        (command(), actor, 0_i64..240).prop_map(|(command, actor, minutes)| Step { command, actor, minutes });
    prop::collection::vec(step, 0..60)
}

fn create() -> C {
    C::Create {
        slug: slug("acme"),
        name: named("Acme"),
        origin: Origin::Operator,
        plan_id: plan(1),
        locale: None,
        timezone: None,
        created_by: None,
        ordinal: None,
    }
}

/// Runs the steps; looks at every decision with the state before it.
fn play(steps: Vec<Step>, mut look: impl FnMut(&Tenant, Timestamp, &Result<Vec<E>, Rejection>)) -> Vec<E> {
    let first = Step { command: create(), actor: operator(), minutes: 0 };
    let mut tenant = Tenant::default();
    let mut history = Vec::new();
    for Step { command, actor, minutes } in std::iter::once(first).chain(steps) {
        let now = noon().plus_seconds(minutes * 60);
        let decided = tenant.decide(command, &asked(actor, now));
        look(&tenant, now, &decided);
        for event in decided.into_iter().flatten() {
            tenant.evolve(&event);
            history.push(event);
            assert_invariants(&tenant);
        }
    }
    history
}

fn assert_invariants(tenant: &Tenant) {
    assert_eq!(tenant.slug(), Some(&slug("acme")), "I1: the slug never changes");
    let kinds: Vec<_> = tenant.open_holds().map(|(_, hold)| hold.kind).collect();
    assert_eq!(kinds.len(), kinds.iter().collect::<BTreeSet<_>>().len(), "I9: one open hold of a kind");
    if let Some(primary) = tenant.primary_domain() {
        // Between the two events of a release the primary one may be gone already.
        assert_ne!(tenant.domains().get(primary), Some(&DomainState::Claimed), "I3: primary is verified");
    }
    let is_ending = tenant.termination().is_some();
    let in_end = matches!(tenant.lifecycle(), Some(Lifecycle::Terminating | Lifecycle::Terminated));
    assert_eq!(is_ending, in_end, "I4: an end is set exactly while the tenant is ending");
}

/// The marks `tenant.suspended` and `tenant.resumed` against the holds, counted apart from the rules.
fn assert_edges(history: &[E]) {
    let mut open = BTreeSet::new();
    let mut is_marked = false;
    for event in history {
        if let E::HoldPlaced { hold_id, kind, .. } = event
            && shuts_doors(*kind)
        {
            assert!(open.insert(*hold_id));
        } else if let E::HoldReleased { hold_id, kind, .. } | E::HoldExpired { hold_id, kind } = event
            && shuts_doors(*kind)
        {
            assert!(open.remove(hold_id));
        } else if let E::Suspended { hold_id } = event {
            assert!(!is_marked && open.contains(hold_id), "I10: suspended names the first hold");
            is_marked = true;
        } else if let E::Resumed { hold_id } = event {
            assert!(is_marked && open.is_empty(), "I10: resumed follows the last hold, {hold_id}");
            is_marked = false;
        }
    }
    assert_eq!(is_marked, !open.is_empty(), "I10: the marks agree with the fold of the holds");
}

fn is_about_members_domains_or_partner(event: &E) -> bool {
    let kind = event.kind();
    ["tenant.member.", "tenant.domain.", "tenant.partner.", "tenant.invitation."]
        .iter()
        .any(|prefix| kind.starts_with(prefix) && kind != "tenant.invitation.expired")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn ec_30_invariants_hold_after_any_commands(steps in steps()) {
        let history = play(steps, |_, _, _| {});
        assert_edges(&history);
        let count = |kind| history.iter().filter(|event| event.kind() == kind).count();
        let (attached, detached) = (count("tenant.partner.attached"), count("tenant.partner.detached"));
        prop_assert!(attached - detached <= 1, "I8: at most one partner");
        let tenant = fold::<Tenant>(history.clone());
        let verified: Vec<_> = tenant.verified_domains().collect();
        prop_assert_eq!(tenant.primary_domain().is_some(), !verified.is_empty(), "I3: primary as soon as one is verified");
    }

    #[test]
    fn an_ending_tenant_changes_no_member_domain_or_partner(steps in steps()) {
        play(steps, |tenant, _, decided| {
            if tenant.termination().is_some() && let Ok(events) = decided {
                assert!(!events.iter().any(is_about_members_domains_or_partner), "I6: {events:?}");
            }
        });
    }

    #[test]
    fn nothing_leaves_terminated(steps in steps()) {
        play(steps, |tenant, _, decided| {
            if tenant.lifecycle() == Some(Lifecycle::Terminated) && let Ok(events) = decided {
                assert!(events.is_empty() || events.iter().all(|event| event.kind() == "tenant.invitation.expired"));
            }
        });
    }

    #[test]
    fn asking_again_at_once_is_no_news(steps in steps()) {
        let mut tenant = fold::<Tenant>(play(vec![], |_, _, _| {}));
        for Step { command, actor, minutes } in steps {
            let asked = asked(actor, noon().plus_seconds(minutes * 60));
            let Ok(first) = tenant.decide(command.clone(), &asked) else { continue };
            for event in &first {
                tenant.evolve(event);
            }
            prop_assert_eq!(tenant.decide(command, &asked).unwrap_or_default(), vec![]);
        }
    }

    #[test]
    fn ec_74_a_tenant_folds_without_personal_data(steps in steps()) {
        let history = play(steps, |_, _, _| {});
        let bare = history.iter().cloned().map(|event| {
 let Event::Tenant(event) = erased(event) else { panic!("an event keeps its aggregate") };
 event
 });
        let (whole, bare) = (fold::<Tenant>(history.clone()), fold::<Tenant>(bare));
        prop_assert_eq!(whole.standing(), bare.standing());
        prop_assert_eq!(whole.members(), bare.members());
        prop_assert_eq!(whole.domains(), bare.domains());
        prop_assert_eq!(whole.partner_id(), bare.partner_id());
    }
}
