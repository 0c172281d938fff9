//! Every space, every group and every account of OCIS: one list each, there is no paging.

use std::collections::{BTreeMap, BTreeSet};

use schema::TenantId;
use schema::provisioning::ResourceKind;

use super::{Bulk, Orphan};
use crate::call::CallError;
use crate::integration::{Desired, Integration as _};
use crate::leftovers::LeftoverWhy;
use crate::ocis::observe::{adopt, among, choose, group_of, outside, space_of};
use crate::ocis::{Client, GroupSeen, Observed, Ocis, SpaceSeen, Spec, mark, marks};

/// Everything there is.
pub(crate) struct Everything {
    spaces: BTreeMap<String, SpaceSeen>,
    by_mark: BTreeMap<String, Vec<String>>,
    groups: BTreeMap<String, GroupSeen>,
    by_name: BTreeMap<String, String>,
    /// Ids of accounts by their lower-case names.
    accounts: BTreeMap<String, String>,
    count: usize,
}

impl Everything {
    pub(super) async fn read(client: &Client) -> Result<Self, CallError> {
        let me = client.me().await?;
        let drives = client.drives().await?;
        let groups: Vec<GroupSeen> = client.groups().await?.into_iter().map(group_of).collect();
        let count = drives.len();
        let mut spaces = BTreeMap::new();
        let mut by_mark: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for drive in drives {
            // Which mark it has to carry is known only per tenant.
            let space = space_of(drive, "", &me);
            for mark in marks(&space.description) {
                by_mark.entry(mark.to_owned()).or_default().push(space.id.clone());
            }
            spaces.insert(space.id.clone(), space);
        }
        let by_name = groups.iter().map(|group| (group.name.to_lowercase(), group.id.clone())).collect();
        let groups = groups.into_iter().map(|group| (group.id.clone(), group)).collect();
        let users = client.users().await?.into_iter();
        let accounts =
            users.map(|user| (user.on_premises_sam_account_name.to_lowercase(), user.id)).collect();
        Ok(Self { spaces, by_mark, groups, by_name, accounts, count })
    }

    pub(super) fn spaces(&self) -> usize {
        self.count
    }

    fn marked(&self, id: &String, mark: &str) -> Option<SpaceSeen> {
        let space = self.spaces.get(id)?;
        let is_marked = space.description.split_whitespace().any(|word| word == mark);
        Some(SpaceSeen { is_marked, ..space.clone() })
    }
}

impl Bulk<Ocis> for Everything {
    fn observed(&self, desired: &Desired<Spec>) -> Observed {
        let spec = &desired.spec;
        let mark = mark(spec.tenant_id);
        let mut observed = Observed::default();
        let marked = self.by_mark.get(&mark).into_iter().flatten();
        let mut spaces: Vec<SpaceSeen> = marked.filter_map(|id| self.marked(id, &mark)).collect();
        let bound = desired.known.get(&spec.space_resource()).and_then(|id| self.marked(id, &mark));
        match bound.filter(|space| !space.is_of_another()) {
            Some(bound) => {
                spaces.retain(|space| space.id != bound.id);
                observed.space = Some(bound);
                observed.twins = spaces;
            }
            None => choose(spaces, &mut observed),
        }
        match desired.known.get(&spec.group_resource()).and_then(|id| self.groups.get(id)) {
            Some(bound) => observed.group = Some(bound.clone()),
            None => {
                if let Some(named) = self.by_name.get(&spec.group).and_then(|id| self.groups.get(id)) {
                    adopt(spec, named.clone(), &mut observed);
                }
            }
        }
        observed.absent = among(&outside(spec, &observed), &self.accounts);
        observed
    }

    fn holds(&self, kind: ResourceKind, id: &str) -> bool {
        match kind {
            ResourceKind::Space => self.spaces.contains_key(id),
            ResourceKind::Group => self.groups.contains_key(id),
            ResourceKind::User | ResourceKind::Domain | ResourceKind::Account | ResourceKind::Role => false,
        }
    }

    fn orphans(&self, tenants: &BTreeSet<TenantId>) -> Vec<Orphan> {
        let owner = |mark: &String| {
            let tenant: TenantId = mark.strip_prefix("dezky:")?.parse().ok()?;
            (!tenants.contains(&tenant)).then(|| tenant.to_string())
        };
        self.by_mark
            .iter()
            .filter_map(|(mark, ids)| Some((owner(mark)?, ids)))
            .flat_map(|(owner, ids)| {
                ids.iter().map(move |id| Orphan {
                    system: Ocis::SYSTEM,
                    kind: "space",
                    external_id: id.clone(),
                    owner: owner.clone(),
                    why: LeftoverWhy::UnknownOwner,
                })
            })
            .collect()
    }

    fn twins(&self, desired: &Desired<Spec>, observed: &Observed) -> Vec<Orphan> {
        let owner = desired.spec.tenant_id.to_string();
        let twin = |space: &SpaceSeen| Orphan {
            system: Ocis::SYSTEM,
            kind: "space",
            external_id: space.id.clone(),
            owner: owner.clone(),
            why: LeftoverWhy::Twin,
        };
        observed.twins.iter().map(twin).collect()
    }
}
