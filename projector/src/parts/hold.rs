//! Open holds.

use schema::tenant::HoldKind;
use schema::{ActorKind, Event, HoldId, Recorded, TenantEvent, Timestamp, UserId};

use super::{maybe_shown, maybe_text, text, word};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["tenant_id", "hold_id"],
        columns: &[
            Column::Text("tenant_id"),
            Column::Text("hold_id"),
            Column::Text("kind"),
            Column::Text("reason"),
            Column::Text("customer_message"),
            Column::Text("placed_by_kind"),
            Column::Text("placed_by_id"),
            Column::Text("placed_at"),
            Column::Text("until_at"),
        ],
        indexes: &[],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let tenant = text(recorded.stream.key());
    if let TenantEvent::HoldPlaced { hold_id, kind, until, reason, customer_message } = event {
        return vec![Write::Put {
            table,
            key: vec![tenant, text(hold_id)],
            columns: vec![
                ("kind", word(kind)),
                ("reason", maybe_shown(reason.as_ref())),
                ("customer_message", maybe_shown(customer_message.as_ref())),
                ("placed_by_kind", text(recorded.meta.actor.kind.as_str())),
                ("placed_by_id", maybe_text(recorded.meta.actor.id)),
                ("placed_at", text(recorded.recorded_at)),
                ("until_at", maybe_text(*until)),
            ],
        }];
    }
    if let TenantEvent::HoldReleased { hold_id, .. } | TenantEvent::HoldExpired { hold_id, .. } = event {
        return vec![Write::Remove { table, key_prefix: vec![tenant, text(hold_id)] }];
    }
    vec![]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Hold<'a> {
    pub(crate) id: HoldId,
    pub(crate) kind: HoldKind,
    /// The kind's word.
    pub(crate) word: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) customer_message: Option<&'a str>,
    pub(crate) placed_by: ActorKind,
    pub(crate) placed_by_id: Option<UserId>,
    pub(crate) placed_at: Timestamp,
    pub(crate) until: Option<Timestamp>,
}

impl<'a> Hold<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            id: row.parse("hold_id")?,
            kind: row.word("kind")?,
            word: row.text("kind")?,
            reason: row.maybe_text("reason"),
            customer_message: row.maybe_text("customer_message"),
            placed_by: row.word("placed_by_kind")?,
            placed_by_id: row.maybe_parse("placed_by_id")?,
            placed_at: row.parse("placed_at")?,
            until: row.maybe_time("until_at")?,
        })
    }
}

impl Hold<'_> {
    /// Staff is never shown by name to customers, so that name stands nowhere.
    pub(crate) const fn placed_by_display(&self) -> &'static str {
        match self.placed_by {
            ActorKind::Operator | ActorKind::Bootstrap => "Operations",
            ActorKind::User => "Customer",
            ActorKind::System | ActorKind::Reconciler => "Platform",
        }
    }
}
