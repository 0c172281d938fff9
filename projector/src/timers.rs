//! The read model `timers`: what has to happen by itself, and when. Firing one twice does nothing.

use event_store::Value;
use schema::{Event, HoldId, InvitationId, Recorded, StreamId, TenantEvent, TenantId, Timestamp};

use crate::facts::Unreadable;
use crate::memory::RowError;
use crate::model::{Column, ReadModel, Table, Write};
use crate::parts::text;
use crate::select::QueryError;
use crate::views::At;

const TIMERS: &str = "timers";
const HOLD_EXPIRY: &str = "holdExpiry";
const TERMINATION: &str = "termination";
const INVITATION_EXPIRY: &str = "invitationExpiry";

/// What has to happen by itself.
pub const MODEL: ReadModel = ReadModel {
    name: "timers",
    version: 1,
    reads: &["tenant"],
    tables: &[Table {
        name: TIMERS,
        key: &["tenant_id", "kind", "subject_id"],
        columns: &[
            Column::Text("tenant_id"),
            Column::Text("kind"),
            // The hold, the tenant, or the person invited: at most one timer of a kind each.
            Column::Text("subject_id"),
            // What the command names.
            Column::Text("target_id"),
            Column::Text("due_at"),
            Column::Int("position"),
        ],
        indexes: &[&["due_at"]],
    }],
    project,
};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A hold's time is over.
    HoldExpiry(HoldId),
    /// A tenant's time of grace is over.
    Termination,
    /// Nobody answered an invitation.
    InvitationExpiry(InvitationId),
}

/// Something that has to happen by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The same for one timer whoever looks: a command derived from it takes effect once.
    pub id: String,
    /// Whom it concerns.
    pub tenant_id: TenantId,
    /// What is to be done.
    pub due: Due,
    /// When.
    pub due_at: Timestamp,
}

/// What is due, and what nothing can be said of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllDue {
    /// The oldest first.
    pub timers: Vec<Timer>,
    /// Rows that hold something we did not write.
    pub unreadable: Vec<Unreadable>,
}

impl Timer {
    /// Where the command goes.
    pub fn stream(&self) -> StreamId {
        self.tenant_id.into()
    }
}

fn project(recorded: &Recorded) -> Vec<Write> {
    use TenantEvent as E;
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let key = |kind: &str, subject: Value| vec![text(recorded.stream.key()), text(kind), subject];
    let set = |kind: &str, subject: Value, target: Value, due_at: &Timestamp| Write::Put {
        table: TIMERS,
        key: key(kind, subject),
        columns: vec![
            ("target_id", target),
            ("due_at", text(due_at)),
            ("position", recorded.position.into()),
        ],
    };
    let gone = |kind: &str, subject: Value| Write::Remove { table: TIMERS, key_prefix: key(kind, subject) };
    let tenant = || text(recorded.stream.key());
    if let E::HoldPlaced { hold_id, until: Some(until), .. } = event {
        return vec![set(HOLD_EXPIRY, text(hold_id), text(hold_id), until)];
    }
    if let E::HoldReleased { hold_id, .. } | E::HoldExpired { hold_id, .. } = event {
        return vec![gone(HOLD_EXPIRY, text(hold_id))];
    }
    if let E::TerminationScheduled { terminates_at, .. } = event {
        return vec![set(TERMINATION, tenant(), tenant(), terminates_at)];
    }
    if let E::Restored { .. } = event {
        return vec![gone(TERMINATION, tenant())];
    }
    if let E::Terminated {} = event {
        return vec![Write::Remove { table: TIMERS, key_prefix: vec![tenant()] }];
    }
    if let E::MemberInvited { invitation_id, user_id, expires_at, .. } = event {
        return vec![set(INVITATION_EXPIRY, text(user_id), text(invitation_id), expires_at)];
    }
    // Who is made a member at once needs no invitation any more.
    if let E::MemberAdded { user_id, .. }
    | E::InvitationAccepted { user_id, .. }
    | E::InvitationDeclined { user_id, .. }
    | E::InvitationExpired { user_id, .. } = event
    {
        return vec![gone(INVITATION_EXPIRY, text(user_id))];
    }
    vec![]
}

/// Timers whose time has come, the oldest first. One that cannot be read fires nothing and stands in nobody's way.
pub async fn due(at: &mut At, now: Timestamp, limit: usize) -> Result<AllDue, QueryError> {
    let mut due = AllDue::default();
    let mut passed = 0;
    while due.timers.len() < limit {
        let wanted = limit - due.timers.len();
        let rows = at
            .query(
                "select tenant_id, kind, target_id, due_at from timers where due_at <= $1
                  order by due_at, tenant_id, kind, subject_id limit $2 offset $3",
                &[text(now), (wanted as u64).into(), (passed as u64).into()],
            )
            .await?;
        passed += rows.len();
        for row in &rows {
            let tenant = row.text(0)?;
            match timer(tenant, row.text(1)?, row.text(2)?, row.text(3)?) {
                Ok(timer) => due.timers.push(timer),
                Err(error) => {
                    due.unreadable
                        .push(Unreadable { tenant_id: tenant.parse().ok(), why: error.to_string() });
                }
            }
        }
        if rows.len() < wanted {
            break;
        }
    }
    Ok(due)
}

/// When the next timer is due.
pub async fn next_due_at(at: &mut At) -> Result<Option<Timestamp>, QueryError> {
    let rows = at.query("select min(due_at) from timers", &[]).await?;
    let first = rows.first().map(|row| row.opt_text(0)).transpose()?.flatten();
    Ok(first.and_then(|text| text.parse().ok()))
}

fn timer(tenant: &str, kind: &str, target: &str, due_at: &str) -> Result<Timer, RowError> {
    let wrong = |column| RowError::of(TIMERS, column);
    let due = match kind {
        HOLD_EXPIRY => Due::HoldExpiry(target.parse().map_err(|_| wrong("target_id"))?),
        TERMINATION => Due::Termination,
        INVITATION_EXPIRY => Due::InvitationExpiry(target.parse().map_err(|_| wrong("target_id"))?),
        _ => return Err(wrong("kind")),
    };
    Ok(Timer {
        id: format!("{kind}:{tenant}:{target}:{due_at}"),
        tenant_id: tenant.parse().map_err(|_| wrong("tenant_id"))?,
        due,
        due_at: due_at.parse().map_err(|_| wrong("due_at"))?,
    })
}
