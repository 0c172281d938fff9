//! The reconciler against simulated systems: what people and operators would see there.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what failed by panicking there"
)]

mod apart;
mod doors;
mod drift;
mod failures;
mod leftovers;
mod losses;
mod many_people;
mod named_errors;
mod processes;
mod provisioning;
mod size;
mod strangers;
mod world;
