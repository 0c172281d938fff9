//! The read model `provisioning`: how far each tenant is in each outside system, with conditions and reasons.

mod assemble;
mod view;

pub use view::{Condition, IntegrationView, LastError, ProvisioningView, ResourceView};

use schema::{Recorded, TenantId};

use crate::memory::Memory;
use crate::model::{ReadModel, Table, Write};
use crate::parts::{self, text};
use crate::select::{QueryError, load_many};
use crate::views::At;
use assemble::Work;

const TENANTS: &str = "provisioning_tenants";
const SYSTEMS: &str = "provisioning_systems";
const RESOURCES: &str = "provisioning_resources";

const TABLES: &[Table] =
    &[parts::tenant::table(TENANTS), parts::system::table(SYSTEMS), parts::resource::table(RESOURCES)];

/// How far each tenant is in each outside system.
pub const MODEL: ReadModel = ReadModel {
    name: "provisioning",
    version: 1,
    reads: &["tenant", "provisioning"],
    tables: TABLES,
    project,
};

fn project(recorded: &Recorded) -> Vec<Write> {
    [
        parts::tenant::project(TENANTS, recorded),
        parts::system::project(SYSTEMS, recorded),
        parts::resource::project(RESOURCES, recorded),
    ]
    .concat()
}

/// All systems of one tenant; pending where nothing is known yet. Attempts and the next look come from the reconciler's
/// own rows.
pub async fn get(at: &mut At, id: TenantId) -> Result<ProvisioningView, QueryError> {
    let mut memory = Memory::new(TABLES);
    let key = [text(id)];
    let tables = [(TENANTS, "tenant_id"), (SYSTEMS, "subject_id"), (RESOURCES, "subject_id")];
    load_many(at, &MODEL, &mut memory, &tables, &key).await?;
    let mut work = Work::default();
    for row in at.query("select system, attempts, due_at, state from due where subject = $1", &key).await? {
        work.plan(row.text(0)?, row.count(1)?, row.text(2)?, row.opt_text(3)?);
    }
    let last = "select system, max(started_at) from attempts where subject = $1 group by system";
    for row in at.query(last, &key).await? {
        work.attempt(row.text(0)?, row.text(1)?);
    }
    Ok(assemble::assemble(&memory, &work, id)?)
}
