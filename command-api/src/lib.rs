//! HTTP: bearer token, one command or one query, one problem shape.

mod auth;
mod config;
mod cursor;
mod error;
mod fields;
mod idempotency;
mod json;
mod precondition;
mod problem;
mod query;
mod values;

pub use config::{Build, Config, EmailTrust, Issuer, OPERATOR_AUDIENCE};
