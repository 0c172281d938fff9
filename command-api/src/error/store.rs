//! Failures of the log and the read models as the caller hears them.

use event_store::{DbError, ExecuteError, StoreError};

use super::ApiError;
use crate::problem::{Code, Problem};

const STORE_UNAVAILABLE: &str = "The log cannot be reached; nothing was changed";

impl From<ExecuteError> for ApiError {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Rejected(rejection) => rejection.into(),
            ExecuteError::VersionMismatch { current } => {
                Problem::new(Code::VersionMismatch, "This has changed since you read it").with("currentVersion", current).into()
            }
            ExecuteError::KeyReused => {
                Self::refused(Code::IdempotencyKeyReused, "This key was used for another request")
            }
            ExecuteError::KeyInFlight => {
                Problem::new(Code::IdempotencyInFlight, "The first request with this key is still running").retry_after(1).into()
            }
            ExecuteError::ConcurrentChange => {
                Problem::new(Code::ConcurrentChange, "Others keep changing this; try again").retry_after(1).into()
            }
            ExecuteError::Overloaded => {
                Problem::new(Code::Overloaded, "Too many commands are waiting; nothing was changed").retry_after(1).into()
            }
            ExecuteError::OutcomeUnknown => Self::failed(
                Problem::new(
                    Code::EventStoreUnavailable,
                    "The log did not answer; read the current state, or repeat with the same Idempotency-Key",
                )
                .retry_after(1),
                "the outcome of a commit is unknown",
            ),
            ExecuteError::Unavailable(cause) => {
                Self::failed(Problem::new(Code::EventStoreUnavailable, STORE_UNAVAILABLE).retry_after(1), cause)
            }
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(cause: StoreError) -> Self {
        Self::failed(Problem::new(Code::EventStoreUnavailable, STORE_UNAVAILABLE).retry_after(1), cause)
    }
}

impl From<DbError> for ApiError {
    fn from(cause: DbError) -> Self {
        Self::failed(
            Problem::new(Code::ProjectionLagging, "The read models cannot be reached").retry_after(1),
            cause,
        )
    }
}
