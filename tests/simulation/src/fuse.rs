//! A fuse: the future it guards is dropped at whatever await point it has reached when the fuse burns out.
//!
//! Every poll of what is guarded burns a little, so the same seed cuts at the same step of the work, however fast or
//! slow the machine is.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};

use tokio_util::sync::CancellationToken;

/// Shared by everything that dies together.
#[derive(Clone)]
pub(crate) struct Fuse {
    left: Arc<AtomicI64>,
    blown: CancellationToken,
}

impl Fuse {
    /// Not lit: it burns for as long as anybody waits.
    pub(crate) fn new() -> Self {
        Self { left: Arc::new(AtomicI64::new(i64::MAX)), blown: CancellationToken::new() }
    }

    /// One that lasts for so many polls.
    pub(crate) fn of(polls: i64) -> Self {
        let fuse = Self::new();
        fuse.light(polls);
        fuse
    }

    /// So many polls are left from now on.
    pub(crate) fn light(&self, polls: i64) {
        self.left.store(polls, Ordering::Relaxed);
    }

    /// Now.
    pub(crate) fn blow(&self) {
        self.blown.cancel();
    }

    /// Until it has burnt out.
    pub(crate) async fn blown(&self) {
        self.blown.cancelled().await;
    }

    pub(crate) fn is_blown(&self) -> bool {
        self.blown.is_cancelled()
    }

    /// What `work` comes to, or nothing when it was cut.
    pub(crate) async fn guard<W: Future>(&self, work: W) -> Option<W::Output> {
        let burning = Burning { fuse: self.clone(), work: Box::pin(work) };
        tokio::select! {
            biased;
            () = self.blown.cancelled() => None,
            done = burning => Some(done),
        }
    }
}

struct Burning<W> {
    fuse: Fuse,
    work: Pin<Box<W>>,
}

impl<W: Future> Future for Burning<W> {
    type Output = W::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<W::Output> {
        if self.fuse.left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            self.fuse.blown.cancel();
            return Poll::Pending;
        }
        self.work.as_mut().poll(context)
    }
}
