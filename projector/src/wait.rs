//! "Not before position N": how a caller reads its own write.

use std::time::Duration;

use event_store::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::model::ReadModel;
use crate::select::QueryError;
use crate::views::Views;

/// How often the checkpoint is looked at when another process follows.
const POLL: Duration = Duration::from_millis(20);

/// The read model did not get there in time.
#[derive(Debug, thiserror::Error)]
pub enum Lagging {
    /// It is still behind.
    #[error("the read model {model} has not reached position {wanted} yet")]
    Behind {
        /// Which.
        model: &'static str,
        /// What was asked for.
        wanted: u64,
    },
    /// Nobody can say.
    #[error("look how far a read model is")]
    Unreadable(#[from] QueryError),
}

impl Views {
    /// Waits until a read model contains an event.
    pub async fn wait_for(
        &self,
        model: &'static ReadModel,
        position: u64,
        within: Duration,
    ) -> Result<(), Lagging> {
        let end = Instant::now() + within;
        let mut progress = self.watch_progress();
        loop {
            let known = progress.borrow_and_update().get(model.name).copied();
            if known.is_some_and(|known| known >= position) {
                return Ok(());
            }
            let reached = match known {
                Some(_) => false,
                None => self.position_of(model).await? >= position,
            };
            if reached {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(Lagging::Behind { model: model.name, wanted: position });
            }
            // Followed here: wake at the next batch. Followed elsewhere: look again soon.
            let next = if known.is_some() { end } else { end.min(Instant::now() + POLL) };
            match timeout_at(next, progress.changed()).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(_)) => sleep(POLL).await,
            }
        }
    }

    async fn position_of(&self, model: &'static ReadModel) -> Result<u64, QueryError> {
        let found = self
            .db()
            .query(
                "select c.position from live l
                   join checkpoints c on c.read_model = l.read_model and c.version = l.version
                  where l.read_model = $1",
                &[Value::from(model.name)],
            )
            .await?;
        Ok(found.first().ok_or(QueryError::NotReady(model.name))?.count(0)?)
    }
}
