//! Subscriptions: which plan a tenant has, at which price.

use schema::{Event, PlanId, PriceId, Recorded, SubscriptionEvent, SubscriptionId};

use super::{stamp, text};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Columns, Table, Write};

const ACTIVE: &str = "active";
const CANCELLED: &str = "cancelled";

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["subscription_id"],
        columns: &[
            Column::Text("subscription_id"),
            Column::Text("tenant_id"),
            Column::Text("plan_id"),
            Column::Text("price_id"),
            Column::Int("quantity"),
            Column::Text("currency"),
            Column::Text("status"),
            Column::Text("starts_on"),
            Column::Text("ended_on"),
            Column::Int("version"),
            Column::Int("position"),
        ],
        indexes: &[&["tenant_id"]],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Subscription(event) = &recorded.event else {
        return vec![];
    };
    let key = vec![text(recorded.stream.key())];
    let mut columns: Columns = stamp(recorded).into();
    match event {
        SubscriptionEvent::Started { tenant_id, plan_id, price_id, quantity, currency, starts_on } => {
            columns.extend([
                ("tenant_id", text(tenant_id)),
                ("plan_id", text(plan_id)),
                ("price_id", text(price_id)),
                ("quantity", (*quantity).into()),
                ("currency", text(&currency.0)),
                ("status", text(ACTIVE)),
                ("starts_on", text(starts_on)),
            ]);
            vec![Write::Put { table, key, columns }]
        }
        SubscriptionEvent::Cancelled { tenant_id: _, why: _, ended_on } => {
            columns.extend([("status", text(CANCELLED)), ("ended_on", text(ended_on))]);
            vec![Write::Set { table, key, columns }]
        }
    }
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) id: SubscriptionId,
    pub(crate) plan_id: PlanId,
    pub(crate) price_id: PriceId,
    pub(crate) quantity: u64,
    pub(crate) is_open: bool,
    pub(crate) position: u64,
}

impl Subscription {
    pub(crate) fn read(row: RowRef<'_>) -> Result<Self, RowError> {
        Ok(Self {
            id: row.parse("subscription_id")?,
            plan_id: row.parse("plan_id")?,
            price_id: row.parse("price_id")?,
            quantity: row.count("quantity"),
            is_open: row.text("status")? == ACTIVE,
            position: row.count("position"),
        })
    }
}
