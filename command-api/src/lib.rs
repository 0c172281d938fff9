//! HTTP: bearer token, one command or one query, one problem shape.
//!
//! # What always holds
//! * Checks come in one order: token, audience, person, subject (404), role (403), key, body, precondition, rules.
//! * What a caller may not see answers exactly like what does not exist.
//! * The answer to a command is folded from its own events; it is never behind and waits for nothing.
//! * A route is one line in a list; router, contract and the authorisation matrix of the tests are made from it.
//!
//! # What is deliberately absent
//! Rules (`domain`), tables (`projector`), outside systems (`reconciler`), clocks, the environment.

mod actors;
mod app;
mod ask;
mod audit;
mod auth;
mod config;
mod cursor;
mod error;
mod fields;
mod front;
mod health;
mod idempotency;
mod json;
mod openapi;
mod operations;
mod pace;
mod partners;
mod planner;
mod precondition;
mod problem;
mod query;
mod reading;
mod rehearsal;
mod route;
mod router;
mod server;
mod subscriptions;
mod tenants;
mod trail;
mod users;
mod values;

pub use app::App;
pub use auth::KeyClientError;
pub use config::{Build, Config, EmailTrust, Issuer, OPERATOR_AUDIENCE};
pub use planner::{Planned, Planner, Steps};
pub use route::Who;
pub use router::{router, table};
pub use server::{Listening, ServeError, serve};
