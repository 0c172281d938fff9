//! Locks by name within this process: one command at a time per appended stream, one copy of a key in flight.
//!
//! They only save work. Other processes do not see them; the log's own guards decide.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use schema::StreamId;
use tokio::sync::OwnedMutexGuard;

/// One lock per stream somebody appends to right now.
#[derive(Default)]
pub(crate) struct StreamLocks(Mutex<BTreeMap<StreamId, Arc<tokio::sync::Mutex<()>>>>);

/// Whether somebody else had a lock first: then what was loaded before is old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    No,
    Yes,
}

/// Streams locked until this is dropped.
pub(crate) struct Held<'locks> {
    locks: &'locks StreamLocks,
    guards: Vec<(StreamId, Option<OwnedMutexGuard<()>>)>,
    pub(crate) waited: Waited,
}

impl StreamLocks {
    /// Locks streams in the order of their names, so that two commands never wait for each other.
    pub(crate) async fn lock(&self, streams: BTreeSet<StreamId>) -> Held<'_> {
        let mut held = Held { locks: self, guards: Vec::with_capacity(streams.len()), waited: Waited::No };
        for stream in streams {
            let lock = Arc::clone(self.map().entry(stream.clone()).or_default());
            let guard = if let Ok(guard) = Arc::clone(&lock).try_lock_owned() {
                guard
            } else {
                held.waited = Waited::Yes;
                lock.lock_owned().await
            };
            held.guards.push((stream, Some(guard)));
        }
        held
    }

    fn map(&self) -> std::sync::MutexGuard<'_, BTreeMap<StreamId, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut map = self.locks.map();
        for (stream, guard) in &mut self.guards {
            drop(guard.take());
            // Whoever waits holds a copy of the lock; without one nobody waits.
            if map.get(stream).is_some_and(|lock| Arc::strong_count(lock) == 1) {
                map.remove(stream);
            }
        }
    }
}

/// The keys of commands that have not been answered yet.
#[derive(Default)]
pub(crate) struct KeysInFlight(Mutex<BTreeSet<String>>);

pub(crate) struct InFlight<'keys> {
    keys: &'keys KeysInFlight,
    id: String,
}

impl KeysInFlight {
    /// `None` when another copy is in flight.
    pub(crate) fn enter(&self, id: &str) -> Option<InFlight<'_>> {
        let entered = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        entered.then(|| InFlight { keys: self, id: id.to_owned() })
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.keys.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}
