//! Which identities stand for which person.

use schema::{Event, Personal, Recorded, UserEvent};

use super::{position, text};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["user_id", "instance", "subject"],
        columns: &[
            Column::Text("user_id"),
            Column::Text("instance"),
            Column::Text("subject"),
            Column::Int("position"),
        ],
        indexes: &[&["instance", "subject"]],
    }
}

/// An erased subject stands for nobody: it opens no door and shows no row.
pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::User(event) = &recorded.event else {
        return vec![];
    };
    let key = |instance: &String, subject: &String| {
        vec![text(recorded.stream.key()), text(instance), text(subject)]
    };
    if let UserEvent::IdentityLinked { instance, how: _, subject: Personal::Present(subject) } = event {
        let columns = vec![("position", position(recorded))];
        return vec![Write::Put { table, key: key(instance, subject), columns }];
    }
    if let UserEvent::IdentityUnlinked { instance, subject: Personal::Present(subject) } = event {
        return vec![Write::Remove { table, key_prefix: key(instance, subject) }];
    }
    vec![]
}
