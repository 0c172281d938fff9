//! Routes for tests and for trying things out: hand in a message, sign in, send, lose a write race.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::Stalwart;
use super::mail::{Delivery, Login, Submission};

pub(crate) fn routes(server: Stalwart) -> Router {
    Router::new()
        .route("/_simulator/deliver", post(deliver))
        .route("/_simulator/login", post(login))
        .route("/_simulator/submit", post(submit))
        .route("/_simulator/stumble", post(stumble))
        .with_state(server)
}

#[derive(Deserialize)]
struct Deliver {
    to: String,
}

#[derive(Deserialize)]
struct SignIn {
    address: String,
}

#[derive(Deserialize)]
struct Submit {
    from: String,
}

/// The next call of `method` commits `after` objects and then says `serverUnavailable`.
#[derive(Deserialize)]
struct Stumble {
    method: String,
    #[serde(default)]
    after: usize,
}

async fn deliver(State(server): State<Stalwart>, Json(body): Json<Deliver>) -> Json<Delivery> {
    Json(server.deliver(&body.to))
}

async fn login(State(server): State<Stalwart>, Json(body): Json<SignIn>) -> Json<Login> {
    Json(server.login(&body.address))
}

async fn submit(State(server): State<Stalwart>, Json(body): Json<Submit>) -> Json<Submission> {
    Json(server.submit(&body.from))
}

async fn stumble(State(server): State<Stalwart>, Json(body): Json<Stumble>) -> StatusCode {
    server.stumble(&body.method, body.after);
    StatusCode::NO_CONTENT
}
