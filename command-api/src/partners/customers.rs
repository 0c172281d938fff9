//! `/partners/{p}/tenants`: which tenants a partner brings.

use axum::response::Response;
use domain::One;
use domain::acts::AttachPartner;
use domain::tenant::Tenant;
use projector::tenants::{Filters, PartnerFilter};
use schema::TenantCommand;
use schema::tenant::{AttachedWhy, DetachedWhy};

use crate::ask::{Ask, Order, Right};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, Nothing, required};
use crate::route::{Route, Who, delete, get, post};
use crate::tenants::{self, of_tenant};
use crate::values::string;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/partners/{p}/tenants", list)
            .may(Who::Operator, "The tenants it brings")
            .asks(tenants::known_parameters())
            .gives("TenantList"),
        post("/partners/{p}/tenants", attach)
            .may(Who::Operator, "It brings this tenant from now on")
            .takes::<Attach>()
            .gives("Tenant"),
        delete("/partners/{p}/tenants/{t}", detach)
            .may(Who::Operator, "It no longer brings this tenant")
            .takes::<Nothing>()
            .gives("Tenant"),
    ]
}

struct Attach {
    tenant: String,
}

impl Body for Attach {
    const FIELDS: &'static [Field] = &[required("tenant", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self { tenant: fields.required("tenant", string).unwrap_or_default() }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    let query = tenants::parameters(&caller.ask)?;
    let filters = Filters { partner: vec![PartnerFilter::Id(found.id)], ..tenants::filters(&query)? };
    tenants::page(&caller, &query, filters).await
}

async fn attach(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    let Attach { tenant } = caller.body::<Attach>().await?.read()?;
    let seen = caller.tenant_named(&tenant).await?;
    let act = AttachPartner { tenant_id: seen.id, partner_id: found.id, why: AttachedWhy::Operator };
    let app = &caller.ask.app;
    let mut streams = tenants::streams(app, seen.id, &seen.tenant).await?;
    streams.push(found.stream());
    let render = of_tenant(app, seen.id, caller.viewer(Right::Everything), 200).await?;
    caller.execute(Order::on(seen.id, act).loading(streams), render).await
}

async fn detach(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    let seen = caller.tenant().await?;
    caller.body::<Nothing>().await?.read::<Nothing>()?;
    if seen.tenant.partner_id().is_some_and(|partner| partner != found.id) {
        return Err(domain::Rejection::InvalidTransition {
            from: "attached to another partner",
            attempted: "detach",
            allowed: &[],
        }
        .into());
    }
    let command = TenantCommand::DetachPartner { why: DetachedWhy::Operator };
    let act = One::<Tenant> { stream: seen.stream(), command };
    let app = &caller.ask.app;
    let streams = tenants::streams(app, seen.id, &seen.tenant).await?;
    let render = of_tenant(app, seen.id, caller.viewer(Right::Everything), 200).await?;
    caller.execute(Order::on(seen.id, act).loading(streams), render).await
}
