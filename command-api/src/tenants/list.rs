//! `GET /tenants`: all of them for operators, their own for everybody else.

use std::collections::BTreeMap;

use axum::response::Response;
use domain::access::TenantStatus;
use projector::list::{Direction, Facets, ListQuery};
use projector::tenants::{self, Filters, Health, PartnerFilter, Sort, SortKey};
use projector::users;
use schema::tenant::HoldKind;
use schema::{DomainName, PartnerId, Role, Slug, TenantId, Timestamp};

use super::show;
use crate::ask::{Ask, Caller, Right};
use crate::error::ApiError;
use crate::problem::Code;
use crate::query::Query;
use crate::reading;
use crate::route::{Parameter, Route, Who, get};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "limit", about: "Rows of a page, 1–200; 50 when absent" },
    Parameter { name: "cursor", about: "`nextCursor` of an earlier page of the same list" },
    Parameter { name: "sort", about: "-createdAt, createdAt, name, -name, slug, -slug, status or -status" },
    Parameter { name: "q", about: "Part of a slug, name or domain" },
    Parameter { name: "include", about: "facets" },
    Parameter {
        name: "status",
        about: "pending, active, suspended, terminating, terminated; all but terminated when absent",
    },
    Parameter { name: "plan", about: "Key or id of a plan" },
    Parameter { name: "partner", about: "Slug or id of a partner, or none" },
    Parameter { name: "health", about: "ready, progressing, degraded or error" },
    Parameter { name: "hold", about: "Kind of an open hold" },
    Parameter { name: "domain", about: "A claimed or verified domain" },
    Parameter { name: "createdAfter", about: "RFC 3339 time" },
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tenants", list)
            .may(Who::Known, "Tenants the caller may see")
            .asks(PARAMETERS)
            .gives("TenantList"),
    ]
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let member = (!caller.is_operator()).then_some(caller.known.user_id);
    let query = parameters(&caller.ask)?;
    let filters = Filters { member, ..filters(&query)? };
    page(&caller, &query, filters).await
}

/// The parameters of a list of tenants, all known.
pub(crate) fn parameters(ask: &Ask) -> Result<Query, ApiError> {
    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    ask.query(&names)
}

/// The same for the contract.
pub(crate) const fn known_parameters() -> &'static [Parameter] {
    PARAMETERS
}

/// One page of tenants.
pub(crate) async fn page(caller: &Caller, query: &Query, filters: Filters) -> Result<Response, ApiError> {
    let asked = ListQuery {
        filters,
        sort: sort(query)?,
        limit: query.limit()?,
        after: reading::place(&caller.ask, query)?,
        facets: facets(query)?,
    };
    let mut at = caller.ask.look(&tenants::MODEL, query).await?;
    let page = tenants::list(&mut at, &asked).await?;
    drop(at);
    let roles = roles(caller).await?;
    let right = |tenant: TenantId| match (caller.is_operator(), roles.get(&tenant)) {
        (true, _) => Right::Everything,
        (false, role) => Right::Member(role.copied().unwrap_or(Role::Member)),
    };
    reading::page(&caller.ask, query, page, |view| show::tenant(&view, caller.viewer(right(view.id))))
}

/// What the caller is in each of their tenants; nothing is needed for operators.
async fn roles(caller: &Caller) -> Result<BTreeMap<TenantId, Role>, ApiError> {
    if caller.is_operator() {
        return Ok(BTreeMap::new());
    }
    let mut at = caller.ask.app.views.snapshot(&users::MODEL).await?;
    let user = users::get(&mut at, caller.known.user_id).await?;
    let memberships = user.map(|user| user.memberships).unwrap_or_default();
    Ok(memberships.iter().map(|found| (found.tenant_id, found.membership.role)).collect())
}

/// Whether counts are asked for.
pub(crate) fn facets(query: &Query) -> Result<Facets, ApiError> {
    match query.get("include") {
        None => Ok(Facets::Omitted),
        Some("facets") => Ok(Facets::Counted),
        Some(_) => Err(ApiError::refused(Code::MalformedQuery, "include must be facets")),
    }
}

/// What the query says about which tenants.
pub(crate) fn filters(query: &Query) -> Result<Filters, ApiError> {
    Ok(Filters {
        status: words(query, "status", TenantStatus::ALL, TenantStatus::as_str)?,
        plan: query.values("plan")?,
        partner: query.values("partner")?.iter().map(|text| partner(text)).collect::<Result<_, _>>()?,
        health: words(query, "health", Health::ALL, Health::as_str)?,
        hold: words(query, "hold", HoldKind::ALL, HoldKind::as_str)?,
        domain: query.values("domain")?.iter().map(|text| domain(text)).collect(),
        created_after: created_after(query)?,
        q: query.search()?,
        member: None,
    })
}

/// A domain in the form in which domains are kept; what is none is found nowhere.
fn domain(text: &str) -> String {
    text.parse::<DomainName>().map_or_else(|_| text.to_lowercase(), |domain| domain.to_string())
}

fn partner(text: &str) -> Result<PartnerFilter, ApiError> {
    if text == "none" {
        return Ok(PartnerFilter::Nobody);
    }
    if let Ok(id) = text.parse::<PartnerId>() {
        return Ok(PartnerFilter::Id(id));
    }
    let malformed = |_| ApiError::refused(Code::MalformedQuery, "partner must be a slug, an id or none");
    Slug::of_the_platform(text).map(|slug| PartnerFilter::Slug(slug.to_string())).map_err(malformed)
}

fn created_after(query: &Query) -> Result<Option<Timestamp>, ApiError> {
    let malformed = |_| ApiError::refused(Code::MalformedQuery, "createdAfter must be an RFC 3339 time");
    query.get("createdAfter").map(|text| text.parse().map_err(malformed)).transpose()
}

/// The values of a filter that is a closed list of words.
pub(crate) fn words<T: Copy>(
    query: &Query,
    name: &str,
    all: &[T],
    as_str: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, ApiError> {
    let texts: Vec<&'static str> = all.iter().map(|value| as_str(*value)).collect();
    let chosen = query.choices(name, &texts)?;
    Ok(all.iter().copied().filter(|value| chosen.contains(&as_str(*value))).collect())
}

fn sort(query: &Query) -> Result<Sort, ApiError> {
    let Some(text) = query.get("sort") else {
        return Ok(Sort::default());
    };
    let (name, direction) = direction(text);
    let key = match name {
        "createdAt" => SortKey::CreatedAt,
        "name" => SortKey::Name,
        "slug" => SortKey::Slug,
        "status" => SortKey::Status,
        _ => return Err(unknown_sort()),
    };
    Ok(Sort { key, direction })
}

/// A sort key and which end comes first.
pub(crate) fn direction(text: &str) -> (&str, Direction) {
    text.strip_prefix('-').map_or((text, Direction::Ascending), |name| (name, Direction::Descending))
}

/// The refusal of a sort key a list does not have.
pub(crate) fn unknown_sort() -> ApiError {
    ApiError::refused(Code::MalformedQuery, "This list cannot be sorted like that")
}
