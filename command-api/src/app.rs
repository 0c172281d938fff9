//! `App`: what every request needs, built once at start.

use std::sync::Arc;

use event_store::{EventStore, TailError};
use projector::Views;
use schema::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::actors::Actors;
use crate::auth::{KeyClientError, KeyRing};
use crate::config::Config;
use crate::pace::Pace;
use crate::planner::Planner;

/// What every request needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) store: EventStore,
    pub(crate) views: Views,
    pub(crate) planner: Arc<dyn Planner>,
    pub(crate) keys: Arc<KeyRing>,
    pub(crate) actors: Arc<Actors>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) config: Arc<Config>,
    pub(crate) started: Instant,
}

impl App {
    /// Puts the parts together. Fails only when no HTTP client can be made.
    pub fn new(
        config: Config,
        store: EventStore,
        views: Views,
        planner: Arc<dyn Planner>,
    ) -> Result<Self, KeyClientError> {
        let keys = KeyRing::new(&config.issuers, config.key_refresh, &config.extra_authorities)?;
        Ok(Self {
            store,
            views,
            planner,
            keys: Arc::new(keys),
            actors: Arc::default(),
            pace: Arc::default(),
            config: Arc::new(config),
            started: Instant::now(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.config.clock)()
    }
}

impl App {
    /// Keeps the cache of callers in step with the log until told to stop. Without it every request reads the log.
    pub async fn follow(&self, stop: &CancellationToken) -> Result<(), TailError> {
        self.actors.follow(&self.store, stop).await
    }
}
