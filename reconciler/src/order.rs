//! The order of doors. Identity opens last and shuts first; objects and closing wait for nothing.

use std::time::Duration;

use domain::access::Lifecycle;
use projector::facts::TenantFacts;
use schema::{System, Timestamp};

use crate::backoff;
use crate::integration::{Asked, Gate};

/// Whether somebody asked for shut doors: a hold or the end, not merely being unready.
pub(crate) fn asked(facts: &TenantFacts) -> Asked {
    let is_ending = match facts.standing.lifecycle {
        Lifecycle::Terminating | Lifecycle::Terminated => true,
        Lifecycle::Pending | Lifecycle::Active => false,
    };
    if is_ending || facts.standing.has_access_hold() { Asked::Shut } else { Asked::Nothing }
}

/// How far mail and files are, for the identity door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behind {
    /// In place, switched off, or not acted upon.
    Ready,
    /// Not yet.
    NotYet,
}

/// The identity door opens when what is behind it is ready, and in any case when people have waited long enough: one
/// broken system must not lock everybody out.
pub(crate) fn gate(behind: &[Behind], waiting_since: Timestamp, now: Timestamp, door_wait: Duration) -> Gate {
    let is_over = now >= backoff::after(waiting_since, door_wait);
    if is_over || behind.iter().all(|state| *state == Behind::Ready) { Gate::Open } else { Gate::Waiting }
}

/// Since when the identity door of this tenant has been waiting.
pub(crate) fn waiting_since(facts: &TenantFacts, now: Timestamp) -> Timestamp {
    facts
        .systems
        .get(&System::Authentik)
        .filter(|recorded| !recorded.state.is_in_place())
        .map_or(now, |recorded| recorded.changed_at)
}
