//! A tenant as the answer to a command: folded from the command's own events, so it is never behind.

use event_store::Outcome;
use projector::tenants::{self, Rows};
use schema::{StreamId, System, TenantId};

use domain::claims::Claim;
use domain::tenant::Tenant;

use super::show::{Viewer, tenant, unknown_tenant};
use crate::App;
use crate::ask::Rendered;
use crate::error::ApiError;

/// The streams a Tenant is made from, besides its own.
pub(crate) async fn streams(app: &App, id: TenantId, known: &Tenant) -> Result<Vec<StreamId>, ApiError> {
    let claim = Claim::open_subscription(id);
    let subscription = app.store.resolve(claim.scope, &claim.value).await?;
    let systems = System::ALL.map(|system| StreamId::provisioning(id, system));
    let plan = known.plan_id().map(StreamId::from);
    let partner = known.partner_id().map(StreamId::from);
    Ok(systems.into_iter().chain(plan).chain(partner).chain(subscription).collect())
}

/// How a tenant is answered after a command about it.
pub(crate) async fn of_tenant(
    app: &App,
    id: TenantId,
    viewer: Viewer,
    status: u16,
) -> Result<impl Fn(&Outcome) -> Result<Rendered, ApiError> + Send + Sync + 'static, ApiError> {
    let mut at = app.views.snapshot(&tenants::MODEL).await?;
    let rows = tenants::rows_of(&mut at, &[id]).await?;
    Ok(move |outcome: &Outcome| {
        let view = folded(rows.clone(), outcome, id)?;
        Ok(Rendered {
            status,
            tag: Some(view.tag()),
            location: (status == 201).then(|| format!("/tenants/{}", view.slug)),
            body: tenant(&view, viewer)?,
        })
    })
}

fn folded(mut rows: Rows, outcome: &Outcome, id: TenantId) -> Result<tenants::TenantView, ApiError> {
    for recorded in outcome.history.iter().chain(&outcome.news) {
        rows.project(recorded).map_err(ApiError::internal)?;
    }
    tenants::assemble(&rows, id).map_err(ApiError::internal)?.ok_or_else(unknown_tenant)
}
