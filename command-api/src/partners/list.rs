//! `GET /partners`: all of them, with customer counts.

use axum::response::Response;
use projector::list::ListQuery;
use projector::partners::{self, Filters, PartnerStatus, Sort, SortKey};

use super::reply::shown;
use crate::ask::Ask;
use crate::error::ApiError;
use crate::query::Query;
use crate::reading;
use crate::route::{Parameter, Route, Who, get};
use crate::tenants::{direction, facets, unknown_sort, words};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "limit", about: "Rows of a page, 1–200; 50 when absent" },
    Parameter { name: "cursor", about: "`nextCursor` of an earlier page of the same list" },
    Parameter {
        name: "sort",
        about: "name, -createdAt, -customers or marginPct, each also the other way round",
    },
    Parameter { name: "q", about: "Part of a slug or name" },
    Parameter { name: "include", about: "facets" },
    Parameter { name: "status", about: "active or terminated; active when absent" },
];

pub(super) fn routes() -> Vec<Route> {
    vec![get("/partners", list).may(Who::Operator, "Every partner").asks(PARAMETERS).gives("PartnerList")]
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    let query = caller.ask.query(&names)?;
    let asked = ListQuery {
        filters: Filters {
            status: words(&query, "status", PartnerStatus::ALL, PartnerStatus::as_str)?,
            q: query.search()?,
        },
        sort: sort(&query)?,
        limit: query.limit()?,
        after: reading::place(&caller.ask, &query)?,
        facets: facets(&query)?,
    };
    let mut at = caller.ask.look(&partners::MODEL, &query).await?;
    let page = partners::list(&mut at, &asked, caller.ask.app.now().date()).await?;
    reading::page(&caller.ask, &query, page, |view| shown(&view))
}

fn sort(query: &Query) -> Result<Sort, ApiError> {
    let Some(text) = query.get("sort") else {
        return Ok(Sort::default());
    };
    let (name, direction) = direction(text);
    let key = match name {
        "name" => SortKey::Name,
        "createdAt" => SortKey::CreatedAt,
        "customers" => SortKey::Customers,
        "marginPct" => SortKey::Margin,
        _ => return Err(unknown_sort()),
    };
    Ok(Sort { key, direction })
}
