//! Plans in Stalwart as text, and the law that applying them converges.

mod of_many;
mod strangers;

use uuid::Uuid;

use super::*;
use crate::integration::Step as _;

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn mailbox(number: u128, local: &str) -> AccountSpec {
    AccountSpec {
        user_id: user(number),
        local: local.into(),
        domain: "acme.dk".into(),
        presence: Presence::Ensure,
        switch: Switch::Open,
        quota: Some(1_000),
    }
}

fn spec() -> Spec {
    Spec {
        tenant_id: tenant(),
        switch: Switch::Open,
        domains: set(&["acme.dk"]),
        accounts: vec![mailbox(1, "anna")],
        receiving: Receiving::Accepted,
    }
}

fn role(id: &str) -> RoleSeen {
    RoleSeen { id: id.into(), is_marked: true, role_ids: set(&["b"]), disabled: BTreeSet::new() }
}

fn account(id: &str, name: &str) -> AccountSeen {
    AccountSeen {
        id: id.into(),
        name: name.into(),
        domain_id: "d1".into(),
        role_ids: Some(set(&["r1"])),
        permissions: Permissions::Inherit,
        quota: Some(1_000),
    }
}

fn domain(id: &str, name: &str) -> DomainSeen {
    DomainSeen { id: id.into(), name: name.into(), is_marked: true }
}

fn level() -> Observed {
    Observed {
        default_roles: set(&["b"]),
        role: Some(role("r1")),
        domains: BTreeMap::from([("acme.dk".into(), domain("d1", "acme.dk"))]),
        accounts: BTreeMap::from([("d1".into(), vec![account("a1", "anna")])]),
        gate: GateSeen::NotNeeded,
        ..Observed::default()
    }
}

fn steps(spec: &Spec, observed: &Observed) -> String {
    let plan = plan::plan(spec, observed);
    let lines: Vec<String> = plan
        .steps
        .iter()
        .map(|step| format!("{} [{}]", step, step.path()))
        .chain(plan.refusals.iter().map(|refusal| format!("refused: {}", refusal.summary)))
        .collect();
    lines.join("\n").replace(&user(1).to_string(), "anna")
}

#[test]
fn converged_means_an_empty_plan() {
    assert_eq!(steps(&spec(), &level()), "");
}

#[test]
fn a_tenant_without_domains_needs_nothing() {
    let spec = Spec { domains: BTreeSet::new(), accounts: vec![], ..spec() };
    let observed = Observed { default_roles: set(&["b"]), ..Observed::default() };
    assert_eq!(steps(&spec, &observed), "");
    assert_eq!(Stalwart::reason(&spec), ConvergedReason::NoDomains);
}

#[test]
fn nothing_there_is_made_and_the_mailbox_follows_its_role() {
    let observed = Observed { default_roles: set(&["b"]), ..Observed::default() };
    insta::assert_snapshot!(steps(&spec(), &observed), @"
    create the tenant's role, open [role]
    create domain acme.dk [domain]
    ");
    let observed = Observed { accounts: BTreeMap::new(), ..level() };
    insta::assert_snapshot!(steps(&spec(), &observed), @"create the mailbox of anna [account]");
}

#[test]
fn shutting_comes_first_and_opening_last() {
    let stranger = AccountSeen { role_ids: None, ..account("a2", "walkin") };
    let mut observed = level();
    observed.accounts.get_mut("d1").unwrap().push(stranger);
    let shut = Spec { switch: Switch::Shut, ..spec() };
    insta::assert_snapshot!(steps(&shut, &observed), @"
    set role r1 to shut [role.disabledPermissions]
    give account a2 the role r1 alone [account.roles]
    ");
    observed.role = Some(RoleSeen { disabled: set(&["authenticate", "emailReceive"]), ..role("r1") });
    insta::assert_snapshot!(steps(&spec(), &observed), @"
    give account a2 the role r1 alone [account.roles]
    set role r1 to open [role.disabledPermissions]
    ");
}

#[test]
fn a_member_is_shut_out_by_their_account_alone() {
    let mut spec = spec();
    spec.accounts = vec![AccountSpec { switch: Switch::Shut, quota: None, ..mailbox(1, "anna") }];
    insta::assert_snapshot!(steps(&spec, &level()), @"
    set account a1 to shut [account.permissions]
    take the quota from account a1 [account.quota]
    ");
}

#[test]
fn a_former_member_gets_no_new_mailbox() {
    let mut spec = spec();
    spec.accounts = vec![AccountSpec { presence: Presence::IfPresent, ..mailbox(1, "anna") }];
    let observed = Observed { accounts: BTreeMap::new(), ..level() };
    assert_eq!(steps(&spec, &observed), "");
}

#[test]
fn a_released_domain_goes_when_it_is_empty_and_stays_when_it_is_not() {
    let mut observed = level();
    observed.domains.insert("old.dk".into(), domain("d2", "old.dk"));
    insta::assert_snapshot!(
        steps(&spec(), &observed),
        @"destroy domain old.dk, which is empty and no longer wanted [domain]"
    );
    observed.accounts.insert("d2".into(), vec![account("a9", "kept")]);
    assert_eq!(steps(&spec(), &observed), "");
}

#[test]
fn the_end_refuses_mail_with_the_gate_in_place_first() {
    let spec = Spec { switch: Switch::Shut, receiving: Receiving::Refused, ..spec() };
    let observed = Observed {
        role: Some(RoleSeen { disabled: Switch::Shut.disabled(), ..role("r1") }),
        gate: GateSeen::Missing,
        ..level()
    };
    insta::assert_snapshot!(steps(&spec, &observed), @"
    install the gate dezky-refused [gate]
    refuse mail for acme.dk [gate.keys]
    ");
}

#[test]
fn a_key_of_the_gate_set_by_hand_is_taken_away() {
    let observed = Observed { gate_keys: BTreeMap::from([("acme.dk".into(), "k1".into())]), ..level() };
    insta::assert_snapshot!(steps(&spec(), &observed), @"accept mail for acme.dk again [gate.keys]");
}

#[test]
fn what_belongs_to_others_is_refused_and_a_wiped_mark_is_written_again() {
    let mut observed = level();
    observed.taken = set(&["theirs.dk"]);
    observed.domains.insert("acme.dk".into(), DomainSeen { is_marked: false, ..domain("d1", "acme.dk") });
    let spec = Spec { domains: set(&["acme.dk", "theirs.dk"]), ..spec() };
    insta::assert_snapshot!(steps(&spec, &observed), @"
    mark domain acme.dk as ours [domain.description]
    refused: the domain exists in the mail server and is not marked as this tenant's
    ");
}

#[test]
fn a_twin_of_the_role_goes_once_nobody_holds_it() {
    let mut observed = level();
    observed.twins = vec!["r2".into()];
    insta::assert_snapshot!(steps(&spec(), &observed), @"destroy role r2, a twin of the tenant's [role]");
    observed.accounts.get_mut("d1").unwrap()[0].role_ids = Some(set(&["r2"]));
    insta::assert_snapshot!(steps(&spec(), &observed), @"give account a1 the role r1 alone [account.roles]");
}

#[test]
fn the_mark_is_one_word_among_others() {
    let token = token(tenant());
    assert!(is_marked(Some(&format!("dezky {token}")), &token));
    assert!(is_marked(Some(&format!("billing: {token}, vip")), &token));
    assert!(!is_marked(Some(&format!("dezky {token}0")), &token));
    assert!(!is_marked(None, &token));
}

fn role_mut(observed: &mut Observed) -> &mut RoleSeen {
    observed.role.as_mut().unwrap()
}

fn account_mut<'a>(observed: &'a mut Observed, id: &str) -> &'a mut AccountSeen {
    observed.accounts.values_mut().flatten().find(|account| account.id == id).unwrap()
}

/// What a step does, as the contract says.
fn act(spec: &Spec, observed: &mut Observed, step: &Step) {
    match step {
        Step::SetSwitch { switch, .. } => role_mut(observed).disabled = switch.disabled(),
        Step::CreateRole { switch } => {
            observed.role = Some(RoleSeen { disabled: switch.disabled(), ..role("r1") });
        }
        Step::MarkRole { .. } => role_mut(observed).is_marked = true,
        Step::SetRoleBase { base, .. } => role_mut(observed).role_ids.clone_from(base),
        Step::DestroyTwin { role } => observed.twins.retain(|twin| twin != role),
        Step::CreateDomain { name } => {
            observed.domains.insert(name.clone(), domain("d1", name));
        }
        Step::MarkDomain { name, .. } => observed.domains.get_mut(name).unwrap().is_marked = true,
        Step::DestroyDomain { name, .. } => drop(observed.domains.remove(name)),
        Step::CreateAccount { user_id, .. } => {
            let wanted = spec.accounts.iter().find(|account| account.user_id == *user_id).unwrap();
            let made = AccountSeen {
                permissions: Permissions::of(wanted.switch),
                quota: wanted.quota,
                ..account(&wanted.local, &wanted.local)
            };
            observed.accounts.entry("d1".into()).or_default().push(made);
        }
        Step::GiveRole { account, role } => {
            account_mut(observed, account).role_ids = Some(BTreeSet::from([role.clone()]));
        }
        Step::SetPermissions { account, switch } => {
            account_mut(observed, account).permissions = Permissions::of(*switch);
        }
        Step::SetQuota { account, quota } => account_mut(observed, account).quota = *quota,
        Step::InstallGate => observed.gate = GateSeen::Installed,
        Step::RefuseMail { name } => drop(observed.gate_keys.insert(name.clone(), "k".into())),
        Step::AcceptMail { name, .. } => drop(observed.gate_keys.remove(name)),
    }
}

#[test]
fn applying_the_plan_converges_from_anywhere() {
    for seed in 0..2_000 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut observed = level();
        let kind = random.u8(0..3);
        if kind == 0 {
            observed.role = None;
        } else if kind == 1 {
            observed.role = Some(RoleSeen {
                is_marked: random.bool(),
                disabled: if random.bool() { set(&["authenticate"]) } else { set(&["emailReceive"]) },
                role_ids: if random.bool() { set(&["c"]) } else { set(&["b"]) },
                ..role("r1")
            });
        }
        let kind = random.u8(0..3);
        if kind == 0 {
            observed.domains.clear();
            observed.accounts.clear();
        } else if kind == 1 {
            let accounts = observed.accounts.get_mut("d1").unwrap();
            accounts.push(AccountSeen {
                role_ids: random.bool().then(|| set(&["r2"])),
                permissions: Permissions::Other,
                quota: None,
                ..account("a2", if random.bool() { "bo" } else { "anna.b" })
            });
        }
        if random.bool() {
            observed.twins = vec!["r2".into()];
        }
        let is_over = random.bool();
        observed.gate = if is_over { GateSeen::Missing } else { GateSeen::NotNeeded };
        let shut = Spec {
            switch: Switch::open_when(random.bool() && !is_over),
            accounts: vec![
                mailbox(1, "anna"),
                AccountSpec { switch: Switch::open_when(random.bool()), ..mailbox(2, "bo") },
            ],
            receiving: if is_over { Receiving::Refused } else { Receiving::Accepted },
            ..spec()
        };
        for _ in 0..3 {
            for step in plan::plan(&shut, &observed).steps {
                act(&shut, &mut observed, &step);
            }
        }
        assert_eq!(steps(&shut, &observed), "", "seed {seed}");
    }
}
