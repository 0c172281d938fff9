//! The way into one system: so many calls at a time, sustained writes below what it digests, and bulk work that holds
//! back while a door has to shut.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::Instant;

use crate::call::Effect;
use crate::throttle::Throttle;

/// Calls of a system that only what shuts a door may use.
const KEPT_FREE: usize = 2;
/// How long a bulk write holds back at most: doors that cannot be shut for ever must not stop everything else for ever.
const HOLD_BACK_MAX: Duration = Duration::from_mins(1);

/// Whether a call makes room for others, or others for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It shares the system with everybody, and waits while doors are to be shut.
    Bulk,
    /// It shuts a door, or looks whether it is shut: it waits for nothing but a free call.
    AtOnce,
}

/// Doors that have to shut now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Doors {
    /// In somebody's hands.
    in_hand: usize,
    /// Waiting for a free hand, as last counted.
    due: usize,
}

/// The way into one system, shared by everybody who calls it in this process.
#[derive(Debug)]
pub struct Lane {
    limit: usize,
    shared: Semaphore,
    all: Semaphore,
    throttle: Option<Throttle>,
    doors: watch::Sender<Doors>,
}

/// A call under way.
pub(crate) struct Entered<'a> {
    _shared: Option<SemaphorePermit<'a>>,
    _all: Option<SemaphorePermit<'a>>,
}

/// While it is held, bulk writes hold back.
#[derive(Debug)]
pub struct Shutting<'a>(&'a Lane);

impl Drop for Shutting<'_> {
    fn drop(&mut self) {
        self.0.doors.send_modify(|doors| doors.in_hand = doors.in_hand.saturating_sub(1));
    }
}

impl Lane {
    /// `calls` at a time, a few of them for what shuts doors alone; `writes_per_second` sustained, if that is limited.
    pub(crate) fn new(calls: usize, writes_per_second: Option<u32>) -> Self {
        let limit = calls.max(1);
        Self {
            limit,
            shared: Semaphore::new(limit.saturating_sub(KEPT_FREE).max(1)),
            all: Semaphore::new(limit),
            throttle: writes_per_second.map(Throttle::new),
            doors: watch::Sender::default(),
        }
    }

    /// How many calls one piece of work may make at a time.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// A door is being shut from now on, until the answer is dropped.
    pub(crate) fn shutting(&self) -> Shutting<'_> {
        self.doors.send_modify(|doors| doors.in_hand += 1);
        Shutting(self)
    }

    /// So many doors wait for a free hand.
    pub(crate) fn doors_due(&self, count: usize) {
        self.doors.send_if_modified(|doors| std::mem::replace(&mut doors.due, count) != count);
    }

    /// Whether doors wait for a free hand.
    pub(crate) fn doors_wait(&self) -> bool {
        self.doors.borrow().due > 0
    }

    /// Waits for this call's turn.
    pub(crate) async fn enter(&self, pace: Pace, effect: Effect) -> Entered<'_> {
        match (pace, effect) {
            (Pace::Bulk, Effect::Writes) => {
                if let Some(throttle) = &self.throttle {
                    self.hold_back(Instant::now() + HOLD_BACK_MAX).await;
                    throttle.turn().await;
                }
                return self.make_room().await;
            }
            (Pace::AtOnce, Effect::Writes) => {
                if let Some(throttle) = &self.throttle {
                    throttle.count();
                }
            }
            (Pace::Bulk | Pace::AtOnce, Effect::Reads) => {}
        }
        let shared = match pace {
            Pace::Bulk => self.shared.acquire().await.ok(),
            Pace::AtOnce => None,
        };
        Entered { _shared: shared, _all: self.all.acquire().await.ok() }
    }

    /// A call for a bulk write. Doors may have to shut while it waits for one: then it gives the call back and waits for
    /// them, so that whatever the length of the line, nothing of it begins before them.
    async fn make_room(&self) -> Entered<'_> {
        let until = Instant::now() + HOLD_BACK_MAX;
        loop {
            self.hold_back(until).await;
            let shared = self.shared.acquire().await.ok();
            let all = self.all.acquire().await.ok();
            if *self.doors.borrow() == Doors::default() || Instant::now() >= until {
                return Entered { _shared: shared, _all: all };
            }
        }
    }

    async fn hold_back(&self, until: Instant) {
        let mut doors = self.doors.subscribe();
        let shut = doors.wait_for(|doors| *doors == Doors::default());
        // Over the time as over the doors: the write goes on.
        drop(tokio::time::timeout_at(until, shut).await);
    }
}

#[cfg(test)]
mod tests;
