//! Rows into what is shown of each system.

use std::collections::BTreeMap;

use domain::provisioning::{Phase, SystemStatus};
use schema::provisioning::ResourceKind;
use schema::{System, TenantId, Timestamp};

use super::conditions::conditions;
use super::work::Work;
use super::{
    FailedResource, IntegrationView, LOOSE, LastError, ProvisioningView, RESOURCES, ResourceView, SYSTEMS,
    TENANTS,
};
use crate::api::{Moment, PerSystem};
use crate::health;
use crate::memory::{Memory, RowError};
use crate::parts::resource::Bound;
use crate::parts::system::SystemRow;
use crate::parts::tenant::Tenant;
use crate::parts::{text, word_of};

/// What decides about the conditions of every system alike.
pub(super) struct Around<'a> {
    /// Nothing while the tenant's first event is still on its way here.
    pub(super) tenant: Option<Tenant<'a>>,
    /// Whether lifecycle or holds ask the doors shut.
    pub(super) asks_shut: bool,
    pub(super) work: &'a Work,
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
        paused: work.paused(),
        integrations: PerSystem::from_fn(|system| {
            let loose = loose.get(&system).copied().unwrap_or_default();
            integration(&around, system, systems.get(&system).map(|row| (row, loose)), &bound)
        }),
        changed_position,
    })
}

/// Since when a system is not as it should be, and since when because of drift.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Loose {
    pub(super) since: Option<Timestamp>,
    pub(super) drift_since: Option<Timestamp>,
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
    let work = around.work;
    let row = found.map(|(row, _)| row);
    IntegrationView {
        state: row.map_or(SystemStatus::Pending, SystemRow::status).as_str(),
        mode: Some(work.acting(system).as_str()),
        differences: work.differences(system),
        desired_generation: row.map_or(0, |row| row.generation),
        observed_generation: row.map_or(0, |row| row.converged_generation),
        conditions: conditions(around, system, found),
        resources: bound
            .iter()
            .filter(|found| found.system == system)
            .map(|found| resource(around, found))
            .collect(),
        attempts: work.attempts(system),
        last_attempt_at: work.attempted_at(system).map(Moment),
        next_attempt_at: work.next(system).map(Moment),
        last_error: row.and_then(|row| last_error(work, row)),
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

fn last_error(work: &Work, row: &SystemRow<'_>) -> Option<LastError> {
    let Phase::Failed { class, reason, resource } = &row.phase else {
        return None;
    };
    let said = work.said(row.system);
    let recorded = resource
        .as_ref()
        .map(|found| FailedResource { kind: found.kind.as_str().to_owned(), key: found.key.clone() });
    Some(LastError {
        class: word_of(class),
        reason: word_of(reason),
        message: health::failure(row, health::Told { person: None, next: work.next(row.system) })?,
        resource: recorded.or(said.resource),
        upstream: said.upstream,
    })
}
