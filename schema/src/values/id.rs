//! Ids: a prefix that says the kind, then a UUID in Crockford base32 (26 characters, lower case).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;
use uuid::Uuid;

use super::{System, ValueError};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The letters in front of the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// An id from a UUID made at the door (version 7), or derived from a command id.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID behind the text.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                decode(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )* };
}

ids! {
    /// A tenant: one customer company.
    TenantId = "ten";
    /// A person.
    UserId = "usr";
    /// A reseller.
    PartnerId = "par";
    /// A plan.
    PlanId = "pln";
    /// A price of a plan.
    PriceId = "prc";
    /// A subscription.
    SubscriptionId = "sub";
    /// A hold on a tenant.
    HoldId = "hld";
    /// An invitation into a tenant.
    InvitationId = "inv";
    /// A long-running operation.
    OperationId = "opn";
    /// A request, as `X-Request-Id` shows it.
    RequestId = "req";
}

fn encode(uuid: Uuid) -> String {
    Ulid::from(uuid.as_u128()).to_string().to_ascii_lowercase()
}

fn decode(text: &str, prefix: &str) -> Result<Uuid, ValueError> {
    let wrong =
        || ValueError::new("pattern", format!("must be an id of the form {prefix}_ and 26 characters"));
    let (head, tail) = text.split_once('_').ok_or_else(wrong)?;
    // 26 digits of base32 hold 130 bits: a first digit above 7 would not fit a UUID and must not wrap around.
    if !head.eq_ignore_ascii_case(prefix)
        || tail.len() != 26
        || !matches!(tail.as_bytes().first(), Some(b'0'..=b'7'))
    {
        return Err(wrong());
    }
    let ulid = Ulid::from_string(&tail.to_ascii_uppercase()).map_err(|_| wrong())?;
    Ok(Uuid::from_u128(u128::from(ulid)))
}

/// The name of a stream: `tenant-ten_…`, `provisioning-ten_…-stalwart`, `platform`.
///
/// A command names its streams in many places, so a copy shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(Arc<str>);

impl StreamId {
    /// A stream name as it stands in the log. No check: the log wrote it.
    pub fn from_log(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The one stream of the platform itself.
    pub fn platform() -> Self {
        Self("platform".into())
    }

    /// The stream of the platform-administrator group in the identity system.
    pub fn platform_provisioning() -> Self {
        Self("provisioning-platform-authentik".into())
    }

    /// What was observed of one tenant in one system.
    pub fn provisioning(tenant: TenantId, system: System) -> Self {
        Self(format!("provisioning-{tenant}-{system}").into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The aggregate's word in front of the first dash.
    pub fn aggregate(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }

    /// What follows the aggregate's word; empty for `platform`.
    pub fn key(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, key)| key)
    }

    /// The tenant this stream is about: its own stream, or its provisioning.
    pub fn tenant(&self) -> Option<TenantId> {
        let key = self.key().split('-').next()?;
        matches!(self.aggregate(), "tenant" | "provisioning").then(|| key.parse().ok()).flatten()
    }

    /// The user of a user stream.
    pub fn user(&self) -> Option<UserId> {
        (self.aggregate() == "user").then(|| self.key().parse().ok()).flatten()
    }

    /// The partner of a partner stream.
    pub fn partner(&self) -> Option<PartnerId> {
        (self.aggregate() == "partner").then(|| self.key().parse().ok()).flatten()
    }

    /// The system of a provisioning stream.
    pub fn system(&self) -> Option<System> {
        (self.aggregate() == "provisioning").then(|| self.0.rsplit('-').next()?.parse().ok()).flatten()
    }
}

/// Ordered and hashed as its text.
impl Borrow<str> for StreamId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for StreamId {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input).map(Self::from_log)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

macro_rules! streams {
    ($($id:ident => $word:literal;)*) => { $(
        impl From<$id> for StreamId {
            fn from(id: $id) -> Self {
                Self(format!(concat!($word, "-{}"), id).into())
            }
        }
    )* };
}

streams! {
    TenantId => "tenant";
    UserId => "user";
    PartnerId => "partner";
    PlanId => "plan";
    SubscriptionId => "subscription";
}
