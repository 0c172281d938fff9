//! Plans in authentik as text, and the law that applying them converges.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;
use uuid::Uuid;

use super::*;
use crate::integration::{Asked, Creating, Gate, Step as _};

mod many;
mod strangers;

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn person(number: u128) -> PersonSpec {
    PersonSpec {
        user_id: user(number),
        username: format!("p{number}@acme.dk"),
        name: format!("Person {number}"),
        presence: Presence::Ensure,
        membership: Belongs::Inside,
        entitlement: Belongs::Inside,
        account: super::Account::Enabled,
        sessions_epoch: 0,
        identities: Vec::new(),
    }
}

fn out(number: u128, epoch: u64) -> PersonSpec {
    PersonSpec {
        entitlement: Belongs::Outside,
        account: super::Account::Disabled,
        sessions_epoch: epoch,
        ..person(number)
    }
}

fn owner() -> Owner {
    Owner::Tenant { tenant_id: TenantId::from_uuid(Uuid::from_u128(9)), slug: "acme".into() }
}

fn desired(people: Vec<PersonSpec>) -> Desired<Spec> {
    Desired {
        spec: Spec { group: "dezky-tenant-acme".into(), owner: owner(), people },
        known: BTreeMap::new(),
        gate: Gate::Open,
        asked: Asked::Nothing,
        last: crate::integration::Last::Open,
        creating: Creating::Allowed,
        leftovers: BTreeSet::new(),
    }
}

fn attributes(mark: Value) -> Map<String, Value> {
    Map::from_iter([(MARK.to_owned(), mark)])
}

fn account(number: i64) -> AccountSeen {
    let person = person(number.unsigned_abs().into());
    AccountSeen {
        pk: number,
        uuid: format!("uuid-{number}"),
        uid: format!("uid-{number}"),
        username: person.username.clone(),
        email: person.username,
        name: person.name,
        account: super::Account::Enabled,
        attributes: attributes(json!({ "userId": person.user_id, "sessionsEpoch": 0 })),
        is_person: true,
        has_rights: false,
        groups: Vec::new(),
    }
}

fn group(name: &str, users: &[i64]) -> GroupSeen {
    GroupSeen {
        pk: format!("pk of {name}"),
        name: name.into(),
        attributes: attributes(owner().mark()),
        users: users.iter().copied().collect(),
        gives_rights: false,
        has_children: false,
    }
}

fn level() -> Observed {
    Observed {
        group: Some(group("dezky-tenant-acme", &[1])),
        entitled: Some(group(ENTITLED_GROUP, &[1])),
        accounts: BTreeMap::from([(user(1), account(1))]),
        ..Observed::default()
    }
}

fn steps(desired: &Desired<Spec>, observed: &Observed) -> String {
    let plan = plan::plan(desired, observed);
    let waiting = plan.waiting.then(|| "the door waits".to_owned());
    let lines: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{} [{}]", step, step.path()))
        .chain(plan.refusals.iter().map(|refusal| format!("refused: {}", refusal.summary)))
        .chain(waiting)
        .collect();
    (1..4)
        .fold(lines.join("\n"), |text, number| text.replace(&user(number).to_string(), &format!("p{number}")))
}

#[test]
fn converged_means_an_empty_plan() {
    assert_eq!(steps(&desired(vec![person(1)]), &level()), "");
}

#[test]
fn nothing_there_is_made() {
    insta::assert_snapshot!(steps(&desired(vec![person(1)]), &Observed::default()), @"
    create group dezky-tenant-acme [group]
    create group dezky-entitled [entitlementGroup]
    create the account of p1 [user]
    ");
}

#[test]
fn a_door_shuts_in_the_order_that_leaves_nothing_behind() {
    insta::assert_snapshot!(steps(&desired(vec![out(1, 40)]), &level()), @"
    end the sessions of p1 [user.sessions]
    take the entitlement from p1 [user.entitlement]
    disable the account of p1, which ends its tokens, sessions epoch 40 [user.isActive]
    ");
}

#[test]
fn an_account_that_stays_enabled_is_disabled_only_while_its_door_shuts() {
    let owner = PersonSpec { account: super::Account::Enabled, ..out(1, 40) };
    let mut wanted = desired(vec![owner]);
    wanted.gate = Gate::Waiting;
    let expected = "end the sessions of p1 [user.sessions]
take the entitlement from p1 [user.entitlement]
disable the account of p1, which ends its tokens [user.isActive]
enable the account of p1 again, sessions epoch 40 [user.isActive]";
    assert_eq!(steps(&wanted, &level()), expected);
    let mut halfway = level();
    halfway.accounts.insert(user(1), AccountSeen { account: super::Account::Disabled, ..account(1) });
    assert_eq!(steps(&wanted, &halfway), expected, "a failure in between repeats");
}

#[test]
fn a_stored_epoch_ends_nothing_twice_and_never_falls() {
    let mut observed = level();
    let mut known = account(1);
    known.attributes = attributes(json!({ "userId": user(1), "sessionsEpoch": 40 }));
    observed.accounts.insert(user(1), known);
    insta::assert_snapshot!(steps(&desired(vec![out(1, 40)]), &observed), @"
    take the entitlement from p1 [user.entitlement]
    disable the account of p1, which ends its tokens [user.isActive]
    ");
    assert_eq!(steps(&desired(vec![person(1)]), &observed), "");
}

#[test]
fn the_door_opens_last_and_only_when_the_gate_is_open() {
    let mut observed = level();
    observed.group = Some(group("dezky-tenant-acme", &[]));
    observed.entitled = Some(group(ENTITLED_GROUP, &[]));
    observed.accounts.insert(user(1), AccountSeen { account: super::Account::Disabled, ..account(1) });
    let mut wanted = desired(vec![person(1)]);
    insta::assert_snapshot!(steps(&wanted, &observed), @"
    add p1 to group pk of dezky-tenant-acme [group.members]
    entitle p1 [user.entitlement]
    enable the account of p1 [user.isActive]
    ");
    wanted.gate = Gate::Waiting;
    insta::assert_snapshot!(steps(&wanted, &observed), @"
    add p1 to group pk of dezky-tenant-acme [group.members]
    the door waits
    ");
}

#[test]
fn closing_never_waits_for_the_gate() {
    let mut wanted = desired(vec![out(1, 40)]);
    wanted.gate = Gate::Waiting;
    assert_eq!(steps(&wanted, &level()).lines().count(), 3);
}

#[test]
fn a_group_of_our_name_that_is_not_ours_is_refused() {
    let observed = Observed { group: None, name_is_taken: true, ..level() };
    insta::assert_snapshot!(
        steps(&desired(vec![person(1)]), &observed),
        @"refused: a group of this name exists and is not marked as ours"
    );
}

#[test]
fn an_account_of_somebody_else_is_refused() {
    let mut observed = level();
    observed.strangers.insert(user(2), Stranger::OfAnother);
    insta::assert_snapshot!(
        steps(&desired(vec![person(1), person(2)]), &observed),
        @"refused: the account with this address is marked for somebody else"
    );
}

#[test]
fn former_members_leave_the_group_and_get_no_account() {
    let former =
        |number| PersonSpec { presence: Presence::IfPresent, membership: Belongs::Outside, ..person(number) };
    let mut observed = level();
    observed.group = Some(group("dezky-tenant-acme", &[1, 7]));
    observed.strays.insert(7);
    insta::assert_snapshot!(steps(&desired(vec![former(1), former(2)]), &observed), @"
    take user 1 out of group pk of dezky-tenant-acme [group.members]
    take user 7 out of group pk of dezky-tenant-acme [group.members]
    ");
}

#[test]
fn an_account_without_our_mark_is_marked_and_corrected() {
    let mut observed = level();
    let odd = AccountSeen {
        attributes: Map::new(),
        username: "P1@acme.dk".into(),
        name: "Other".into(),
        ..account(1)
    };
    observed.accounts.insert(user(1), odd);
    insta::assert_snapshot!(steps(&desired(vec![person(1)]), &observed), @"
    mark the account of p1, sessions epoch 0 [user.attributes]
    correct username, name of the account of p1 [user.profile]
    ");
}

fn account_mut<'a>(observed: &'a mut Observed, user_id: &UserId) -> &'a mut AccountSeen {
    observed.accounts.get_mut(user_id).unwrap()
}

/// What a step does, as the contract says.
fn act(desired: &Desired<Spec>, observed: &mut Observed, step: &Step) {
    let members = |observed: &mut Observed| -> BTreeSet<i64> {
        std::mem::take(&mut observed.group.as_mut().unwrap().users)
    };
    match step {
        Step::EndSessions { .. } => {}
        Step::DropEntitlement { pk, .. } => drop(observed.entitled.as_mut().unwrap().users.remove(pk)),
        Step::Entitle { pk, .. } => drop(observed.entitled.as_mut().unwrap().users.insert(*pk)),
        Step::Disable { user_id, .. } => account_mut(observed, user_id).account = super::Account::Disabled,
        Step::Enable { user_id, .. } => account_mut(observed, user_id).account = super::Account::Enabled,
        Step::DisableForGood { user_id, sessions_epoch, .. } => {
            let account = account_mut(observed, user_id);
            account.account = super::Account::Disabled;
            account.attributes = attributes(json!({ "userId": user_id, "sessionsEpoch": sessions_epoch }));
        }
        Step::Reenable { user_id, sessions_epoch, .. } => {
            let account = account_mut(observed, user_id);
            account.account = super::Account::Enabled;
            account.attributes = attributes(json!({ "userId": user_id, "sessionsEpoch": sessions_epoch }));
        }
        Step::RemoveTwin { pk } => observed.twins.retain(|twin| twin.pk != *pk),
        Step::RemoveMember { pk, .. } => {
            let mut users = members(observed);
            users.remove(pk);
            observed.group.as_mut().unwrap().users = users;
            observed.strays.remove(pk);
        }
        Step::AddMember { pk, .. } => drop(observed.group.as_mut().unwrap().users.insert(*pk)),
        Step::MarkUser { user_id, sessions_epoch, .. } => {
            account_mut(observed, user_id).attributes =
                attributes(json!({ "userId": user_id, "sessionsEpoch": sessions_epoch }));
        }
        Step::CreateGroup { name } => observed.group = Some(group(name, &[])),
        Step::RenameGroup { name, .. } => observed.group.as_mut().unwrap().name.clone_from(name),
        Step::MarkGroup { .. } => observed.group.as_mut().unwrap().attributes = attributes(owner().mark()),
        Step::CreateEntitlementGroup => observed.entitled = Some(group(ENTITLED_GROUP, &[])),
        Step::CreateUser { user_id } => {
            let person = desired.spec.people.iter().find(|person| person.user_id == *user_id).unwrap();
            let number = (1..4).find(|number| user(*number) == *user_id).unwrap();
            let mark = json!({ "userId": user_id, "sessionsEpoch": person.sessions_epoch });
            let is_open = person.account == super::Account::Enabled && desired.gate == Gate::Open;
            let is_entitled = person.entitlement == Belongs::Inside && desired.gate == Gate::Open;
            let pk = i64::try_from(number).unwrap();
            if let Some(group) = observed.group.as_mut().filter(|_| person.membership == Belongs::Inside) {
                group.users.insert(pk);
            }
            if let Some(group) = observed.entitled.as_mut().filter(|_| is_entitled) {
                group.users.insert(pk);
            }
            let account = AccountSeen {
                account: if is_open { super::Account::Enabled } else { super::Account::Disabled },
                attributes: attributes(mark),
                ..account(pk)
            };
            observed.accounts.insert(*user_id, account);
        }
        Step::UpdateUser { user_id, .. } => {
            let person = desired.spec.people.iter().find(|person| person.user_id == *user_id).unwrap();
            let account = account_mut(observed, user_id);
            (account.username, account.email) = (person.username.clone(), person.username.clone());
            account.name.clone_from(&person.name);
        }
    }
}

#[test]
fn applying_the_plan_converges_from_anywhere() {
    for seed in 0..2_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut observed = level();
        let kind = random.u8(0..3);
        if kind == 0 {
            observed.group = None;
        } else if kind == 1 {
            observed.group = Some(GroupSeen { attributes: Map::new(), ..group("renamed", &[1, 2, 7]) });
            observed.strays.insert(7);
        }
        let kind = random.u8(0..3);
        if kind == 0 {
            observed.entitled = None;
        } else if kind == 1 {
            observed.entitled = Some(group(ENTITLED_GROUP, &[1, 2]));
        }
        if random.bool() {
            observed.accounts.insert(
                user(2),
                AccountSeen {
                    attributes: if random.bool() { Map::new() } else { account(2).attributes },
                    account: if random.bool() { super::Account::Enabled } else { super::Account::Disabled },
                    email: "else@acme.dk".into(),
                    ..account(2)
                },
            );
        }
        let mut any = |number| {
            let epoch = random.u64(0..3) * 10;
            let base = if random.bool() { out(number, epoch) } else { person(number) };
            PersonSpec {
                membership: Belongs::when(random.bool()),
                presence: if random.bool() { Presence::Ensure } else { Presence::IfPresent },
                ..base
            }
        };
        let mut wanted = desired(vec![any(1), any(2), any(3)]);
        wanted.gate = if random.bool() { Gate::Open } else { Gate::Waiting };
        if random.bool() {
            observed.twins.push(GroupSeen { pk: "a twin".into(), ..group("dezky-tenant-acme", &[]) });
        }
        for _ in 0..3 {
            let mut steps = plan::plan(&wanted, &observed).steps;
            steps.sort_by_key(Step::stage);
            for step in steps {
                act(&wanted, &mut observed, &step);
            }
        }
        let left = plan::plan(&wanted, &observed);
        assert_eq!(left.steps, [], "seed {seed}");
        assert!(wanted.gate == Gate::Waiting || !left.waiting, "seed {seed}");
    }
}

#[test]
fn both_subjects_of_an_account_are_told_and_only_of_marked_ones() {
    let mut observed = level();
    observed.accounts.insert(user(2), AccountSeen { attributes: Map::new(), ..account(2) });
    let seen = Authentik::seen(&desired(vec![person(1), person(2)]), &observed);
    assert_eq!(seen.identities, [(user(1), "uuid-1".to_owned()), (user(1), "uid-1".to_owned())]);
    assert!(seen.doors.is_empty(), "who may use another tenant is no door of this one");
}
