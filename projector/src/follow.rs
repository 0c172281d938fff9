//! The loop: a batch of the log → operations → rows and checkpoint in one transaction, for every copy this process leads.
//!
//! The compare-and-swap of position and epoch is the fence. Whoever loses it writes nothing, looks who owns the copy
//! now, and lets go unless it is still its own.

mod apply;
mod lead;

use std::time::Duration;

use event_store::guard::caught;
use event_store::trouble::Trouble;
use event_store::{DbError, Entry, EventStore, Follower, TailError};
use futures::future::BoxFuture;
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::memory::FoldError;
use crate::rebuild::{self, ReplayError};
use crate::views::Views;
pub(crate) use apply::{Applied, apply, pass_over};
pub(crate) use lead::Track;

/// One transaction's worth of events.
pub(crate) const BATCH_MAX: usize = 5_000;
/// How often copies made by others are looked for, and standing ones looked after.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why following ended. A gap, or a log shorter than its reader, needs a person.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log cannot be read as it must be.
    #[error("read the log in order")]
    Tail(#[from] TailError),
    /// The views database did not answer.
    #[error("write a read model")]
    Db(#[from] DbError),
    /// A read model of an older definition could not be made again.
    #[error("make a read model of an older definition again")]
    Remake(#[source] Box<ReplayError>),
    /// A definition contradicts itself.
    #[error("fold operations of a read model")]
    Fold(#[from] FoldError),
}

impl FollowError {
    /// Whether the same may work later, without anybody doing anything.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Db(_) | Self::Tail(TailError::Db(_)) => true,
            Self::Remake(error) => error.passes(),
            Self::Tail(
                TailError::Gap { .. } | TailError::AheadOfLog { .. } | TailError::UnknownKind { .. },
            )
            | Self::Fold(_) => false,
        }
    }
}

/// Whether a step had anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Events were applied, or a copy was taken over or let go.
    Moved,
    /// Everything led here has reached the end of the log.
    Level,
}

/// Follows the log with every read model it can lead.
pub struct Projector {
    views: Views,
    store: EventStore,
    owner: String,
    tracks: Vec<Track>,
    follower: Option<(u64, Follower)>,
    /// Nothing: look before anything else.
    looked_at: Option<Instant>,
}

/// Follows until asked to stop. What passes is waited out, panics of ours included; a log that is not as it must be ends it.
pub fn run(
    views: Views,
    store: EventStore,
    stop: CancellationToken,
) -> BoxFuture<'static, Result<(), FollowError>> {
    Box::pin(running(views, store, stop))
}

async fn running(views: Views, store: EventStore, stop: CancellationToken) -> Result<(), FollowError> {
    let mut trouble = Trouble::default();
    let mut projector = None;
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            done = caught(turn(&views, &store, &mut projector)) => done,
        };
        let pause = match done {
            Ok(Ok(_)) => {
                trouble.tell_works("read models can be followed");
                continue;
            }
            Ok(Err(error)) if error.passes() => {
                if let Some(projector) = &mut projector {
                    projector.forget();
                }
                trouble.tell_failed("read models cannot be followed", &error)
            }
            Ok(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "following stops");
                return Err(error);
            }
            // Nothing it remembered is trusted: it begins again from the checkpoints.
            Err(panicked) => {
                projector = None;
                trouble.tell_panicked(&panicked, "follow the log", "every read model")
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = sleep(pause) => {}
        }
    }
}

/// A bit of following; what is needed for it is made first.
async fn turn(
    views: &Views,
    store: &EventStore,
    projector: &mut Option<Projector>,
) -> Result<Step, FollowError> {
    let projector = match projector {
        Some(projector) => projector,
        empty => {
            remake_outdated(views, store).await?;
            empty.insert(Projector::start(views.clone(), store.clone()).await?)
        }
    };
    projector.wait_and_run().await
}

/// Read models whose definition this build has changed are made again beside the tables that are still there.
async fn remake_outdated(views: &Views, store: &EventStore) -> Result<(), FollowError> {
    for name in rebuild::outdated(views).await? {
        tracing::info!(model = name, "the definition has changed: making the read model again");
        rebuild::replay(views, store, name, &|_| {})
            .await
            .map_err(|error| FollowError::Remake(Box::new(error)))?;
    }
    Ok(())
}

impl Projector {
    /// Takes over every copy of this build's definitions. Whoever led them before notices at its next write.
    pub async fn start(views: Views, store: EventStore) -> Result<Self, FollowError> {
        let owner = Uuid::now_v7().to_string();
        let tracks = lead::take_over_all(&views, &owner).await?;
        Ok(Self { views, store, owner, tracks, follower: None, looked_at: Some(Instant::now()) })
    }

    /// Applies what is in the log and not yet in the read models, at most one batch.
    pub async fn run_once(&mut self) -> Result<Step, FollowError> {
        self.look_after_copies().await?;
        let Some(from) = self.lowest() else {
            return Ok(Step::Level);
        };
        let mut follower = self.follower_at(from);
        let read = follower.available(BATCH_MAX).await;
        self.digest(from, follower, read).await
    }

    /// The same, waiting for something to come, but not longer than copies may be left alone.
    async fn wait_and_run(&mut self) -> Result<Step, FollowError> {
        self.look_after_copies().await?;
        let Some(from) = self.lowest() else {
            sleep(LOOK_EVERY).await;
            return Ok(Step::Level);
        };
        let mut follower = self.follower_at(from);
        if let Ok(read) = timeout(LOOK_EVERY, follower.next(BATCH_MAX)).await {
            return self.digest(from, follower, read).await;
        }
        self.follower = Some((from, follower));
        Ok(Step::Level)
    }

    async fn digest(
        &mut self,
        from: u64,
        follower: Follower,
        read: Result<std::sync::Arc<Vec<Entry>>, TailError>,
    ) -> Result<Step, FollowError> {
        match read {
            Ok(entries) => {
                let Some(last) = entries.last().map(position_of) else {
                    self.follower = Some((from, follower));
                    return Ok(Step::Level);
                };
                self.advance(&entries).await?;
                self.follower = Some((last, follower));
                Ok(Step::Moved)
            }
            Err(TailError::UnknownKind { position, kind }) => self.step_around(position, &kind).await,
            Err(error) => Err(error.into()),
        }
    }

    /// Every copy at once: each has its own transaction, and none waits for another.
    async fn advance(&mut self, entries: &[Entry]) -> Result<(), FollowError> {
        let (views, owner) = (&self.views, self.owner.as_str());
        let led = self.tracks.iter_mut().filter(|track| track.is_led());
        let done = join_all(led.map(|track| advance_guarded(views, owner, track, entries))).await;
        for applied in done {
            // Somebody may have swapped copies: find the new one before the next event.
            if applied? == Applied::Lost {
                self.looked_at = None;
            }
        }
        Ok(())
    }

    /// Models that read the unknown kind stop there and say so; the others go on behind it.
    async fn step_around(&mut self, position: u64, kind: &str) -> Result<Step, FollowError> {
        for track in self.tracks.iter_mut().filter(|track| track.is_led() && track.position < position) {
            if track.model.reads_word(kind) {
                let note =
                    format!("event {position} is of the kind {kind}, which this version does not know");
                tracing::error!(
                    model = track.model.name,
                    position,
                    kind,
                    "a read model stops at an unknown kind of event"
                );
                lead::stop(&self.views, track, &note).await?;
            } else {
                pass_over(&self.views, track, position).await?;
            }
            track.report(&self.views);
        }
        self.follower = None;
        Ok(Step::Moved)
    }

    async fn look_after_copies(&mut self) -> Result<(), FollowError> {
        if self.looked_at.is_some_and(|looked_at| looked_at.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        self.looked_at = Some(Instant::now());
        let head = self.store.head();
        lead::refresh(&self.views, &self.owner, &mut self.tracks, head).await?;
        Ok(())
    }

    /// The follower stands where the slowest copy is; the others skip what they have.
    fn lowest(&self) -> Option<u64> {
        self.tracks.iter().filter(|track| track.is_led()).map(|track| track.position).min()
    }

    fn follower_at(&mut self, position: u64) -> Follower {
        match self.follower.take() {
            Some((at, follower)) if at == position => follower,
            Some(_) | None => self.store.follow(position),
        }
    }

    /// After a failure nothing remembered is trusted.
    fn forget(&mut self) {
        self.follower = None;
        for track in &mut self.tracks {
            track.distrust();
        }
        self.looked_at = None;
    }
}

/// A copy our own code breaks over is set aside, and the others go on.
async fn advance_guarded(
    views: &Views,
    owner: &str,
    track: &mut Track,
    entries: &[Entry],
) -> Result<Applied, FollowError> {
    match caught(advance(views, owner, track, entries)).await {
        Ok(applied) => applied,
        Err(panicked) => {
            track.broke(views, &panicked).await;
            Ok(Applied::Done)
        }
    }
}

async fn advance(
    views: &Views,
    owner: &str,
    track: &mut Track,
    entries: &[Entry],
) -> Result<Applied, FollowError> {
    let applied = apply(views, track, entries).await?;
    if applied == Applied::Lost {
        let read = lead::reread(views, track, owner).await?;
        track.becomes(read);
    }
    track.report(views);
    track.is_well(views).await;
    Ok(applied)
}

pub(crate) fn position_of(entry: &Entry) -> u64 {
    match entry {
        Entry::Event(recorded) => recorded.position,
        Entry::Malformed { position, .. } => *position,
    }
}
