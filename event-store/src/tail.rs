//! Reading the log in order: the density assertion, the watch on the head, the ring of recent batches.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;

use crate::db::{Db, DbError};
use crate::guard::caught;
use crate::stored::{self, Entry, Unreadable};
use crate::trouble::Trouble;
use crate::{Shared, StoreError, load};

const POLL_BUSY: Duration = Duration::from_millis(20);
const POLL_IDLE: Duration = Duration::from_millis(250);
const RING_ENTRIES_MAX: usize = 8_192;

/// Why a reader stops. Only `Db` goes away by itself.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// A position is missing. Never skipped, waited out or explained away.
    #[error("position {expected} is missing: the next one is {found}")]
    Gap {
        /// The position that has to come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// The reader is ahead of the log: a backup was restored. Needs a person.
    #[error("the reader stands at {position} and the log ends at {head}")]
    AheadOfLog {
        /// Where the reader stands.
        position: u64,
        /// Where the log ends.
        head: u64,
    },
    /// Written by a newer version: upgrade this one.
    #[error("the event kind {kind} at position {position} is unknown to this version")]
    UnknownKind {
        /// Where.
        position: u64,
        /// Which.
        kind: String,
    },
    /// The database did not answer.
    #[error("read the log")]
    Db(#[from] DbError),
}

/// What readers in this process share.
pub(crate) struct Tail {
    head: channel::Sender<u64>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    batches: BTreeMap<u64, Arc<Vec<Entry>>>,
    entries: usize,
}

impl Tail {
    pub(crate) fn new(head: u64) -> Self {
        Self { head: channel::Sender::new(head), ring: Mutex::default() }
    }

    pub(crate) fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// A batch of ours was committed.
    pub(crate) fn publish(&self, entries: Vec<Entry>) {
        let (Some(first), Some(last)) =
            (entries.first().map(Entry::position), entries.last().map(Entry::position))
        else {
            return;
        };
        {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            ring.entries += entries.len();
            ring.batches.insert(first, Arc::new(entries));
            while ring.entries > RING_ENTRIES_MAX {
                let Some((_, oldest)) = ring.batches.pop_first() else {
                    break;
                };
                ring.entries -= oldest.len();
            }
        }
        self.advance(last);
    }

    /// The log has come this far, whoever wrote it.
    pub(crate) fn advance(&self, head: u64) {
        self.head.send_if_modified(|known| {
            let moved = head > *known;
            *known = head.max(*known);
            moved
        });
    }

    /// Entries after a position, if they are recent and ours.
    fn recent(&self, after: u64, limit: usize) -> Option<Arc<Vec<Entry>>> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, batch) = ring.batches.range(..=after + 1).next_back()?;
        let skipped = usize::try_from(after + 1 - first).ok().filter(|skipped| *skipped < batch.len())?;
        if skipped == 0 && batch.len() <= limit {
            return Some(Arc::clone(batch));
        }
        Some(Arc::new(batch.iter().skip(skipped).take(limit).cloned().collect()))
    }
}

/// Reads everything after a position, in order.
pub struct Follower {
    store: Arc<Shared>,
    position: u64,
    head: channel::Receiver<u64>,
    start: Start,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Whether the log reaches the reader's position has not been asked yet.
    Unchecked,
    Checked,
}

impl Follower {
    pub(crate) fn new(store: Arc<Shared>, after: u64) -> Self {
        let head = store.tail.head.subscribe();
        Self { store, position: after, head, start: Start::Unchecked }
    }

    /// The last position handed out.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// The next entries; waits until there are some. May be dropped at any await without losing one.
    pub async fn next(&mut self, limit: usize) -> Result<Arc<Vec<Entry>>, TailError> {
        loop {
            // Marked as seen before looking, so that a commit in between wakes the wait below.
            self.head.borrow_and_update();
            let entries = self.available(limit).await?;
            if !entries.is_empty() {
                return Ok(entries);
            }
            self.wait().await;
        }
    }

    /// The entries there are now; perhaps none.
    pub async fn available(&mut self, limit: usize) -> Result<Arc<Vec<Entry>>, TailError> {
        if self.start == Start::Unchecked {
            self.check_start().await?;
        }
        let entries = match self.store.tail.recent(self.position, limit) {
            Some(entries) => entries,
            // Somebody watches the head for all readers of this process.
            None if self.store.is_running() && self.store.tail.head() <= self.position => Arc::default(),
            None => Arc::new(self.read(limit).await?),
        };
        if let Some(last) = entries.last() {
            self.position = last.position();
        }
        Ok(entries)
    }

    async fn check_start(&mut self) -> Result<(), TailError> {
        let rows = self.store.db.query(load::HEAD, &[]).await?;
        let head = rows.first().map(|row| row.count(0)).transpose()?.unwrap_or_default();
        if self.position > head {
            return Err(TailError::AheadOfLog { position: self.position, head });
        }
        self.start = Start::Checked;
        Ok(())
    }

    async fn read(&self, limit: usize) -> Result<Vec<Entry>, TailError> {
        let entries = read_page(&self.store.db, self.position, limit).await?;
        // The head says there is more, and there is not: the last rows are gone.
        if entries.is_empty() {
            let head = load::head(&self.store.db).await.map_err(not_read)?;
            if head > self.position && read_page(&self.store.db, self.position, 1).await?.is_empty() {
                return Err(TailError::Gap { expected: self.position + 1, found: head + 1 });
            }
        }
        Ok(entries)
    }

    async fn wait(&mut self) {
        if self.store.is_running() {
            // Bounded, because whoever watches the head for us may stop.
            drop(tokio::time::timeout(POLL_IDLE * 4, self.head.changed()).await);
        } else {
            tokio::time::sleep(POLL_IDLE).await;
        }
    }
}

fn not_read(error: StoreError) -> TailError {
    TailError::Db(DbError::because("read the head of the log", error))
}

/// Entries after a position. Each must follow the one before.
pub(crate) async fn read_after(db: &Db, position: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
    read_page(db, position, limit).await.map_err(|error| match error {
        TailError::Db(error) => error.into(),
        TailError::UnknownKind { position, .. } => StoreError::Unreadable { position },
        TailError::Gap { expected, .. } => StoreError::Unreadable { position: expected },
        TailError::AheadOfLog { .. } => StoreError::Shrunk,
    })
}

pub(crate) const PAGE: &str = "select position, stream, version, kind, data, meta, command_id, recorded_at, personal \
                               from events where position > $1 order by position limit $2";

async fn read_page(db: &Db, position: u64, limit: usize) -> Result<Vec<Entry>, TailError> {
    let rows = db.query(PAGE, &[position.into(), (limit as u64).into()]).await?;
    let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
    let mut expected = position + 1;
    for row in &rows {
        let found = row.count(0)?;
        let fault = if found == expected {
            match stored::entry(row) {
                Ok(entry) => {
                    entries.push(entry);
                    expected += 1;
                    continue;
                }
                Err(Unreadable::UnknownKind { position, kind }) => TailError::UnknownKind { position, kind },
                Err(Unreadable::Db(error)) => TailError::Db(error),
            }
        } else {
            TailError::Gap { expected, found }
        };
        // What stands before the fault is handed out first; the fault comes again at the next call.
        return if entries.is_empty() { Err(fault) } else { Ok(entries) };
    }
    Ok(entries)
}

/// Watches until told to stop. A panic of ours ends one watch, and the next one begins.
pub(crate) async fn watch_on(store: &Shared, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut trouble = Trouble::default();
    loop {
        match caught(watch(store, stop)).await {
            Ok(watched) => return watched,
            Err(panicked) => {
                let pause = trouble.tell_panicked(&panicked, "watch the log", "the head");
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

/// Watches the head for what other processes write: every 20 ms while there is something, backing off to 250 ms, and
/// further while the database is away.
async fn watch(store: &Shared, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut pause = POLL_BUSY;
    let mut seen = store.tail.head();
    let mut trouble = Trouble::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        let known = store.tail.head();
        match load::head(&store.db).await {
            Ok(head) if head < known => {
                tracing::error!(
                    known,
                    head,
                    "the log became shorter: was a backup restored under a running process?"
                );
                return Err(StoreError::Shrunk);
            }
            Ok(head) => {
                store.tail.advance(head);
                store.reachable.store(true, Ordering::Relaxed);
                trouble.tell_works("the log can be read");
                pause = if head > seen { POLL_BUSY } else { (pause * 2).min(POLL_IDLE) };
                seen = head;
            }
            Err(error) => {
                store.reachable.store(false, Ordering::Relaxed);
                pause = trouble.tell_failed("the log cannot be read", &error);
            }
        }
    }
}
