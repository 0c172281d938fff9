//! The one way into the log: guess, load in one go, decide, hand over to the writer; again on conflict.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use domain::board::Part;
use domain::{Act, Board, claims};
use schema::{Event, Recorded, StreamId, Timestamp};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use crate::approach::OnTheWay;
use crate::bounds;
use crate::claims::ClaimWishes;
use crate::guard::caught_now;
use crate::judge::Facts;
use crate::load::{Found, UsedKey, Wanted};
use crate::locks::{Held, Waited};
use crate::proposal::{Draft, Proposal, Verdict, actor_text, meta_of};
use crate::remembered::Events;
use crate::{EventStore, ExecuteError, Outcome, Request, StoreError};

const ATTEMPTS_MAX: usize = 5;

/// A decision, not yet handed over.
struct Decided {
    head: u64,
    parts: Vec<Part>,
    claims: Vec<crate::judge::ClaimMove>,
    streams: BTreeMap<StreamId, Events>,
}

/// A decision on what is remembered of the streams, made before they are read.
struct Guess {
    versions: BTreeMap<StreamId, u64>,
    parts: Vec<Part>,
    wishes: ClaimWishes,
}

/// What loading and deciding led to.
enum Step {
    Decided(Decided),
    Replayed(UsedKey),
}

enum Loading {
    Loaded(Loaded),
    Replayed(UsedKey),
}

/// What stood in the log.
struct Loaded {
    streams: BTreeMap<StreamId, Events>,
    found: Arc<Found>,
}

impl Loaded {
    fn version(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).map_or(0, version)
    }
}

fn version(events: &Events) -> u64 {
    events.last().map_or(0, |last| last.version)
}

/// What one attempt led to.
enum Attempt {
    Done(Outcome),
    Again(Option<StoreError>),
}

impl EventStore {
    /// Decides and records. Loads and decides again while others are faster, at most five times.
    pub async fn execute(&self, act: Arc<dyn Act>, request: Request) -> Result<Outcome, ExecuteError> {
        let _in_flight = match &request.key {
            Some(key) => Some(self.0.in_flight.enter(&key.id).ok_or(ExecuteError::KeyInFlight)?),
            None => None,
        };
        let declared = act.streams();
        // A command on one stream appends to it or changes nothing, so its turn can be awaited before loading.
        let mut held = match &declared[..] {
            [only] => Some(self.0.locks.lock(BTreeSet::from([only.clone()])).await),
            _ => None,
        };
        let mut last_error = None;
        let mut attempts = 0;
        while attempts < ATTEMPTS_MAX {
            let on_the_way = self.0.approach.enter();
            let decided = match self.decide(&*act, &declared, &request).await? {
                Step::Replayed(used) => return replayed(used, &request),
                Step::Decided(decided) => decided,
            };
            let on_the_way = match &held {
                Some(_) => Some(on_the_way),
                None => self.take_turn(&decided, &mut held, on_the_way).await,
            };
            // What was loaded before others had their turn is old.
            let Some(on_the_way) = on_the_way else { continue };
            attempts += 1;
            match self.attempt(decided, &request, on_the_way).await? {
                Attempt::Done(outcome) => return Ok(outcome),
                Attempt::Again(error) => last_error = error,
            }
        }
        Err(last_error.map_or(ExecuteError::ConcurrentChange, ExecuteError::Unavailable))
    }

    /// The stored answer of a key, for who wants to give it again before looking at the request any further.
    pub async fn stored_reply(
        &self,
        key_id: &str,
        fingerprint: &str,
    ) -> Result<Option<String>, ExecuteError> {
        let wanted = Wanted { key: Some(key_id.to_owned()), ..Wanted::default() };
        match self.0.read(wanted).await?.used(key_id)? {
            Some(used) if used.fingerprint != fingerprint => Err(ExecuteError::KeyReused),
            used => Ok(used.map(|used| used.reply)),
        }
    }

    /// Decides and records nothing: the events that would follow.
    pub async fn rehearse(
        &self,
        act: Arc<dyn Act>,
        request: &Request,
    ) -> Result<Vec<(StreamId, Event)>, ExecuteError> {
        let unkeyed = Request { key: None, ..request.clone() };
        match self.decide(&*act, &act.streams(), &unkeyed).await? {
            Step::Replayed(_) => Ok(Vec::new()),
            Step::Decided(decided) => Ok(decided
                .parts
                .into_iter()
                .flat_map(|part| {
                    let stream = part.stream;
                    part.events.into_iter().map(move |event| (stream.clone(), event))
                })
                .collect()),
        }
    }

    /// Waits until no other command of this process appends to the streams this one will append to. Who had to wait is no
    /// longer on the way: those it waited for may themselves wait for the writer.
    async fn take_turn<'store>(
        &'store self,
        decided: &Decided,
        held: &mut Option<Held<'store>>,
        on_the_way: OnTheWay<'store>,
    ) -> Option<OnTheWay<'store>> {
        let appended = decided.parts.iter().filter(|part| !part.events.is_empty());
        let mut turn = pin!(self.0.locks.lock(appended.map(|part| part.stream.clone()).collect()));
        let mut on_the_way = Some(on_the_way);
        let turn = if let Poll::Ready(turn) = futures::poll!(turn.as_mut()) {
            turn
        } else {
            on_the_way = None;
            turn.await
        };
        let waited = turn.waited;
        *held = Some(turn);
        on_the_way.filter(|_| waited == Waited::No)
    }

    async fn decide(
        &self,
        act: &dyn Act,
        declared: &[StreamId],
        request: &Request,
    ) -> Result<Step, ExecuteError> {
        let guess = self.guess(act, declared, request);
        let names = guess.as_ref().map(|guess| guess.wishes.names()).unwrap_or_default();
        let loaded = match self.load_for(declared, request, names.clone()).await? {
            Loading::Replayed(used) => return Ok(Step::Replayed(used)),
            Loading::Loaded(loaded) => loaded,
        };
        for (stream, expected) in &request.expect {
            let current = loaded.version(stream);
            if !expected.contains(&current) {
                return Err(ExecuteError::VersionMismatch { current });
            }
        }
        let is_right =
            |guess: &Guess| guess.versions.iter().all(|(stream, at)| loaded.version(stream) == *at);
        let (parts, wishes) = match guess.filter(is_right) {
            Some(guess) => (guess.parts, guess.wishes),
            None => self.decided(act, declared, request, &loaded.streams)?,
        };
        let found = if wishes.names().iter().all(|name| names.contains(name)) {
            Arc::clone(&loaded.found)
        } else {
            self.0.read(Wanted { claims: wishes.names(), ..Wanted::default() }).await?
        };
        let claims = wishes
            .moves(&self.0.key, &found)
            .map_err(|taken| ExecuteError::Rejected(claims::rejection(taken.scope, &taken.shown)))?;
        Ok(Step::Decided(Decided { head: loaded.found.head, parts, claims, streams: loaded.streams }))
    }

    /// Tells which names a decision will look up, so that streams and names are read in one go. A stream has mostly not
    /// changed since it was read last, and one nobody has read is mostly new. A guess that turns out wrong is thrown away.
    fn guess(&self, act: &dyn Act, declared: &[StreamId], request: &Request) -> Option<Guess> {
        let remembered =
            |stream: &StreamId| (stream.clone(), self.0.remembered.of(stream).unwrap_or_default());
        let conditions = request.expect.iter().map(|(stream, _)| stream);
        let streams: BTreeMap<_, _> = declared.iter().chain(conditions).map(remembered).collect();
        // Rules that panic do so again on what is really there, and are heard then.
        let decided = caught_now(|| self.decided(act, declared, request, &streams));
        let (parts, wishes) = decided.ok()?.ok()?;
        let versions = streams.iter().map(|(stream, events)| (stream.clone(), version(events))).collect();
        Some(Guess { versions, parts, wishes })
    }

    fn decided(
        &self,
        act: &dyn Act,
        declared: &[StreamId],
        request: &Request,
        streams: &BTreeMap<StreamId, Events>,
    ) -> Result<(Vec<Part>, ClaimWishes), ExecuteError> {
        let parts = decided_parts(act, declared, request, streams)?;
        let events = parts.iter().flat_map(|part| part.events.iter().map(|event| (&part.stream, event)));
        let wishes = ClaimWishes::of(&self.0.key, events);
        Ok((parts, wishes))
    }

    async fn load_for(
        &self,
        declared: &[StreamId],
        request: &Request,
        claims: Vec<(&'static str, String)>,
    ) -> Result<Loading, ExecuteError> {
        let conditions = request.expect.iter().map(|(stream, _)| stream);
        let streams: BTreeSet<StreamId> =
            declared.iter().chain(conditions).chain(&request.also_load).cloned().collect();
        let key = request.key.as_ref().map(|key| key.id.clone());
        let found = self.0.read(Wanted { streams: streams.clone(), key: key.clone(), claims }).await?;
        if let Some(used) = key.map(|key| found.used(&key)).transpose()?.flatten() {
            return Ok(Loading::Replayed(used));
        }
        let mut loaded = Loaded { streams: BTreeMap::new(), found };
        for stream in streams {
            let events = loaded.found.stream(&stream)?;
            loaded.streams.insert(stream, events);
        }
        Ok(Loading::Loaded(loaded))
    }

    async fn attempt(
        &self,
        decided: Decided,
        request: &Request,
        on_the_way: OnTheWay<'_>,
    ) -> Result<Attempt, ExecuteError> {
        let changes_nothing = decided.parts.iter().all(|part| part.events.is_empty());
        if changes_nothing && request.key.is_none() {
            return Ok(Attempt::Done(no_news(decided)));
        }
        let (answer, answered) = oneshot::channel();
        let proposal = propose(decided, request, answer)?;
        self.0.proposals.try_send(proposal).map_err(|error| match error {
            TrySendError::Full(_) => ExecuteError::Overloaded,
            TrySendError::Closed(_) => ExecuteError::Unavailable(StoreError::Closed),
        })?;
        drop(on_the_way);
        // A writer that went away with a command in its hands may have sent it.
        match answered.await.map_err(|_| ExecuteError::OutcomeUnknown)? {
            Verdict::Recorded(outcome) => Ok(Attempt::Done(outcome)),
            Verdict::Conflict => Ok(Attempt::Again(None)),
            Verdict::Refused(error) => Ok(Attempt::Again(Some(error))),
            Verdict::Claimed(claim) => {
                Err(ExecuteError::Rejected(claims::rejection(claim.scope, &claim.shown)))
            }
            Verdict::Overtaken => Err(ExecuteError::ConcurrentChange),
            Verdict::Unavailable(error) => Err(ExecuteError::Unavailable(error)),
            Verdict::Unknown => Err(ExecuteError::OutcomeUnknown),
        }
    }
}

/// Runs the rules; what was read and not written becomes a guard, and so does every condition of the caller.
fn decided_parts(
    act: &dyn Act,
    declared: &[StreamId],
    request: &Request,
    streams: &BTreeMap<StreamId, Events>,
) -> Result<Vec<Part>, ExecuteError> {
    let mut board = Board::default();
    for stream in declared {
        let events = streams.get(stream);
        let known = events.into_iter().flat_map(|events| events.iter()).map(|recorded| &recorded.event);
        board.place(stream.clone(), events.map_or(0, version), known);
    }
    act.decide(&mut board, &request.asked).map_err(ExecuteError::Rejected)?;
    let mut parts = board.into_parts();
    for (stream, _) in &request.expect {
        if parts.iter().all(|part| part.stream != *stream) {
            let expected_version = streams.get(stream).map_or(0, version);
            parts.push(Part { stream: stream.clone(), expected_version, events: Vec::new() });
        }
    }
    bounds::must_fit(&parts).map_err(ExecuteError::TooLarge)?;
    Ok(parts)
}

fn propose(
    decided: Decided,
    request: &Request,
    answer: oneshot::Sender<Verdict>,
) -> Result<Proposal, StoreError> {
    let touched: Vec<StreamId> = decided.parts.iter().map(|part| part.stream.clone()).collect();
    let mut facts = Facts {
        loaded_at: decided.head,
        claims: decided.claims,
        key: request.key.as_ref().map(|key| key.id.clone()),
        ..Facts::default()
    };
    let (history, mut versions) = history(decided.streams);
    let (mut drafts, mut news) = (Vec::new(), Vec::new());
    for part in decided.parts {
        facts.read.push((part.stream.clone(), part.expected_version));
        if part.events.is_empty() {
            continue;
        }
        let mut version = part.expected_version;
        for event in part.events {
            version += 1;
            let meta = meta_of(&part.stream, &touched, request.asked.actor, &request.meta);
            drafts.push(Draft::of(&event, &meta)?);
            news.push(Recorded {
                // The writer says where and when.
                position: 0,
                recorded_at: Timestamp::UNIX_EPOCH,
                stream: part.stream.clone(),
                version,
                command_id: request.asked.command_id,
                meta,
                event,
            });
        }
        versions.insert(part.stream.clone(), version);
        facts.appended.push((part.stream, version));
    }
    Ok(Proposal {
        facts,
        command_id: request.asked.command_id,
        actor: actor_text(request.asked.actor),
        drafts,
        news,
        key: request.key.clone(),
        history,
        versions,
        overtaken: 0,
        answer,
    })
}

fn history(streams: BTreeMap<StreamId, Events>) -> (Vec<Recorded>, BTreeMap<StreamId, u64>) {
    let versions = streams.iter().map(|(stream, events)| (stream.clone(), version(events))).collect();
    let mut history: Vec<Recorded> = streams.into_values().flat_map(Arc::unwrap_or_clone).collect();
    history.sort_by_key(|recorded| recorded.position);
    (history, versions)
}

fn no_news(decided: Decided) -> Outcome {
    let (history, versions) = history(decided.streams);
    Outcome {
        // What was read may be newer than the head it was read at.
        position: history.last().map_or(decided.head, |last| last.position.max(decided.head)),
        news: Vec::new(),
        history,
        versions,
        replayed: None,
    }
}

fn replayed(used: UsedKey, request: &Request) -> Result<Outcome, ExecuteError> {
    if request.key.as_ref().is_some_and(|key| key.fingerprint != used.fingerprint) {
        return Err(ExecuteError::KeyReused);
    }
    Ok(Outcome {
        position: used.position,
        news: Vec::new(),
        history: Vec::new(),
        versions: BTreeMap::new(),
        replayed: Some(used.reply),
    })
}
