//! Memberships: who belongs to a tenant, in which role, how far.

use domain::access::{MemberStatus, Membership};
use event_store::Value;
use schema::{Event, Recorded, Role, TenantEvent, TenantId, UserId};

use super::{position, text};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["tenant_id", "user_id"],
        columns: &[
            Column::Text("tenant_id"),
            Column::Text("user_id"),
            Column::Text("role"),
            Column::Text("status"),
            Column::Text("invitation_id"),
            Column::Int("closed_position"),
            Column::Int("position"),
        ],
        indexes: &[&["user_id"]],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    use TenantEvent as E;
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let key = |user: &UserId| vec![text(recorded.stream.key()), text(user)];
    let member = |user: &UserId, role: Role, status: MemberStatus, invitation: Value| Write::Put {
        table,
        key: key(user),
        columns: vec![
            ("role", text(role.as_str())),
            ("status", text(status.as_str())),
            ("invitation_id", invitation),
            ("closed_position", Value::Int(0)),
            ("position", position(recorded)),
        ],
    };
    let set = |user: &UserId, status: MemberStatus| Write::Set {
        table,
        key: key(user),
        columns: vec![("status", text(status.as_str())), ("position", position(recorded))],
    };
    if let E::MemberAdded { user_id, role, source: _ } = event {
        return vec![member(user_id, *role, MemberStatus::Active, Value::Null)];
    }
    if let E::MemberInvited { invitation_id, user_id, role, .. } = event {
        return vec![member(user_id, *role, MemberStatus::Invited, text(invitation_id))];
    }
    if let E::InvitationAccepted { user_id, .. } = event {
        return vec![set(user_id, MemberStatus::Active)];
    }
    if let E::InvitationDeclined { user_id, .. } | E::InvitationExpired { user_id, .. } = event {
        return vec![set(user_id, MemberStatus::Removed)];
    }
    vec![]
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) tenant_id: TenantId,
    pub(crate) user_id: UserId,
    pub(crate) membership: Membership,
    pub(crate) closed_position: u64,
    pub(crate) position: u64,
}

impl Member {
    pub(crate) fn read(row: RowRef<'_>) -> Result<Self, RowError> {
        Ok(Self {
            tenant_id: row.parse("tenant_id")?,
            user_id: row.parse("user_id")?,
            membership: Membership { role: row.parse("role")?, status: row.parse("status")? },
            closed_position: row.count("closed_position"),
            position: row.count("position"),
        })
    }
}
