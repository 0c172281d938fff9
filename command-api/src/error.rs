//! `ApiError`: the one type that becomes an answer when something is refused or fails, and the one place that logs it.

mod store;

use std::error::Error;

use axum::response::{IntoResponse, Response};
use domain::Rejection;
use serde_json::{Value, json};

use crate::idempotency::Stored;
use crate::problem::{Code, Problem};

/// Why a request gets no ordinary answer.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The caller asked for something they cannot have. Said in full.
    Refused(Box<Problem>),
    /// Our machinery failed. Said as a code, logged with its cause.
    Failed {
        /// What is said.
        problem: Box<Problem>,
        /// What is logged.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// Not refused at all: this key has its answer already, and it is given again before anything else is looked at.
    Answered(Box<Stored>),
}

impl ApiError {
    /// A refusal with a sentence for people.
    pub(crate) fn refused(code: Code, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// One field of the body or query is wrong.
    pub(crate) fn invalid(pointer: &str, code: &'static str, detail: &str) -> Self {
        Rejection::invalid(pointer, code, detail.to_owned()).into()
    }

    /// Fields the caller may not send.
    pub(crate) fn field_forbidden(names: &[&str]) -> Self {
        let errors: Vec<Value> = names
            .iter()
            .map(|name| json!({ "pointer": format!("/{name}"), "code": "not-allowed", "detail": "is not yours to set" }))
            .collect();
        Problem::new(Code::FieldForbidden, "You may not set some of these fields")
            .with("errors", errors)
            .into()
    }

    /// Something inside failed that no caller can mend.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::failed(Problem::new(Code::Internal, "Something went wrong on our side"), cause)
    }

    /// Something inside failed, and this is what the caller hears.
    pub(crate) fn failed(problem: Problem, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed { problem: Box::new(problem), cause: cause.into() }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        problem_of(&rejection).into()
    }
}

/// A refusal of the rules as it is said over HTTP.
pub(crate) fn problem_of(rejection: &Rejection) -> Problem {
    let Some(code) = Code::of(rejection.code()) else {
        return Problem::new(Code::Internal, "Something went wrong on our side");
    };
    let problem = Problem::new(code, rejection.to_string());
    match rejection {
        Rejection::AlreadyExists { what: _, field, value: _ } => problem.with("field", *field),
        Rejection::InvalidTransition { from, attempted, allowed } => {
            problem.with("from", *from).with("attempted", *attempted).with("allowed", allowed.to_vec())
        }
        Rejection::TenantSuspended { customer_message } => {
            problem.with("customerMessage", customer_message.clone())
        }
        Rejection::ValidationFailed(problems) => problem.with("errors", errors_of(problems)),
        Rejection::NotFound { .. }
        | Rejection::TenantTerminating
        | Rejection::PartnerNotActive
        | Rejection::PlanNotActive
        | Rejection::SeatLimitReached
        | Rejection::TenantLimitReached
        | Rejection::DomainVerifiedElsewhere
        | Rejection::DomainInUse
        | Rejection::DomainIsPrimary
        | Rejection::DomainNotFound
        | Rejection::HoldNotFound
        | Rejection::InvitationNotFound
        | Rejection::InvitationNotYours
        | Rejection::IdentityConflict
        | Rejection::UserDisabled
        | Rejection::SelfChangeForbidden
        | Rejection::LastPlatformAdmin
        | Rejection::ConfirmationMismatch
        | Rejection::RoleInsufficient => problem,
    }
}

/// `errors[]` of a problem.
pub(crate) fn errors_of(problems: &[domain::Problem]) -> Vec<Value> {
    problems
        .iter()
        .map(|problem| json!({ "pointer": problem.pointer, "code": problem.code, "detail": problem.detail }))
        .collect()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(problem) => problem.into_response(),
            Self::Failed { problem, cause } => {
                tracing::error!(
                    code = problem.code.as_str(),
                    error = &*cause as &dyn Error,
                    "request failed"
                );
                problem.into_response()
            }
            Self::Answered(stored) => stored.to_replayed_response(),
        }
    }
}
