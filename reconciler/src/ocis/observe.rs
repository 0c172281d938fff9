//! What is in OCIS for one tenant: the bound space alone, or every space when nothing is bound yet.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join, try_join_all};
use schema::UserId;

use super::client::Client;
use super::wire::{Drive, Group, Permission};
use super::{Belongs, GroupSeen, Managed, Observed, PersonSpec, Proven, Space, SpaceSeen, Spec, mark};
use crate::call::CallError;
use crate::integration::{Asked, Desired};

/// So many people are looked for one by one; beyond, all accounts are listed once.
const LOOKED_FOR_MAX: usize = 5;
/// Spaces read by ids a sweep left, in one look.
const LEFTOVERS_MAX: usize = 20;

pub(super) async fn observe(client: &Client, desired: &Desired<Spec>) -> Result<Observed, CallError> {
    let at_once = client.at_once();
    let client = if desired.asked == Asked::Shut { &at_once } else { client };
    let me = client.me().await?;
    let (spaces, group) = join(find_space(client, desired, &me), find_group(client, desired)).await;
    let (mut observed, group) = (spaces?, group?);
    take_group(&desired.spec, group, &mut observed);
    if has_to_shut(&desired.spec, &observed) {
        // Nothing else stands before the door: the look that follows its step sees the rest.
        return Ok(observed);
    }
    observed.absent = absent(client, &desired.spec, &observed).await?;
    leftovers(client, desired, &me, &mut observed).await?;
    Ok(observed)
}

fn has_to_shut(spec: &Spec, observed: &Observed) -> bool {
    spec.space == Space::Disabled
        && observed.space.as_ref().is_some_and(|space| space.space == Space::Open && !is_half_created(space))
}

/// Nobody can ever be let in: the only remedy is a new one.
pub(super) fn is_half_created(space: &SpaceSeen) -> bool {
    space.managed == Managed::ByNobody && space.is_empty()
}

/// Accounts of members who are outside the group. Nobody is created here: who has never been there gets in by the group
/// in their first token.
async fn absent(
    client: &Client,
    spec: &Spec,
    observed: &Observed,
) -> Result<BTreeMap<UserId, String>, CallError> {
    let outside = outside(spec, observed);
    if outside.len() > LOOKED_FOR_MAX {
        let users = client.users().await?.into_iter();
        let accounts: BTreeMap<String, String> =
            users.map(|user| (user.on_premises_sam_account_name.to_lowercase(), user.id)).collect();
        return Ok(among(&outside, &accounts));
    }
    let found = outside.iter().map(|person| async {
        let user = client.user(&person.username).await?;
        Ok::<_, CallError>(user.map(|user| (person.user_id, user.id)))
    });
    Ok(try_join_all(found).await?.into_iter().flatten().collect())
}

/// Members who are not in the group and whose name is known to be theirs, if there is a group.
pub(crate) fn outside<'a>(spec: &'a Spec, observed: &Observed) -> Vec<&'a PersonSpec> {
    let Some(group) = &observed.group else {
        return Vec::new();
    };
    let is_outside = |person: &&PersonSpec| {
        person.membership == Belongs::Inside
            && person.proven == Proven::Yes
            && !group.members.contains_key(&person.username)
    };
    spec.people.iter().filter(is_outside).collect()
}

/// Those of some people who have an account; names in lower case.
pub(crate) fn among(people: &[&PersonSpec], accounts: &BTreeMap<String, String>) -> BTreeMap<UserId, String> {
    people
        .iter()
        .filter_map(|person| Some((person.user_id, accounts.get(&person.username)?.clone())))
        .collect()
}

/// Absence from the list is no proof: what we bound is read by its id.
async fn find_space(client: &Client, desired: &Desired<Spec>, me: &str) -> Result<Observed, CallError> {
    let mut observed = Observed::default();
    let mark = mark(desired.spec.tenant_id);
    if let Some(id) = desired.known.get(&desired.spec.space_resource())
        && let Some(drive) = client.drive(id).await?
    {
        let space = space_of(drive, &mark, me);
        if !space.is_of_another() {
            observed.space = Some(space);
            return Ok(observed);
        }
    }
    let drives = client.drives().await?;
    let marked = drives.into_iter().map(|drive| space_of(drive, &mark, me)).filter(|space| space.is_marked);
    choose(marked.collect(), &mut observed);
    Ok(observed)
}

/// One of several spaces with our mark is kept.
pub(crate) fn choose(mut spaces: Vec<SpaceSeen>, observed: &mut Observed) {
    spaces.sort_by_key(keeping_order);
    let mut spaces = spaces.into_iter();
    observed.space = spaces.next();
    observed.twins = spaces.collect();
}

/// What a sweep saw beside the space in use and is still there with our mark.
async fn leftovers(
    client: &Client,
    desired: &Desired<Spec>,
    me: &str,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let mark = mark(desired.spec.tenant_id);
    let known: BTreeSet<&String> =
        observed.space.iter().chain(&observed.twins).map(|space| &space.id).collect();
    let unread = desired.leftovers.iter().filter(|id| !known.contains(id)).take(LEFTOVERS_MAX);
    let drives = try_join_all(unread.map(|id| client.drive(id))).await?;
    let spaces = drives.into_iter().flatten().map(|drive| space_of(drive, &mark, me));
    observed.twins.extend(spaces.filter(|space| space.is_marked));
    Ok(())
}

/// The one to keep comes first: where we are Manager, where something is, then by id.
pub(crate) fn keeping_order(space: &SpaceSeen) -> (bool, bool, String) {
    (space.managed != Managed::ByUs, space.is_empty(), space.id.clone())
}

/// A group, and whether it is the one we bound.
struct Candidate {
    group: GroupSeen,
    is_bound: bool,
}

async fn find_group(client: &Client, desired: &Desired<Spec>) -> Result<Option<Candidate>, CallError> {
    if let Some(id) = desired.known.get(&desired.spec.group_resource())
        && let Some(group) = client.group(id).await?
    {
        return Ok(Some(Candidate { group: group_of(group), is_bound: true }));
    }
    let named = client.group(&desired.spec.group).await?;
    Ok(named.map(|group| Candidate { group: group_of(group), is_bound: false }))
}

fn take_group(spec: &Spec, candidate: Option<Candidate>, observed: &mut Observed) {
    match candidate {
        Some(Candidate { group, is_bound: true }) => observed.group = Some(group),
        Some(Candidate { group, is_bound: false }) => adopt(spec, group, observed),
        None => {}
    }
}

/// A group of our name is ours if everybody in it is the tenant's.
pub(crate) fn adopt(spec: &Spec, group: GroupSeen, observed: &mut Observed) {
    let people: BTreeSet<&String> = spec.people.iter().map(|person| &person.username).collect();
    if group.members.keys().all(|member| people.contains(member)) {
        observed.group = Some(group);
    } else {
        observed.group_is_taken = true;
    }
}

pub(crate) fn group_of(group: Group) -> GroupSeen {
    let members = group
        .members
        .into_iter()
        .map(|user| (user.on_premises_sam_account_name.to_lowercase(), user.id))
        .collect();
    GroupSeen { id: group.id, name: group.display_name, members }
}

pub(crate) fn space_of(drive: Drive, mark: &str, me: &str) -> SpaceSeen {
    let description = drive.description.unwrap_or_default();
    let permissions = drive.root.permissions;
    let is_me =
        |permission: &&Permission| permission.granted_to_v2.user.as_ref().is_some_and(|user| user.id == me);
    let managed = if permissions.is_empty() {
        Managed::ByNobody
    } else if permissions.iter().any(|permission| is_me(&permission) && permission.is_manager()) {
        Managed::ByUs
    } else {
        Managed::ByOthers
    };
    SpaceSeen {
        id: drive.id,
        name: drive.name,
        is_marked: description.split_whitespace().any(|word| word == mark),
        description,
        quota: drive.quota.total,
        used: drive.quota.used,
        space: if drive.root.deleted.is_some() { Space::Disabled } else { Space::Open },
        managed,
        others: permissions.iter().filter(|permission| !is_me(permission)).count(),
        editors: permissions
            .iter()
            .filter(|permission| permission.is_editor())
            .filter_map(|permission| Some(permission.granted_to_v2.group.as_ref()?.id.clone()))
            .collect(),
    }
}
