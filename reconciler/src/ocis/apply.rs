//! One step in OCIS as calls.

use serde_json::json;

use super::client::Client;
use super::{Spec, Step, mark};
use crate::call::CallError;
use crate::integration::Step as _;

pub(super) async fn apply(client: &Client, spec: &Spec, step: &Step) -> Result<(), CallError> {
    let at_once = client.at_once();
    let client = if step.shuts() { &at_once } else { client };
    match step {
        Step::DisableSpace { id } => client.disable_drive(id).await,
        Step::PurgeSpace { id } => client.purge_drive(id).await,
        Step::CreateSpace { name, quota } => client.create_drive(name, &mark(spec.tenant_id), *quota).await,
        Step::RestoreSpace { id } => client.restore_drive(id).await,
        Step::MarkSpace { id } => {
            client.patch_drive(id, &json!({ "description": mark(spec.tenant_id) })).await
        }
        Step::RenameSpace { id, name } => client.patch_drive(id, &json!({ "name": name })).await,
        Step::SetQuota { id, quota } => client.patch_drive(id, &json!({ "quota": { "total": quota } })).await,
        Step::CreateGroup { name } => client.create_group(name).await,
        Step::RenameGroup { id, name } => client.rename_group(id, name).await,
        Step::GrantEditor { space, group } => client.grant_editor(space, group).await,
        Step::RemoveMember { group, id, .. } => client.remove_member(group, id).await,
        Step::AddMember { group, id, .. } => client.add_member(group, id).await,
    }
}
