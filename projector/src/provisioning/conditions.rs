//! Rows into conditions: what is true of a system, since when, and why.

use domain::provisioning::{Phase, SystemStatus};
use schema::provisioning::Reason;
use schema::{System, Timestamp};

use super::Condition;
use super::assemble::{Around, Loose};
use crate::api::Moment;
use crate::health;
use crate::parts::system::SystemRow;
use crate::parts::word_of;
use crate::standing::Acting;

/// A statement's time is when it last turned true or false; another reason for the same is no news.
pub(super) fn conditions(
    around: &Around<'_>,
    system: System,
    found: Option<(&SystemRow<'_>, Loose)>,
) -> Vec<Condition> {
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
    let is_ready = ready(around, system, row).0;
    let phase_at = row.and_then(|row| if is_ready { row.phase_at } else { loose.since });
    vec![
        condition("Ready", ready(around, system, row), phase_at),
        condition("Synced", synced(around, system, row), phase_at),
        condition("AccessRevoked", access_revoked(around, row), row.and_then(|row| row.access_at)),
        condition("Paused", paused(around, system), None),
        condition("Drifted", drifted(row), row.and_then(|row| loose.drift_since.or(row.drifted_at))),
    ]
}

/// Whether a statement holds, why, and a sentence for people.
struct Holds(bool, Reason, Option<String>);

fn ready(around: &Around<'_>, system: System, row: Option<&SystemRow<'_>>) -> Holds {
    let Some(row) = row else {
        return not_yet(around, system, Reason::Waiting);
    };
    match (&row.phase, row.status()) {
        (_, SystemStatus::Skipped) => Holds(true, Reason::Disabled, None),
        (Phase::Converged(reason), _) => Holds(true, converged(*reason), None),
        (phase, _) if phase.is_of_a_person() => Holds(true, Reason::Converged, None),
        (Phase::Failed { reason, .. }, _) => Holds(false, *reason, failure(row)),
        (Phase::Progressing, _) => not_yet(around, system, Reason::InProgress),
    }
}

/// What is on its way waits for whoever holds it back, and says so.
fn not_yet(around: &Around<'_>, system: System, reason: Reason) -> Holds {
    let acting = around.work.acting(system);
    let reason = match acting {
        Acting::Paused => Reason::Paused,
        Acting::Observe => Reason::Waiting,
        Acting::Enforce | Acting::Disabled => reason,
    };
    let found = around.work.differences(system).map(|found| found.message);
    Holds(false, reason, found.or_else(|| health::held_back(system, acting)))
}

fn failure(row: &SystemRow<'_>) -> Option<String> {
    health::failure(row, health::Told::default())
}

/// "Ready" never hides that something differs.
fn synced(around: &Around<'_>, system: System, row: Option<&SystemRow<'_>>) -> Holds {
    match row {
        Some(row) if row.drifted && !matches!(row.phase, Phase::Failed { .. }) => {
            Holds(false, Reason::DriftDetected, None)
        }
        Some(row @ SystemRow { phase: Phase::Failed { reason, .. }, .. }) => {
            Holds(false, *reason, failure(row))
        }
        row => ready(around, system, row),
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
    match around.work.acting(system) {
        Acting::Paused => Holds(true, Reason::Paused, health::held_back(system, Acting::Paused)),
        Acting::Enforce | Acting::Observe | Acting::Disabled => Holds(false, Reason::NotRequested, None),
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
