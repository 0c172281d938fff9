//! What goes wrong on our own side: databases that are away are everybody's trouble and said once; what cannot be read or
//! recorded of one subject is that subject's, and nobody else waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use event_store::trouble::Trouble;
use event_store::{ExecuteError, StoreError};
use projector::QueryError;
use tokio::time::Instant;

use crate::{Reconciler, WorkError};

/// Whether our own databases answer, as everybody who asked them found.
#[derive(Debug, Default)]
pub(crate) struct Databases(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    trouble: Trouble,
    pause: Duration,
}

impl WorkError {
    /// Whether it would meet everybody. What would meet one subject alone is a fault in its data or in our code.
    pub fn is_of_the_database(&self) -> bool {
        match self {
            // A log that cannot be followed is everybody's, too.
            Self::Read(_)
            | Self::Write(_)
            | Self::Lagging(_)
            | Self::Tail(_)
            | Self::Facts(QueryError::Db(_) | QueryError::NotReady(_)) => true,
            Self::Log(error) => is_of_the_store(error),
            Self::Record(error) => match error {
                ExecuteError::Unavailable(error) => is_of_the_store(error),
                ExecuteError::ConcurrentChange | ExecuteError::Overloaded | ExecuteError::OutcomeUnknown => {
                    true
                }
                ExecuteError::Rejected(_)
                | ExecuteError::VersionMismatch { .. }
                | ExecuteError::KeyReused
                | ExecuteError::KeyInFlight
                | ExecuteError::TooLarge(_) => false,
            },
            Self::Facts(QueryError::Row(_) | QueryError::Fold(_)) => false,
        }
    }
}

const fn is_of_the_store(error: &StoreError) -> bool {
    match error {
        StoreError::Encode(_) | StoreError::Unreadable { .. } => false,
        StoreError::Db(_)
        | StoreError::Write(_)
        | StoreError::Migration(_)
        | StoreError::Shrunk
        | StoreError::Closed => true,
    }
}

impl Databases {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reconciler {
    /// One of our databases did not answer. How long to wait before the next try.
    pub(crate) fn database_is_away(&self, error: &WorkError) -> Duration {
        let mut state = self.0.databases.state();
        // However differently each caller meets it, it is one trouble.
        let failed = state.trouble.failed("away", Instant::now());
        if failed.is_news {
            let error = error as &dyn std::error::Error;
            tracing::warn!(error, "our own databases do not answer; trying again");
        }
        state.pause = failed.pause;
        state.pause
    }

    /// They answered.
    pub(crate) fn database_answers(&self) {
        let mut state = self.0.databases.state();
        state.trouble.tell_works("our own databases answer");
        state.pause = Duration::ZERO;
    }

    /// How long to wait while they do not.
    pub(crate) fn database_pause(&self) -> Duration {
        self.0.databases.state().pause
    }

    /// What a loop does with an error it cannot give to anybody: one line when it begins, one when it is over, and later
    /// and later tries in between.
    pub(crate) fn tell(&self, trouble: &mut Trouble, what: &'static str, error: &WorkError) -> Duration {
        if error.is_of_the_database() {
            self.database_is_away(error)
        } else {
            trouble.tell_failed(what, error)
        }
    }
}
