//! A decided command on its way to the writer: encoded, with the facts it was decided on.

use std::collections::BTreeMap;

use schema::{Actor, Event, Meta, Recorded, StreamId};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::judge::{ClaimMove, Facts};
use crate::request::{Key, MetaSeed, Outcome};
use crate::{StoreError, chain, keys};

/// What the writer is asked to record.
pub(crate) struct Proposal {
    pub(crate) facts: Facts,
    pub(crate) command_id: Uuid,
    pub(crate) actor: String,
    /// What is appended: how it is stored, and beside it how it is handed out.
    pub(crate) drafts: Vec<Draft>,
    pub(crate) news: Vec<Recorded>,
    pub(crate) key: Option<Key>,
    pub(crate) history: Vec<Recorded>,
    pub(crate) versions: BTreeMap<StreamId, u64>,
    /// How often another process was faster while this waited.
    pub(crate) overtaken: usize,
    pub(crate) answer: oneshot::Sender<Verdict>,
}

/// The writer's answer.
pub(crate) enum Verdict {
    /// Committed, and the commit returned.
    Recorded(Outcome),
    /// Load and decide again.
    Conflict,
    /// Somebody else took the name.
    Claimed(ClaimMove),
    /// The database refused it alone, and will tell why when it is loaded again.
    Refused(StoreError),
    /// Other processes were faster too often.
    Overtaken,
    /// Certainly nothing was written.
    Unavailable(StoreError),
    /// Nobody can say.
    Unknown,
}

/// The stored form of an event that lacks only its position and its time.
pub(crate) struct Draft {
    pub(crate) kind: &'static str,
    pub(crate) data: String,
    pub(crate) meta: String,
    pub(crate) personal: Option<String>,
    pub(crate) personal_digest: String,
}

impl Draft {
    pub(crate) fn of(event: &Event, meta: &Meta) -> Result<Self, StoreError> {
        let encoded = event.encode().map_err(StoreError::Encode)?;
        let meta = serde_json::to_string(meta).map_err(StoreError::Encode)?;
        let personal = encoded.personal.as_deref().map(keys::seal_personal).transpose()?;
        let personal_digest = chain::personal_digest(personal.as_deref());
        Ok(Self { kind: event.kind(), data: encoded.data, meta, personal, personal_digest })
    }

    /// How much of a batch this fills.
    pub(crate) fn bytes(&self) -> usize {
        self.data.len() + self.meta.len() + self.personal.as_ref().map_or(0, String::len)
    }
}

/// Whom an event concerns: its own tenant or partner, else the only one the command touches.
pub(crate) fn meta_of(stream: &StreamId, touched: &[StreamId], actor: Actor, seed: &MetaSeed) -> Meta {
    Meta {
        actor,
        audience: seed.audience.clone(),
        request_id: seed.request_id.clone(),
        correlation_id: seed.correlation_id,
        causation_position: seed.causation_position,
        tenant_id: stream.tenant().or_else(|| only(touched.iter().filter_map(StreamId::tenant))),
        partner_id: stream.partner().or_else(|| only(touched.iter().filter_map(StreamId::partner))),
    }
}

fn only<T: PartialEq>(mut found: impl Iterator<Item = T>) -> Option<T> {
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// The actor's column: `operator:usr_…`, or the word alone when it is nobody.
pub(crate) fn actor_text(actor: Actor) -> String {
    match actor.id {
        Some(id) => format!("{}:{id}", actor.kind.as_str()),
        None => actor.kind.as_str().to_owned(),
    }
}
