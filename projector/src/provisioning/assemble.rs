//! Rows into conditions: what is true of a system, since when, and why.

use std::collections::BTreeMap;

use domain::provisioning::{Phase, SystemStatus};
use schema::provisioning::{Reason, ResourceKind};
use schema::{System, TenantId, Timestamp};

use super::{
    Condition, IntegrationView, LOOSE, LastError, ProvisioningView, RESOURCES, ResourceView, SYSTEMS, TENANTS,
};
use crate::api::{Moment, PerSystem};
use crate::health;
use crate::memory::{Memory, RowError};
use crate::parts::resource::Bound;
use crate::parts::system::SystemRow;
use crate::parts::tenant::Tenant;
use crate::parts::{text, word_of};

/// What the reconciler has noted about a tenant.
#[derive(Debug, Default)]
pub(super) struct Work {
    planned: BTreeMap<String, Planned>,
    attempted_at: BTreeMap<String, Timestamp>,
}

#[derive(Debug)]
struct Planned {
    attempts: u64,
    due_at: Option<Timestamp>,
    is_paused: bool,
}

impl Work {
    pub(super) fn plan(&mut self, system: &str, attempts: u64, due_at: &str, state: Option<&str>) {
        let planned = Planned { attempts, due_at: due_at.parse().ok(), is_paused: state == Some("paused") };
        self.planned.insert(system.to_owned(), planned);
    }

    pub(super) fn attempt(&mut self, system: &str, at: &str) {
        if let Ok(at) = at.parse() {
            self.attempted_at.insert(system.to_owned(), at);
        }
    }

    fn of(&self, system: System) -> Option<&Planned> {
        self.planned.get(system.as_str())
    }

    fn is_paused(&self, system: System) -> bool {
        self.of(system).is_some_and(|planned| planned.is_paused)
    }
}

/// What decides about the conditions of every system alike.
struct Around<'a> {
    /// Nothing while the tenant's first event is still on its way here.
    tenant: Option<Tenant<'a>>,
    /// Whether lifecycle or holds ask the doors shut.
    asks_shut: bool,
    work: &'a Work,
}

pub(super) fn assemble(memory: &Memory, work: &Work, id: TenantId) -> Result<ProvisioningView, RowError> {
    let key = [text(id)];
    let row = memory.row(TENANTS, &key);
    let tenant = row.map(Tenant::read).transpose()?;
    let systems = memory
        .below(SYSTEMS, &key)
        .map(|row| SystemRow::read(row).map(|read| (read.system, read)))
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    let loose = loose(memory, &key)?;
    let bound = memory.below(RESOURCES, &key).map(Bound::read).collect::<Result<Vec<_>, _>>()?;
    let touched = systems.values().map(|system| system.position).max().unwrap_or_default();
    let changed_position = touched.max(tenant.as_ref().map_or(0, |tenant| tenant.position));
    let is_held = row.is_some_and(|row| row.is_set("held"));
    let asks_shut = is_held || tenant.as_ref().is_some_and(Tenant::is_ending);
    let around = Around { tenant, asks_shut, work };
    Ok(ProvisioningView {
        tenant_id: id,
        summary: health::summary(&systems).as_str(),
        paused: System::ALL.into_iter().filter(|system| work.is_paused(*system)).collect(),
        integrations: PerSystem::from_fn(|system| {
            let loose = loose.get(&system).copied().unwrap_or_default();
            integration(&around, system, systems.get(&system).map(|row| (row, loose)), &bound)
        }),
        changed_position,
    })
}

/// Since when a system is not as it should be, and since when because of drift.
#[derive(Debug, Clone, Copy, Default)]
struct Loose {
    since: Option<Timestamp>,
    drift_since: Option<Timestamp>,
}

fn loose(memory: &Memory, key: &[event_store::Value]) -> Result<BTreeMap<System, Loose>, RowError> {
    let mut loose: BTreeMap<System, Loose> = BTreeMap::new();
    for row in memory.below(LOOSE, key) {
        let found = loose.entry(row.parse("system")?).or_default();
        let at: Timestamp = row.parse("at")?;
        found.since = Some(found.since.map_or(at, |since| since.min(at)));
        if row.is_set("is_drift") {
            found.drift_since = Some(found.drift_since.map_or(at, |since| since.min(at)));
        }
    }
    Ok(loose)
}

fn integration(
    around: &Around<'_>,
    system: System,
    found: Option<(&SystemRow<'_>, Loose)>,
    bound: &[Bound<'_>],
) -> IntegrationView {
    let planned = around.work.of(system);
    let row = found.map(|(row, _)| row);
    IntegrationView {
        state: row.map_or(SystemStatus::Pending, SystemRow::status).as_str(),
        desired_generation: row.map_or(0, |row| row.generation),
        observed_generation: row.map_or(0, |row| row.converged_generation),
        conditions: conditions(around, system, found),
        resources: bound
            .iter()
            .filter(|found| found.system == system)
            .map(|found| resource(around, found))
            .collect(),
        attempts: planned.map_or(0, |planned| planned.attempts),
        last_attempt_at: around.work.attempted_at.get(system.as_str()).copied().map(Moment),
        next_attempt_at: planned.and_then(|planned| planned.due_at).map(Moment),
        last_error: row.and_then(last_error),
        converged_in_ms: row.and_then(converged_in_ms),
    }
}

fn resource(around: &Around<'_>, found: &Bound<'_>) -> ResourceView {
    let tenant = around.tenant.as_ref();
    let name = match found.kind {
        ResourceKind::Group => tenant.map(|tenant| format!("dezky-tenant-{}", tenant.slug)),
        ResourceKind::Space => tenant.map(|tenant| tenant.name.to_owned()),
        ResourceKind::Domain => Some(found.key.to_owned()),
        ResourceKind::User | ResourceKind::Account | ResourceKind::Role => None,
    };
    ResourceView {
        kind: found.kind.as_str().to_owned(),
        key: found.key.to_owned(),
        external_id: found.external_id.to_owned(),
        name,
        last_observed_at: Some(Moment(found.since)),
    }
}

/// Nothing when the last wanted state has not been reached yet.
fn converged_in_ms(row: &SystemRow<'_>) -> Option<i64> {
    let (wanted_at, converged_at) = (row.wanted_at?, row.converged_at?);
    (converged_at >= wanted_at).then(|| converged_at.millis_since(wanted_at))
}

fn last_error(row: &SystemRow<'_>) -> Option<LastError> {
    let Phase::Failed { class, reason, .. } = &row.phase else {
        return None;
    };
    Some(LastError {
        class: word_of(class),
        reason: word_of(reason),
        message: health::sentence(row.system, *reason),
    })
}

/// A statement's time is when it last turned true or false; another reason for the same is no news.
fn conditions(around: &Around<'_>, system: System, found: Option<(&SystemRow<'_>, Loose)>) -> Vec<Condition> {
    let row = found.map(|(row, _)| row);
    let loose = found.map(|(_, loose)| loose).unwrap_or_default();
    let created = row.map(|row| row.created_at).or(around.tenant.as_ref().map(|tenant| tenant.created_at));
    let observed_generation = row.map_or(0, |row| row.converged_generation);
    let condition = |kind: &'static str, holds: Holds, since: Option<Timestamp>| Condition {
        kind,
        status: if holds.0 { "True" } else { "False" },
        reason: word_of(&holds.1),
        observed_generation,
        last_transition_at: since.or(created).map(Moment),
        message: holds.2,
    };
    let is_ready = ready(system, row).0;
    let phase_at = row.and_then(|row| if is_ready { row.phase_at } else { loose.since });
    vec![
        condition("Ready", ready(system, row), phase_at),
        condition("Synced", synced(system, row), phase_at),
        condition("AccessRevoked", access_revoked(around, row), row.and_then(|row| row.access_at)),
        condition("Paused", paused(around, system), None),
        condition("Drifted", drifted(row), row.and_then(|row| loose.drift_since.or(row.drifted_at))),
    ]
}

/// Whether a statement holds, why, and a sentence for people.
struct Holds(bool, Reason, Option<String>);

fn ready(system: System, row: Option<&SystemRow<'_>>) -> Holds {
    let Some(row) = row else {
        return Holds(false, Reason::Waiting, None);
    };
    match (&row.phase, row.status()) {
        (_, SystemStatus::Skipped) => Holds(true, Reason::Disabled, None),
        (Phase::Converged(reason), _) => Holds(true, converged(*reason), None),
        (phase, _) if phase.is_of_a_person() => Holds(true, Reason::Converged, None),
        (Phase::Failed { reason, .. }, _) => Holds(false, *reason, Some(health::sentence(system, *reason))),
        (Phase::Progressing, _) => Holds(false, Reason::InProgress, None),
    }
}

/// "Ready" never hides that something differs.
fn synced(system: System, row: Option<&SystemRow<'_>>) -> Holds {
    match row {
        Some(row) if row.drifted && !matches!(row.phase, Phase::Failed { .. }) => {
            Holds(false, Reason::DriftDetected, None)
        }
        Some(SystemRow { phase: Phase::Failed { reason, .. }, .. }) => {
            Holds(false, *reason, Some(health::sentence(system, *reason)))
        }
        row => ready(system, row),
    }
}

fn access_revoked(around: &Around<'_>, row: Option<&SystemRow<'_>>) -> Holds {
    match (row, around.asks_shut) {
        (Some(row), _) if row.access_revoked => Holds(true, Reason::Converged, None),
        (Some(row), true) if row.status() == SystemStatus::Skipped => Holds(false, Reason::Disabled, None),
        (Some(_) | None, true) => Holds(false, Reason::InProgress, None),
        (Some(_) | None, false) => Holds(false, Reason::NotRequested, None),
    }
}

fn paused(around: &Around<'_>, system: System) -> Holds {
    if around.work.is_paused(system) {
        Holds(true, Reason::Paused, None)
    } else {
        Holds(false, Reason::NotRequested, None)
    }
}

fn drifted(row: Option<&SystemRow<'_>>) -> Holds {
    match row {
        Some(row) if row.drifted => Holds(true, Reason::DriftDetected, None),
        Some(row) if row.drifted_at.is_some() => Holds(false, Reason::DriftCorrected, None),
        Some(_) | None => Holds(false, Reason::NotRequested, None),
    }
}

const fn converged(reason: schema::provisioning::ConvergedReason) -> Reason {
    match reason {
        schema::provisioning::ConvergedReason::Converged => Reason::Converged,
        schema::provisioning::ConvergedReason::NoDomains => Reason::NoDomains,
        schema::provisioning::ConvergedReason::Disabled => Reason::Disabled,
    }
}
