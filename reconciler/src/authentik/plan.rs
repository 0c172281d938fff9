//! What would have to be done in authentik. Doors shut first, objects next, doors open last.

use std::collections::BTreeSet;

use schema::UserId;
use schema::provisioning::Reason;

use super::client::SESSIONS_MAX;
use super::{Account, AccountSeen, Belongs, Observed, PersonSpec, Presence, Spec, Step, Stranger};
use crate::integration::{Creating, Desired, Gate, Plan, Refusal};

pub(super) fn plan(desired: &Desired<Spec>, observed: &Observed) -> Plan<Step> {
    let mut plan = Plan::default();
    let spec = &desired.spec;
    let people = || {
        let account = |person: &'_ PersonSpec| observed.accounts.get(&person.user_id);
        spec.people.iter().filter_map(move |person| Some((person, account(person)?)))
    };
    let ending: Vec<(UserId, i64)> = people()
        .filter(|(person, account)| is_ending(person, account))
        .map(|(person, account)| (person.user_id, account.pk))
        .collect();
    plan.steps
        .extend(ending.chunks(SESSIONS_MAX).map(|people| Step::EndSessions { people: people.to_vec() }));
    for (person, account) in people() {
        plan.steps.extend(close(person, account, observed));
    }
    plan.steps.extend(leave(spec, observed));
    group(desired, observed, &mut plan);
    entitlement(spec, observed, &mut plan);
    for person in &spec.people {
        self::person(person, observed, &mut plan);
    }
    for (person, account) in people() {
        plan.steps.extend(join(person, account, observed));
        open(desired.gate, person, account, observed, &mut plan);
    }
    plan
}

fn is_ending(person: &PersonSpec, account: &AccountSeen) -> bool {
    account.sessions_epoch() < person.sessions_epoch
}

/// Sessions and tokens end before the epoch is stored: a failure in between repeats. Only disabling an account ends its
/// refresh tokens for sure (a token without superuser rights does not even see them), so an account that stays enabled is
/// disabled in between; its portal door is not the one that waits. The entitlement shows by itself whether it is gone.
fn close(person: &PersonSpec, account: &AccountSeen, observed: &Observed) -> Vec<Step> {
    let (user_id, pk) = (person.user_id, account.pk);
    let mut steps = Vec::new();
    if person.entitlement == Belongs::Outside && observed.is_entitled(pk) {
        steps.push(Step::DropEntitlement { user_id, pk });
    }
    let sessions_epoch = account.sessions_epoch().max(person.sessions_epoch);
    match (person.account, is_ending(person, account)) {
        (Account::Disabled, true) => steps.push(Step::DisableForGood { user_id, pk, sessions_epoch }),
        (Account::Enabled, true) => {
            steps.push(Step::Disable { user_id, pk });
            steps.push(Step::Reenable { user_id, pk, sessions_epoch });
        }
        (Account::Disabled, false) if account.account == Account::Enabled => {
            steps.push(Step::Disable { user_id, pk });
        }
        (Account::Disabled | Account::Enabled, false) => {}
    }
    if !is_ending(person, account) && !account.is_marked_for(user_id) {
        steps.push(Step::MarkUser { user_id, pk, sessions_epoch });
    }
    steps
}

fn leave(spec: &Spec, observed: &Observed) -> Vec<Step> {
    let Some(group) = &observed.group else {
        return Vec::new();
    };
    let former = spec
        .people
        .iter()
        .filter(|person| person.membership == Belongs::Outside)
        .filter_map(|person| observed.accounts.get(&person.user_id))
        .map(|account| account.pk)
        .filter(|pk| group.users.contains(pk));
    let leaving: BTreeSet<i64> = former.chain(observed.strays.iter().copied()).collect();
    leaving.into_iter().map(|pk| Step::RemoveMember { group: group.pk.clone(), pk }).collect()
}

fn group(desired: &Desired<Spec>, observed: &Observed, plan: &mut Plan<Step>) {
    let spec = &desired.spec;
    let refused =
        |summary| Refusal { resource: spec.owner.resource(), reason: Reason::OwnedByAnother, summary };
    let Some(group) = &observed.group else {
        if observed.name_is_taken {
            plan.refusals.push(refused("a group of this name exists and is not marked as ours"));
        } else {
            plan.steps.push(Step::CreateGroup { name: spec.group.clone() });
        }
        return;
    };
    // A system that may be another one than it was, or was set back, is not tidied.
    if desired.creating == Creating::Allowed {
        let bound: BTreeSet<&String> = desired.known.values().collect();
        let is_unwanted = |twin: &&super::GroupSeen| {
            twin.pk != group.pk && !bound.contains(&twin.pk) && twin.is_but_a_mark_of(&spec.owner)
        };
        let twins = observed.twins.iter().filter(is_unwanted);
        plan.steps.extend(twins.map(|twin| Step::RemoveTwin { pk: twin.pk.clone() }));
    }
    if group.name != spec.group && observed.name_is_taken {
        plan.refusals.push(refused("our group was renamed and another one has its name"));
    } else if group.name != spec.group {
        plan.steps.push(Step::RenameGroup { pk: group.pk.clone(), name: spec.group.clone() });
    }
    if group.attributes.get(super::MARK) != Some(&spec.owner.mark()) {
        plan.steps.push(Step::MarkGroup { pk: group.pk.clone() });
    }
}

/// The group all tenants share is used only while being in it gives nothing else.
fn entitlement(spec: &Spec, observed: &Observed, plan: &mut Plan<Step>) {
    if spec.people.iter().all(|person| person.entitlement == Belongs::Outside) {
        return;
    }
    if observed.entitled.is_none() {
        plan.steps.push(Step::CreateEntitlementGroup);
    } else if observed.usable_entitlement().is_none() {
        plan.refusals.push(Refusal {
            resource: spec.owner.resource(),
            reason: Reason::OwnedByAnother,
            summary: "the entitlement group gives its members rights and is not used",
        });
    }
}

fn person(person: &PersonSpec, observed: &Observed, plan: &mut Plan<Step>) {
    let stranger = observed.strangers.get(&person.user_id).copied();
    if person.presence == Presence::Ensure
        && let Some(stranger) = stranger
    {
        plan.refusals.push(Refusal {
            resource: person.resource(),
            reason: Reason::OwnedByAnother,
            summary: stranger.summary(),
        });
    }
    match observed.accounts.get(&person.user_id) {
        Some(account) => plan.steps.extend(profile(person, account, stranger)),
        None if stranger.is_none() && person.presence == Presence::Ensure => {
            plan.steps.push(Step::CreateUser { user_id: person.user_id });
        }
        None => {}
    }
}

/// An address that answers for somebody else, too, is left as it is.
fn profile(person: &PersonSpec, account: &AccountSeen, stranger: Option<Stranger>) -> Option<Step> {
    let differs = [
        ("username", stranger.is_none() && account.username != person.username),
        ("email", stranger.is_none() && account.email != person.username),
        ("name", !person.name.is_empty() && account.name != person.name),
    ];
    let fields: Vec<&'static str> =
        differs.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect();
    (!fields.is_empty()).then_some(Step::UpdateUser { user_id: person.user_id, pk: account.pk, fields })
}

fn join(person: &PersonSpec, account: &AccountSeen, observed: &Observed) -> Option<Step> {
    let group = observed.group.as_ref()?;
    let is_missing = person.membership == Belongs::Inside && !group.users.contains(&account.pk);
    is_missing.then(|| Step::AddMember { group: group.pk.clone(), user_id: person.user_id, pk: account.pk })
}

fn open(gate: Gate, person: &PersonSpec, account: &AccountSeen, observed: &Observed, plan: &mut Plan<Step>) {
    let (user_id, pk) = (person.user_id, account.pk);
    let mut steps = Vec::new();
    if person.entitlement == Belongs::Inside
        && observed.usable_entitlement().is_some_and(|group| !group.users.contains(&pk))
    {
        steps.push(Step::Entitle { user_id, pk });
    }
    let is_ending = is_ending(person, account);
    if person.account == Account::Enabled && account.account == Account::Disabled && !is_ending {
        steps.push(Step::Enable { user_id, pk });
    }
    match gate {
        Gate::Open => plan.steps.extend(steps),
        Gate::Waiting => plan.waiting |= !steps.is_empty(),
    }
}
