//! The words for why something is as it is.

use serde::{Deserialize, Serialize};

/// Reasons of conditions: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words are the API's own and are explained there")]
pub enum Reason {
    Converged,
    NoDomains,
    Disabled,
    NotRequested,
    Waiting,
    InProgress,
    DependencyNotReady,
    UpstreamUnavailable,
    Timeout,
    RateLimited,
    AuthFailed,
    PermissionDenied,
    ValidationRejected,
    Conflict,
    OwnedByAnother,
    QuotaExceeded,
    LicenceRequired,
    OutcomeUnknown,
    DriftDetected,
    DriftCorrected,
    ExternalDeleted,
    ProbeFailed,
    Paused,
}

impl Reason {
    /// Whether it may be said of one object while the rest of the system works: a value or a name of its own is refused.
    /// Everything else is said of all objects alike.
    pub const fn may_be_of_one_object(self) -> bool {
        match self {
            Self::ValidationRejected | Self::Conflict | Self::OwnedByAnother => true,
            Self::Converged
            | Self::NoDomains
            | Self::Disabled
            | Self::NotRequested
            | Self::Waiting
            | Self::InProgress
            | Self::DependencyNotReady
            | Self::UpstreamUnavailable
            | Self::Timeout
            | Self::RateLimited
            | Self::AuthFailed
            | Self::PermissionDenied
            | Self::QuotaExceeded
            | Self::LicenceRequired
            | Self::OutcomeUnknown
            | Self::DriftDetected
            | Self::DriftCorrected
            | Self::ExternalDeleted
            | Self::ProbeFailed
            | Self::Paused => false,
        }
    }
}

crate::words! {
    Reason {
        Converged = "Converged",
        NoDomains = "NoDomains",
        Disabled = "Disabled",
        NotRequested = "NotRequested",
        Waiting = "Waiting",
        InProgress = "InProgress",
        DependencyNotReady = "DependencyNotReady",
        UpstreamUnavailable = "UpstreamUnavailable",
        Timeout = "Timeout",
        RateLimited = "RateLimited",
        AuthFailed = "AuthFailed",
        PermissionDenied = "PermissionDenied",
        ValidationRejected = "ValidationRejected",
        Conflict = "Conflict",
        OwnedByAnother = "OwnedByAnother",
        QuotaExceeded = "QuotaExceeded",
        LicenceRequired = "LicenceRequired",
        OutcomeUnknown = "OutcomeUnknown",
        DriftDetected = "DriftDetected",
        DriftCorrected = "DriftCorrected",
        ExternalDeleted = "ExternalDeleted",
        ProbeFailed = "ProbeFailed",
        Paused = "Paused",
    }
}
