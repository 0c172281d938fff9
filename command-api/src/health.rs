//! `/health`, `/readyz`, `/version`, `/metrics`: for machines that look after us. No token.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use event_store::check_views;
use projector::{READ_MODELS, standing};
use serde_json::{Value, json};

use crate::route::{Route, Who, get};
use crate::{App, front};

const SERVICE: &str = "dezky-platform-api";
/// A read model further behind is not ready to be asked.
const LAG_MILLIS_MAX: i64 = 30_000;

/// Routes that exist at the root only.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/health", health).may(Who::Public, "Whether this process answers").gives("Health"),
        get("/healthz", health).may(Who::Public, "The same").gives("Health"),
        get("/readyz", ready)
            .may(
                Who::Public,
                "Whether the log and the read models can be used, and how the reconciler stands",
            )
            .gives("Readiness"),
        get("/version", version).may(Who::Public, "What is running").gives("Version"),
        get("/metrics", metrics_beside)
            .may(Who::Public, "Counters as Prometheus reads them")
            .gives("Metrics"),
    ]
}

async fn health(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "service": SERVICE,
        "status": "ok",
        "version": app.config.build.version,
        "uptimeSeconds": app.started.elapsed().as_secs(),
    }))
}

async fn ready(State(app): State<App>) -> Response {
    let event_store = app.store.is_alive() && app.store.read_head().await.is_ok();
    let migrations = check_views(app.views.db()).await.is_ok();
    let projections = projections_are_near(&app).await;
    // For people: whatever the outside systems do, and whoever reads these rows, the answer stays what it is.
    let reconciler = standing::standing(&app.views).await.ok();
    let word = |fine| if fine { "ok" } else { "failing" };
    let all = event_store && migrations && projections;
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "service": SERVICE,
        "status": if all { "ready" } else { "not-ready" },
        "checks": {
            "eventStore": word(event_store),
            "projections": word(projections),
            "migrations": word(migrations),
        },
        "reconciler": reconciler,
    });
    (status, Json(body)).into_response()
}

/// Behind in events is fine while it is short in time; a read model without tables is not.
async fn projections_are_near(app: &App) -> bool {
    let head = app.store.head();
    for model in READ_MODELS {
        let Ok(at) = app.views.snapshot(model).await else {
            return false;
        };
        let as_of = at.as_of();
        let lag = as_of.time.map(|time| app.now().millis_since(time.0));
        let is_near = as_of.position >= head || lag.is_some_and(|lag| lag <= LAG_MILLIS_MAX);
        if !is_near {
            return false;
        }
    }
    true
}

async fn version(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "service": SERVICE,
        "version": app.config.build.version,
        "commit": app.config.build.commit,
    }))
}

/// Everything this process counted, unless that has an address of its own.
async fn metrics_beside(State(app): State<App>) -> Response {
    match app.config.metrics_listen {
        Some(_) => front::unknown_route().await.into_response(),
        None => metrics(State(app)).await,
    }
}

/// Everything this process counted.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], app.config.metrics.render()).into_response()
}
