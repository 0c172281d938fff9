//! The object types of the management interface that a provisioning client touches.

use serde::{Deserialize, Serialize};

/// In alphabetical order, which is the order of `linkedObjects`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Kind {
    Account,
    Action,
    ApiKey,
    Authentication,
    DkimSignature,
    Domain,
    MailingList,
    MemoryLookupKey,
    MtaStageRcpt,
    Role,
    SieveSystemScript,
    SystemSettings,
    Task,
    Tenant,
}

impl Kind {
    pub(crate) const ALL: [Self; 14] = [
        Self::Account,
        Self::Action,
        Self::ApiKey,
        Self::Authentication,
        Self::DkimSignature,
        Self::Domain,
        Self::MailingList,
        Self::MemoryLookupKey,
        Self::MtaStageRcpt,
        Self::Role,
        Self::SieveSystemScript,
        Self::SystemSettings,
        Self::Task,
        Self::Tenant,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::Action => "Action",
            Self::ApiKey => "ApiKey",
            Self::Authentication => "Authentication",
            Self::DkimSignature => "DkimSignature",
            Self::Domain => "Domain",
            Self::MailingList => "MailingList",
            Self::MemoryLookupKey => "MemoryLookupKey",
            Self::MtaStageRcpt => "MtaStageRcpt",
            Self::Role => "Role",
            Self::SieveSystemScript => "SieveSystemScript",
            Self::SystemSettings => "SystemSettings",
            Self::Task => "Task",
            Self::Tenant => "Tenant",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// There is exactly one, with the identifier `singleton`.
    pub(crate) fn is_singleton(self) -> bool {
        match self {
            Self::Authentication | Self::MtaStageRcpt | Self::SystemSettings => true,
            Self::Account
            | Self::Action
            | Self::ApiKey
            | Self::DkimSignature
            | Self::Domain
            | Self::MailingList
            | Self::MemoryLookupKey
            | Self::Role
            | Self::SieveSystemScript
            | Self::Task
            | Self::Tenant => false,
        }
    }

    /// Identifiers count from `b` upwards; the other types take theirs from the clock.
    pub(crate) fn is_counted(self) -> bool {
        match self {
            Self::Account | Self::Domain | Self::MailingList | Self::Role | Self::Tenant => true,
            Self::Action
            | Self::ApiKey
            | Self::Authentication
            | Self::DkimSignature
            | Self::MemoryLookupKey
            | Self::MtaStageRcpt
            | Self::SieveSystemScript
            | Self::SystemSettings
            | Self::Task => false,
        }
    }
}

/// What is asked of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    Query,
    Set,
}

/// `x:Domain/set` taken apart. Only `/get`, `/query` and `/set` exist; there is no `/changes`.
pub(crate) fn method(name: &str) -> Option<(Kind, Operation)> {
    let (kind, operation) = name.strip_prefix("x:")?.split_once('/')?;
    let operation = match operation {
        "get" => Operation::Get,
        "query" => Operation::Query,
        "set" => Operation::Set,
        _ => return None,
    };
    let kind = Kind::named(kind)?;
    let answered = operation == Operation::Set || kind != Kind::Action;
    answered.then_some((kind, operation))
}
