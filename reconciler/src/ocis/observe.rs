//! What is in OCIS for one tenant: the bound space alone, or every space when nothing is bound yet.

use std::collections::{BTreeMap, BTreeSet};

use super::client::Client;
use super::wire::{Drive, Group, Permission};
use super::{Belongs, GroupSeen, Managed, Observed, Space, SpaceSeen, Spec, mark};
use crate::call::CallError;
use crate::integration::Desired;

pub(super) async fn observe(client: &Client, desired: &Desired<Spec>) -> Result<Observed, CallError> {
    let me = client.me().await?.to_owned();
    let mut observed = Observed::default();
    find_space(client, desired, &me, &mut observed).await?;
    find_group(client, desired, &mut observed).await?;
    let inside: BTreeSet<&String> = observed.group.iter().flat_map(|group| group.members.keys()).collect();
    let mut absent = BTreeMap::new();
    for person in desired.spec.people.iter().filter(|person| person.membership == Belongs::Inside) {
        if inside.contains(&person.username) {
            continue;
        }
        // Nobody is created here: who has never been there gets in by the group in their first token.
        if let Some(user) = client.user(&person.username).await? {
            absent.insert(person.user_id, user.id);
        }
    }
    observed.absent = absent;
    Ok(observed)
}

/// Absence from the list is no proof: what we bound is read by its id.
async fn find_space(
    client: &Client,
    desired: &Desired<Spec>,
    me: &str,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let mark = mark(desired.spec.tenant_id);
    let known = desired.known.get(&desired.spec.space_resource());
    if let Some(id) = known
        && let Some(drive) = client.drive(id).await?
    {
        let space = space_of(drive, &mark, me);
        // A foreign mark on it would make it another tenant's.
        if space.is_marked || !space.description.starts_with(super::MARK_PREFIX) {
            observed.space = Some(space);
            return Ok(());
        }
    }
    let drives = client.drives().await?;
    let marked = drives.into_iter().map(|drive| space_of(drive, &mark, me)).filter(|space| space.is_marked);
    let mut spaces: Vec<SpaceSeen> = marked.collect();
    spaces.sort_by_key(keeping_order);
    let mut spaces = spaces.into_iter();
    observed.space = spaces.next();
    observed.twins = spaces.collect();
    Ok(())
}

/// The one to keep comes first: where we are Manager, where something is, then by id.
pub(crate) fn keeping_order(space: &SpaceSeen) -> (bool, bool, String) {
    (space.managed != Managed::ByUs, space.is_empty(), space.id.clone())
}

async fn find_group(
    client: &Client,
    desired: &Desired<Spec>,
    observed: &mut Observed,
) -> Result<(), CallError> {
    let spec = &desired.spec;
    if let Some(id) = desired.known.get(&spec.group_resource())
        && let Some(group) = client.group(id).await?
    {
        observed.group = Some(group_of(group));
        return Ok(());
    }
    let Some(group) = client.group(&spec.group).await?.map(group_of) else {
        return Ok(());
    };
    let people: BTreeSet<&String> = spec.people.iter().map(|person| &person.username).collect();
    if group.members.keys().all(|member| people.contains(member)) {
        observed.group = Some(group);
    } else {
        observed.group_is_taken = true;
    }
    Ok(())
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
