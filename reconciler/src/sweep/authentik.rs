//! Every group and every marked account of authentik, a hundred to a page.

use std::collections::{BTreeMap, BTreeSet};

use schema::TenantId;
use schema::provisioning::ResourceKind;
use serde_json::json;

use super::{Bulk, Orphan};
use crate::authentik::{
    AccountSeen, Authentik, Client, ENTITLED_GROUP, GroupSeen, MARK, Observed, Owner, Spec, choose,
    entitlement,
};
use crate::call::CallError;
use crate::integration::{Desired, Integration as _};
use crate::leftovers::LeftoverWhy;

/// Everything there is.
pub(crate) struct Everything {
    groups: BTreeMap<String, GroupSeen>,
    /// By name, and by the tenant of the mark.
    by_key: BTreeMap<String, BTreeSet<String>>,
    accounts: BTreeMap<i64, AccountSeen>,
    by_mark: BTreeMap<String, BTreeSet<i64>>,
}

impl Everything {
    pub(super) async fn read(client: &Client) -> Result<Self, CallError> {
        let groups = client.all_groups().await?.into_iter().map(GroupSeen::from);
        let marked = json!({ "dezky__userId__startswith": "usr_" }).to_string();
        let accounts = client.users("attributes", &marked).await?.into_iter().map(AccountSeen::from);
        Ok(Self::of(groups, accounts))
    }

    fn of(groups: impl Iterator<Item = GroupSeen>, accounts: impl Iterator<Item = AccountSeen>) -> Self {
        let groups: BTreeMap<String, GroupSeen> = groups.map(|group| (group.pk.clone(), group)).collect();
        let accounts: BTreeMap<i64, AccountSeen> = accounts.map(|account| (account.pk, account)).collect();
        let mut by_key: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for group in groups.values() {
            for key in [Some(group.name.as_str()), tenant_of(group)].into_iter().flatten() {
                by_key.entry(key.to_owned()).or_default().insert(group.pk.clone());
            }
        }
        let mut by_mark: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for account in accounts.values() {
            by_mark
                .entry(account.marked_for().unwrap_or_default().to_owned())
                .or_default()
                .insert(account.pk);
        }
        Self { groups, by_key, accounts, by_mark }
    }

    fn found(&self, key: &str) -> impl Iterator<Item = &GroupSeen> + Clone {
        self.by_key.get(key).into_iter().flatten().filter_map(|pk| self.groups.get(pk))
    }

    /// What a look at these would have read: the bound one, and those of the name or with the mark.
    fn groups_of(&self, desired: &Desired<Spec>) -> BTreeMap<&String, &GroupSeen> {
        let owner = &desired.spec.owner;
        let bound = desired.known.get(&owner.resource()).and_then(|pk| self.groups.get(pk));
        let marked = match owner {
            Owner::Tenant { tenant_id, .. } => tenant_id.to_string(),
            Owner::Platform => desired.spec.group.clone(),
        };
        let all = bound.into_iter().chain(self.found(&desired.spec.group)).chain(self.found(&marked));
        all.map(|group| (&group.pk, group)).collect()
    }

    /// Accounts beside the first with one person's mark: noted, never removed.
    fn second_accounts(&self) -> impl Iterator<Item = Orphan> {
        let more = self.by_mark.iter().flat_map(|(mark, pks)| pks.iter().skip(1).map(move |pk| (mark, pk)));
        more.map(|(mark, pk)| Orphan {
            system: Authentik::SYSTEM,
            kind: "account",
            external_id: pk.to_string(),
            owner: mark.clone(),
            why: LeftoverWhy::Twin,
        })
    }
}

fn tenant_of(group: &GroupSeen) -> Option<&str> {
    group.attributes.get(MARK)?.get("tenantId")?.as_str()
}

impl Bulk<Authentik> for Everything {
    fn observed(&self, desired: &Desired<Spec>) -> Observed {
        let mut observed = choose(desired, self.groups_of(desired).values().copied());
        observed.entitled = entitlement(self.found(ENTITLED_GROUP).cloned());
        for person in &desired.spec.people {
            let bound = desired.known.get(&person.resource()).and_then(|pk| pk.parse::<i64>().ok());
            let marked = self.by_mark.get(&person.user_id.to_string()).into_iter().flatten();
            let account =
                marked.min_by_key(|pk| (Some(**pk) != bound, **pk)).and_then(|pk| self.accounts.get(pk));
            if let Some(account) = account {
                observed.accounts.insert(person.user_id, account.clone());
            }
        }
        let named: BTreeSet<i64> = observed.accounts.values().map(|account| account.pk).collect();
        let members = observed.group.iter().flat_map(|group| &group.users);
        observed.strays =
            members.filter(|pk| self.accounts.contains_key(pk) && !named.contains(pk)).copied().collect();
        observed
    }

    fn holds(&self, kind: ResourceKind, id: &str) -> bool {
        match kind {
            ResourceKind::Group => self.groups.contains_key(id),
            ResourceKind::User => id.parse().is_ok_and(|pk: i64| self.accounts.contains_key(&pk)),
            ResourceKind::Domain | ResourceKind::Account | ResourceKind::Role | ResourceKind::Space => false,
        }
    }

    fn orphans(&self, tenants: &BTreeSet<TenantId>) -> Vec<Orphan> {
        let unknown = self.groups.values().filter_map(|group| {
            let owner = tenant_of(group)?;
            let is_known = owner.parse::<TenantId>().is_ok_and(|id| tenants.contains(&id));
            (!is_known).then(|| of_group(group, owner, LeftoverWhy::UnknownOwner))
        });
        unknown.chain(self.second_accounts()).collect()
    }

    fn twins(&self, desired: &Desired<Spec>, observed: &Observed) -> Vec<Orphan> {
        match &desired.spec.owner {
            Owner::Tenant { tenant_id, .. } => {
                let owner = tenant_id.to_string();
                observed.twins.iter().map(|twin| of_group(twin, &owner, LeftoverWhy::Twin)).collect()
            }
            Owner::Platform => Vec::new(),
        }
    }
}

fn of_group(group: &GroupSeen, owner: &str, why: LeftoverWhy) -> Orphan {
    Orphan {
        system: Authentik::SYSTEM,
        kind: "group",
        external_id: group.pk.clone(),
        owner: owner.to_owned(),
        why,
    }
}
