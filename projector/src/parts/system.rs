//! What has been recorded of a tenant, or of the platform, in one outside system.

use domain::provisioning::{Phase, SystemStatus};
use event_store::Value;
use schema::provisioning::{ConvergedReason, FailureClass, Mode, Reason, Resource};
use schema::{Event, ProvisioningEvent, Recorded, StreamId, System, Timestamp};

use super::{maybe_text, stamp, text, word};
use crate::memory::{RowError, RowRef};
use crate::model::{Column, Columns, Table, Write};

const PROGRESSING: &str = "progressing";
const CONVERGED: &str = "converged";
const FAILED: &str = "failed";

pub(crate) const fn table(name: &'static str) -> Table {
    Table {
        name,
        key: &["subject_id", "system"],
        columns: &[
            Column::Text("subject_id"),
            Column::Text("system"),
            Column::Text("mode"),
            Column::Text("spec_hash"),
            Column::Int("generation"),
            Column::Int("converged_generation"),
            // What the last event about it said; `unsettled` says that something has come loose since.
            Column::Text("phase"),
            Column::Int("unsettled"),
            Column::Text("reason"),
            Column::Text("class"),
            Column::Text("failed_kind"),
            Column::Text("failed_key"),
            Column::Int("drifted"),
            Column::Int("access_revoked"),
            Column::Text("created_at"),
            Column::Text("wanted_at"),
            Column::Text("converged_at"),
            Column::Text("phase_at"),
            Column::Text("drifted_at"),
            Column::Text("access_at"),
            Column::Text("changed_at"),
            Column::Int("version"),
            Column::Int("position"),
        ],
        indexes: &[],
    }
}

/// Tenant, or `platform`, and system.
pub(crate) fn key(stream: &StreamId) -> Option<[Value; 2]> {
    let system = stream.system()?;
    let subject = stream.key().strip_suffix(system.as_str())?.strip_suffix('-')?;
    Some([text(subject), text(system)])
}

pub(crate) fn project(table: &'static str, recorded: &Recorded) -> Vec<Write> {
    let Event::Provisioning(event) = &recorded.event else {
        return vec![];
    };
    let Some(key) = key(&recorded.stream).map(Vec::from) else {
        return vec![];
    };
    let mut columns = changed(event, recorded);
    columns.extend(stamp(recorded));
    columns.push(("changed_at", text(recorded.recorded_at)));
    if recorded.version > 1 {
        return vec![Write::Set { table, key, columns }];
    }
    let given = |name: &str, columns: &Columns| columns.iter().any(|(column, _)| *column == name);
    for (column, value) in [
        ("generation", Value::Int(0)),
        ("converged_generation", Value::Int(0)),
        ("phase", text(PROGRESSING)),
        ("unsettled", Value::Int(0)),
        ("drifted", Value::Int(0)),
        ("access_revoked", Value::Int(0)),
        ("created_at", text(recorded.recorded_at)),
    ] {
        if !given(column, &columns) {
            columns.push((column, value));
        }
    }
    vec![Write::Put { table, key, columns }]
}

fn changed(event: &ProvisioningEvent, recorded: &Recorded) -> Columns {
    use ProvisioningEvent as E;
    let now = || text(recorded.recorded_at);
    let phase = |word: &str| ("phase", text(word));
    let unsettled = |yes: i64| ("unsettled", Value::Int(yes));
    match event {
        E::SpecChanged { generation, spec_hash, mode, .. } => vec![
            ("generation", (*generation).into()),
            ("spec_hash", text(spec_hash)),
            ("mode", word(mode)),
            phase(PROGRESSING),
            unsettled(0),
            ("reason", Value::Null),
            ("class", Value::Null),
            ("failed_kind", Value::Null),
            ("failed_key", Value::Null),
            ("wanted_at", now()),
            ("phase_at", now()),
        ],
        E::Converged { generation, reason } => vec![
            ("converged_generation", (*generation).into()),
            phase(CONVERGED),
            unsettled(0),
            ("reason", word(reason)),
            ("class", Value::Null),
            ("failed_kind", Value::Null),
            ("failed_key", Value::Null),
            ("drifted", Value::Int(0)),
            ("converged_at", now()),
            ("phase_at", now()),
        ],
        E::Failed { generation: _, class, reason, resource } => vec![
            phase(FAILED),
            unsettled(0),
            ("reason", word(reason)),
            ("class", word(class)),
            ("failed_kind", maybe_text(resource.as_ref().map(|resource| resource.kind.as_str()))),
            ("failed_key", maybe_text(resource.as_ref().map(|resource| &resource.key))),
            ("phase_at", now()),
        ],
        E::DriftDetected { .. } => {
            vec![unsettled(1), ("drifted", Value::Int(1)), ("drifted_at", now()), ("wanted_at", now())]
        }
        E::ResourceLost { .. } => vec![unsettled(1), ("wanted_at", now())],
        E::AccessRevoked { .. } => vec![("access_revoked", Value::Int(1)), ("access_at", now())],
        E::AccessRestored { .. } => vec![("access_revoked", Value::Int(0)), ("access_at", now())],
        E::ResourceBound { .. } | E::ResourceReleased { .. } => vec![],
    }
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct SystemRow<'a> {
    pub(crate) system: System,
    pub(crate) mode: Option<Mode>,
    pub(crate) spec_hash: &'a str,
    pub(crate) generation: u64,
    pub(crate) converged_generation: u64,
    pub(crate) phase: Phase,
    pub(crate) drifted: bool,
    pub(crate) access_revoked: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) wanted_at: Option<Timestamp>,
    pub(crate) converged_at: Option<Timestamp>,
    pub(crate) phase_at: Option<Timestamp>,
    pub(crate) drifted_at: Option<Timestamp>,
    pub(crate) access_at: Option<Timestamp>,
    pub(crate) changed_at: Timestamp,
    pub(crate) position: u64,
}

impl<'a> SystemRow<'a> {
    pub(crate) fn read(row: RowRef<'a>) -> Result<Self, RowError> {
        Ok(Self {
            system: row.parse("system")?,
            mode: row.maybe_word("mode")?,
            spec_hash: row.maybe_text("spec_hash").unwrap_or_default(),
            generation: row.count("generation"),
            converged_generation: row.count("converged_generation"),
            phase: phase_of(row)?,
            drifted: row.is_set("drifted"),
            access_revoked: row.is_set("access_revoked"),
            created_at: row.parse("created_at")?,
            wanted_at: row.maybe_time("wanted_at")?,
            converged_at: row.maybe_time("converged_at")?,
            phase_at: row.maybe_time("phase_at")?,
            drifted_at: row.maybe_time("drifted_at")?,
            access_at: row.maybe_time("access_at")?,
            changed_at: row.parse("changed_at")?,
            position: row.count("position"),
        })
    }

    pub(crate) fn status(&self) -> SystemStatus {
        SystemStatus::of(self.mode, &self.phase)
    }
}

/// As the aggregate folds it: something loose undoes "converged", and leaves a failure what it is.
fn phase_of(row: RowRef<'_>) -> Result<Phase, RowError> {
    let loose = row.is_set("unsettled");
    Ok(match row.text("phase")? {
        CONVERGED if !loose => {
            Phase::Converged(row.maybe_word("reason")?.unwrap_or(ConvergedReason::Converged))
        }
        FAILED => Phase::Failed {
            class: row.maybe_word::<FailureClass>("class")?.unwrap_or(FailureClass::Transient),
            reason: row.maybe_word::<Reason>("reason")?.unwrap_or(Reason::UpstreamUnavailable),
            resource: match (row.maybe_word("failed_kind")?, row.maybe_text("failed_key")) {
                (Some(kind), Some(key)) => Some(Resource { kind, key: key.to_owned() }),
                _ => None,
            },
        },
        _ => Phase::Progressing,
    })
}
