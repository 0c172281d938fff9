//! Partners, as others refer to them.

use schema::{DisplayName, Event, PartnerEvent, PartnerId, Personal, Recorded};

use super::{maybe_text, searched, shown, stamp, text};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Columns, Table, Write};

pub(crate) const ACTIVE: &str = "active";
pub(crate) const TERMINATED: &str = "terminated";

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["partner_id"],
        columns: &[
            Column::Text("partner_id"),
            Column::Text("slug"),
            Column::Text("name"),
            Column::Text("name_search"),
            Column::Text("domain"),
            Column::Text("status"),
            Column::Text("terminated_at"),
            Column::Text("created_at"),
            Column::Int("version"),
            Column::Int("position"),
        ],
        indexes: &[&["slug"]],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Partner(event) = &recorded.event else {
        return vec![];
    };
    let key = vec![text(recorded.stream.key())];
    let mut columns: Columns = stamp(recorded).into();
    match event {
        PartnerEvent::Registered { slug, domain, name } => {
            columns.extend([
                ("slug", text(slug)),
                ("domain", maybe_text(domain.as_ref())),
                ("status", text(ACTIVE)),
                ("created_at", text(recorded.recorded_at)),
            ]);
            columns.extend(named(name));
            return vec![Write::Put { table, key, columns }];
        }
        PartnerEvent::ProfileChanged { changed, domain, name } => {
            if changed.iter().any(|field| field == "domain") {
                columns.push(("domain", maybe_text(domain.as_ref())));
            }
            if let Some(name) = name {
                columns.extend(named(name));
            }
        }
        PartnerEvent::Terminated { effective_at, .. } => {
            columns.extend([("status", text(TERMINATED)), ("terminated_at", text(effective_at))]);
        }
        PartnerEvent::ContactChanged { .. }
        | PartnerEvent::BillingInfoChanged { .. }
        | PartnerEvent::MarginSet { .. }
        | PartnerEvent::DispositionCompleted { .. } => {}
    }
    vec![Write::Set { table, key, columns }]
}

fn named(name: &Personal<DisplayName>) -> [(&'static str, event_store::Value); 2] {
    [("name", shown(name)), ("name_search", searched(name))]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Partner<'a> {
    pub(crate) id: PartnerId,
    pub(crate) slug: &'a str,
    pub(crate) name: &'a str,
    pub(crate) status: &'a str,
    pub(crate) position: u64,
}

impl<'a> Partner<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            id: row.parse("partner_id")?,
            slug: row.text("slug")?,
            name: row.text("name")?,
            status: row.text("status")?,
            position: row.count("position"),
        })
    }
}
