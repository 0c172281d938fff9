//! Finds the accounts of many people with few reads: members by the page, who is missing by our marks, strangers by
//! address. Only a bound account that shows itself by neither is read alone.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use futures::stream::{FuturesUnordered, StreamExt as _};
use schema::UserId;
use uuid::Uuid;

use super::client::{Client, MARKS_MAX};
use super::{AccountSeen, Authentik, Claim, Observed, PersonSpec, Presence, Spec, resolve};
use crate::call::CallError;
use crate::integration::Desired;

/// Pages of everybody in one mail domain that are read instead of asking for each person.
const DOMAIN_PAGES_MAX: u32 = 20;

/// Accounts that were read, found again by what can speak for a person.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    accounts: BTreeMap<i64, AccountSeen>,
    keys: BTreeMap<String, BTreeSet<i64>>,
}

impl Pool {
    pub(crate) fn extend(&mut self, accounts: impl IntoIterator<Item = AccountSeen>) {
        for account in accounts {
            let mark = account.marked_for().map(str::to_owned);
            let folded = [&account.username, &account.email]
                .into_iter()
                .flat_map(|address| [address.to_lowercase(), address.to_uppercase()]);
            let subjects = [account.uuid.clone(), account.uid.clone()];
            for key in mark.into_iter().chain(folded).chain(subjects).filter(|key| !key.is_empty()) {
                self.keys.entry(key).or_default().insert(account.pk);
            }
            self.accounts.insert(account.pk, account);
        }
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = &AccountSeen> {
        self.accounts.values()
    }

    /// Every account that anything speaks for.
    pub(crate) fn candidates(&self, claim: &Claim<'_>) -> BTreeMap<i64, &AccountSeen> {
        let address = &claim.person.username;
        let own = [claim.person.user_id.to_string(), address.to_lowercase(), address.to_uppercase()];
        let keys = own.iter().map(String::as_str).chain(claim.subjects());
        let found = keys.filter_map(|key| self.keys.get(key)).flatten().copied();
        found.chain(claim.bound).filter_map(|pk| Some((pk, self.accounts.get(&pk)?))).collect()
    }

    fn is_marked(&self, user_id: UserId) -> bool {
        let found = self.keys.get(&user_id.to_string());
        found
            .into_iter()
            .flatten()
            .filter_map(|pk| self.accounts.get(pk))
            .any(|one| one.is_marked_for(user_id))
    }
}

/// One look at the people of a spec.
pub(super) struct Search<'a> {
    pub(super) authentik: &'a Authentik,
    pub(super) client: &'a Client,
    pub(super) desired: &'a Desired<Spec>,
    pub(super) limit: usize,
}

impl<'a> Search<'a> {
    fn people(&self) -> impl Iterator<Item = &'a PersonSpec> {
        self.desired.spec.people.iter()
    }

    /// A former member is found by what we wrote or know, never by an address alone.
    fn claim(&self, person: &'a PersonSpec) -> Claim<'a> {
        let claim = self.authentik.claim(self.desired, person);
        let may_be_new = person.presence == Presence::Ensure;
        Claim { trusts_addresses: claim.trusts_addresses && may_be_new, ..claim }
    }

    /// Who is whose, of the members of the group and everybody else who may matter.
    pub(super) async fn accounts(&self, observed: &mut Observed) -> Result<(), CallError> {
        let mut pool = Pool::default();
        if let Some(group) = observed.group.as_ref().filter(|group| !group.users.is_empty()) {
            let members = self.client.users("groups_by_pk", &group.pk).await?;
            pool.extend(members.into_iter().map(AccountSeen::from));
        }
        let members: BTreeSet<i64> = pool.accounts().map(|account| account.pk).collect();
        self.marked(&mut pool).await?;
        self.bound(&mut pool).await?;
        self.addressed(&mut pool).await?;
        self.identified(&mut pool).await?;
        let privileged = self.privileged(&pool, observed).await?;
        for person in self.people() {
            let candidates = pool.candidates(&self.claim(person));
            let (account, stranger) =
                resolve(&self.claim(person), &candidates.values().copied(), &privileged);
            if let Some(account) = account {
                observed.accounts.insert(person.user_id, account.clone());
            }
            if let Some(stranger) = stranger {
                observed.strangers.insert(person.user_id, stranger);
            }
            let twins = candidates.values().filter(|one| one.is_marked_for(person.user_id)).count();
            if twins > 1 {
                tracing::debug!(user = %person.user_id, twins, "several accounts carry the mark of one person");
            }
        }
        let named: BTreeSet<i64> = observed.accounts.values().map(|account| account.pk).collect();
        observed.strays = pool
            .accounts()
            .filter(|account| members.contains(&account.pk) && account.marked_for().is_some())
            .map(|account| account.pk)
            .filter(|pk| !named.contains(pk))
            .collect();
        Ok(())
    }

    async fn marked(&self, pool: &mut Pool) -> Result<(), CallError> {
        let missing: Vec<UserId> =
            self.people().map(|person| person.user_id).filter(|id| !pool.is_marked(*id)).collect();
        let chunks: Vec<&[UserId]> = missing.chunks(MARKS_MAX).collect();
        let found = gather(self.limit, chunks, |ids| self.client.users_marked(ids)).await?;
        pool.extend(found.into_iter().flatten().map(AccountSeen::from));
        Ok(())
    }

    /// Accounts we bound that carry no mark any more.
    async fn bound(&self, pool: &mut Pool) -> Result<(), CallError> {
        let unmarked = self.people().filter(|person| !pool.is_marked(person.user_id));
        let missing: BTreeSet<i64> = unmarked
            .filter_map(|person| self.claim(person).bound)
            .filter(|pk| !pool.accounts.contains_key(pk))
            .collect();
        let read = |pk: i64| async move { self.client.user(&pk.to_string()).await };
        let found = gather(self.limit, missing, read).await?;
        pool.extend(found.into_iter().flatten().map(AccountSeen::from));
        Ok(())
    }

    /// Whoever answers to the address of somebody who has no account of ours, or one whose address has to be put right.
    async fn addressed(&self, pool: &mut Pool) -> Result<(), CallError> {
        let mut by_domain: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for person in self.people().filter(|person| person.presence == Presence::Ensure) {
            let claim = self.claim(person);
            let is_in_order = |account: &&AccountSeen| {
                account.is_marked_for(person.user_id) && claim.has_its_address(account)
            };
            if pool.candidates(&claim).values().any(is_in_order) {
                continue;
            }
            let domain = person.username.rsplit('@').next().unwrap_or_default();
            by_domain.entry(domain).or_default().push(&person.username);
        }
        let by_domain: Vec<(&str, Vec<&str>)> = by_domain.into_iter().collect();
        let found =
            gather(self.limit, by_domain, |(domain, addresses)| self.answering(domain, addresses)).await?;
        pool.extend(found.into_iter().flatten());
        Ok(())
    }

    /// Everybody of a domain if that takes fewer reads than asking for each address.
    async fn answering(&self, domain: &str, addresses: Vec<&str>) -> Result<Vec<AccountSeen>, CallError> {
        let pages = u32::try_from(addresses.len()).unwrap_or(u32::MAX).min(DOMAIN_PAGES_MAX);
        if pages > 1
            && let Some(users) = self.client.users_with(&format!("@{domain}"), pages).await?
        {
            return Ok(users.into_iter().map(AccountSeen::from).collect());
        }
        let one = |address| self.client.users_with(address, DOMAIN_PAGES_MAX);
        let found = gather(self.limit, addresses, one).await?;
        Ok(found.into_iter().flatten().flatten().map(AccountSeen::from).collect())
    }

    /// Accounts that people have signed in with and whose addresses are others today.
    async fn identified(&self, pool: &mut Pool) -> Result<(), CallError> {
        let is_unknown = |claim: &Claim<'_>| {
            claim.bound.is_none() && pool.candidates(claim).values().all(|account| !claim.concerns(account))
        };
        let uuids: BTreeSet<Uuid> = self
            .people()
            .map(|person| self.claim(person))
            .filter(|claim| !pool.is_marked(claim.person.user_id) && is_unknown(claim))
            .flat_map(|claim| {
                claim.subjects().filter_map(|subject| subject.parse().ok()).collect::<Vec<Uuid>>()
            })
            .collect();
        let read = |uuid: Uuid| async move { self.client.users("uuid", &uuid.to_string()).await };
        let found = gather(self.limit, uuids, read).await?;
        pool.extend(found.into_iter().flatten().map(AccountSeen::from));
        Ok(())
    }

    /// The groups of those who may be taken over whose members have rights there.
    async fn privileged(&self, pool: &Pool, observed: &Observed) -> Result<BTreeSet<String>, CallError> {
        let known: Vec<_> = [&observed.group, &observed.entitled].into_iter().flatten().collect();
        let mut unread = BTreeSet::new();
        for person in self.people().filter(|person| !pool.is_marked(person.user_id)) {
            let unmarked = pool.candidates(&self.claim(person));
            let groups = unmarked
                .values()
                .filter(|account| account.marked_for().is_none())
                .flat_map(|one| &one.groups);
            unread.extend(groups.filter(|pk| known.iter().all(|group| group.pk != **pk)).cloned());
        }
        let read = |pk: String| async move { self.client.group(&pk).await };
        let groups = gather(self.limit, unread, read).await?;
        let given =
            groups.into_iter().flatten().filter(super::wire::Group::gives_rights).map(|group| group.pk);
        let of_known = known.iter().filter(|group| group.gives_rights).map(|group| group.pk.clone());
        Ok(given.chain(of_known).collect())
    }
}

/// The answers to a question about each item, at most `limit` at a time.
pub(super) async fn gather<T, R, F>(
    limit: usize,
    items: impl IntoIterator<Item = T>,
    work: impl Fn(T) -> F,
) -> Result<Vec<R>, CallError>
where
    F: Future<Output = Result<R, CallError>>,
{
    let mut waiting = items.into_iter();
    let mut running: FuturesUnordered<F> = waiting.by_ref().take(limit.max(1)).map(&work).collect();
    let mut answers = Vec::new();
    while let Some(answer) = running.next().await {
        answers.push(answer?);
        running.extend(waiting.next().map(&work));
    }
    Ok(answers)
}
