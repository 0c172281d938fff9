//! Domains of a tenant, folded from its own stream: never behind, and never more than a handful.

use std::collections::BTreeMap;

use schema::tenant::VerifyMethod;
use schema::{DomainName, Event, Recorded, TenantEvent, TenantId, Timestamp};
use serde_json::{Value, json};

use crate::App;

/// Every domain of a tenant.
#[derive(Debug, Default)]
pub(super) struct Domains {
    domains: BTreeMap<DomainName, Option<(Timestamp, VerifyMethod)>>,
    primary: Option<DomainName>,
}

impl Domains {
    /// What a stream says about domains.
    pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut domains = Self::default();
        for recorded in events {
            if let Event::Tenant(event) = &recorded.event {
                domains.fold(event, recorded.recorded_at);
            }
        }
        domains
    }

    fn fold(&mut self, event: &TenantEvent, at: Timestamp) {
        if let TenantEvent::DomainClaimed { domain } = event {
            self.domains.insert(domain.clone(), None);
        }
        if let TenantEvent::DomainVerified { domain, method, evidence: _ } = event {
            self.domains.insert(domain.clone(), Some((at, *method)));
        }
        if let TenantEvent::DomainReleased { domain, was_verified: _ } = event {
            self.domains.remove(domain);
        }
        if let TenantEvent::PrimaryDomainChanged { from: _, to } = event {
            self.primary.clone_from(to);
        }
    }

    /// All of them as JSON.
    pub(super) fn all(&self, app: &App, tenant: TenantId) -> Vec<Value> {
        self.domains.keys().filter_map(|domain| self.one(app, tenant, domain)).collect()
    }

    /// One of them as JSON.
    pub(super) fn one(&self, app: &App, tenant: TenantId, name: &DomainName) -> Option<Value> {
        self.domains.get(name).map(|verified| self.shape(app, tenant, name, *verified))
    }

    /// One of them as JSON, or what is left of it: a name that is no longer claimed.
    pub(super) fn one_or_gone(&self, app: &App, tenant: TenantId, name: &DomainName) -> Value {
        self.one(app, tenant, name).unwrap_or_else(|| {
            let mut shape = self.shape(app, tenant, name, None);
            if let Value::Object(object) = &mut shape {
                object.insert("status".to_owned(), json!("released"));
            }
            shape
        })
    }

    fn shape(
        &self,
        app: &App,
        tenant: TenantId,
        name: &DomainName,
        verified: Option<(Timestamp, VerifyMethod)>,
    ) -> Value {
        let challenge = app.store.hash_secret(&format!("domain-challenge\n{tenant}\n{name}"));
        json!({
            "domain": name,
            "status": if verified.is_some() { "verified" } else { "claimed" },
            "primary": self.primary.as_ref() == Some(name),
            "verifiedAt": verified.map(|(at, _)| at.to_api()),
            "method": verified.map(|(_, method)| method),
            "challenge": {
                "name": format!("_dezky-challenge.{name}"),
                "type": "TXT",
                "value": format!("dezky-verify={challenge}"),
            },
            "mailDomainState": if verified.is_some() { "wanted" } else { "none" },
        })
    }
}
