//! An event as it stands in the log: what happened, where, when, by whom.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Event, PartnerId, StreamId, TenantId, Timestamp, UserId};

/// One event with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// 1, 2, 3 … without gaps over the whole log.
    pub position: u64,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// 1, 2, 3 … within the stream.
    pub version: u64,
    /// When its batch was committed. Order by position, never by this.
    pub recorded_at: Timestamp,
    /// The command that caused it.
    pub command_id: Uuid,
    /// Who, through what, because of what.
    pub meta: Meta,
    /// What happened.
    pub event: Event,
}

/// The stored form of an event's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// For example `tenant.hold.placed`.
    pub kind: String,
    /// Canonical JSON: sorted keys, no white space.
    pub data: String,
    /// Personal fields as canonical JSON, if there are any.
    pub personal: Option<String>,
}

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActorKind {
    /// A customer.
    User,
    /// Our staff, with an operator-scoped token.
    Operator,
    /// Timers and processes.
    System,
    /// The reconciler.
    Reconciler,
    /// The first administrator and the boot seed.
    Bootstrap,
}

impl ActorKind {
    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::System => "system",
            Self::Reconciler => "reconciler",
            Self::Bootstrap => "bootstrap",
        }
    }
}

/// Who acted, and which person if it was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Actor {
    /// In which capacity.
    pub kind: ActorKind,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<UserId>,
}

impl Actor {
    /// An actor that is not a person.
    pub const fn service(kind: ActorKind) -> Self {
        Self { kind, id: None }
    }

    /// A person acting in a capacity.
    pub const fn person(kind: ActorKind, id: UserId) -> Self {
        Self { kind, id: Some(id) }
    }
}

/// The circumstances of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Who.
    pub actor: Actor,
    /// The audience of the caller's token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audience: Option<String>,
    /// `X-Request-Id` of the request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_id: Option<String>,
    /// Groups everything that follows from one cause.
    pub correlation_id: Uuid,
    /// The event that led to the command.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub causation_position: Option<u64>,
    /// The tenant concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant_id: Option<TenantId>,
    /// The partner concerned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub partner_id: Option<PartnerId>,
}
