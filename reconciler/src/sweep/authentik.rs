//! Every group and every marked account of authentik, a hundred to a page.

use std::collections::{BTreeMap, BTreeSet};

use schema::TenantId;
use serde_json::json;

use super::{Bulk, Orphan};
use crate::authentik::{
    AccountSeen, Authentik, Client, ENTITLED_GROUP, GroupSeen, MARK, Observed, Owner, Spec,
};
use crate::call::CallError;
use crate::integration::{Desired, Integration as _};

/// Everything there is.
pub(super) struct Everything {
    groups: BTreeMap<String, GroupSeen>,
    by_name: BTreeMap<String, BTreeSet<String>>,
    accounts: BTreeMap<i64, AccountSeen>,
    by_mark: BTreeMap<String, i64>,
}

impl Everything {
    pub(super) async fn read(client: &Client) -> Result<Self, CallError> {
        let groups: BTreeMap<String, GroupSeen> =
            client.all_groups().await?.into_iter().map(|group| (group.pk.clone(), group.into())).collect();
        let mut by_name: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for group in groups.values() {
            by_name.entry(group.name.clone()).or_default().insert(group.pk.clone());
        }
        let marked = json!({ "dezky__userId__startswith": "usr_" }).to_string();
        let accounts: BTreeMap<i64, AccountSeen> = client
            .users("attributes", &marked)
            .await?
            .into_iter()
            .map(|user| (user.pk, user.into()))
            .collect();
        let by_mark = accounts
            .values()
            .rev()
            .filter_map(|account| Some((account.marked_for()?.to_owned(), account.pk)))
            .collect();
        Ok(Self { groups, by_name, accounts, by_mark })
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &GroupSeen> {
        self.by_name.get(name).into_iter().flatten().filter_map(|pk| self.groups.get(pk))
    }
}

impl Bulk<Authentik> for Everything {
    fn observed(&self, desired: &Desired<Spec>) -> Observed {
        let owner = &desired.spec.owner;
        let bound = desired.known.get(&owner.resource()).and_then(|pk| self.groups.get(pk));
        let is_ours = |group: &&GroupSeen| {
            group.attributes.get(MARK) == Some(&owner.mark()) || matches!(owner, Owner::Platform)
        };
        let group = bound
            .or_else(|| self.named(&desired.spec.group).find(is_ours))
            .or_else(|| self.groups.values().find(|group| group.attributes.get(MARK) == Some(&owner.mark())))
            .cloned();
        let name_is_taken = self
            .named(&desired.spec.group)
            .any(|named| group.as_ref().is_none_or(|ours| ours.pk != named.pk));
        let mut observed = Observed {
            name_is_taken,
            entitled: self.named(ENTITLED_GROUP).next().cloned(),
            ..Observed::default()
        };
        for person in &desired.spec.people {
            let account = self.by_mark.get(&person.user_id.to_string()).and_then(|pk| self.accounts.get(pk));
            if let Some(account) = account {
                observed.accounts.insert(person.user_id, account.clone());
            }
        }
        let named: BTreeSet<i64> = observed.accounts.values().map(|account| account.pk).collect();
        let members = group.iter().flat_map(|group| &group.users);
        observed.strays =
            members.filter(|pk| self.accounts.contains_key(pk) && !named.contains(pk)).copied().collect();
        observed.group = group;
        observed
    }

    fn orphans(&self, tenants: &BTreeSet<TenantId>) -> Vec<Orphan> {
        let owned = |group: &GroupSeen| {
            let owner = group.attributes.get(MARK)?.get("tenantId")?.as_str()?.to_owned();
            let is_known = owner.parse::<TenantId>().is_ok_and(|id| tenants.contains(&id));
            (!is_known).then(|| Orphan {
                system: Authentik::SYSTEM,
                kind: "group",
                external_id: group.pk.clone(),
                owner,
                why: "unknown-owner",
            })
        };
        self.groups.values().filter_map(owned).collect()
    }
}
