//! The proof: makes every read model again in memory and compares it with what is stored. Writes nothing.

use event_store::{EventStore, Snapshot, TailError};
use futures::future::BoxFuture;

use crate::READ_MODELS;
use crate::model::ReadModel;
use crate::parity::{Comparison, Difference, Expected, compare};
use crate::replay::remake;
use crate::select::QueryError;
use crate::views::Views;

/// What the proof says about one read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelReport {
    /// Which.
    pub model: &'static str,
    /// As of where both were compared.
    pub position: u64,
    /// Rows stored.
    pub rows_live: u64,
    /// Rows made again.
    pub rows_replayed: u64,
    /// The first hundred differences, by key.
    pub differences: Vec<Difference>,
    /// How many differences there are.
    pub difference_count: u64,
    /// Streams that could not be digested.
    pub parked_streams: u64,
}

impl ModelReport {
    /// Whether what is stored is what the log says.
    pub const fn is_equal(&self) -> bool {
        self.difference_count == 0
    }
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The stored rows cannot be read.
    #[error("read a stored read model")]
    Views(#[from] QueryError),
    /// The log cannot be read.
    #[error("replay the log")]
    Log(#[from] TailError),
}

/// Compares every read model with the log, each as of its own position, reading the log once.
pub fn verify<'a>(
    views: &'a Views,
    store: &'a EventStore,
) -> BoxFuture<'a, Result<Vec<ModelReport>, VerifyError>> {
    Box::pin(verifying(views, store))
}

async fn verifying(views: &Views, store: &EventStore) -> Result<Vec<ModelReport>, VerifyError> {
    let mut moments = Vec::new();
    for model in READ_MODELS {
        moments.push((*model, views.snapshot(model).await?));
    }
    let wanted: Vec<(&'static ReadModel, u64)> =
        moments.iter().map(|(model, at)| (*model, at.position())).collect();
    let remade = remake(store, &wanted, &|_| {}).await?;
    let mut reports = Vec::new();
    for ((model, at), remade) in moments.into_iter().zip(remade) {
        let (position, parked_streams) = (at.position(), at.parked_streams());
        let comparison = compare_all(&mut at.into_snapshot(), remade).await?;
        reports.push(ModelReport {
            model: model.name,
            position,
            rows_live: comparison.rows,
            rows_replayed: comparison.rows_expected,
            differences: comparison.differences,
            difference_count: comparison.difference_count,
            parked_streams,
        });
    }
    Ok(reports)
}

async fn compare_all(
    snapshot: &mut Snapshot,
    remade: crate::replay::Remade,
) -> Result<Comparison, QueryError> {
    let mut result = Comparison::default();
    for (table, rows) in remade.memory.into_tables() {
        result.add(compare(snapshot, table, table.name, Expected::Memory(&rows)).await?);
    }
    Ok(result)
}
