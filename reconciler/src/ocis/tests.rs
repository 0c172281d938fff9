//! Plans in OCIS as text, and the law that applying them converges.

mod of_many;
mod twins;

use std::collections::BTreeSet;

use schema::plan::Limits;
use uuid::Uuid;

use super::*;
use crate::integration::{Asked, Creating, Gate, Last, Step as _};

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn person(number: u128, username: &str, membership: Belongs) -> PersonSpec {
    PersonSpec { user_id: user(number), username: username.into(), membership, proven: Proven::Yes }
}

fn spec(space: Space) -> Spec {
    Spec {
        tenant_id: tenant(),
        name: "Acme".into(),
        quota: 5_000,
        space,
        group: "dezky-tenant-acme".into(),
        people: vec![person(1, "anna@acme.dk", Belongs::Inside), person(2, "bo@acme.dk", Belongs::Outside)],
    }
}

fn space(id: &str) -> SpaceSeen {
    SpaceSeen {
        id: id.into(),
        name: "Acme".into(),
        is_marked: true,
        description: mark(tenant()),
        quota: 5_000,
        used: Some(10),
        space: Space::Open,
        managed: Managed::ByUs,
        others: 1,
        editors: vec!["g1".into()],
    }
}

fn group(members: &[&str]) -> GroupSeen {
    let members = members.iter().map(|name| ((*name).to_owned(), format!("id of {}", &name[..2]))).collect();
    GroupSeen { id: "g1".into(), name: "dezky-tenant-acme".into(), members }
}

fn level() -> Observed {
    Observed { space: Some(space("s1")), group: Some(group(&["anna@acme.dk"])), ..Observed::default() }
}

fn steps(spec: &Spec, observed: &Observed) -> String {
    let plan = plan::plan(spec, observed);
    let lines: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{} [{}]", step, step.path()))
        .chain(plan.refusals.iter().map(|refusal| format!("refused: {}", refusal.summary)))
        .collect();
    lines.join("\n").replace(&user(1).to_string(), "anna").replace(&user(2).to_string(), "bo")
}

#[test]
fn converged_means_an_empty_plan() {
    assert_eq!(steps(&spec(Space::Open), &level()), "");
}

#[test]
fn nothing_there_is_made() {
    insta::assert_snapshot!(steps(&spec(Space::Open), &Observed::default()), @"
    create the space with a quota of 5000 bytes [space]
    create group dezky-tenant-acme [group]
    ");
}

#[test]
fn the_door_shuts_before_anything_else_and_a_disabled_space_is_granted_nothing() {
    let mut observed = level();
    observed.space = Some(SpaceSeen { editors: vec![], name: "Other".into(), ..space("s1") });
    observed.group = Some(group(&["anna@acme.dk", "bo@acme.dk"]));
    insta::assert_snapshot!(steps(&spec(Space::Disabled), &observed), @"
    disable space s1, keeping everything in it [space.state]
    take bo out of the group [group.members]
    rename space s1 to the tenant's name [space.name]
    ");
}

#[test]
fn a_disabled_space_is_restored_and_its_grant_follows_when_it_is_open() {
    let mut observed = level();
    observed.space =
        Some(SpaceSeen { space: Space::Disabled, used: None, editors: vec![], quota: 1, ..space("s1") });
    insta::assert_snapshot!(steps(&spec(Space::Open), &observed), @"
    restore space s1 [space.state]
    set the quota of space s1 to 5000 bytes [space.quota]
    ");
}

#[test]
fn only_what_is_certainly_empty_is_purged() {
    let empty = |id: &str| SpaceSeen { used: Some(0), others: 0, ..space(id) };
    let mut observed = level();
    observed.twins = vec![
        empty("s2"),
        SpaceSeen { others: 1, ..empty("s3") },
        SpaceSeen { used: None, space: Space::Disabled, ..empty("s4") },
        SpaceSeen { used: Some(1), ..empty("s5") },
    ];
    insta::assert_snapshot!(steps(&spec(Space::Open), &observed), @"
    purge space s2, which is empty and not used [space]
    restore space s4, a twin, to see whether it is empty [space]
    ");
}

#[test]
fn a_twin_opened_for_a_look_goes_or_is_put_away_again_and_rests() {
    let with = |word: &str, used, space_is| SpaceSeen {
        description: format!("{} {word}", mark(tenant())),
        used,
        space: space_is,
        others: 0,
        ..space("s2")
    };
    let planned = |twin| steps(&spec(Space::Open), &Observed { twins: vec![twin], ..level() });
    assert_eq!(
        planned(with(OPENED, Some(0), Space::Open)),
        "purge space s2, which is empty and not used [space]"
    );
    let away = "disable space s2, a twin that is not empty [space]";
    assert_eq!(planned(with(OPENED, Some(9), Space::Open)), away);
    assert_eq!(planned(with(KEPT, Some(9), Space::Open)), away, "cut before it was disabled");
    assert_eq!(planned(with(KEPT, None, Space::Disabled)), "", "and then it rests");
    let joined = SpaceSeen { others: 1, ..with(OPENED, None, Space::Disabled) };
    assert_eq!(planned(joined), "", "never what others are in");
    let unmarked = SpaceSeen { is_marked: false, ..with("", None, Space::Disabled) };
    assert_eq!(planned(unmarked), "", "never what is not ours");
}

#[test]
fn a_space_nobody_manages_is_purged_and_made_anew_only_while_it_is_empty() {
    let mut observed = level();
    let orphan =
        SpaceSeen { managed: Managed::ByNobody, used: Some(0), others: 0, editors: vec![], ..space("s1") };
    observed.space = Some(orphan.clone());
    insta::assert_snapshot!(steps(&spec(Space::Open), &observed), @"
    purge space s1, which is empty and not used [space]
    create the space with a quota of 5000 bytes [space]
    ");
    observed.space = Some(SpaceSeen { used: Some(7), ..orphan });
    insta::assert_snapshot!(steps(&spec(Space::Open), &observed), @"refused: we are no longer Manager of the space and cannot let the group in");
}

#[test]
fn a_group_with_members_of_others_is_refused() {
    let observed = Observed { space: Some(space("s1")), group_is_taken: true, ..Observed::default() };
    insta::assert_snapshot!(
        steps(&spec(Space::Open), &observed),
        @"refused: a group of this name exists in the file server and has members of others"
    );
}

/// What a step does, as the contract says.
fn act(spec: &Spec, observed: &mut Observed, step: &Step) {
    let on_space = |observed: &mut Observed, change: &dyn Fn(&mut SpaceSeen)| {
        change(observed.space.as_mut().unwrap());
    };
    match step {
        Step::CreateSpace { name, quota } => {
            observed.space = Some(SpaceSeen {
                name: name.clone(),
                quota: *quota,
                used: Some(0),
                others: 0,
                editors: vec![],
                ..space("new")
            });
        }
        Step::PurgeSpace { id } => {
            observed.twins.retain(|twin| twin.id != *id);
            observed.space.take_if(|space| space.id == *id);
        }
        Step::OpenTwin { id } => {
            let twin = observed.twins.iter_mut().find(|twin| twin.id == *id).unwrap();
            twin.space = Space::Open;
            twin.used = Some(u64::from(twin.name != "Acme"));
            twin.description = format!("{} {OPENED}", mark(spec.tenant_id));
        }
        Step::SetAside { id } => {
            let twin = observed.twins.iter_mut().find(|twin| twin.id == *id).unwrap();
            twin.space = Space::Disabled;
            twin.used = None;
            twin.description = format!("{} {KEPT}", mark(spec.tenant_id));
        }
        Step::DisableSpace { .. } => on_space(observed, &|space| space.space = Space::Disabled),
        Step::RestoreSpace { .. } => on_space(observed, &|space| space.space = Space::Open),
        Step::MarkSpace { .. } => on_space(observed, &|space| space.is_marked = true),
        Step::RenameSpace { name, .. } => on_space(observed, &|space| space.name.clone_from(name)),
        Step::SetQuota { quota, .. } => on_space(observed, &|space| space.quota = *quota),
        Step::GrantEditor { group, .. } => {
            on_space(observed, &|space| {
                assert_eq!(space.space, Space::Open, "membership is frozen");
            });
            on_space(observed, &|space| space.editors.push(group.clone()));
        }
        Step::CreateGroup { name } => {
            observed.group = Some(GroupSeen { name: name.clone(), ..group(&[]) });
        }
        Step::RenameGroup { name, .. } => observed.group.as_mut().unwrap().name.clone_from(name),
        Step::RemoveMember { id, .. } => {
            observed.group.as_mut().unwrap().members.retain(|_, known| known != id);
        }
        Step::AddMember { user_id, id, .. } => {
            observed.absent.remove(user_id);
            let person = spec.people.iter().find(|person| person.user_id == *user_id).unwrap();
            observed.group.as_mut().unwrap().members.insert(person.username.clone(), id.clone());
        }
    }
}

#[test]
fn applying_the_plan_converges_from_anywhere() {
    for seed in 0..2_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut maybe = |space: SpaceSeen| SpaceSeen {
            name: if random.bool() { "Acme".into() } else { "Else".into() },
            is_marked: random.bool(),
            quota: random.u64(0..2) * 5_000,
            used: random.bool().then(|| random.u64(0..2)),
            space: if random.bool() { Space::Open } else { Space::Disabled },
            managed: [Managed::ByUs, Managed::ByOthers, Managed::ByNobody][random.usize(0..3)],
            others: random.usize(0..2),
            editors: if random.bool() { vec!["g1".into()] } else { vec![] },
            ..space
        };
        let mut observed = Observed {
            space: Some(maybe(space("s1"))),
            twins: vec![maybe(space("s2"))],
            ..Observed::default()
        };
        if random.bool() {
            observed.space = None;
        }
        if random.bool() {
            observed.group = Some(group(if random.bool() { &["bo@acme.dk"] } else { &["anna@acme.dk"] }));
        }
        if random.bool() {
            observed.absent.insert(user(1), "id of an".into());
        }
        let spec = spec(if random.bool() { Space::Open } else { Space::Disabled });
        for _ in 0..3 {
            for step in plan::plan(&spec, &observed).steps {
                act(&spec, &mut observed, &step);
            }
        }
        assert_eq!(plan::plan(&spec, &observed).steps, [], "seed {seed}");
    }
}

#[test]
fn names_become_legal_without_losing_their_sense() {
    assert_eq!(legal_name("Müller & Co. A/S", "mueller"), "Müller & Co A S");
    assert_eq!(legal_name("..", "dots"), "dots");
    let long = "æ".repeat(200);
    assert_eq!(legal_name(&long, "x").len(), 254, "cut between letters");
}

#[test]
fn a_quota_is_never_negative_and_nothing_never_means_everything() {
    let with = |bytes| {
        let limits = Limits { files_bytes: bytes, ..Limits::default() };
        super::spec::quota(&limits)
    };
    assert_eq!([None, Some(0), Some(7), Some(u64::MAX)].map(with), [0, 1, 7, i64::MAX.unsigned_abs()]);
}

#[test]
fn the_door_is_the_state_of_the_space() {
    let desired = Desired {
        spec: spec(Space::Disabled),
        known: BTreeMap::new(),
        gate: Gate::Open,
        asked: Asked::Shut,
        last: Last::Open,
        creating: Creating::Allowed,
        leftovers: BTreeSet::new(),
    };
    let mut observed = level();
    observed.space = Some(SpaceSeen { space: Space::Disabled, ..space("s1") });
    let doors = Ocis::seen(&desired, &observed).doors;
    assert_eq!(doors, [Door { check: "space.state".into(), outcome: "trashed", is_shut: true }]);
}
