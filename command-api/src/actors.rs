//! Who a checked identity is in our own books: person, status, administration rights. Kept until the log says otherwise.
//!
//! A kept answer is used only while the tail is alive; when in doubt the log is read again, and when that fails so does
//! the request. Closed, not open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use domain::access::Person;
use domain::claims::Claim;
use domain::platform::Platform;
use domain::user::User;
use event_store::guard::caught;
use event_store::trouble::Trouble;
use event_store::{Entry, EventStore, Follower, StoreError, TailError};
use schema::{Event, Recorded, StreamId, UserId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Identity;

/// A tail that has been silent for longer is not trusted.
const SILENCE_MAX: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_millis(250);
const BATCH: usize = 1000;
const KEPT_MAX: usize = 50_000;

/// Somebody we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Who.
    pub user_id: UserId,
    /// Status and administration rights.
    pub person: Person,
}

/// People by identity.
#[derive(Debug, Default)]
pub(crate) struct Actors {
    kept: DashMap<(String, String), Known>,
    /// Counts events that may make a kept answer wrong; an answer read across such an event is not kept.
    changes: AtomicU64,
    heard: Mutex<Option<Instant>>,
}

impl Actors {
    /// The person behind an identity, if there is one.
    pub(crate) async fn find(
        &self,
        store: &EventStore,
        identity: &Identity,
    ) -> Result<Option<Known>, StoreError> {
        let key = (identity.instance.clone(), identity.subject.clone());
        let trusted = self.tail_is_alive();
        if trusted && let Some(known) = self.kept.get(&key) {
            return Ok(Some(*known));
        }
        let before = self.changes.load(Ordering::SeqCst);
        let known = load(store, identity).await?;
        if let Some(known) = known.filter(|_| trusted && self.kept.len() < KEPT_MAX) {
            self.kept.insert(key.clone(), known);
            if self.changes.load(Ordering::SeqCst) != before {
                self.kept.remove(&key);
            }
        }
        Ok(known)
    }

    /// Forgets whatever these events may have made wrong.
    pub(crate) fn forget<'a>(&self, events: impl IntoIterator<Item = &'a Recorded>) {
        for recorded in events {
            match &recorded.event {
                Event::User(_) => {
                    self.changes.fetch_add(1, Ordering::SeqCst);
                    let user = recorded.stream.user();
                    self.kept.retain(|_, known| Some(known.user_id) != user);
                }
                Event::Platform(_) => self.forget_everybody(),
                Event::Tenant(_)
                | Event::Partner(_)
                | Event::Plan(_)
                | Event::Subscription(_)
                | Event::Provisioning(_) => {}
            }
        }
    }

    fn forget_everybody(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.kept.clear();
    }

    /// Listens to the log until told to stop. While it cannot, nothing kept is used; it goes on where it stood.
    pub(crate) async fn follow(&self, store: &EventStore, stop: &CancellationToken) -> Result<(), TailError> {
        let mut follower = store.follow(store.head());
        let mut trouble = Trouble::default();
        loop {
            let listened = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                listened = caught(self.listen(store, &mut follower)) => listened,
            };
            let pause = match listened {
                Ok(Ok(())) => {
                    trouble.tell_works("the cache of callers follows the log");
                    continue;
                }
                Ok(Err(error @ TailError::Db(_))) => {
                    self.distrust();
                    trouble.tell_failed("the cache of callers cannot follow the log", &error)
                }
                Ok(Err(error)) => {
                    self.distrust();
                    return Err(error);
                }
                // What it had in hand may be half done.
                Err(panicked) => {
                    self.distrust();
                    self.forget_everybody();
                    trouble.tell_panicked(&panicked, "follow the log", "the cache of callers")
                }
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What came within a heartbeat; perhaps nothing.
    async fn listen(&self, store: &EventStore, follower: &mut Follower) -> Result<(), TailError> {
        let Ok(next) = tokio::time::timeout(HEARTBEAT, follower.next(BATCH)).await else {
            if store.is_alive() {
                self.hear();
            }
            return Ok(());
        };
        for entry in next?.iter() {
            match entry {
                Entry::Event(recorded) => self.forget([recorded]),
                Entry::Malformed { .. } => self.forget_everybody(),
            }
        }
        self.hear();
        Ok(())
    }

    fn distrust(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn hear(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn tail_is_alive(&self) -> bool {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|heard| heard.elapsed() < SILENCE_MAX)
    }
}

async fn load(store: &EventStore, identity: &Identity) -> Result<Option<Known>, StoreError> {
    let claim = Claim::identity(&identity.instance, &identity.subject);
    let Some(stream) = store.resolve(claim.scope, &claim.value).await? else {
        return Ok(None);
    };
    let Some(user_id) = stream.user() else {
        return Ok(None);
    };
    let (user, _) = store.fold::<User>(&stream).await?;
    let (platform, _) = store.fold::<Platform>(&StreamId::platform()).await?;
    let platform_admin = platform.admins().contains(&user_id);
    Ok(user.status().map(|status| Known { user_id, person: Person { status, platform_admin } }))
}
