//! Why a command is refused: one value per reason, with a stable code and a sentence for people.

use std::borrow::Cow;

use schema::ValueError;

/// One thing wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the body, for example `/domains/0`.
    pub pointer: String,
    /// Of the closed list of `errors[].code`.
    pub code: &'static str,
    /// A sentence for people.
    pub detail: String,
}

impl Problem {
    /// What is wrong with the value at a pointer.
    pub fn at(pointer: impl Into<String>, error: ValueError) -> Self {
        Self { pointer: pointer.into(), code: error.code, detail: error.detail }
    }
}

/// Why a command is refused. Nothing is appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant's sentence is its documentation")]
pub enum Rejection {
    #[error("A {what} with {} already exists", named(field, value))]
    AlreadyExists { what: &'static str, field: &'static str, value: String },
    #[error("{attempted} is not possible while this is {from}")]
    InvalidTransition { from: &'static str, attempted: &'static str, allowed: &'static [&'static str] },
    #[error("This does not exist")]
    NotFound { what: &'static str },
    #[error("The tenant is being terminated")]
    TenantTerminating,
    #[error("The tenant is suspended")]
    TenantSuspended { customer_message: Option<String> },
    #[error("The partner is not active")]
    PartnerNotActive,
    #[error("The plan or its price cannot be ordered")]
    PlanNotActive,
    #[error("You have one workspace that is not ready yet, or as many as you may have")]
    TenantLimitReached,
    #[error("All seats are taken")]
    SeatLimitReached,
    #[error("Another tenant has verified this domain")]
    DomainVerifiedElsewhere,
    #[error("A member or a mailbox uses this domain")]
    DomainInUse,
    #[error("Choose another primary domain first")]
    DomainIsPrimary,
    #[error("The tenant has not claimed this domain")]
    DomainNotFound,
    #[error("There is no such hold")]
    HoldNotFound,
    #[error("There is no such invitation")]
    InvitationNotFound,
    #[error("This invitation is for somebody else")]
    InvitationNotYours,
    #[error("This identity or address belongs to another account; an operator can link them")]
    IdentityConflict,
    #[error("This account is disabled")]
    UserDisabled,
    #[error("You cannot do this to yourself")]
    SelfChangeForbidden,
    #[error("At least one platform administrator must remain")]
    LastPlatformAdmin,
    #[error("The confirmation does not match")]
    ConfirmationMismatch,
    #[error("Your role does not allow this")]
    RoleInsufficient,
    #[error("Some values are not acceptable")]
    ValidationFailed(Vec<Problem>),
}

impl Rejection {
    /// One field is wrong.
    pub fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::ValidationFailed(vec![Problem {
            pointer: pointer.into(),
            code,
            detail: detail.into().into_owned(),
        }])
    }

    /// The stable code of the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::AlreadyExists { .. } => "already-exists",
            Self::InvalidTransition { .. } => "invalid-transition",
            Self::NotFound { what } => what,
            Self::TenantTerminating => "tenant-terminating",
            Self::TenantSuspended { .. } => "tenant-suspended",
            Self::PartnerNotActive => "partner-not-active",
            Self::PlanNotActive => "plan-not-active",
            Self::TenantLimitReached => "tenant-limit-reached",
            Self::SeatLimitReached => "seat-limit-reached",
            Self::DomainVerifiedElsewhere => "domain-verified-elsewhere",
            Self::DomainInUse => "domain-in-use",
            Self::DomainIsPrimary => "domain-is-primary",
            Self::DomainNotFound => "domain-not-found",
            Self::HoldNotFound => "hold-not-found",
            Self::InvitationNotFound => "invitation-not-found",
            Self::InvitationNotYours => "invitation-not-yours",
            Self::IdentityConflict => "identity-conflict",
            Self::UserDisabled => "user-disabled",
            Self::SelfChangeForbidden => "self-change-forbidden",
            Self::LastPlatformAdmin => "last-platform-admin",
            Self::ConfirmationMismatch => "confirmation-mismatch",
            Self::RoleInsufficient => "role-insufficient",
            Self::ValidationFailed(_) => "validation-failed",
        }
    }
}

/// The value in quotes, unless it is personal and therefore absent.
fn named(field: &str, value: &str) -> String {
    if value.is_empty() { format!("this {field}") } else { format!("{field} '{value}'") }
}
