//! `GET /tenants/availability`: whether a slug can still be had.

use axum::response::Response;
use schema::Slug;
use serde_json::json;

use super::create::is_free;
use crate::App;
use crate::ask::Ask;
use crate::error::ApiError;
use crate::pace::Rate;
use crate::problem::Code;
use crate::reading;
use crate::route::{Parameter, Route, Who, get};

const QUESTIONS: Rate = Rate::per_minute("availability", 10);
const SUGGESTIONS_MAX: usize = 3;
const SLUG: &[Parameter] = &[Parameter { name: "slug", about: "The slug that is wanted" }];

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tenants/availability", availability)
            .may(Who::Known, "Whether a slug can be had; 10 a minute")
            .asks(SLUG)
            .gives("Availability"),
    ]
}

async fn availability(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let app = &caller.ask.app;
    app.pace.step(caller.known.user_id, QUESTIONS)?;
    let query = caller.ask.query(&["slug"])?;
    let text =
        query.get("slug").ok_or_else(|| ApiError::refused(Code::MalformedQuery, "slug must be given"))?;
    let reason = match text.parse::<Slug>() {
        Ok(slug) if is_free(app, &slug).await? => None,
        Ok(_) => Some("taken"),
        Err(error) if error.code == "reserved" => Some("reserved"),
        Err(_) => Some("invalid"),
    };
    let suggestions = if reason.is_some() { suggestions(app, text).await? } else { Vec::new() };
    let body =
        json!({ "slug": text, "available": reason.is_none(), "reason": reason, "suggestions": suggestions });
    Ok(reading::plain(&body, app.store.head()))
}

async fn suggestions(app: &App, text: &str) -> Result<Vec<String>, ApiError> {
    let mut free = Vec::new();
    let base =
        Slug::from_name(text).map_or_else(|| format!("{}-1", text.to_lowercase()), |slug| slug.to_string());
    let candidates = std::iter::once(base.clone()).chain((2..=9).map(|ending| format!("{base}-{ending}")));
    for candidate in candidates {
        if free.len() == SUGGESTIONS_MAX {
            break;
        }
        if let Ok(slug) = candidate.parse::<Slug>()
            && is_free(app, &slug).await?
        {
            free.push(candidate);
        }
    }
    Ok(free)
}
