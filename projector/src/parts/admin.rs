//! Who administers the platform, or did.

use event_store::Value;
use schema::{Event, PlatformEvent, Recorded};

use super::{position, text};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["user_id"],
        columns: &[
            Column::Text("user_id"),
            Column::Int("is_admin"),
            Column::Int("closed_position"),
            Column::Int("position"),
        ],
        indexes: &[],
    }
}

/// A right taken away leaves its row: the position is a door that closed.
pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Platform(event) = &recorded.event else {
        return vec![];
    };
    let (user, is_admin, closed) = match event {
        PlatformEvent::AdminGranted { user_id, .. } => (user_id, 1, Value::Int(0)),
        PlatformEvent::AdminRevoked { user_id, .. } => (user_id, 0, position(recorded)),
    };
    let columns = vec![
        ("is_admin", Value::Int(is_admin)),
        ("closed_position", closed),
        ("position", position(recorded)),
    ];
    vec![Write::Put { table, key: vec![text(user)], columns }]
}
