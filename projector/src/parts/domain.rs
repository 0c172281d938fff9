//! Domains a tenant has claimed or verified.

use schema::{DomainName, Event, Recorded, TenantEvent};

use super::{text, word};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Table, Write};

const CLAIMED: &str = "claimed";
const VERIFIED: &str = "verified";

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["tenant_id", "domain"],
        columns: &[
            Column::Text("tenant_id"),
            Column::Text("domain"),
            Column::Text("status"),
            Column::Text("method"),
            Column::Text("verified_at"),
        ],
        indexes: &[&["domain"]],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let key = |domain: &DomainName| vec![text(recorded.stream.key()), text(domain)];
    if let TenantEvent::DomainClaimed { domain } = event {
        return vec![Write::Put { table, key: key(domain), columns: vec![("status", text(CLAIMED))] }];
    }
    if let TenantEvent::DomainVerified { domain, method, evidence: _ } = event {
        return vec![Write::Set {
            table,
            key: key(domain),
            columns: vec![
                ("status", text(VERIFIED)),
                ("method", word(method)),
                ("verified_at", text(recorded.recorded_at)),
            ],
        }];
    }
    if let TenantEvent::DomainReleased { domain, was_verified: _ } = event {
        return vec![Write::Remove { table, key_prefix: key(domain) }];
    }
    vec![]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Domain<'a> {
    pub(crate) name: &'a str,
    pub(crate) is_verified: bool,
}

impl<'a> Domain<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self { name: row.text("domain")?, is_verified: row.text("status")? == VERIFIED })
    }
}
