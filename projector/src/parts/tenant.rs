//! A tenant itself: name, lifecycle, number of shut doors, partner, termination.

use domain::access::{Lifecycle, TenantStanding, shuts_doors};
use event_store::Value;
use schema::tenant::{HoldKind, LivingPhase};
use schema::{Event, PartnerId, Recorded, TenantEvent, TenantId, Timestamp};

use super::{maybe_shown, maybe_text, position, searched, shown, stamp, text, word};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Columns, Table, Write};

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["tenant_id"],
        columns: &[
            Column::Text("tenant_id"),
            Column::Text("slug"),
            Column::Text("name"),
            Column::Text("name_search"),
            Column::Text("origin"),
            Column::Text("lifecycle"),
            Column::Int("held"),
            Column::Text("plan_id"),
            Column::Text("locale"),
            Column::Text("timezone"),
            Column::Text("partner_id"),
            Column::Text("primary_domain"),
            Column::Text("created_at"),
            Column::Text("activated_at"),
            Column::Text("scheduled_at"),
            Column::Text("terminates_at"),
            Column::Int("grace_days"),
            Column::Text("termination_reason"),
            Column::Int("closed_position"),
            Column::Int("version"),
            Column::Int("position"),
        ],
        indexes: &[&["slug"], &["created_at", "tenant_id"], &["partner_id"]],
    }
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let key = vec![text(recorded.stream.key())];
    if let TenantEvent::Created { .. } = event {
        return vec![Write::Put { table, key, columns: created(event, recorded) }];
    }
    let mut columns = changed(event, recorded);
    columns.extend(stamp(recorded));
    let by = moves_held(event);
    let mut writes = vec![Write::Set { table, key: key.clone(), columns }];
    if by != 0 {
        writes.push(Write::Add { table, key, column: "held", by });
    }
    writes
}

fn created(event: &TenantEvent, recorded: &Recorded) -> Columns {
    let TenantEvent::Created { slug, origin, plan_id, locale, timezone, name, .. } = event else {
        return vec![];
    };
    let mut columns = vec![
        ("slug", text(slug)),
        ("name", shown(name)),
        ("name_search", searched(name)),
        ("origin", word(origin)),
        ("lifecycle", text(Lifecycle::Pending.as_str())),
        ("held", Value::Int(0)),
        ("plan_id", text(plan_id)),
        ("locale", maybe_text(locale.as_ref())),
        ("timezone", maybe_text(timezone.as_ref())),
        ("created_at", text(recorded.recorded_at)),
        ("closed_position", Value::Int(0)),
    ];
    columns.extend(stamp(recorded));
    columns
}

fn changed(event: &TenantEvent, recorded: &Recorded) -> Columns {
    use TenantEvent as E;
    let lifecycle = |lifecycle: Lifecycle| ("lifecycle", text(lifecycle.as_str()));
    let closed = || ("closed_position", position(recorded));
    match event {
        E::Renamed { from: _, to } => vec![("name", shown(to)), ("name_search", searched(to))],
        E::ProfileChanged { locale, timezone, changed, contact: _ } => {
            let fields = [("locale", locale), ("timezone", timezone)].into_iter();
            let named = fields.filter(|(name, _)| changed.iter().any(|field| field == name));
            named.map(|(name, value)| (name, maybe_text(value.as_ref()))).collect()
        }
        E::Activated { generations: _ } => {
            vec![lifecycle(Lifecycle::Active), ("activated_at", text(recorded.recorded_at))]
        }
        E::HoldPlaced { kind, .. } if shuts_doors(*kind) => vec![closed()],
        E::TerminationScheduled { .. } | E::Restored { .. } => end(event, recorded),
        E::Terminated {} => vec![lifecycle(Lifecycle::Terminated), closed()],
        E::PartnerAttached { partner_id, why: _ } => vec![("partner_id", text(partner_id))],
        E::PartnerDetached { .. } => vec![("partner_id", Value::Null)],
        E::PrimaryDomainChanged { from: _, to } => vec![("primary_domain", maybe_text(to.as_ref()))],
        E::Created { .. }
        | E::BillingInfoChanged { .. }
        | E::HoldPlaced { .. }
        | E::HoldReleased { .. }
        | E::HoldExpired { .. }
        | E::Suspended { .. }
        | E::Resumed { .. }
        | E::MemberAdded { .. }
        | E::MemberInvited { .. }
        | E::InvitationAccepted { .. }
        | E::InvitationDeclined { .. }
        | E::InvitationExpired { .. }
        | E::DomainClaimed { .. }
        | E::DomainVerified { .. }
        | E::DomainReleased { .. } => vec![],
    }
}

/// The end is set, or taken back.
fn end(event: &TenantEvent, recorded: &Recorded) -> Columns {
    if let TenantEvent::TerminationScheduled { terminates_at, grace_days, reason, .. } = event {
        return vec![
            ("lifecycle", text(Lifecycle::Terminating.as_str())),
            ("scheduled_at", text(recorded.recorded_at)),
            ("terminates_at", text(terminates_at)),
            ("grace_days", Value::Int(i64::from(*grace_days))),
            ("termination_reason", maybe_shown(reason.as_ref())),
            ("closed_position", position(recorded)),
        ];
    }
    let TenantEvent::Restored { lifecycle, reason: _ } = event else {
        return vec![];
    };
    vec![
        ("lifecycle", text(living(*lifecycle).as_str())),
        ("scheduled_at", Value::Null),
        ("terminates_at", Value::Null),
        ("grace_days", Value::Null),
        ("termination_reason", Value::Null),
    ]
}

/// How the number of holds that shut doors moves.
fn moves_held(event: &TenantEvent) -> i64 {
    if let TenantEvent::HoldPlaced { kind, .. } = event {
        return i64::from(shuts_doors(*kind));
    }
    if let TenantEvent::HoldReleased { kind, .. } | TenantEvent::HoldExpired { kind, .. } = event {
        return -i64::from(shuts_doors(*kind));
    }
    0
}

const fn living(phase: LivingPhase) -> Lifecycle {
    match phase {
        LivingPhase::Pending => Lifecycle::Pending,
        LivingPhase::Active => Lifecycle::Active,
    }
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Tenant<'a> {
    pub(crate) id: TenantId,
    pub(crate) slug: &'a str,
    pub(crate) name: &'a str,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) partner_id: Option<PartnerId>,
    pub(crate) created_at: Timestamp,
    pub(crate) closed_position: u64,
    pub(crate) version: u64,
    pub(crate) position: u64,
}

impl<'a> Tenant<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            id: row.parse("tenant_id")?,
            slug: row.text("slug")?,
            name: row.text("name")?,
            lifecycle: row.parse("lifecycle")?,
            partner_id: row.maybe_parse("partner_id")?,
            created_at: row.parse("created_at")?,
            closed_position: row.count("closed_position"),
            version: row.count("version"),
            position: row.count("position"),
        })
    }

    /// Whether the end is set or has come.
    pub(crate) const fn is_ending(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Terminating | Lifecycle::Terminated)
    }

    pub(crate) fn standing(&self, holds: impl IntoIterator<Item = HoldKind>) -> TenantStanding {
        TenantStanding { lifecycle: self.lifecycle, holds: holds.into_iter().collect() }
    }
}
