//! What the API asks of whoever makes outside systems follow. The API never depends on how that is done.

use std::collections::BTreeMap;
use std::error::Error;
use std::pin::Pin;

use schema::{Event, StreamId, System, TenantId};

/// An answer that is on its way.
pub type Planned<'a, T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// Steps per system, as text for people.
pub type Steps = BTreeMap<System, Vec<String>>;

/// Whoever makes outside systems follow.
pub trait Planner: Send + Sync {
    /// The steps each system would take if these events were in the log. Changes nothing.
    fn plan(&self, tenant: TenantId, news: Vec<(StreamId, Event)>) -> Planned<'_, Steps>;

    /// Asks for a look at these systems now, whatever back-off says.
    fn reconcile(&self, tenant: TenantId, systems: Vec<System>) -> Planned<'_, ()>;

    /// Whether these systems have nothing left to do for what stands in the log up to `position`,
    /// or have failed and say so.
    fn is_settled(&self, tenant: TenantId, systems: Vec<System>, position: u64) -> Planned<'_, bool>;
}
