//! Rules: what may happen, as functions from values to values.
//!
//! # What always holds
//! * `decide` may refuse, `evolve` may not. Same input, same answer, on every replay.
//! * A command that changes nothing yields no event: saying the same thing twice is no news.
//! * A decision over several streams declares them first; what it read and did not write is guarded by the log.
//!
//! # What is deliberately absent
//! Clocks, randomness, the environment, `async`, storage, HTTP.

pub mod access;
pub mod acts;
pub mod board;
mod changes;
pub mod claims;
pub mod partner;
pub mod plan;
pub mod platform;
pub mod provisioning;
pub mod rejection;
pub mod subscription;
pub mod tenant;
#[cfg(test)]
pub(crate) mod testing;
pub mod user;

pub use board::{Act, Aggregate, Board, One, State};
pub use rejection::{Problem, Rejection};

use schema::{Actor, Event, Timestamp};
use uuid::Uuid;

/// Who asks, in which capacity, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Who.
    pub actor: Actor,
    /// When. The only time a rule knows.
    pub now: Timestamp,
    /// The command. Ids of things a rule makes by itself are derived from it.
    pub command_id: Uuid,
}

/// The rules of one aggregate.
pub trait Decider: Default {
    /// What may be asked.
    type Command;
    /// What may happen.
    type Event: Into<Event> + Clone;

    /// What follows from a command, or why it is refused. Nothing follows from no news.
    fn decide(&self, command: Self::Command, asked: &Asked) -> Result<Vec<Self::Event>, Rejection>;

    /// The state after an event. Total: never fails, never reads personal fields to choose.
    fn evolve(&mut self, event: &Self::Event);
}
