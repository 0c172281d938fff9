//! Whose account is whose, and which group is ours.

use super::*;
use crate::authentik::groups::choose;

const HERE: &str = "https://auth.test/";

fn claim(person: &PersonSpec, trusts_addresses: bool) -> Claim<'_> {
    Claim { person, bound: None, instance: HERE, trusts_addresses }
}

fn unmarked(number: i64) -> AccountSeen {
    AccountSeen { attributes: Map::new(), ..account(number) }
}

fn judge(claim: &Claim<'_>, accounts: &[AccountSeen]) -> Result<Option<i64>, Stranger> {
    let privileged = BTreeSet::from(["a group with a role".to_owned()]);
    let (account, stranger) = resolve(claim, &accounts.iter(), &privileged);
    match (account, stranger) {
        (account, None) => Ok(account.map(|account| account.pk)),
        (_, Some(stranger)) => Err(stranger),
    }
}

#[test]
fn an_address_alone_makes_an_account_ours_only_where_addresses_are_trusted() {
    let olga = person(1);
    let there = AccountSeen { username: "P1@Acme.DK".into(), email: String::new(), ..unmarked(1) };
    assert_eq!(judge(&claim(&olga, true), std::slice::from_ref(&there)), Ok(Some(1)));
    assert_eq!(judge(&claim(&olga, false), &[there]), Err(Stranger::Unproven));
    assert_eq!(judge(&claim(&olga, false), &[unmarked(2)]), Ok(None), "another address");
}

#[test]
fn an_identity_linked_here_proves_an_account_whatever_its_address() {
    let mut olga = person(1);
    olga.identities = vec![(HERE.into(), "uuid-7".into()), ("elsewhere".into(), "uuid-8".into())];
    assert_eq!(judge(&claim(&olga, false), &[unmarked(7)]), Ok(Some(7)));
    assert_eq!(judge(&claim(&olga, false), &[unmarked(8)]), Ok(None), "an identity elsewhere");
    let marked = AccountSeen { attributes: account(2).attributes, ..unmarked(7) };
    assert_eq!(judge(&claim(&olga, true), &[marked]), Err(Stranger::OfAnother));
}

#[test]
fn nobody_with_rights_there_is_taken_over_under_any_setting() {
    let olga = person(1);
    let cases = [
        (AccountSeen { has_rights: true, ..unmarked(1) }, Stranger::HasRights),
        (AccountSeen { groups: vec!["a group with a role".into()], ..unmarked(1) }, Stranger::HasRights),
        (AccountSeen { is_person: false, ..unmarked(1) }, Stranger::NoPerson),
    ];
    for (there, stranger) in cases {
        assert_eq!(judge(&claim(&olga, true), std::slice::from_ref(&there)), Err(stranger));
        let bound = Claim { bound: Some(1), ..claim(&olga, true) };
        assert_eq!(judge(&bound, std::slice::from_ref(&there)), Err(stranger), "bound and no longer marked");
        let marked = AccountSeen { attributes: account(1).attributes, ..there };
        assert_eq!(judge(&claim(&olga, true), &[marked]), Ok(Some(1)), "ours already");
    }
}

#[test]
fn several_accounts_that_answer_to_an_address_are_nobodys() {
    let olga = person(1);
    let other = AccountSeen { email: "P1@acme.dk".into(), ..unmarked(2) };
    assert_eq!(judge(&claim(&olga, true), &[unmarked(1), other.clone()]), Err(Stranger::Several));
    let of_another = AccountSeen { attributes: account(3).attributes, ..other.clone() };
    assert_eq!(judge(&claim(&olga, true), &[of_another]), Err(Stranger::OfAnother));
    let renamed = AccountSeen { username: "olga".into(), email: "olga".into(), ..account(1) };
    assert_eq!(judge(&claim(&olga, true), &[renamed, other]), Err(Stranger::Several), "its address is taken");
}

#[test]
fn an_address_that_only_looks_like_it_proves_nothing() {
    let kim = PersonSpec { username: "kim@acme.dk".into(), ..person(1) };
    for alike in ["\u{212a}im@acme.dk", "k\u{131}m@acme.dk"] {
        let there = AccountSeen { username: alike.into(), email: String::new(), ..unmarked(1) };
        assert_eq!(judge(&claim(&kim, true), &[there]), Err(Stranger::Unproven), "{alike}");
    }
    let soren = PersonSpec { username: "søren@acme.dk".into(), ..person(1) };
    let there = AccountSeen { username: "SØREN@acme.dk".into(), email: String::new(), ..unmarked(1) };
    assert_eq!(judge(&claim(&soren, true), &[there]), Ok(Some(1)));
}

#[test]
fn a_bound_account_counts_while_it_is_nobody_elses_and_still_answers() {
    let olga = person(1);
    let bound = Claim { bound: Some(1), ..claim(&olga, false) };
    assert_eq!(judge(&bound, &[unmarked(1)]), Ok(Some(1)), "a wiped mark is drift");
    let elsewhere = AccountSeen { username: "x".into(), email: "x".into(), ..unmarked(1) };
    assert_eq!(judge(&bound, &[elsewhere]), Ok(None));
    let of_another = AccountSeen { attributes: account(2).attributes, ..unmarked(1) };
    assert_eq!(judge(&bound, &[of_another]), Err(Stranger::OfAnother));
}

#[test]
fn of_two_accounts_with_one_mark_the_bound_one_is_used_and_none_is_refused() {
    let olga = person(1);
    let twin = AccountSeen { pk: 9, username: "twin".into(), email: String::new(), ..account(1) };
    assert_eq!(judge(&claim(&olga, true), &[account(1), twin.clone()]), Ok(Some(1)));
    let bound = Claim { bound: Some(9), ..claim(&olga, true) };
    assert_eq!(resolve(&bound, &[account(1), twin].iter(), &BTreeSet::new()).0.map(|one| one.pk), Some(9));
}

#[test]
fn strangers_get_no_second_account_and_nothing_written() {
    let mut observed = level();
    observed.strangers.insert(user(2), Stranger::Unproven);
    observed.strangers.insert(user(1), Stranger::Several);
    observed.accounts.insert(user(1), AccountSeen { email: "old@acme.dk".into(), ..account(1) });
    insta::assert_snapshot!(steps(&desired(vec![person(1), person(2)]), &observed), @"
    refused: several accounts answer to this address
    refused: an account with this address exists and nothing proves that it is this person's
    ");
}

#[test]
fn a_bound_group_counts_while_it_is_not_marked_for_another() {
    let mut wanted = desired(vec![]);
    let theirs = json!({ "tenantId": TenantId::from_uuid(Uuid::from_u128(8)), "slug": "acme" });
    let ours = GroupSeen { attributes: Map::new(), ..group("dezky-tenant-acme", &[]) };
    wanted.known.insert(owner().resource(), ours.pk.clone());
    assert_eq!(choose(&wanted, [ours.clone()].iter()).group, Some(ours.clone()));
    let given_away = GroupSeen { attributes: attributes(theirs), ..ours };
    let observed = choose(&wanted, [given_away].iter());
    assert_eq!((observed.group, observed.name_is_taken), (None, true));
}

#[test]
fn the_administrators_group_is_taken_by_name_only_while_it_gives_no_rights() {
    let spec = Spec { group: ADMINS_GROUP.into(), owner: Owner::Platform, people: vec![] };
    let wanted = Desired { spec, ..desired(vec![]) };
    let plain = GroupSeen { attributes: Map::new(), ..group(ADMINS_GROUP, &[]) };
    assert_eq!(choose(&wanted, [plain.clone()].iter()).group, Some(plain.clone()));
    let mighty = GroupSeen { gives_rights: true, ..plain.clone() };
    let observed = choose(&wanted, [mighty.clone()].iter());
    assert_eq!((observed.group, observed.name_is_taken), (None, true));
    let marked = GroupSeen { attributes: attributes(Owner::Platform.mark()), ..mighty };
    assert_eq!(choose(&wanted, [marked.clone()].iter()).group, Some(marked), "ours already");
}

#[test]
fn an_entitlement_group_with_rights_lets_nobody_in_and_still_lets_go() {
    let mut observed = level();
    let entitled = GroupSeen { gives_rights: true, ..group(ENTITLED_GROUP, &[2]) };
    observed.entitled = Some(entitled);
    observed.accounts.insert(user(2), account(2));
    let gone = PersonSpec { entitlement: Belongs::Outside, membership: Belongs::Outside, ..person(2) };
    insta::assert_snapshot!(steps(&desired(vec![person(1), gone]), &observed), @"
    take the entitlement from p2 [user.entitlement]
    refused: the entitlement group gives its members rights and is not used
    ");
}

#[test]
fn an_empty_twin_of_our_group_is_removed_and_a_used_one_is_left() {
    let wanted = desired(vec![person(1)]);
    let twin = |pk: &str, users: &[i64]| GroupSeen { pk: pk.into(), ..group("dezky-tenant-acme", users) };
    let foreign = GroupSeen {
        attributes: Map::from_iter([(MARK.to_owned(), owner().mark()), ("note".into(), json!(1))]),
        ..twin("d", &[])
    };
    let twins =
        vec![twin("a", &[]), twin("b", &[7]), GroupSeen { gives_rights: true, ..twin("c", &[]) }, foreign];
    let observed = Observed { twins, ..level() };
    insta::assert_snapshot!(steps(&wanted, &observed), @"remove group a, an empty twin [group.twin]");
    let stopped = Desired { creating: Creating::Stopped, ..wanted };
    assert_eq!(steps(&stopped, &observed), "");
}

#[test]
fn doors_of_hundreds_shut_in_three_stages() {
    let people: Vec<PersonSpec> = (1..=250)
        .map(|number| PersonSpec {
            account: if number == 1 {
                super::super::Account::Enabled
            } else {
                super::super::Account::Disabled
            },
            ..out(number, 40)
        })
        .collect();
    let everybody: Vec<i64> = (1..=250).collect();
    let observed = Observed {
        group: Some(group("dezky-tenant-acme", &everybody)),
        entitled: Some(group(ENTITLED_GROUP, &everybody)),
        accounts: (1..=250u128)
            .map(|number| (user(number), account(i64::try_from(number).unwrap())))
            .collect(),
        ..Observed::default()
    };
    let plan = plan::plan(&desired(people), &observed);
    let mut by_stage: BTreeMap<u8, usize> = BTreeMap::new();
    for step in &plan.steps {
        *by_stage.entry(step.stage()).or_default() += 1;
        assert!(step.shuts(), "{step}");
    }
    assert_eq!(by_stage, BTreeMap::from([(0, 3), (1, 500), (2, 1)]));
}
