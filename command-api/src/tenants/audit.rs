//! `/tenants/{t}/audit`: what has happened, in full for operators and in the safe view for admins.

use axum::response::Response;
use schema::Role;

use crate::ask::{Ask, Right};
use crate::audit::{self, PARAMETERS, Scope};
use crate::error::ApiError;
use crate::route::{Route, Who, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tenants/{t}/audit", list)
            .may(Who::Member(Role::Admin), "What has happened, newest first")
            .asks(PARAMETERS)
            .gives("AuditList"),
    ]
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    let right = caller.may_read(&seen, Role::Admin)?;
    // A platform administrator sees everything only as an operator would: the portal shows the safe view.
    let right = if caller.is_operator() { right } else { Right::Member(Role::Admin) };
    audit::page(&caller, Scope::Tenant(seen.id), right).await
}
