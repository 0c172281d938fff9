//! People: address, name, status.

use domain::access::UserStatus;
use event_store::Value;
use schema::{Email, Event, Personal, Recorded, Timestamp, UserEvent};

use super::{maybe_shown, maybe_text, searched, stamp, text};
use crate::api::ERASED;
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Columns, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["user_id"],
        columns: &[
            Column::Text("user_id"),
            Column::Text("email"),
            Column::Text("email_search"),
            Column::Text("name"),
            Column::Text("name_search"),
            Column::Text("status"),
            Column::Text("locale"),
            Column::Text("timezone"),
            Column::Text("theme"),
            Column::Text("created_at"),
            Column::Int("closed_position"),
            Column::Int("version"),
            Column::Int("position"),
        ],
        indexes: &[],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::User(event) = &recorded.event else {
        return vec![];
    };
    let key = vec![text(recorded.stream.key())];
    match event {
        UserEvent::Invited { source: _, tenant_id: _, email, name } => {
            let mut columns = known(UserStatus::Invited, email, recorded);
            columns.extend(named(name.as_ref()));
            vec![Write::Put { table, key, columns }]
        }
        UserEvent::Registered { audience: _, email, name } => {
            let mut columns = known(UserStatus::Active, email, recorded);
            columns.extend(named(name.as_ref()));
            vec![Write::Put { table, key, columns }]
        }
        UserEvent::Activated {} => {
            let mut columns = vec![("status", text(UserStatus::Active.as_str()))];
            columns.extend(stamp(recorded));
            vec![Write::Set { table, key, columns }]
        }
        UserEvent::ProfileChanged { source: _, locale, timezone, theme, changed, name } => {
            let mut columns: Columns = stamp(recorded).into();
            let fields = [
                ("locale", maybe_text(locale.as_ref())),
                ("timezone", maybe_text(timezone.as_ref())),
                ("theme", maybe_text(theme.as_ref())),
            ];
            columns.extend(fields.into_iter().filter(|(name, _)| changed.iter().any(|field| field == name)));
            if name.is_some() {
                columns.extend(named(name.as_ref()));
            }
            vec![Write::Set { table, key, columns }]
        }
        UserEvent::IdentityLinked { .. } | UserEvent::IdentityUnlinked { .. } => {
            vec![Write::Set { table, key, columns: stamp(recorded).into() }]
        }
    }
}

fn known(status: UserStatus, email: &Personal<Email>, recorded: &Recorded) -> Columns {
    let mut columns = vec![
        ("email", maybe_text(email.as_ref())),
        ("email_search", maybe_text(email.as_ref().map(Email::normalised))),
        ("status", text(status.as_str())),
        ("created_at", text(recorded.recorded_at)),
        ("closed_position", Value::Int(0)),
    ];
    columns.extend(stamp(recorded));
    columns
}

fn named(name: Option<&Personal<schema::DisplayName>>) -> [(&'static str, Value); 2] {
    [("name", maybe_shown(name)), ("name_search", name.map_or(Value::Null, searched))]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct PersonRow<'a> {
    /// Nothing once erased.
    pub(crate) email: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) status: UserStatus,
    pub(crate) locale: Option<&'a str>,
    pub(crate) timezone: Option<&'a str>,
    pub(crate) theme: Option<&'a str>,
    pub(crate) created_at: Timestamp,
    pub(crate) closed_position: u64,
    pub(crate) version: u64,
    pub(crate) position: u64,
}

impl<'a> PersonRow<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            email: row.maybe_text("email"),
            name: row.maybe_text("name"),
            status: row.parse("status")?,
            locale: row.maybe_text("locale"),
            timezone: row.maybe_text("timezone"),
            theme: row.maybe_text("theme"),
            created_at: row.parse("created_at")?,
            closed_position: row.count("closed_position"),
            version: row.count("version"),
            position: row.count("position"),
        })
    }

    /// What people call them: the name, else the address, else the placeholder.
    pub(crate) fn display(&self) -> &'a str {
        self.name.or(self.email).unwrap_or(ERASED)
    }
}
