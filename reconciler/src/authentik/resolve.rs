//! Whose account is whose. Ours by our mark, by an identity linked here, or by an address where addresses prove
//! something; never somebody with rights there unless our mark is on them already.

use std::collections::BTreeSet;

use super::{AccountSeen, PersonSpec, Stranger};

/// What makes an account somebody's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) person: &'a PersonSpec,
    /// The account we bound.
    pub(crate) bound: Option<i64>,
    /// The name of the installation in identities.
    pub(crate) instance: &'a str,
    pub(crate) trusts_addresses: bool,
}

/// How an account answers to an address at a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    No,
    /// The server may take the two for one; a mail system need not.
    Alike,
    /// The same but for the case of plain letters.
    Same,
}

impl Claim<'_> {
    /// The subjects at this installation that stand for the person.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &str> {
        let here = self.person.identities.iter().filter(|(instance, _)| instance == self.instance);
        here.map(|(_, subject)| subject.as_str())
    }

    fn is_identified(&self, account: &AccountSeen) -> bool {
        self.subjects().any(|subject| subject == account.uuid || subject == account.uid)
    }

    fn answers(&self, account: &AccountSeen) -> Answers {
        let fields = [&account.username, &account.email];
        let wanted = &self.person.username;
        if fields.iter().any(|field| same_letters(field, wanted)) {
            Answers::Same
        } else if fields.iter().any(|field| folds_alike(field, wanted)) {
            Answers::Alike
        } else {
            Answers::No
        }
    }

    /// Whether an account has to be judged before anything is made for the person.
    pub(crate) fn concerns(&self, account: &AccountSeen) -> bool {
        self.answers(account) != Answers::No || self.is_identified(account)
    }

    /// Whether an account without a mark may be theirs.
    fn is_theirs_unmarked(&self, account: &AccountSeen) -> bool {
        let answers = self.answers(account);
        self.is_identified(account) || (self.bound == Some(account.pk) && answers == Answers::Same)
    }

    /// Whether the address at an account of theirs is in order, so that nobody else's needs to be looked for.
    pub(crate) fn has_its_address(&self, account: &AccountSeen) -> bool {
        account.username == self.person.username && account.email == self.person.username
    }
}

/// Equal but for the case of letters, one letter for one.
fn same_letters(left: &str, right: &str) -> bool {
    let plain = |text: &str| {
        text.chars().all(|letter| letter.is_ascii() || !letter.to_lowercase().any(|one| one.is_ascii()))
    };
    plain(left) && plain(right) && left.to_lowercase() == right.to_lowercase()
}

/// Equal once folded either way: what a database may take for one and the same.
fn folds_alike(left: &str, right: &str) -> bool {
    left.to_lowercase() == right.to_lowercase() || left.to_uppercase() == right.to_uppercase()
}

/// The account of a person among those read, and who stands in its way.
pub(crate) fn resolve<'a>(
    claim: &Claim<'_>,
    accounts: &(impl Iterator<Item = &'a AccountSeen> + Clone),
    privileged: &BTreeSet<String>,
) -> (Option<&'a AccountSeen>, Option<Stranger>) {
    let user_id = claim.person.user_id;
    let marked = accounts
        .clone()
        .filter(|account| account.is_marked_for(user_id))
        .min_by_key(|account| (Some(account.pk) != claim.bound, account.pk));
    let has_rights = |account: &AccountSeen| {
        account.has_rights || account.groups.iter().any(|group| privileged.contains(group))
    };
    let others = || {
        let is_mine = move |account: &&AccountSeen| account.is_marked_for(user_id);
        accounts.clone().filter(move |account| !is_mine(account)).filter(|account| claim.concerns(account))
    };
    // An address that has to be put right and answers for another account, too, stays as it is.
    let in_the_way = |account: &AccountSeen| {
        let is_other = |other: &AccountSeen| other.pk != account.pk && claim.answers(other) != Answers::No;
        (!claim.has_its_address(account) && others().any(is_other)).then_some(Stranger::Several)
    };
    if let Some(account) = marked {
        return (Some(account), in_the_way(account));
    }
    let unmarked = others().filter(|account| account.marked_for().is_none());
    let best = unmarked
        .clone()
        .filter(|account| claim.is_theirs_unmarked(account))
        .min_by_key(|account| (!claim.is_identified(account), Some(account.pk) != claim.bound, account.pk));
    let (candidate, is_proven) = match (best, others().count()) {
        (Some(account), _) => (Some(account), true),
        (None, 0) => return (None, None),
        (None, 1) => (unmarked.clone().next(), false),
        (None, _) => return (None, Some(Stranger::Several)),
    };
    let Some(account) = candidate else {
        return (None, Some(Stranger::OfAnother));
    };
    let proves = is_proven || (claim.trusts_addresses && claim.answers(account) == Answers::Same);
    if has_rights(account) {
        (None, Some(Stranger::HasRights))
    } else if !account.is_person {
        (None, Some(Stranger::NoPerson))
    } else if !proves {
        (None, Some(Stranger::Unproven))
    } else {
        (Some(account), in_the_way(account))
    }
}
