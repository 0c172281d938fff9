//! Failures of the log and the read models as the caller hears them.

use event_store::{ExecuteError, StoreError, WriteError};
use projector::{Lagging, QueryError};

use super::ApiError;
use crate::problem::{Code, Problem};

const STORE_UNAVAILABLE: &str = "The log cannot be reached; nothing was changed";

impl From<ExecuteError> for ApiError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => rejection.into(),
            ExecuteError::VersionMismatch { current } => {
                Problem::new(Code::VersionMismatch, "This has changed since you read it")
                    .with("currentVersion", current)
                    .into()
            }
            ExecuteError::KeyReused => {
                Self::refused(Code::IdempotencyKeyReused, "This key was used for another request")
            }
            ExecuteError::KeyInFlight => {
                Problem::new(Code::IdempotencyInFlight, "The first request with this key is still running")
                    .retry_after(1)
                    .into()
            }
            ExecuteError::TooLarge(why) => Self::invalid("", "range", &format!("{why}; do it in portions")),
            ExecuteError::ConcurrentChange => {
                Problem::new(Code::ConcurrentChange, "Others keep changing this; try again")
                    .retry_after(1)
                    .into()
            }
            ExecuteError::Overloaded => {
                Problem::new(Code::Overloaded, "Too many commands are waiting; nothing was changed")
                    .retry_after(1)
                    .into()
            }
            ExecuteError::OutcomeUnknown => Self::failed(
                Problem::new(
                    Code::EventStoreUnavailable,
                    "The log did not answer; read the current state, or repeat with the same Idempotency-Key",
                )
                .retry_after(1),
                "the outcome of a commit is unknown",
            ),
            ExecuteError::Unavailable(cause) => Self::failed(
                Problem::new(Code::EventStoreUnavailable, STORE_UNAVAILABLE).retry_after(1),
                cause,
            ),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(cause: StoreError) -> Self {
        Self::failed(Problem::new(Code::EventStoreUnavailable, STORE_UNAVAILABLE).retry_after(1), cause)
    }
}

const VIEWS_UNAVAILABLE: &str = "The read models cannot be read";

impl From<QueryError> for ApiError {
    fn from(cause: QueryError) -> Self {
        match cause {
            QueryError::Db(_) | QueryError::NotReady(_) => {
                Self::failed(Problem::new(Code::ProjectionLagging, VIEWS_UNAVAILABLE).retry_after(1), cause)
            }
            QueryError::Row(_) | QueryError::Fold(_) => Self::internal(cause),
        }
    }
}

impl From<WriteError> for ApiError {
    fn from(cause: WriteError) -> Self {
        Self::failed(Problem::new(Code::ProjectionLagging, VIEWS_UNAVAILABLE).retry_after(1), cause)
    }
}

impl From<Lagging> for ApiError {
    fn from(lagging: Lagging) -> Self {
        match lagging {
            Lagging::Behind { .. } => {
                let detail = "The read model has not reached this position yet";
                Problem::new(Code::ProjectionLagging, detail).retry_after(1).into()
            }
            Lagging::Unreadable(cause) => cause.into(),
        }
    }
}
