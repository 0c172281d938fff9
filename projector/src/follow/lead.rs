//! Who works on which copy. Starting takes everything over at once; a copy led by somebody else is taken over only when
//! it stands still while the log goes on. Nothing here needs a clock that others agree with.

use std::collections::BTreeSet;
use std::time::Duration;

use event_store::guard::{Panicked, caught};
use event_store::trouble::Trouble;
use event_store::{Batch, DbError, Expect, Row, WriteError};
use tokio::time::Instant;

use super::FollowError;
use crate::READ_MODELS;
use crate::copies::Copy;
use crate::model::ReadModel;
use crate::park;
use crate::views::Views;

/// How long a copy led elsewhere may stand still before it is taken over.
const STANDING_STILL: Duration = Duration::from_secs(2);

/// One copy of a read model.
pub(crate) struct Track {
    pub(crate) model: &'static ReadModel,
    pub(crate) copy: u32,
    pub(crate) position: u64,
    pub(crate) epoch: u64,
    pub(crate) parked: BTreeSet<String>,
    is_live: bool,
    standing: Standing,
    trouble: Trouble,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// This process moves it.
    Led,
    /// Another process moves it; its position was first seen then.
    Elsewhere(Instant),
    /// It stopped, and says why in its checkpoint.
    Stopped,
    /// A write failed: read the checkpoint before the next one.
    Distrusted,
    /// Our own code broke over it: the same, but not before then.
    SetAside(Instant),
}

impl Track {
    pub(crate) fn is_led(&self) -> bool {
        self.standing == Standing::Led
    }

    /// For who brings a copy to a position beside the loop. The checkpoint keeps its owner and epoch.
    pub(crate) fn borrowed(model: &'static ReadModel, copy: &Copy, parked: BTreeSet<String>) -> Self {
        Self {
            model,
            copy: copy.number,
            position: copy.position,
            epoch: copy.epoch,
            parked,
            is_live: false,
            standing: Standing::Led,
            trouble: Trouble::default(),
        }
    }

    /// What was read about it again. What is wrong with it is not forgotten by reading.
    pub(crate) fn becomes(&mut self, read: Self) {
        let trouble = std::mem::take(&mut self.trouble);
        *self = Self { trouble, ..read };
    }

    /// It broke. Its neighbours go on, and it is tried again later; until then `dezky status` shows why it stands.
    pub(crate) async fn broke(&mut self, views: &Views, panicked: &Panicked) {
        let pause = self.trouble.tell_panicked(panicked, "keep a read model up to date", self.model.name);
        self.standing = Standing::SetAside(Instant::now() + pause);
        self.note(views, Some(panicked.to_string())).await;
    }

    /// It moved.
    pub(crate) async fn is_well(&mut self, views: &Views) {
        if self.trouble.lasts() {
            self.trouble.tell_works("the read model is kept up to date");
            self.note(views, None).await;
        }
    }

    /// For people alone: that it cannot be written changes nothing.
    async fn note(&self, views: &Views, note: Option<String>) {
        let mut batch = Batch::new();
        batch.run(
            "update checkpoints set note = $1 where read_model = $2 and version = $3 and epoch = $4",
            vec![note.into(), self.model.name.into(), self.copy.into(), self.epoch.into()],
            Expect::Any,
        );
        drop(views.db().write(batch).await);
    }

    pub(crate) fn distrust(&mut self) {
        if self.is_led() {
            self.standing = Standing::Distrusted;
        }
    }

    /// Tells waiting queries of this process.
    pub(crate) fn report(&self, views: &Views) {
        if !self.is_live {
            return;
        }
        if self.is_led() {
            views.note_progress(self.model.name, self.position);
        } else {
            views.forget_progress(self.model.name);
        }
        metrics::gauge!("dezky_projection_position", "read_model" => self.model.name)
            .set(lossy(self.position));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; positions below 2⁵³ are exact")]
const fn lossy(position: u64) -> f64 {
    position as f64
}

/// A checkpoint as stored.
struct Checkpoint {
    model: &'static ReadModel,
    copy: u32,
    position: u64,
    epoch: u64,
    owner: Option<String>,
    is_live: bool,
    is_stopped: bool,
}

/// Copies this build can follow: of its own definitions, and not being filled.
async fn checkpoints(views: &Views) -> Result<Vec<Checkpoint>, DbError> {
    let rows = views
        .db()
        .query(
            "select c.read_model, c.version, c.definition, c.position, c.epoch, c.owner, c.state, l.version
               from checkpoints c join live l on l.read_model = c.read_model
              where c.state <> 'rebuilding' order by c.read_model, c.version",
            &[],
        )
        .await?;
    let mut found = Vec::new();
    for row in &rows {
        found.extend(checkpoint(row)?);
    }
    Ok(found)
}

fn checkpoint(row: &Row) -> Result<Option<Checkpoint>, DbError> {
    let (name, definition) = (row.text(0)?, row.count(2)?);
    let model = READ_MODELS.iter().find(|model| model.name == name && u64::from(model.version) == definition);
    let (Some(model), Ok(copy)) = (model, u32::try_from(row.count(1)?)) else {
        return Ok(None);
    };
    Ok(Some(Checkpoint {
        model,
        copy,
        position: row.count(3)?,
        epoch: row.count(4)?,
        owner: row.opt_text(5)?.map(str::to_owned),
        is_live: row.count(7)? == u64::from(copy),
        is_stopped: row.text(6)? == "stopped",
    }))
}

/// Leads every copy, stopped ones included: this build may know what the last one did not.
pub(crate) async fn take_over_all(views: &Views, owner: &str) -> Result<Vec<Track>, FollowError> {
    let mut tracks = Vec::new();
    for checkpoint in checkpoints(views).await? {
        let mut found = track(&checkpoint, Standing::SetAside(Instant::now()), BTreeSet::new(), 0);
        let taking = async {
            let taken = take_over(views, owner, checkpoint).await?;
            taken.report(views);
            Ok::<_, FollowError>(taken)
        };
        match caught(taking).await {
            Ok(taken) => found.becomes(taken?),
            // One read model keeps no other from being followed, from the start on.
            Err(panicked) => found.broke(views, &panicked).await,
        }
        tracks.push(found);
    }
    Ok(tracks)
}

/// Raises the epoch, which fences whoever led it before. Losing the race leaves it elsewhere.
async fn take_over(views: &Views, owner: &str, found: Checkpoint) -> Result<Track, FollowError> {
    let mut batch = Batch::new();
    batch.run(
        "update checkpoints set epoch = epoch + 1, owner = $1, note = null,
                state = case when state = 'stopped' then case when $2 = 1 then 'live' else 'retired' end else state end
          where read_model = $3 and version = $4 and epoch = $5",
        vec![
            owner.into(),
            i64::from(found.is_live).into(),
            found.model.name.into(),
            found.copy.into(),
            found.epoch.into(),
        ],
        Expect::Rows(1),
    );
    let standing = match views.db().write(batch).await {
        Ok(_) => Standing::Led,
        Err(WriteError::Expectation { .. } | WriteError::Constraint { .. }) => {
            Standing::Elsewhere(Instant::now())
        }
        Err(WriteError::Unavailable(error) | WriteError::Unknown(error)) => return Err(error.into()),
    };
    let parked = park::streams(views.db(), found.model, found.copy).await?;
    // Nobody writes rows or position without the epoch that was just raised, so what was read before still holds … unless
    // the old leader moved in between: then the first write loses and the checkpoint is read again.
    Ok(track(&found, standing, parked, 1))
}

fn track(found: &Checkpoint, standing: Standing, parked: BTreeSet<String>, raised_by: u64) -> Track {
    Track {
        model: found.model,
        copy: found.copy,
        position: found.position,
        epoch: found.epoch + raised_by,
        parked,
        is_live: found.is_live,
        standing,
        trouble: Trouble::default(),
    }
}

/// Looks again at a copy whose checkpoint somebody else moved. It stays ours when only its epoch was raised.
pub(crate) async fn reread(views: &Views, lost: &Track, owner: &str) -> Result<Track, FollowError> {
    let found = checkpoints(views).await?;
    let same = |found: &Checkpoint| found.model.name == lost.model.name && found.copy == lost.copy;
    let Some(found) = found.into_iter().find(same) else {
        // The copy is gone: nothing to lead.
        return Ok(Track {
            model: lost.model,
            copy: lost.copy,
            position: lost.position,
            epoch: lost.epoch,
            parked: BTreeSet::new(),
            is_live: false,
            standing: Standing::Stopped,
            trouble: Trouble::default(),
        });
    };
    let standing = match (&found.owner, found.is_stopped) {
        (_, true) => Standing::Stopped,
        (Some(known), false) if known == owner => Standing::Led,
        (Some(_) | None, false) => Standing::Elsewhere(Instant::now()),
    };
    let parked = park::streams(views.db(), found.model, found.copy).await?;
    Ok(track(&found, standing, parked, 0))
}

/// Looks for copies made or taken since, and takes over what stands still behind the head.
pub(crate) async fn refresh(
    views: &Views,
    owner: &str,
    tracks: &mut Vec<Track>,
    head: u64,
) -> Result<(), FollowError> {
    let found = checkpoints(views).await?;
    tracks.retain(|track| {
        found.iter().any(|found| found.model.name == track.model.name && found.copy == track.copy)
    });
    for found in found {
        let known =
            tracks.iter().position(|track| track.model.name == found.model.name && track.copy == found.copy);
        if let Some(track) = known.and_then(|at| tracks.get_mut(at)) {
            let looked = caught(look_again(views, owner, track, found, head)).await;
            if let Err(panicked) = &looked {
                track.broke(views, panicked).await;
            }
            looked.unwrap_or(Ok(()))?;
        } else {
            let track = adopt(views, owner, found).await?;
            track.report(views);
            tracks.push(track);
        }
    }
    Ok(())
}

/// A copy that is known: lead it again, or from now on, if nobody else does.
async fn look_again(
    views: &Views,
    owner: &str,
    track: &mut Track,
    found: Checkpoint,
    head: u64,
) -> Result<(), FollowError> {
    track.is_live = found.is_live;
    let stands_still = match track.standing {
        Standing::Led | Standing::Stopped => false,
        Standing::SetAside(until) if Instant::now() < until => return Ok(()),
        Standing::Distrusted | Standing::SetAside(_) => {
            let read = reread(views, track, owner).await?;
            track.becomes(read);
            false
        }
        Standing::Elsewhere(_) if found.position != track.position || found.position >= head => {
            track.position = found.position;
            track.standing = Standing::Elsewhere(Instant::now());
            false
        }
        Standing::Elsewhere(since) => since.elapsed() > STANDING_STILL,
    };
    if stands_still && !found.is_stopped {
        tracing::warn!(
            model = found.model.name,
            position = found.position,
            head,
            "a read model stands still: taking over"
        );
        let taken = take_over(views, owner, found).await?;
        track.becomes(taken);
    }
    track.report(views);
    // Nothing is left to break over.
    if track.is_led() && track.position >= head {
        track.is_well(views).await;
    }
    if track.is_live && track.is_led() {
        let lag = head.saturating_sub(track.position);
        metrics::gauge!("dezky_projection_lag_events", "read_model" => track.model.name).set(lossy(lag));
    }
    Ok(())
}

/// A copy not seen before: ours if a swap left it to us, or if nobody has it.
async fn adopt(views: &Views, owner: &str, found: Checkpoint) -> Result<Track, FollowError> {
    let is_ours = found.owner.as_deref().is_none_or(|known| known == owner);
    if is_ours && !found.is_stopped {
        return take_over(views, owner, found).await;
    }
    let standing = if found.is_stopped { Standing::Stopped } else { Standing::Elsewhere(Instant::now()) };
    let parked = park::streams(views.db(), found.model, found.copy).await?;
    Ok(track(&found, standing, parked, 0))
}

/// A copy goes no further, and says why.
pub(crate) async fn stop(views: &Views, track: &mut Track, note: &str) -> Result<(), FollowError> {
    let mut batch = Batch::new();
    batch.run(
        "update checkpoints set state = 'stopped', note = $1 where read_model = $2 and version = $3 and epoch = $4",
        vec![note.into(), track.model.name.into(), track.copy.into(), track.epoch.into()],
        Expect::Any,
    );
    match views.db().write(batch).await {
        Ok(_) | Err(WriteError::Expectation { .. } | WriteError::Constraint { .. }) => {}
        Err(WriteError::Unavailable(error) | WriteError::Unknown(error)) => return Err(error.into()),
    }
    track.standing = Standing::Stopped;
    Ok(())
}

/// Many parked streams are a bug of ours, not bad events: better no news than wrong news.
pub(crate) async fn stop_when_too_many(views: &Views, track: &mut Track) -> Result<(), FollowError> {
    let parked = u64::try_from(track.parked.len()).unwrap_or(u64::MAX);
    if parked <= park::limit(track.position) {
        return Ok(());
    }
    tracing::error!(model = track.model.name, parked, "a read model stops: too many streams are parked");
    stop(views, track, &format!("{parked} streams are parked: more than bad events can explain")).await
}
