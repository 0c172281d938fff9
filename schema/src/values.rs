//! Words checked once, at the door: ids, names, addresses, times. Inside, nothing checks again.

mod domain_name;
mod email;
mod id;
mod slug;
mod text;
mod time;

pub use domain_name::DomainName;
pub use email::Email;
pub use id::{
    HoldId, InvitationId, OperationId, PartnerId, PlanId, PriceId, RequestId, StreamId, SubscriptionId,
    TenantId, UserId,
};
pub use slug::{RESERVED_SLUGS, Slug};
pub use text::{DisplayName, Text};
pub use time::{Date, Timestamp};

use serde::{Deserialize, Serialize};

/// Why a value was refused. `code` is one of the closed list of `errors[].code` in the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ValueError {
    /// `required`, `too-long`, `too-short`, `pattern`, `range`, `reserved`, `not-allowed`, `unknown-value`.
    pub code: &'static str,
    /// A sentence for the person who typed the value. Never repeats the value itself.
    pub detail: String,
}

impl ValueError {
    /// A refusal with its stable code and a sentence.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// An outside system we provision. Area names for people: identity, mail, files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum System {
    /// Identity.
    Authentik,
    /// Mail.
    Stalwart,
    /// Files.
    Ocis,
}

impl System {
    /// Every system, in the order representations list them.
    pub const ALL: [Self; 3] = [Self::Authentik, Self::Stalwart, Self::Ocis];

    /// The word used in streams, columns, JSON and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentik => "authentik",
            Self::Stalwart => "stalwart",
            Self::Ocis => "ocis",
        }
    }

    /// The area a person knows it by.
    pub const fn area(self) -> &'static str {
        match self {
            Self::Authentik => "identity",
            Self::Stalwart => "mail",
            Self::Ocis => "files",
        }
    }
}

impl std::fmt::Display for System {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl std::str::FromStr for System {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|system| system.as_str() == text)
            .ok_or_else(|| ValueError::new("unknown-value", "must be authentik, stalwart or ocis"))
    }
}

/// What a member may do in a tenant. `billing` and `admin` do not include each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Uses the workplace.
    Member,
    /// Sees and changes billing data.
    Billing,
    /// Manages members and domains.
    Admin,
    /// Everything a customer may do.
    Owner,
}

impl Role {
    /// Every role, weakest first.
    pub const ALL: [Self; 4] = [Self::Member, Self::Billing, Self::Admin, Self::Owner];

    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Billing => "billing",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Whether this role includes `other`: member < billing, member < admin, both < owner.
    pub const fn includes(self, other: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => matches!(other, Self::Admin | Self::Member),
            Self::Billing => matches!(other, Self::Billing | Self::Member),
            Self::Member => matches!(other, Self::Member),
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| ValueError::new("unknown-value", "must be owner, admin, billing or member"))
    }
}

/// An ISO 4217 code. The list of currencies in use is configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(pub String);

/// A share in basis points, 0–10000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bps(u16);

impl Bps {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// 0–10000, or `range`.
    pub fn new(bps: u16) -> Result<Self, ValueError> {
        if bps > 10_000 {
            Err(ValueError::new("range", "must be between 0 and 100 percent"))
        } else {
            Ok(Self(bps))
        }
    }

    /// The share in basis points.
    pub const fn get(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests;
