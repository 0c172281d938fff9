//! Audit lists: entries of one read model over the log, in full for operators and in the safe view for everybody else.

mod export;
mod shown;

use axum::response::Response;
use projector::activity::{self, Filters, Outcome};
use projector::list::{Facets, ListQuery};
use schema::{PartnerId, TenantId, Timestamp, UserId};
use uuid::Uuid;

use crate::App;
use crate::ask::{Ask, Caller, Right};
use crate::error::ApiError;
use crate::problem::Code;
use crate::query::Query;
use crate::reading;
use crate::route::{Parameter, Route, Who, get};
use crate::tenants::words;
use export::Format;

/// What an audit list may be asked.
pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter { name: "limit", about: "Rows of a page, 1–200; 50 when absent" },
    Parameter { name: "cursor", about: "`nextCursor` of an earlier page of the same list" },
    Parameter { name: "actor", about: "Id of the person who acted" },
    Parameter { name: "action", about: "An action, or its beginning followed by .*" },
    Parameter { name: "subject", about: "What it was done to, as kind:id" },
    Parameter { name: "tenant", about: "Slug or id of a tenant" },
    Parameter { name: "partner", about: "Slug or id of a partner" },
    Parameter { name: "outcome", about: "applied, denied or failed; any when absent" },
    Parameter { name: "requestId", about: "`X-Request-Id` of a request" },
    Parameter { name: "correlationId", about: "What followed from one cause" },
    Parameter { name: "after", about: "RFC 3339 time" },
    Parameter { name: "before", about: "RFC 3339 time" },
    Parameter { name: "q", about: "Part of an action, reason, name or changed value" },
    Parameter { name: "format", about: "json; ndjson or csv for everything at once, as does Accept" },
];

/// About what.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope {
    /// Everything.
    Platform,
    /// One tenant.
    Tenant(TenantId),
    /// One partner.
    Partner(PartnerId),
}

/// The list of everything.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/audit", everything)
            .may(Who::Operator, "What has happened, newest first")
            .asks(PARAMETERS)
            .gives("AuditList"),
    ]
}

async fn everything(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    page(&caller, Scope::Platform, Right::Everything).await
}

/// One page of entries, or all of them as a file.
pub(crate) async fn page(caller: &Caller, scope: Scope, right: Right) -> Result<Response, ApiError> {
    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    let query = caller.ask.query(&names)?;
    let format = Format::asked(&caller.ask.headers, &query)?;
    let asked = ListQuery {
        filters: filters(&caller.ask.app, &query, scope).await?,
        sort: (),
        limit: query.limit()?,
        after: reading::place(&caller.ask, &query)?,
        facets: Facets::Omitted,
    };
    let mut at = caller.ask.look(&activity::MODEL, &query).await?;
    if let Some(file) = format.file() {
        return Ok(export::answer(at, asked, right, file));
    }
    let page = activity::list(&mut at, &asked).await?;
    reading::page(&caller.ask, &query, page, |entry| shown::entry(entry, right))
}

async fn filters(app: &App, query: &Query, scope: Scope) -> Result<Filters, ApiError> {
    let malformed = |detail: &str| ApiError::refused(Code::MalformedQuery, detail);
    let time = |name: &str| -> Result<Option<Timestamp>, ApiError> {
        let wrong = |_| malformed("after and before must be RFC 3339 times");
        query.get(name).map(|text| text.parse().map_err(wrong)).transpose()
    };
    let actor = query
        .get("actor")
        .map(|text| text.parse::<UserId>().map_err(|_| malformed("actor must be a user id")));
    let subject = query.get("subject").map(|text| {
        let halves = text.split_once(':').filter(|(kind, id)| !kind.is_empty() && !id.is_empty());
        let (kind, id) =
            halves.ok_or_else(|| malformed("subject must be a kind and an id with a colon between"))?;
        Ok::<_, ApiError>((kind.to_owned(), id.to_owned()))
    });
    let asked = (tenant(app, query).await?, partner(app, query).await?);
    let (tenant, partner) = match scope {
        Scope::Platform => asked,
        Scope::Tenant(id) => (Some(both(id, asked.0, no_tenant())), asked.1),
        Scope::Partner(id) => (asked.0, Some(both(id, asked.1, no_partner()))),
    };
    Ok(Filters {
        tenant,
        partner,
        subject: subject.transpose()?,
        actor: actor.transpose()?,
        action: query.get("action").map(str::to_owned),
        request_id: query.get("requestId").map(str::to_owned),
        correlation_id: query.get("correlationId").map(str::to_owned),
        after: time("after")?,
        before: time("before")?,
        q: query.search()?,
        outcome: words(query, "outcome", Outcome::ALL, Outcome::as_str)?,
    })
}

/// The one that is in view, unless another one is asked for: that is none here, whether it exists or not.
fn both<Id: Copy + PartialEq>(in_view: Id, asked: Option<Id>, nobody: Id) -> Id {
    if asked.is_none_or(|asked| asked == in_view) { in_view } else { nobody }
}

async fn tenant(app: &App, query: &Query) -> Result<Option<TenantId>, ApiError> {
    let Some(text) = query.get("tenant") else {
        return Ok(None);
    };
    let found = crate::ask::find_tenant(app, text).await?;
    Ok(Some(found.unwrap_or_else(no_tenant)))
}

async fn partner(app: &App, query: &Query) -> Result<Option<PartnerId>, ApiError> {
    let Some(text) = query.get("partner") else {
        return Ok(None);
    };
    let found = crate::partners::find_partner(app, text).await?;
    Ok(Some(found.unwrap_or_else(no_partner)))
}

const fn no_tenant() -> TenantId {
    TenantId::from_uuid(Uuid::nil())
}

const fn no_partner() -> PartnerId {
    PartnerId::from_uuid(Uuid::nil())
}
