//! Plans: what they allow, include and cost.

use schema::plan::{Integrations, Limits, Price};
use schema::{Event, PlanEvent, Recorded};

use super::{json, stamp, text};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["plan_id"],
        columns: &[
            Column::Text("plan_id"),
            Column::Text("plan_key"),
            Column::Text("name"),
            Column::Text("limits"),
            Column::Text("integrations"),
            Column::Text("prices"),
            Column::Int("version"),
            Column::Int("position"),
        ],
        indexes: &[],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Plan(event) = &recorded.event else {
        return vec![];
    };
    let PlanEvent::Created { key, name, limits, integrations, self_service: _, prices } = event;
    let mut columns = vec![
        ("plan_key", text(key)),
        ("name", text(name)),
        ("limits", json(limits)),
        ("integrations", json(integrations)),
        ("prices", json(prices)),
    ];
    columns.extend(stamp(recorded));
    vec![Write::Put { table, key: vec![text(recorded.stream.key())], columns }]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Plan<'a> {
    pub(crate) key: &'a str,
    pub(crate) limits: Limits,
    pub(crate) integrations: Integrations,
    pub(crate) prices: Vec<Price>,
    pub(crate) position: u64,
}

impl<'a> Plan<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            key: row.text("plan_key")?,
            limits: row.maybe_json("limits")?.unwrap_or_default(),
            integrations: row.maybe_json("integrations")?.unwrap_or(Integrations::ALL),
            prices: row.maybe_json("prices")?.unwrap_or_default(),
            position: row.count("position"),
        })
    }
}
