//! Objects of ours in the outside systems, with their ids there.

use schema::provisioning::{Resource, ResourceKind};
use schema::{Event, ProvisioningEvent, Recorded, System, Timestamp};

use super::{text, word};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["subject_id", "system", "kind", "resource_key"],
        columns: &[
            Column::Text("subject_id"),
            Column::Text("system"),
            Column::Text("kind"),
            Column::Text("resource_key"),
            Column::Text("external_id"),
            Column::Text("bound_at"),
        ],
        indexes: &[],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Provisioning(event) = &recorded.event else {
        return vec![];
    };
    let Some([subject, system]) = super::system::key(&recorded.stream) else {
        return vec![];
    };
    let key = |resource: &Resource| {
        vec![subject.clone(), system.clone(), word(&resource.kind), text(&resource.key)]
    };
    if let ProvisioningEvent::ResourceBound { resource, external_id, adopted: _ } = event {
        return vec![Write::Put {
            table,
            key: key(resource),
            columns: vec![("external_id", text(external_id)), ("bound_at", text(recorded.recorded_at))],
        }];
    }
    if let ProvisioningEvent::ResourceLost { resource, .. }
    | ProvisioningEvent::ResourceReleased { resource, .. } = event
    {
        return vec![Write::Remove { table, key_prefix: key(resource) }];
    }
    vec![]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Bound<'a> {
    pub(crate) system: System,
    pub(crate) kind: ResourceKind,
    pub(crate) key: &'a str,
    pub(crate) external_id: &'a str,
    pub(crate) since: Timestamp,
}

impl<'a> Bound<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            system: row.parse("system")?,
            kind: row.word("kind")?,
            key: row.text("resource_key")?,
            external_id: row.text("external_id")?,
            since: row.parse("bound_at")?,
        })
    }
}
