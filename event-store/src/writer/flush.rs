//! One batch as one transaction: positions, time and hashes are computed here, the database only guards.

use std::collections::BTreeSet;

use schema::Timestamp;

use crate::StoreError;
use crate::chain::{Leaf, link};
use crate::db::{Batch, Db, DbError, Expect, Value};
use crate::guard::{Panicked, caught_now};
use crate::proposal::Proposal;
use crate::request::Outcome;
use crate::stored::Entry;

/// Where the log stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) position: u64,
    pub(super) chain: String,
    pub(super) recorded_at: Timestamp,
}

impl Head {
    pub(super) async fn read(db: &Db) -> Result<Self, StoreError> {
        let sql = "select position, chain, (select recorded_at from commits order by first_position desc limit 1) \
                   from log_head where id = 1";
        let rows = db.query(sql, &[]).await?;
        let row = rows.first().ok_or_else(|| DbError::new("find the head of the log"))?;
        Ok(Self {
            position: row.count(0)?,
            chain: row.text(1)?.to_owned(),
            recorded_at: row.opt_text(2)?.and_then(|text| text.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH),
        })
    }
}

/// A batch with its positions.
pub(super) struct Flush {
    /// Where the log will stand.
    pub(super) head: Head,
    items: Vec<(Proposal, Outcome)>,
    replies: Vec<Option<String>>,
    /// Commands whose answer could not be made, by their place.
    unanswerable: BTreeSet<usize>,
}

impl Flush {
    /// A batch of every command whose answer can be made; the others come back. One of them must not hold up its neighbours.
    pub(super) fn of_answerable(head: &Head, batch: Vec<Proposal>, now: Timestamp) -> (Self, Vec<Proposal>) {
        let mut batch = batch;
        let mut broken = Vec::new();
        loop {
            let mut flush = Self::new(head, batch, now);
            if flush.unanswerable.is_empty() {
                return (flush, broken);
            }
            batch = Vec::new();
            for (place, proposal) in flush.take_back().into_iter().enumerate() {
                let into = if flush.unanswerable.contains(&place) { &mut broken } else { &mut batch };
                into.push(proposal);
            }
        }
    }

    /// Gives every event its position. The time is one value per batch and never below the one before.
    fn new(head: &Head, batch: Vec<Proposal>, now: Timestamp) -> Self {
        let recorded_at = now.max(head.recorded_at);
        let mut position = head.position;
        let mut items = Vec::with_capacity(batch.len());
        for mut proposal in batch {
            let mut news = std::mem::take(&mut proposal.news);
            for recorded in &mut news {
                position += 1;
                recorded.position = position;
                recorded.recorded_at = recorded_at;
            }
            let outcome = Outcome {
                // Without news: the head it was judged at, which nothing in this batch changes for it.
                position: news.last().map_or(head.position, |last| last.position),
                news,
                history: std::mem::take(&mut proposal.history),
                versions: std::mem::take(&mut proposal.versions),
                replayed: None,
            };
            items.push((proposal, outcome));
        }
        let chain = chain(head, &items, recorded_at, position);
        let mut unanswerable = BTreeSet::new();
        let replies = items.iter().enumerate().map(|(place, item)| match reply(item) {
            Ok(reply) => reply,
            Err(panicked) => {
                let (proposal, _) = item;
                drop(panicked.told("answer a command", format_args!("command {}", proposal.command_id)));
                unanswerable.insert(place);
                None
            }
        });
        let replies = replies.collect();
        Self { head: Head { position, chain, recorded_at }, items, replies, unanswerable }
    }

    /// The transaction. The head's row is the first lock and the guard of everything else.
    pub(super) fn batch(&self, old: &Head) -> Batch {
        let mut batch = Batch::new();
        batch.run(
            "update log_head set position = $1, chain = $2 where id = 1 and position = $3",
            vec![self.head.position.into(), self.head.chain.as_str().into(), old.position.into()],
            Expect::Rows(1),
        );
        batch.insert_many("events", EVENTS, self.events());
        batch.insert_many_or(
            "streams",
            &["id", "version"],
            self.streams(),
            "on conflict (id) do update set version = excluded.version",
        );
        self.claims(&mut batch);
        batch.insert_many("commands", COMMANDS, self.commands());
        let count = self.head.position - old.position;
        if count > 0 {
            let commit = vec![
                (old.position + 1).into(),
                count.into(),
                self.head.chain.as_str().into(),
                self.head.recorded_at.to_string().into(),
            ];
            batch.insert_many(
                "commits",
                &["first_position", "event_count", "chain", "recorded_at"],
                vec![commit],
            );
        }
        batch.in_one_flush()
    }

    fn events(&self) -> Vec<Vec<Value>> {
        let recorded_at = self.head.recorded_at.to_string();
        let mut rows = Vec::new();
        for (proposal, outcome) in &self.items {
            let command_id = proposal.command_id.to_string();
            for (draft, recorded) in proposal.drafts.iter().zip(&outcome.news) {
                rows.push(vec![
                    recorded.position.into(),
                    recorded.stream.as_str().into(),
                    recorded.version.into(),
                    draft.kind.into(),
                    draft.data.as_str().into(),
                    draft.meta.as_str().into(),
                    proposal.actor.as_str().into(),
                    command_id.as_str().into(),
                    recorded_at.as_str().into(),
                    draft.personal.as_deref().into(),
                    draft.personal_digest.as_str().into(),
                ]);
            }
        }
        rows
    }

    fn streams(&self) -> Vec<Vec<Value>> {
        let appended = self.items.iter().flat_map(|(proposal, _)| &proposal.facts.appended);
        appended.map(|(stream, version)| vec![stream.as_str().into(), (*version).into()]).collect()
    }

    fn claims(&self, batch: &mut Batch) {
        let mut taken = Vec::new();
        for claim in self.items.iter().flat_map(|(proposal, _)| &proposal.facts.claims) {
            if let Some(holder) = &claim.before {
                batch.run(
                    "delete from claims where scope = $1 and value = $2 and stream = $3",
                    vec![claim.scope.into(), claim.value.as_str().into(), holder.as_str().into()],
                    Expect::Rows(1),
                );
            }
            if let Some(holder) = &claim.after {
                taken.push(vec![claim.scope.into(), claim.value.as_str().into(), holder.as_str().into()]);
            }
        }
        batch.insert_many("claims", &["scope", "value", "stream"], taken);
    }

    fn commands(&self) -> Vec<Vec<Value>> {
        let recorded_at = self.head.recorded_at.to_string();
        let mut rows = Vec::new();
        for ((proposal, outcome), reply) in self.items.iter().zip(&self.replies) {
            let (Some(key), Some(reply)) = (&proposal.key, reply) else {
                continue;
            };
            rows.push(vec![
                key.id.as_str().into(),
                key.fingerprint.as_str().into(),
                outcome.position.into(),
                (outcome.news.len() as u64).into(),
                reply.as_str().into(),
                recorded_at.as_str().into(),
            ]);
        }
        rows
    }

    /// How many commands are in it.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Where to look for a batch whose commit nobody answered. With events: the chain of the commit at its first position,
    /// which no other batch has; '' when another one stands there. Without: whether its first key was used.
    pub(super) fn trace(&self) -> (&'static str, Vec<Value>) {
        if let Some(first) = self.items.iter().find_map(|(_, outcome)| outcome.news.first()) {
            let sql = "select coalesce((select chain from commits where first_position = $1), '') \
                       from log_head where id = 1 and position >= $1";
            return (sql, vec![first.position.into()]);
        }
        let key = self.items.iter().find_map(|(proposal, _)| proposal.facts.key.as_deref());
        ("select '' from commands where id = $1", vec![key.into()])
    }

    /// Whether what was found there is this batch. One without events is never recognised: judged again, every key in it
    /// finds its stored answer.
    pub(super) fn is_ours(&self, found: &str) -> bool {
        self.head.chain == found && self.items.iter().any(|(_, outcome)| !outcome.news.is_empty())
    }

    /// Nothing of this batch was recorded.
    pub(super) fn take_back(&mut self) -> Vec<Proposal> {
        let back = |(mut proposal, outcome): (Proposal, Outcome)| {
            proposal.news = outcome.news;
            proposal.history = outcome.history;
            proposal.versions = outcome.versions;
            proposal
        };
        std::mem::take(&mut self.items).into_iter().map(back).collect()
    }

    /// All of this batch was recorded.
    pub(super) fn into_recorded(self) -> (Vec<Entry>, Vec<(Proposal, Outcome)>) {
        let news = self.items.iter().flat_map(|(_, outcome)| outcome.news.iter().cloned());
        (news.map(Entry::Event).collect(), self.items)
    }
}

fn reply((proposal, outcome): &(Proposal, Outcome)) -> Result<Option<String>, Panicked> {
    proposal.key.as_ref().map(|key| caught_now(|| (key.render)(outcome))).transpose()
}

const EVENTS: &[&str] = &[
    "position",
    "stream",
    "version",
    "kind",
    "data",
    "meta",
    "actor",
    "command_id",
    "recorded_at",
    "personal",
    "personal_digest",
];
const COMMANDS: &[&str] = &["id", "fingerprint", "position", "event_count", "reply", "recorded_at"];

/// The chain after this batch; without events nothing is added to it.
fn chain(head: &Head, items: &[(Proposal, Outcome)], recorded_at: Timestamp, position: u64) -> String {
    if position == head.position {
        return head.chain.clone();
    }
    let recorded_at = recorded_at.to_string();
    let mut leaves = Vec::new();
    for (proposal, outcome) in items {
        let command_id = proposal.command_id.to_string();
        for (draft, recorded) in proposal.drafts.iter().zip(&outcome.news) {
            let leaf = Leaf {
                stream: recorded.stream.as_str(),
                version: recorded.version,
                kind: draft.kind,
                recorded_at: &recorded_at,
                actor: &proposal.actor,
                command_id: &command_id,
                meta: &draft.meta,
                data: &draft.data,
                personal_digest: &draft.personal_digest,
            };
            leaves.push(leaf.hash());
        }
    }
    link(&head.chain, leaves.iter().map(String::as_str))
}
