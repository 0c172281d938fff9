//! The service in process: the real router over a real log and real read models, with an identity provider of our own
//! on loopback. Every test uses HTTP alone, as a client would.

#![expect(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod audit;
mod contract;
mod domains;
mod fuzz;
mod house;
mod idempotency;
mod identity;
mod lifecycle;
mod lists;
mod malformed;
mod matrix;
mod me;
mod members;
mod operators;
mod partners;
mod patching;
mod positions;
mod provider;
mod rehearsals;
mod restarts;
mod shown;
mod sizes;
mod tenants;
mod visibility;
