//! The one writer of this process: drains what waits, judges it, sends one transaction, and answers.
//!
//! No timer: a batch forms while the one before is on its way to the disk.

mod flush;

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::claims;
use crate::db::{DbError, WriteError};
use crate::guard::caught;
use crate::judge::{Forming, Ruling, Seen};
use crate::proposal::{Draft, Proposal, Verdict};
use crate::stored::Entry;
use crate::trouble::Trouble;
use crate::{Shared, StoreError, tail};
use flush::{Flush, Head};

const COMMANDS_MAX: usize = 512;
const BYTES_MAX: usize = 1 << 20;
/// With fewer than this the commit itself costs most, and it is worth letting those on their way join.
const FEW: usize = 32;
const OVERTAKEN_MAX: usize = 3;
/// Longer than a disk should take: somebody else holds the head's row, or the disk is ill.
const SLOW: Duration = Duration::from_secs(1);
const RESENT_MAX: u32 = 3;
const RESENT_AFTER: Duration = Duration::from_millis(200);
/// Other processes wrote more than this since we looked: nothing we remember is worth keeping.
const CAUGHT_UP_MAX: usize = 5_000;

/// Runs until told to stop; whoever waits already is still answered.
pub(crate) async fn run(store: &Shared, mut intake: Receiver<Proposal>, stop: &CancellationToken) {
    let mut writer = Writer { store, known: None, trouble: Trouble::default() };
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            first = intake.recv() => first,
        };
        let Some(first) = first else { break };
        writer.run_guarded(first, &mut intake).await;
    }
    intake.close();
    while let Some(first) = intake.recv().await {
        writer.run_guarded(first, &mut intake).await;
    }
}

struct Writer<'store> {
    store: &'store Shared,
    /// `None` until the head was read, and again whenever it may have moved without us.
    known: Option<Known>,
    trouble: Trouble,
}

/// Where the log stands, and what was recorded lately.
struct Known {
    head: Head,
    seen: Seen,
}

/// How a batch was sent.
enum Sent {
    Recorded,
    /// The head had moved: another process wrote first.
    Overtaken,
    /// A key, a claim or a version was refused.
    Refused(StoreError),
    Unavailable(StoreError),
    Unknown,
}

impl Writer<'_> {
    /// A panic of ours ends the batch in hand: nobody can say what became of it, so its callers hear nothing more, which
    /// they take for that. The writer goes on from what stands in the log.
    async fn run_guarded(&mut self, first: Proposal, intake: &mut Receiver<Proposal>) {
        let command_id = first.command_id;
        if let Err(panicked) = caught(self.run_once(first, intake)).await {
            drop(
                panicked
                    .told("write the log", format_args!("the batch that began with command {command_id}")),
            );
            self.known = None;
        }
    }

    async fn run_once(&mut self, first: Proposal, intake: &mut Receiver<Proposal>) {
        // Callers that were woken by the last batch get to send their next command into this one.
        tokio::task::yield_now().await;
        let mut waiting = Waiting::default();
        waiting.push(first);
        waiting.drain(intake);
        if waiting.commands.len() < FEW {
            self.store.approach.over().await;
            waiting.drain(intake);
        }
        let mut waiting = waiting.commands;
        while !waiting.is_empty() {
            waiting = self.settle(waiting).await;
        }
    }

    /// One batch out of what waits; what has to wait for the next one comes back.
    async fn settle(&mut self, waiting: VecDeque<Proposal>) -> VecDeque<Proposal> {
        let mut known = match self.known.take() {
            Some(known) => known,
            None => match self.look().await {
                Ok(known) => known,
                Err(error) => {
                    self.refuse_all(waiting, &error);
                    return VecDeque::new();
                }
            },
        };
        let (batch, mut later) = form(&known.seen, waiting);
        if batch.is_empty() {
            self.known = Some(known);
            return later;
        }
        let (mut flush, unanswerable) = Flush::of_answerable(&known.head, batch, (self.store.clock)());
        for proposal in unanswerable {
            let error = DbError::new("make the answer of a command");
            answer(proposal, Verdict::Unavailable(error.into()));
        }
        if flush.len() == 0 {
            self.known = Some(known);
            return later;
        }
        let started = Instant::now();
        let sent = self.send(&known.head, &flush).await;
        measure(flush.len(), started.elapsed());
        match sent {
            Sent::Recorded => self.record(known, flush),
            Sent::Overtaken => {
                self.store.overtaken.fetch_add(1, Ordering::Relaxed);
                metrics::counter!("dezky_log_overtaken_total").increment(1);
                for mut proposal in flush.take_back().into_iter().rev() {
                    proposal.overtaken += 1;
                    if proposal.overtaken > OVERTAKEN_MAX {
                        answer(proposal, Verdict::Overtaken);
                    } else {
                        later.push_front(proposal);
                    }
                }
                self.known = self.catch_up(&mut known).await.is_ok().then_some(known);
            }
            Sent::Refused(error) => {
                self.known = Some(known);
                let batch = flush.take_back();
                if batch.len() == 1 {
                    refuse(batch, error);
                } else {
                    self.one_by_one(batch).await;
                }
            }
            Sent::Unavailable(error) => self.refuse_all(flush.take_back(), &error),
            Sent::Unknown => {
                for proposal in flush.take_back() {
                    answer(proposal, Verdict::Unknown);
                }
            }
        }
        later
    }

    /// One of a batch breaks a constraint: each alone, so that its neighbours go through.
    async fn one_by_one(&mut self, batch: Vec<Proposal>) {
        for proposal in batch {
            let mut waiting = VecDeque::from([proposal]);
            while !waiting.is_empty() {
                waiting = Box::pin(self.settle(waiting)).await;
            }
        }
    }

    /// Everybody hears it; the log is told once.
    fn refuse_all(&mut self, batch: impl IntoIterator<Item = Proposal>, error: &StoreError) {
        // Nothing waits here: the next command is the next try.
        let _ = self.trouble.tell_failed("the log cannot be written", error);
        for proposal in batch {
            let error = DbError::because("record a batch of commands", error.to_string());
            answer(proposal, Verdict::Unavailable(error.into()));
        }
    }

    fn record(&mut self, mut known: Known, flush: Flush) {
        self.trouble.tell_works("the log can be written");
        let position = flush.head.position;
        known.head = flush.head.clone();
        let (entries, recorded) = flush.into_recorded();
        for (proposal, _) in &recorded {
            known.seen.note(&proposal.facts, position);
        }
        known.seen.forget(position);
        // Readers first: whoever is answered may ask for what was just recorded.
        self.store.tail.publish(entries);
        for (proposal, outcome) in recorded {
            answer(proposal, Verdict::Recorded(outcome));
        }
        self.known = Some(known);
    }

    /// Sends a batch until it is known what became of it. The same batch may be sent twice: only one of the two can move
    /// the head from where it stands.
    async fn send(&self, head: &Head, flush: &Flush) -> Sent {
        let mut lost = 0;
        loop {
            let Err(error) = self.store.db.write(flush.batch(head)).await else {
                return Sent::Recorded;
            };
            // What a second sending says is about the second one, not about what became of the first.
            if lost == 0 {
                match error {
                    WriteError::Expectation { step: 0, .. } => return Sent::Overtaken,
                    WriteError::Expectation { .. } | WriteError::Constraint { .. } => {
                        return Sent::Refused(error.into());
                    }
                    WriteError::Unavailable(error) => return Sent::Unavailable(error.into()),
                    WriteError::Unknown(error) => tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a commit was not confirmed: looking what became of it"
                    ),
                }
            }
            lost += 1;
            match self.became(flush).await {
                Ok(Became::Recorded) => return Sent::Recorded,
                Ok(Became::Overtaken) => return Sent::Overtaken,
                Ok(Became::Open) | Err(_) if lost <= RESENT_MAX => {
                    tokio::time::sleep(RESENT_AFTER * lost).await;
                }
                Ok(Became::Open) | Err(_) => return Sent::Unknown,
            }
        }
    }

    /// What became of a batch whose commit nobody answered.
    async fn became(&self, flush: &Flush) -> Result<Became, DbError> {
        let (sql, params) = flush.trace();
        let found = self.store.db.query(sql, &params).await?;
        match found.first() {
            None => Ok(Became::Open),
            Some(row) if flush.is_ours(row.text(0)?) => Ok(Became::Recorded),
            Some(_) => Ok(Became::Overtaken),
        }
    }

    async fn look(&self) -> Result<Known, StoreError> {
        let head = Head::read(&self.store.db).await?;
        let seen = Seen::from(head.position);
        self.store.tail.advance(head.position);
        Ok(Known { head, seen })
    }

    /// Reads what other processes wrote since our last batch, so that what waits can be judged again.
    async fn catch_up(&self, known: &mut Known) -> Result<(), StoreError> {
        let head = Head::read(&self.store.db).await?;
        let behind = head.position.saturating_sub(known.head.position);
        if behind > CAUGHT_UP_MAX as u64 {
            known.seen = Seen::from(head.position);
        } else {
            for entry in tail::read_after(&self.store.db, known.head.position, CAUGHT_UP_MAX).await? {
                self.note(&mut known.seen, entry);
            }
        }
        self.store.tail.advance(head.position);
        known.head = head;
        Ok(())
    }

    fn note(&self, seen: &mut Seen, entry: Entry) {
        let position = entry.position();
        match entry {
            Entry::Event(recorded) => {
                for ((scope, value), holder) in claims::touched(&self.store.key, &recorded) {
                    seen.note_claim(scope, value, holder, position);
                }
                seen.note_version(recorded.stream, recorded.version, position);
            }
            Entry::Malformed { stream, version, .. } => seen.note_version(stream, version, position),
        }
    }
}

/// What was taken out of the channel for one batch.
#[derive(Default)]
struct Waiting {
    commands: VecDeque<Proposal>,
    bytes: usize,
}

impl Waiting {
    fn push(&mut self, proposal: Proposal) {
        self.bytes += proposal.drafts.iter().map(Draft::bytes).sum::<usize>();
        self.commands.push_back(proposal);
    }

    fn drain(&mut self, intake: &mut Receiver<Proposal>) {
        while self.commands.len() < COMMANDS_MAX
            && self.bytes < BYTES_MAX
            && let Ok(next) = intake.try_recv()
        {
            self.push(next);
        }
    }
}

/// What became of a batch whose commit nobody answered.
enum Became {
    Recorded,
    /// Somebody else stands at its position, so it never will.
    Overtaken,
    /// It may still come.
    Open,
}

/// Judges what waits, in its order. Refusals and conflicts are answered here.
fn form(seen: &Seen, waiting: VecDeque<Proposal>) -> (Vec<Proposal>, VecDeque<Proposal>) {
    let mut forming = Forming::default();
    let mut batch = Vec::with_capacity(waiting.len());
    let mut later = VecDeque::new();
    for proposal in waiting {
        match seen.judge(&proposal.facts, &mut forming) {
            Ruling::Accept => batch.push(proposal),
            Ruling::Later => later.push_back(proposal),
            Ruling::Conflict => answer(proposal, Verdict::Conflict),
            Ruling::Claimed(claim) => answer(proposal, Verdict::Claimed(claim)),
        }
    }
    (batch, later)
}

/// How long a flush takes is how long the head's row is locked, at most.
fn measure(commands: usize, took: Duration) {
    metrics::histogram!("dezky_log_flush_seconds").record(took.as_secs_f64());
    metrics::counter!("dezky_log_commands_total").increment(commands as u64);
    if took > SLOW {
        tracing::warn!(commands, duration_ms = took.as_millis(), "the log took long to record a batch");
    }
}

/// A caller that went away does not change what was recorded.
fn answer(proposal: Proposal, verdict: Verdict) {
    drop(proposal.answer.send(verdict));
}

fn refuse(batch: Vec<Proposal>, error: StoreError) {
    let mut error = Some(error);
    for proposal in batch {
        answer(proposal, error.take().map_or(Verdict::Conflict, Verdict::Refused));
    }
}
