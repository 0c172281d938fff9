//! The log once more, from the beginning, in memory: what rebuilds store and what proofs compare with.

use std::collections::BTreeSet;

use event_store::{Entry, EventStore, TailError};

use crate::follow::{BATCH_MAX, position_of};
use crate::memory::Memory;
use crate::model::ReadModel;
use crate::park::{self, Waiting};

/// A read model made again.
pub(crate) struct Remade {
    pub(crate) model: &'static ReadModel,
    pub(crate) memory: Memory,
    /// The last event it contains.
    pub(crate) position: u64,
    pub(crate) recorded_at: String,
    parked: BTreeSet<String>,
    pub(crate) waiting: Vec<Waiting>,
}

impl Remade {
    fn new(model: &'static ReadModel) -> Self {
        Self {
            model,
            memory: Memory::new(model.tables),
            position: 0,
            recorded_at: String::new(),
            parked: BTreeSet::new(),
            waiting: Vec::new(),
        }
    }

    fn take(&mut self, entry: &Entry) {
        self.position = position_of(entry);
        let (stream, digested) = match entry {
            Entry::Event(recorded) => {
                self.recorded_at = recorded.recorded_at.to_string();
                let stream = recorded.stream.as_str();
                if !self.model.reads_word(stream) {
                    return;
                }
                let digested = if self.parked.contains(stream) {
                    Err(park::BEHIND.to_owned())
                } else {
                    self.memory.project(self.model, recorded).map_err(|error| error.to_string())
                };
                (stream, digested)
            }
            Entry::Malformed { stream, .. } if !self.model.reads_word(stream.as_str()) => return,
            Entry::Malformed { stream, error, .. } => (stream.as_str(), Err(error.clone())),
        };
        if let Err(error) = digested {
            self.parked.insert(stream.to_owned());
            self.waiting.push(Waiting { stream: stream.to_owned(), position: position_of(entry), error });
        }
    }
}

/// Reads the log once and makes each read model as of its position.
pub(crate) async fn remake(
    store: &EventStore,
    wanted: &[(&'static ReadModel, u64)],
    report: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Remade>, TailError> {
    let mut remade: Vec<(Remade, u64)> =
        wanted.iter().map(|(model, position)| (Remade::new(model), *position)).collect();
    let end = wanted.iter().map(|(_, position)| *position).max().unwrap_or_default();
    let mut read = 0;
    let mut follower = store.follow(0);
    while read < end {
        match follower.available(BATCH_MAX).await {
            Ok(entries) => {
                let Some(last) = entries.last().map(position_of) else {
                    break;
                };
                for (model, until) in &mut remade {
                    for entry in entries.iter().take_while(|entry| position_of(entry) <= *until) {
                        model.take(entry);
                    }
                }
                read = last;
                report(read.min(end));
            }
            Err(TailError::UnknownKind { position, kind }) => {
                let concerned =
                    remade.iter().any(|(model, until)| position <= *until && model.model.reads_word(&kind));
                if concerned {
                    return Err(TailError::UnknownKind { position, kind });
                }
                for (model, until) in &mut remade {
                    model.position = if position <= *until { position } else { model.position };
                }
                read = position;
                follower = store.follow(position);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(remade.into_iter().map(|(model, _)| model).collect())
}
