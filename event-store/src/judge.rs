//! Whether a command may be recorded: the facts it was decided on, against everything recorded since. Pure.
//!
//! # What always holds
//! * Everything recorded after `floor` is remembered; a command loaded before it cannot be judged and is loaded again.
//! * Within one batch no two commands append to one stream, move one claim, carry one key, or append to a stream another
//!   one read: the later waits for the next batch.

use std::collections::{BTreeMap, BTreeSet};

use schema::StreamId;

/// Above this many remembered facts the oldest are forgotten.
const FACTS_MAX: usize = 32_768;
/// How many positions are kept when that happens.
const POSITIONS_KEPT: u64 = 4_096;

/// What a command was decided on, and what it wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The head at the moment of loading.
    pub(crate) loaded_at: u64,
    /// Every stream that was read, with the version it had; those it appends to as well.
    pub(crate) read: Vec<(StreamId, u64)>,
    /// The streams it appends to, with the version they will have.
    pub(crate) appended: Vec<(StreamId, u64)>,
    /// Claims it moves.
    pub(crate) claims: Vec<ClaimMove>,
    /// The caller's key.
    pub(crate) key: Option<String>,
}

/// A claim changes hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClaimMove {
    pub(crate) scope: &'static str,
    /// As stored: hashed where it is personal.
    pub(crate) value: String,
    /// As it may be shown; empty where it is personal.
    pub(crate) shown: String,
    /// Who had it when the command was loaded.
    pub(crate) before: Option<StreamId>,
    /// Who will have it.
    pub(crate) after: Option<StreamId>,
}

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// Into this batch.
    Accept,
    /// Into the next batch.
    Later,
    /// What it was decided on is no longer so, or cannot be told any more: load and decide again.
    Conflict,
    /// Somebody else took the name.
    Claimed(ClaimMove),
}

/// What the writer has seen recorded.
#[derive(Debug)]
pub(crate) struct Seen {
    floor: u64,
    streams: BTreeMap<StreamId, At<u64>>,
    claims: BTreeMap<Name, At<Option<StreamId>>>,
    keys: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct At<T> {
    position: u64,
    now: T,
}

/// What the batch being formed touches.
#[derive(Debug, Default)]
pub(crate) struct Forming {
    appended: BTreeSet<StreamId>,
    read: BTreeSet<StreamId>,
    claims: BTreeSet<Name>,
    keys: BTreeSet<String>,
}

impl Seen {
    /// Nothing seen yet; the log stands at `floor`.
    pub(crate) const fn from(floor: u64) -> Self {
        Self { floor, streams: BTreeMap::new(), claims: BTreeMap::new(), keys: BTreeMap::new() }
    }

    /// Judges a command, and lets it into the batch if it may.
    pub(crate) fn judge(&self, facts: &Facts, forming: &mut Forming) -> Ruling {
        if facts.loaded_at < self.floor || facts.key.as_ref().is_some_and(|key| self.keys.contains_key(key)) {
            return Ruling::Conflict;
        }
        let has_moved = |(stream, version): &(StreamId, u64)| {
            self.streams
                .get(stream)
                .is_some_and(|seen| seen.position > facts.loaded_at && seen.now != *version)
        };
        if facts.read.iter().any(has_moved) {
            return Ruling::Conflict;
        }
        for claim in &facts.claims {
            let holder = self.claims.get(&name(claim)).filter(|seen| seen.position > facts.loaded_at);
            match holder.map(|seen| &seen.now) {
                Some(Some(holder)) if claim.after.as_ref().is_some_and(|after| after != holder) => {
                    return Ruling::Claimed(claim.clone());
                }
                Some(holder) if *holder != claim.before => return Ruling::Conflict,
                Some(_) | None => {}
            }
        }
        if forming.clashes(facts) {
            return Ruling::Later;
        }
        forming.admit(facts);
        Ruling::Accept
    }

    /// Remembers a recorded command.
    pub(crate) fn note(&mut self, facts: &Facts, position: u64) {
        for (stream, version) in &facts.appended {
            self.note_version(stream.clone(), *version, position);
        }
        for claim in &facts.claims {
            self.note_claim(claim.scope, claim.value.clone(), claim.after.clone(), position);
        }
        if let Some(key) = &facts.key {
            self.keys.insert(key.clone(), position);
        }
    }

    /// Remembers an event somebody else recorded.
    pub(crate) fn note_version(&mut self, stream: StreamId, version: u64, position: u64) {
        self.streams.insert(stream, At { position, now: version });
    }

    /// Remembers a claim somebody else moved.
    pub(crate) fn note_claim(
        &mut self,
        scope: &'static str,
        value: String,
        holder: Option<StreamId>,
        position: u64,
    ) {
        self.claims.insert((scope, value), At { position, now: holder });
    }

    /// Forgets the oldest facts when there are too many.
    pub(crate) fn forget(&mut self, head: u64) {
        if self.streams.len() + self.claims.len() + self.keys.len() <= FACTS_MAX {
            return;
        }
        let floor = head.saturating_sub(POSITIONS_KEPT).max(self.floor);
        self.floor = floor;
        self.streams.retain(|_, seen| seen.position > floor);
        self.claims.retain(|_, seen| seen.position > floor);
        // A forgotten key is still in the table, whose primary key refuses the second copy.
        self.keys.clear();
    }
}

impl Forming {
    fn clashes(&self, facts: &Facts) -> bool {
        facts.read.iter().any(|(stream, _)| self.appended.contains(stream))
            || facts
                .appended
                .iter()
                .any(|(stream, _)| self.appended.contains(stream) || self.read.contains(stream))
            || facts.claims.iter().any(|claim| self.claims.contains(&name(claim)))
            || facts.key.as_ref().is_some_and(|key| self.keys.contains(key))
    }

    fn admit(&mut self, facts: &Facts) {
        self.read.extend(facts.read.iter().map(|(stream, _)| stream.clone()));
        self.appended.extend(facts.appended.iter().map(|(stream, _)| stream.clone()));
        self.claims.extend(facts.claims.iter().map(name));
        self.keys.extend(facts.key.clone());
    }
}

/// A scope and a stored value.
type Name = (&'static str, String);

fn name(claim: &ClaimMove) -> Name {
    (claim.scope, claim.value.clone())
}

#[cfg(test)]
mod tests;
