//! `/tenants/{t}/audit`: what has happened, in full for operators and in the safe view for admins.

use axum::response::Response;
use schema::Role;

use crate::ask::Ask;
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
    audit::page(&caller, Scope::Tenant(seen.id), right).await
}
