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
#[cfg(test)]
mod contract;
mod copies;
pub mod facts;
mod fold;
mod follow;
pub mod health;
pub mod list;
pub mod memory;
pub mod model;
pub mod operations;
mod parity;
mod park;
pub mod partners;
mod parts;
pub mod provisioning;
mod rebuild;
mod replay;
mod retired;
mod select;
pub mod standing;
mod status;
mod storage;
pub mod tenants;
pub mod timers;
pub mod users;
mod verify;
pub mod views;
mod wait;

pub use follow::{FollowError, Projector, Step, run};
pub use model::{Column, ReadModel, Table, Write};
pub use parity::{Comparison, Difference, DifferenceKind};
pub use park::{Retried, RetryError, retry, retry_due};
pub use rebuild::{Progress, Proof, ReplayError, Replayed, outdated, replay, rollback};
pub use retired::RetiredError;
pub use select::QueryError;
pub use status::{ModelStatus, ParkedStream};
pub use storage::StorageError;
pub use verify::{ModelReport, VerifyError, verify};
pub use views::{At, Views};
pub use wait::Lagging;

/// Every read model. Adding one is a line here and a file beside.
pub const READ_MODELS: &[&ReadModel] = &[
    &tenants::MODEL,
    &partners::MODEL,
    &users::MODEL,
    &facts::MODEL,
    &provisioning::MODEL,
    &activity::MODEL,
    &timers::MODEL,
];
