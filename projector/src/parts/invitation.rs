//! Invitations into tenants, with what became of them.

use schema::{ActorKind, Event, InvitationId, Recorded, TenantEvent};

use super::{maybe_text, text};
use crate::model::{Column, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["tenant_id", "invitation_id"],
        columns: &[
            Column::Text("tenant_id"),
            Column::Text("invitation_id"),
            Column::Text("user_id"),
            Column::Text("role"),
            Column::Text("status"),
            Column::Text("expires_at"),
            Column::Text("invited_by"),
            Column::Text("created_at"),
        ],
        indexes: &[&["user_id"], &["invitation_id"]],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    use TenantEvent as E;
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let key = |invitation: &InvitationId| vec![text(recorded.stream.key()), text(invitation)];
    let ended = |invitation: &InvitationId, status: &str| {
        vec![Write::Set { table, key: key(invitation), columns: vec![("status", text(status))] }]
    };
    if let E::MemberInvited { invitation_id, user_id, role, expires_at, revived: _ } = event {
        let actor = recorded.meta.actor;
        return vec![Write::Put {
            table,
            key: key(invitation_id),
            columns: vec![
                ("user_id", text(user_id)),
                ("role", text(role.as_str())),
                ("status", text("open")),
                ("expires_at", text(expires_at)),
                // Who of our staff invited is not for the invited.
                ("invited_by", maybe_text(actor.id.filter(|_| actor.kind == ActorKind::User))),
                ("created_at", text(recorded.recorded_at)),
            ],
        }];
    }
    if let E::InvitationAccepted { invitation_id, .. } = event {
        return ended(invitation_id, "accepted");
    }
    if let E::InvitationDeclined { invitation_id, .. } = event {
        return ended(invitation_id, "declined");
    }
    if let E::InvitationExpired { invitation_id, .. } = event {
        return ended(invitation_id, "expired");
    }
    vec![]
}
