//! What a running simulator offers beside the upstream's own routes: faults, the log of requests, the whole state.

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::faults::{self, Faults, Rule};
use crate::journal::{Kept, Tables};

/// Puts the faults in front of an upstream's routes and the control routes beside them.
pub fn assemble<S: Tables>(routes: Router, faults: &Faults, kept: &Kept<S>) -> Router {
    let rules = get(rules).put(replace_rules).delete(clear_rules);
    let log = get(requests).delete(clear_requests);
    let control = Router::new()
        .route("/_simulator/faults", rules)
        .route("/_simulator/requests", log)
        .with_state(faults.clone());
    let state =
        Router::new().route("/_simulator/state", get(save::<S>).put(load::<S>)).with_state(kept.clone());
    routes.layer(from_fn_with_state(faults.clone(), faults::layer)).merge(control).merge(state)
}

#[derive(Serialize, Deserialize)]
struct Rules {
    rules: Vec<Rule>,
}

async fn rules(State(faults): State<Faults>) -> Json<Rules> {
    Json(Rules { rules: faults.rules() })
}

async fn replace_rules(State(faults): State<Faults>, Json(body): Json<Rules>) -> StatusCode {
    faults.replace(body.rules);
    StatusCode::NO_CONTENT
}

async fn clear_rules(State(faults): State<Faults>) -> StatusCode {
    faults.clear();
    StatusCode::NO_CONTENT
}

async fn requests(State(faults): State<Faults>) -> Json<Value> {
    Json(json!({ "reads": faults.reads(), "writes": faults.writes(), "requests": faults.requests() }))
}

async fn clear_requests(State(faults): State<Faults>) -> StatusCode {
    faults.clear_requests();
    StatusCode::NO_CONTENT
}

async fn save<S: Tables>(State(kept): State<Kept<S>>) -> Json<Value> {
    Json(kept.save())
}

async fn load<S: Tables>(
    State(kept): State<Kept<S>>,
    Json(state): Json<Value>,
) -> Result<StatusCode, (StatusCode, String)> {
    match kept.load(&state) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err((StatusCode::BAD_REQUEST, error.to_string())),
    }
}
