//! Every role, domain, account and gate key of Stalwart, five hundred to a page.

use std::collections::{BTreeMap, BTreeSet};

use schema::TenantId;
use schema::provisioning::ResourceKind;
use serde_json::json;
use uuid::Uuid;

use super::{Bulk, Orphan};
use crate::call::CallError;
use crate::integration::{Desired, Integration as _};
use crate::leftovers::LeftoverWhy;
use crate::stalwart::client::{Client, Query};
use crate::stalwart::observe::{
    self, ACCOUNT_PROPERTIES, DOMAIN_PROPERTIES, ROLE_PROPERTIES, Row, account_of, default_roles,
};
use crate::stalwart::ours::{add_domain, bind_role};
use crate::stalwart::{AccountSeen, GateSeen, Observed, Receiving, Spec, Stalwart, token, tokens};

/// Everything there is.
pub(crate) struct Everything {
    default_roles: BTreeSet<String>,
    roles: BTreeMap<String, Row>,
    roles_by_token: BTreeMap<String, Vec<String>>,
    domains: BTreeMap<String, Row>,
    domains_by_token: BTreeMap<String, Vec<String>>,
    accounts: BTreeMap<String, Vec<AccountSeen>>,
    occupied: BTreeSet<String>,
    gate_keys: BTreeMap<String, String>,
    gate: GateSeen,
}

impl Everything {
    pub(super) async fn read(client: &Client) -> Result<Self, CallError> {
        let defaults = client.singleton("Authentication", &["defaultUserRoleIds"]).await?;
        let all = |kind, sort, properties| Query { kind, filter: json!({}), sort, properties };
        let queries = [
            all("Role", "id", ROLE_PROPERTIES),
            all("Domain", "name", DOMAIN_PROPERTIES),
            all("Account", "name", ACCOUNT_PROPERTIES),
            observe::gate_keys(),
            observe::mailing_lists(),
        ];
        let mut lists = client.lists::<Row>(&queries).await?.into_iter();
        let roles = lists.next().unwrap_or_default();
        let domains = lists.next().unwrap_or_default();
        let mut accounts: BTreeMap<String, Vec<AccountSeen>> = BTreeMap::new();
        let mut occupied = BTreeSet::new();
        let rows = lists.next().unwrap_or_default();
        occupied.extend(rows.iter().filter(|row| !row.is_mailbox()).filter_map(|row| row.domain_id.clone()));
        for account in rows.into_iter().filter_map(account_of) {
            accounts.entry(account.domain_id.clone()).or_default().push(account);
        }
        let gate_keys: BTreeMap<String, String> =
            lists.next().unwrap_or_default().into_iter().filter_map(|row| Some((row.key?, row.id))).collect();
        occupied.extend(lists.next().unwrap_or_default().into_iter().filter_map(|row| row.domain_id));
        let gate = observe::gate(client).await?;
        Ok(Self {
            default_roles: default_roles(&defaults),
            roles_by_token: by_token(&roles, |row| row.id.clone()),
            roles: roles.into_iter().map(|row| (row.id.clone(), row)).collect(),
            domains_by_token: by_token(&domains, |row| row.name.clone().unwrap_or_default()),
            domains: domains.into_iter().map(|row| (row.name.clone().unwrap_or_default(), row)).collect(),
            accounts,
            occupied,
            gate_keys,
            gate,
        })
    }

    /// Whether there is anything for the gate to look up.
    pub(super) fn refuses_mail(&self) -> bool {
        !self.gate_keys.is_empty()
    }
}

/// The tokens in descriptions, and what carries them.
fn by_token(rows: &[Row], key: fn(&Row) -> String) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        for token in tokens(row.description.as_deref()) {
            found.entry(token.to_owned()).or_default().push(key(row));
        }
    }
    found
}

impl Bulk<Stalwart> for Everything {
    fn observed(&self, desired: &Desired<Spec>) -> Observed {
        let spec = &desired.spec;
        let token = token(spec.tenant_id);
        let mut observed = Observed { default_roles: self.default_roles.clone(), ..Observed::default() };
        let marked = self.domains_by_token.get(&token).into_iter().flatten();
        let names: BTreeSet<&String> = marked.chain(&spec.domains).collect();
        for row in names.into_iter().filter_map(|name| self.domains.get(name)) {
            add_domain(row.clone(), desired, &token, &mut observed);
        }
        let domains = observed.domains.values();
        observed.accounts = domains
            .map(|domain| (domain.id.clone(), self.accounts.get(&domain.id).cloned().unwrap_or_default()))
            .collect();
        let ids = observed.domains.values().map(|domain| &domain.id);
        observed.occupied = ids.filter(|id| self.occupied.contains(*id)).cloned().collect();
        let bound = desired.known.get(&spec.role_resource());
        let marked = self.roles_by_token.get(&token).into_iter().flatten();
        let candidates: BTreeSet<&String> = marked.chain(bound).collect();
        let rows = candidates.into_iter().filter_map(|id| self.roles.get(id)).cloned().collect();
        bind_role(rows, desired, &token, &mut observed);
        let keys = self.gate_keys.iter().filter(|(name, _)| observed.domains.contains_key(*name));
        observed.gate_keys = keys.map(|(name, key)| (name.clone(), key.clone())).collect();
        observed.gate = match spec.receiving {
            Receiving::Accepted => GateSeen::NotNeeded,
            Receiving::Refused => self.gate,
        };
        observed
    }

    fn holds(&self, kind: ResourceKind, id: &str) -> bool {
        match kind {
            ResourceKind::Role => self.roles.contains_key(id),
            ResourceKind::Domain => self.domains.values().any(|row| row.id == id),
            ResourceKind::Account => self.accounts.values().flatten().any(|account| account.id == id),
            ResourceKind::Group | ResourceKind::User | ResourceKind::Space => false,
        }
    }

    fn orphans(&self, tenants: &BTreeSet<TenantId>) -> Vec<Orphan> {
        let owner = |row: &Row| {
            let mut owners =
                tokens(row.description.as_deref()).filter_map(|token| Uuid::parse_str(token).ok());
            let owner = TenantId::from_uuid(owners.next()?);
            (!tenants.contains(&owner)).then(|| owner.to_string())
        };
        let orphan = |kind, row: &Row| {
            Some(Orphan {
                system: Stalwart::SYSTEM,
                kind,
                external_id: row.id.clone(),
                owner: owner(row)?,
                why: LeftoverWhy::UnknownOwner,
            })
        };
        let roles = self.roles.values().filter_map(|row| orphan("role", row));
        roles.chain(self.domains.values().filter_map(|row| orphan("domain", row))).collect()
    }

    fn twins(&self, desired: &Desired<Spec>, observed: &Observed) -> Vec<Orphan> {
        let owner = desired.spec.tenant_id.to_string();
        let twin = |id: &String| Orphan {
            system: Stalwart::SYSTEM,
            kind: "role",
            external_id: id.clone(),
            owner: owner.clone(),
            why: LeftoverWhy::Twin,
        };
        observed.twins.iter().map(twin).collect()
    }
}
