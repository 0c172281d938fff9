//! What is in authentik for one tenant. Members are read by the page; only who is missing there is looked up alone.

use std::collections::{BTreeMap, BTreeSet};

use schema::provisioning::Resource;
use serde_json::{Value, json};

use super::client::Client;
use super::wire::{Group, User};
use super::{Account, AccountSeen, ENTITLED_GROUP, GroupSeen, MARK, Observed, Owner, PersonSpec, Spec};
use crate::call::CallError;
use crate::integration::Desired;

pub(super) async fn observe(client: &Client, desired: &Desired<Spec>) -> Result<Observed, CallError> {
    let (group, name_is_taken) = find_group(client, desired).await?;
    let entitled = client.groups_named(ENTITLED_GROUP).await?.into_iter().min_by(by_pk).map(GroupSeen::from);
    let members = match &group {
        Some(group) if !group.users.is_empty() => client.users("groups_by_pk", &group.pk).await?,
        Some(_) | None => Vec::new(),
    };
    let mut observed = Observed { group, name_is_taken, entitled, ..Observed::default() };
    let mut members: BTreeMap<i64, AccountSeen> =
        members.into_iter().map(|user| (user.pk, AccountSeen::from(user))).collect();
    for person in &desired.spec.people {
        let account = match take_member(&mut members, person) {
            Some(account) => Some(account),
            None => find_account(client, desired, person, &mut observed.taken).await?,
        };
        if let Some(account) = account {
            observed.accounts.insert(person.user_id, account);
        }
    }
    let named: BTreeSet<i64> = observed.accounts.values().map(|account| account.pk).collect();
    observed.strays = members
        .into_values()
        .filter(|account| account.marked_for().is_some() && !named.contains(&account.pk))
        .map(|account| account.pk)
        .collect();
    Ok(observed)
}

fn by_pk(left: &Group, right: &Group) -> std::cmp::Ordering {
    left.pk.cmp(&right.pk)
}

/// Ours by the id we bound, else by our mark on the name, else by our mark alone: the answer to its creation may have been
/// lost before somebody renamed it. 2025.10 allows two groups of one name.
async fn find_group(
    client: &Client,
    desired: &Desired<Spec>,
) -> Result<(Option<GroupSeen>, bool), CallError> {
    let owner = &desired.spec.owner;
    let named = client.groups_named(&desired.spec.group).await?;
    let known = desired.known.get(&owner.resource());
    let is_ours = |group: &&Group| {
        let is_marked = group.attributes.get(MARK) == Some(&owner.mark());
        is_marked || known.is_some_and(|known| *known == group.pk) || matches!(owner, Owner::Platform)
    };
    let is_bound = |group: &&Group| known.is_some_and(|known| *known == group.pk);
    let mut ours = named.iter().find(is_bound).cloned();
    if ours.is_none() {
        ours = match known {
            Some(pk) => client.group(pk).await?,
            None => None,
        };
    }
    if ours.is_none() {
        ours = named.iter().filter(is_ours).min_by(|left, right| by_pk(left, right)).cloned();
    }
    if let (None, Owner::Tenant { tenant_id, .. }) = (&ours, owner) {
        ours = client.groups_marked(*tenant_id).await?.into_iter().min_by(by_pk);
    }
    let name_is_taken = named.iter().any(|group| ours.as_ref().is_none_or(|ours| ours.pk != group.pk));
    Ok((ours.map(GroupSeen::from), name_is_taken))
}

fn take_member(members: &mut BTreeMap<i64, AccountSeen>, person: &PersonSpec) -> Option<AccountSeen> {
    let id = person.user_id.to_string();
    let pk = members.values().find(|account| account.marked_for() == Some(id.as_str()))?.pk;
    members.remove(&pk)
}

/// By the id we bound, by our mark, then by user name and address. An account marked for somebody else is not touched.
async fn find_account(
    client: &Client,
    desired: &Desired<Spec>,
    person: &PersonSpec,
    taken: &mut BTreeSet<schema::UserId>,
) -> Result<Option<AccountSeen>, CallError> {
    let id = person.user_id.to_string();
    let resource: Resource = person.resource();
    if let Some(pk) = desired.known.get(&resource)
        && let Some(user) = client.user(pk).await?
    {
        let account = AccountSeen::from(user);
        if account.marked_for().is_none_or(|marked| marked == id) {
            return Ok(Some(account));
        }
    }
    let mut candidates = client.users("username", &person.username).await?;
    if !candidates.iter().any(|user| is_marked_for(user, &id)) {
        let filter = json!({ "dezky__userId": id });
        candidates.extend(client.users("attributes", &filter.to_string()).await?);
    }
    if candidates.is_empty() {
        candidates = client.users("email", &person.username).await?;
    }
    let (free, others): (Vec<User>, Vec<User>) = candidates
        .into_iter()
        .partition(|user| is_marked_for(user, &id) || !user.attributes.contains_key(MARK));
    if free.is_empty() && !others.is_empty() {
        taken.insert(person.user_id);
    }
    let best = free.into_iter().min_by_key(|user| (!is_marked_for(user, &id), user.pk));
    Ok(best.map(AccountSeen::from))
}

fn is_marked_for(user: &User, id: &str) -> bool {
    user.attributes.get(MARK).and_then(|mark| mark.get("userId")).and_then(Value::as_str) == Some(id)
}

impl From<Group> for GroupSeen {
    fn from(group: Group) -> Self {
        Self {
            pk: group.pk,
            name: group.name,
            attributes: group.attributes,
            users: group.users.into_iter().collect(),
        }
    }
}

impl From<User> for AccountSeen {
    fn from(user: User) -> Self {
        Self {
            pk: user.pk,
            uuid: user.uuid,
            uid: user.uid,
            username: user.username,
            email: user.email,
            name: user.name,
            account: if user.is_active { Account::Enabled } else { Account::Disabled },
            attributes: user.attributes,
        }
    }
}
