//! Read models: tables made from events, and their queries.
//!
//! # What always holds
//! * Rows and checkpoint move in one transaction, by compare-and-swap: a second or revived worker changes nothing.
//! * `project` is pure and reads nothing. The same function serves the live tables, rebuilds, replies and proofs.
//! * A table is written by events of one aggregate only; what needs two is joined in a query.
//! * Every result says as of which position it is.
//!
//! # What is deliberately absent
//! Rules (`domain`), effects outside our own tables, any knowledge of who asks.

pub mod activity;
pub mod api;
pub mod facts;
pub mod partners;
pub mod provisioning;
pub mod tenants;
pub mod users;
