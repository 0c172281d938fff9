//! Finds the groups: ours by the id we bound, else by our mark. A name alone makes only the platform's own two groups
//! ours, and those only while being in them gives no rights.

use std::collections::BTreeMap;

use super::client::Client;
use super::people::gather;
use super::{ENTITLED_GROUP, GroupSeen, Observed, Owner, Spec};
use crate::call::CallError;
use crate::integration::Desired;

/// What of the groups a look finds; of people nothing yet.
pub(super) async fn look(
    client: &Client,
    desired: &Desired<Spec>,
    limit: usize,
) -> Result<Observed, CallError> {
    // One read before all others: a system that refuses us is asked once.
    let named = client.groups_named(&desired.spec.group).await?;
    let mut groups: BTreeMap<String, GroupSeen> =
        named.into_iter().map(|group| (group.pk.clone(), group.into())).collect();
    let known = desired.known.get(&desired.spec.owner.resource());
    let unread: Vec<&String> =
        known.into_iter().chain(&desired.leftovers).filter(|pk| !groups.contains_key(*pk)).collect();
    let alone = gather(limit, unread, |pk| client.group(pk));
    let (alone, entitled) = futures::try_join!(alone, client.groups_named(ENTITLED_GROUP))?;
    for group in alone.into_iter().flatten() {
        groups.insert(group.pk.clone(), group.into());
    }
    let mut observed = choose(desired, groups.values());
    if let (None, Owner::Tenant { tenant_id, .. }) = (&observed.group, &desired.spec.owner) {
        // The answer to its creation may have been lost before somebody renamed it.
        for group in client.groups_marked(*tenant_id).await? {
            groups.insert(group.pk.clone(), group.into());
        }
        observed = choose(desired, groups.values());
    }
    observed.entitled = entitlement(entitled.into_iter().map(GroupSeen::from));
    Ok(observed)
}

/// The group in use among those read, and what stands beside it. 2025.10 allows two groups of one name.
pub(crate) fn choose<'a>(
    desired: &Desired<Spec>,
    groups: impl Iterator<Item = &'a GroupSeen> + Clone,
) -> Observed {
    let owner = &desired.spec.owner;
    let known = desired.known.get(&owner.resource());
    let is_bound = |group: &GroupSeen| known == Some(&group.pk) && !group.is_marked_for_another(owner);
    let is_by_name = |group: &GroupSeen| {
        *owner == Owner::Platform && group.name == desired.spec.group && !group.gives_rights
    };
    let ours = groups
        .clone()
        .filter(|group| is_bound(group) || group.is_marked_for(owner) || is_by_name(group))
        .min_by_key(|group| (!is_bound(group), !group.is_marked_for(owner), &group.pk));
    let is_other = |group: &&GroupSeen| ours.is_none_or(|ours| ours.pk != group.pk);
    let twins: Vec<GroupSeen> =
        groups.clone().filter(is_other).filter(|group| group.is_marked_for(owner)).cloned().collect();
    let is_in_the_way =
        |group: &GroupSeen| group.name == desired.spec.group && !group.is_but_a_mark_of(owner);
    let name_is_taken = groups.filter(is_other).any(is_in_the_way);
    Observed { group: ours.cloned(), name_is_taken, twins, ..Observed::default() }
}

/// The one in use of all groups of its name: one without rights, if there is one.
pub(crate) fn entitlement(named: impl Iterator<Item = GroupSeen>) -> Option<GroupSeen> {
    named.min_by(|left, right| (left.gives_rights, &left.pk).cmp(&(right.gives_rights, &right.pk)))
}
