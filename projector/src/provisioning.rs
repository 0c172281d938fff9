//! The read model `provisioning`: how far each tenant is in each outside system, with conditions and reasons.

mod assemble;
mod conditions;
mod view;
mod work;

pub use view::{
    Condition, DifferencesView, FailedResource, IntegrationView, LastError, ProvisioningView, ResourceView,
};

use event_store::Value;
use schema::{Event, ProvisioningEvent, Recorded, TenantId};

use crate::memory::Memory;
use crate::model::{Column, ReadModel, Table, Write};
use crate::parts::{self, text};
use crate::select::{QueryError, load_many};
use crate::views::At;

const TENANTS: &str = "provisioning_tenants";
const SYSTEMS: &str = "provisioning_systems";
const RESOURCES: &str = "provisioning_resources";
const LOOSE: &str = "provisioning_loose";

const TABLES: &[Table] = &[
    parts::tenant::table(TENANTS),
    parts::system::table(SYSTEMS),
    parts::resource::table(RESOURCES),
    // What has come loose since a system last was as it should be: the first of it is when that ended.
    Table {
        name: LOOSE,
        key: &["subject_id", "system", "position"],
        columns: &[
            Column::Text("subject_id"),
            Column::Text("system"),
            Column::Int("position"),
            Column::Text("at"),
            Column::Int("is_drift"),
        ],
        indexes: &[],
    },
];

/// How far each tenant is in each outside system.
pub const MODEL: ReadModel = ReadModel {
    name: "provisioning",
    version: 2,
    reads: &["tenant", "provisioning"],
    tables: TABLES,
    project,
};

fn project(recorded: &Recorded) -> Vec<Write> {
    [
        parts::tenant::project(TENANTS, recorded),
        parts::system::project(SYSTEMS, recorded),
        parts::resource::project(RESOURCES, recorded),
        loose(recorded),
    ]
    .concat()
}

/// Everything that comes loose is kept until the next convergence.
fn loose(recorded: &Recorded) -> Vec<Write> {
    use ProvisioningEvent as E;
    let (Event::Provisioning(event), Some([subject, system])) =
        (&recorded.event, parts::system::key(&recorded.stream))
    else {
        return vec![];
    };
    let come_loose = |is_drift| {
        let key = vec![subject.clone(), system.clone(), recorded.position.into()];
        let columns = vec![("at", text(recorded.recorded_at)), ("is_drift", Value::Int(is_drift))];
        vec![Write::Put { table: LOOSE, key, columns }]
    };
    match event {
        E::Converged { .. } => {
            vec![Write::Remove { table: LOOSE, key_prefix: vec![subject.clone(), system.clone()] }]
        }
        E::DriftDetected { .. } => come_loose(1),
        E::SpecChanged { .. } | E::Failed { .. } | E::ResourceLost { .. } => come_loose(0),
        E::ResourceBound { .. }
        | E::ResourceReleased { .. }
        | E::AccessRevoked { .. }
        | E::AccessRestored { .. } => vec![],
    }
}

/// All systems of one tenant; pending where nothing is known yet. Attempts and the next look come from the reconciler's
/// own rows.
pub async fn get(at: &mut At, id: TenantId) -> Result<ProvisioningView, QueryError> {
    let mut memory = Memory::new(TABLES);
    let key = [text(id)];
    let tables =
        [(TENANTS, "tenant_id"), (SYSTEMS, "subject_id"), (RESOURCES, "subject_id"), (LOOSE, "subject_id")];
    load_many(at, &MODEL, &mut memory, &tables, &key).await?;
    let work = work::of(at, id).await?;
    Ok(assemble::assemble(&memory, &work, id)?)
}

#[cfg(test)]
mod tests;
