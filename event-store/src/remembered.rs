//! Streams read lately. A stream only grows, so what was read of it stays true, and only what follows is read again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schema::{Recorded, StreamId};
use tokio::time::Instant;

/// The events of one stream from its first on, shared.
pub(crate) type Events = Arc<Vec<Recorded>>;

/// How many events one generation holds; two are kept.
const EVENTS_MAX: usize = 8_192;
/// A longer stream is read as a whole each time: it would push out all others.
const EVENTS_OF_ONE_MAX: usize = 1_024;
/// A personal section that is erased must not be remembered for long.
const KEPT_FOR: Duration = Duration::from_mins(10);

/// The beginnings of streams. Never the truth about where a stream ends: that is always read.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: BTreeMap<StreamId, Beginning>,
    old: BTreeMap<StreamId, Beginning>,
    /// In the young one.
    events: usize,
}

#[derive(Clone)]
struct Beginning {
    since: Instant,
    events: Events,
}

impl Remembered {
    /// What is remembered of a stream.
    pub(crate) fn of(&self, stream: &StreamId) -> Option<Events> {
        self.lock().find(stream).map(|beginning| beginning.events)
    }

    /// Remembers a stream as it was read just now.
    pub(crate) fn keep(&self, stream: &StreamId, events: &Events) {
        let mut generations = self.lock();
        let before = generations.find(stream);
        let known = before.as_ref().map_or(0, |before| before.events.len());
        if events.len() <= known || events.len() > EVENTS_OF_ONE_MAX {
            return;
        }
        let since = before.map_or_else(Instant::now, |before| before.since);
        generations.put(stream, Beginning { since, events: Arc::clone(events) });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(&mut self, stream: &StreamId) -> Option<Beginning> {
        let is_fresh = |beginning: &&Beginning| beginning.since.elapsed() < KEPT_FOR;
        if let Some(young) = self.young.get(stream) {
            return Some(young).filter(is_fresh).cloned();
        }
        let old = self.old.remove(stream).filter(|old| is_fresh(&old))?;
        self.put(stream, old.clone());
        Some(old)
    }

    fn put(&mut self, stream: &StreamId, beginning: Beginning) {
        let added = beginning.events.len();
        let replaced = self.young.insert(stream.clone(), beginning);
        self.events = (self.events + added).saturating_sub(replaced.map_or(0, |before| before.events.len()));
        // What nobody asked for during a whole generation is forgotten with the one before.
        if self.events > EVENTS_MAX {
            self.old = std::mem::take(&mut self.young);
            self.events = 0;
        }
    }
}
