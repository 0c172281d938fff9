//! Rehearsals (`?validate_only=true`): what a command would do, without doing it.

use axum::Json;
use event_store::EventStore;
use schema::{Event, StreamId, System, TenantId};
use serde_json::{Value, json};

use crate::App;
use crate::error::ApiError;
use crate::planner::Steps;

/// What the command would write, and what would follow outside.
pub(crate) async fn answer(app: &App, news: Vec<(StreamId, Event)>) -> Result<Json<Value>, ApiError> {
    match news.iter().find_map(|(stream, _)| stream.tenant()) {
        Some(tenant) => answer_for(app, tenant, news).await,
        None => Ok(Json(body(&json!([]), &shown(&news)?, &Steps::new(), &nothing()))),
    }
}

/// The same for a command about one tenant.
pub(crate) async fn answer_for(
    app: &App,
    tenant: TenantId,
    news: Vec<(StreamId, Event)>,
) -> Result<Json<Value>, ApiError> {
    let events = shown(&news)?;
    let steps = app.planner.plan(tenant, news).await.map_err(ApiError::internal)?;
    let touched = steps.values().any(|steps| !steps.is_empty());
    let impact = if touched { impact(&app.store, tenant, &steps).await? } else { nothing() };
    Ok(Json(body(&json!([]), &events, &steps, &impact)))
}

/// What is said when the command would be refused.
pub(crate) fn refused(problem: &Value) -> Value {
    body(&json!([problem]), &json!([]), &Steps::new(), &nothing())
}

fn body(problems: &Value, events: &Value, steps: &Steps, impact: &Value) -> Value {
    let of = |system| steps.get(&system).cloned().unwrap_or_default();
    json!({
        "valid": problems.as_array().is_some_and(Vec::is_empty),
        "problems": problems,
        "events": events,
        "desiredChanges": {
            "authentik": of(System::Authentik),
            "stalwart": of(System::Stalwart),
            "ocis": of(System::Ocis),
        },
        "impact": impact,
    })
}

fn shown(news: &[(StreamId, Event)]) -> Result<Value, ApiError> {
    let mut events = Vec::new();
    for (_, event) in news {
        let encoded = event.encode().map_err(ApiError::internal)?;
        let data: Value = serde_json::from_str(&encoded.data).map_err(ApiError::internal)?;
        events.push(json!({ "kind": encoded.kind, "data": data }));
    }
    Ok(Value::Array(events))
}

/// Whom the steps concern: the tenant's active members, their mailboxes, its space.
async fn impact(store: &EventStore, tenant: TenantId, steps: &Steps) -> Result<Value, ApiError> {
    let (tenant, _) = store.fold::<domain::tenant::Tenant>(&tenant.into()).await?;
    let users = tenant.members().keys().filter(|user| tenant.has_active_member(**user)).count();
    let touches = |system| steps.get(&system).is_some_and(|steps| !steps.is_empty());
    let has_mail = tenant.verified_domains().next().is_some() && touches(System::Stalwart);
    Ok(json!({
        "users": users,
        "mailboxes": if has_mail { users } else { 0 },
        "spaces": usize::from(touches(System::Ocis)),
        "mrrDelta": null,
    }))
}

fn nothing() -> Value {
    json!({ "users": 0, "mailboxes": 0, "spaces": 0, "mrrDelta": null })
}
