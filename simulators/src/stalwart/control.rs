//! Routes for tests and for trying things out: hand in a message, sign in, send.

use axum::extract::State;
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

async fn deliver(State(server): State<Stalwart>, Json(body): Json<Deliver>) -> Json<Delivery> {
    Json(server.deliver(&body.to))
}

async fn login(State(server): State<Stalwart>, Json(body): Json<SignIn>) -> Json<Login> {
    Json(server.login(&body.address))
}

async fn submit(State(server): State<Stalwart>, Json(body): Json<Submit>) -> Json<Submission> {
    Json(server.submit(&body.from))
}
