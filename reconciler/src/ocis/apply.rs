//! Steps of one stage in OCIS as calls: people join the group together, everything else goes one by one.

use std::sync::{Mutex, PoisonError};

use schema::provisioning::FailureClass;
use serde_json::json;

use super::client::{ADDED_MAX, Client};
use super::{KEPT, OPENED, Observed, Ocis, Spec, Step, mark};
use crate::call::CallError;
use crate::integration::{Applied, Integration as _, Step as _, each};

pub(super) async fn apply(client: &Client, spec: &Spec, observed: &Observed, steps: &[Step]) -> Applied {
    let at_once = client.at_once();
    let about = |step: &Step| Ocis::about(spec, observed, step);
    let (joining, others): (Vec<&Step>, Vec<&Step>) =
        steps.iter().partition(|step| matches!(step, Step::AddMember { .. }));
    let limit = client.lane().limit();
    let mut applied = each(limit, &others, |step| async {
        let client = if step.shuts() { &at_once } else { client };
        apply_one(client, spec, step).await.map_err(|error| error.or_about(about(step)))
    })
    .await;
    if applied.must_stop() {
        return applied;
    }
    let noted = Mutex::new(Applied::default());
    let note = |outcome| noted.lock().unwrap_or_else(PoisonError::into_inner).note(outcome);
    let together: Vec<&[&Step]> = joining.chunks(ADDED_MAX).collect();
    let calls = each(limit, &together, |steps| async {
        match join_together(client, steps).await {
            Ok(()) => steps.iter().for_each(|_| note(Ok(()))),
            // One of them may be the reason: each by itself says which, and the others get in.
            Err(error) if error.class == FailureClass::Permanent => {
                for step in *steps {
                    note(apply_one(client, spec, step).await.map_err(|error| error.or_about(about(step))));
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    })
    .await;
    let noted = noted.into_inner().unwrap_or_else(PoisonError::into_inner);
    applied.done += noted.done;
    applied.errors.extend(noted.errors.into_iter().chain(calls.errors));
    applied
}

/// Everybody of these steps joins the one group of the tenant in one call.
async fn join_together(client: &Client, steps: &[&Step]) -> Result<(), CallError> {
    let joining = |step: &&Step| match step {
        Step::AddMember { group, id, .. } => Some((group.clone(), id.clone())),
        Step::DisableSpace { .. }
        | Step::PurgeSpace { .. }
        | Step::OpenTwin { .. }
        | Step::SetAside { .. }
        | Step::CreateSpace { .. }
        | Step::RestoreSpace { .. }
        | Step::MarkSpace { .. }
        | Step::RenameSpace { .. }
        | Step::SetQuota { .. }
        | Step::CreateGroup { .. }
        | Step::RenameGroup { .. }
        | Step::GrantEditor { .. }
        | Step::RemoveMember { .. } => None,
    };
    let (groups, users): (Vec<String>, Vec<String>) = steps.iter().filter_map(joining).unzip();
    let Some(group) = groups.first() else {
        return Ok(());
    };
    client.add_members(group, &users.iter().map(String::as_str).collect::<Vec<_>>()).await
}

async fn apply_one(client: &Client, spec: &Spec, step: &Step) -> Result<(), CallError> {
    match step {
        Step::DisableSpace { id } => client.disable_drive(id).await,
        Step::PurgeSpace { id } => client.purge_drive(id).await,
        Step::SetAside { id } => client.set_aside(id, &format!("{} {KEPT}", mark(spec.tenant_id))).await,
        Step::CreateSpace { name, quota } => client.create_drive(name, &mark(spec.tenant_id), *quota).await,
        Step::RestoreSpace { id } => client.restore_drive(id, &json!({})).await,
        Step::OpenTwin { id } => {
            let description = format!("{} {OPENED}", mark(spec.tenant_id));
            client.restore_drive(id, &json!({ "description": description })).await
        }
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
