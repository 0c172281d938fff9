//! `/tenants`: the list, and one tenant as its caller may see it.

mod audit;
mod availability;
mod convergence;
mod create;
mod domains;
mod holds;
mod invitations;
mod lifecycle;
mod list;
mod members;
mod patch;
mod provisioning;
mod reply;
mod show;

use axum::response::Response;
use projector::tenants;
use schema::Role;

use crate::ask::Ask;
use crate::error::ApiError;
use crate::reading;
use crate::route::{Route, Who, get};

pub(crate) use list::{direction, facets, filters, known_parameters, page, parameters, unknown_sort, words};
pub(crate) use reply::{of_tenant, streams};
use show::unknown_tenant;
pub(crate) use show::{tenant as shown, viewer_of};

/// Every route below `/tenants`.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes =
        vec![get("/tenants/{t}", one).may(Who::Member(Role::Member), "One tenant").gives("Tenant")];
    routes.extend(list::routes());
    routes.extend(create::routes());
    routes.extend(patch::routes());
    routes.extend(lifecycle::routes());
    routes.extend(holds::routes());
    routes.extend(members::routes());
    routes.extend(invitations::routes());
    routes.extend(domains::routes());
    routes.extend(provisioning::routes());
    routes.extend(audit::routes());
    routes.extend(availability::routes());
    routes
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    let right = caller.may_read(&seen, Role::Member)?;
    let query = caller.ask.query(&[])?;
    let mut at = caller.ask.look(&tenants::MODEL, &query).await?;
    let mut view = tenants::get(&mut at, seen.id).await?;
    if view.is_none() {
        drop(at);
        at = reading::must_catch_up(&caller.ask.app, &tenants::MODEL).await?;
        view = tenants::get(&mut at, seen.id).await?;
    }
    let view = view.ok_or_else(unknown_tenant)?;
    let body = shown(&view, caller.viewer(right))?;
    reading::resource(&caller.ask.headers, &body, view.tag(), at.as_of().position)
}
