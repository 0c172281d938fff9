//! Audit lists: entries of one read model over the log, in full for operators and in the safe view for everybody else.

use axum::response::Response;
use projector::activity::{self, ActivityEntry, Filters};
use projector::list::{Facets, ListQuery};
use schema::{PartnerId, TenantId, Timestamp, UserId};
use serde_json::Value;

use crate::ask::{Caller, Right};
use crate::error::ApiError;
use crate::problem::Code;
use crate::query::Query;
use crate::reading::{self, to_value};
use crate::route::Parameter;

/// What an audit list may be asked.
pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter { name: "limit", about: "Rows of a page, 1–200; 50 when absent" },
    Parameter { name: "cursor", about: "`nextCursor` of an earlier page of the same list" },
    Parameter { name: "actor", about: "Id of the person who acted" },
    Parameter { name: "action", about: "An action, or its beginning followed by .*" },
    Parameter { name: "requestId", about: "`X-Request-Id` of a request" },
    Parameter { name: "correlationId", about: "What followed from one cause" },
    Parameter { name: "after", about: "RFC 3339 time" },
    Parameter { name: "before", about: "RFC 3339 time" },
    Parameter { name: "q", about: "Part of an action, reason or name" },
];

/// About what.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    /// One tenant.
    Tenant(TenantId),
    /// One partner.
    Partner(PartnerId),
}

/// One page of entries.
pub(crate) async fn page(caller: &Caller, scope: Scope, right: Right) -> Result<Response, ApiError> {
    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    let query = caller.ask.query(&names)?;
    let asked = ListQuery {
        filters: filters(&query, scope)?,
        sort: (),
        limit: query.limit()?,
        after: reading::place(&caller.ask, &query)?,
        facets: Facets::Omitted,
    };
    let mut at = caller.ask.look(&activity::MODEL, &query).await?;
    let page = activity::list(&mut at, &asked).await?;
    reading::page(&caller.ask, &query, page, |entry| shown(entry, right))
}

fn filters(query: &Query, scope: Scope) -> Result<Filters, ApiError> {
    let malformed = |detail: &str| ApiError::refused(Code::MalformedQuery, detail);
    let time = |name: &str| -> Result<Option<Timestamp>, ApiError> {
        let wrong = |_| malformed("after and before must be RFC 3339 times");
        query.get(name).map(|text| text.parse().map_err(wrong)).transpose()
    };
    let actor = query
        .get("actor")
        .map(|text| text.parse::<UserId>().map_err(|_| malformed("actor must be a user id")));
    let (tenant, partner) = match scope {
        Scope::Tenant(id) => (Some(id), None),
        Scope::Partner(id) => (None, Some(id)),
    };
    Ok(Filters {
        tenant,
        partner,
        actor: actor.transpose()?,
        action: query.get("action").map(str::to_owned),
        request_id: query.get("requestId").map(str::to_owned),
        correlation_id: query.get("correlationId").map(str::to_owned),
        after: time("after")?,
        before: time("before")?,
        q: query.search()?,
    })
}

/// An entry. Members learn what was done, not which of our staff did it, why, or from where.
fn shown(mut entry: ActivityEntry, right: Right) -> Result<Value, ApiError> {
    if right == Right::Everything {
        return to_value(&entry);
    }
    entry.request.ip = None;
    entry.request.user_agent = None;
    if entry.actor.kind != "user" {
        "Operations".clone_into(&mut entry.actor.display);
        entry.actor.id = None;
        entry.actor.audience = None;
        entry.request.id = None;
        entry.reason = None;
    }
    if entry.action.starts_with("provisioning.") {
        entry.changes = Vec::new();
        entry.action = plainly(&entry.action).to_owned();
    }
    to_value(&entry)
}

/// What happened outside, in plain words.
fn plainly(action: &str) -> &'static str {
    match action {
        "provisioning.converged" => "provisioning.ready",
        "provisioning.failed" => "provisioning.delayed",
        "provisioning.access.revoked" => "provisioning.doorsShut",
        "provisioning.access.restored" => "provisioning.doorsOpen",
        _ => "provisioning.progressed",
    }
}
