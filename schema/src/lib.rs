//! Words: commands, events, values. Serde and nothing of ours.
//!
//! # What always holds
//! * A value type was checked when it was made; nothing inside checks again.
//! * A released event kind never changes meaning: a field is added with a default, or a new kind is added and the old one lifted.
//! * Personal data stands in [`Personal`] fields only and is stored apart.
//!
//! # What is deliberately absent
//! Rules (`domain`), storage (`event-store`), clocks, randomness.

pub mod partner;
pub mod people;
pub mod personal;
pub mod plan;
pub mod platform;
pub mod provisioning;
pub mod recorded;
pub mod subscription;
pub mod tenant;
pub mod user;
pub mod values;

pub use partner::{PartnerCommand, PartnerEvent};
pub use personal::Personal;
pub use plan::{PlanCommand, PlanEvent};
pub use platform::{PlatformCommand, PlatformEvent};
pub use provisioning::{ProvisioningCommand, ProvisioningEvent};
pub use recorded::{Actor, ActorKind, Encoded, Meta, Recorded};
pub use subscription::{SubscriptionCommand, SubscriptionEvent};
pub use tenant::{TenantCommand, TenantEvent};
pub use user::{UserCommand, UserEvent};
pub use values::*;

use serde_json::{Map, Value, json};

/// Why stored text is not an event of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The kind is not known to this build: the log is newer than the reader.
    #[error("the event kind {0} is unknown to this version")]
    UnknownKind(String),
    /// The kind is known and the data does not fit it.
    #[error("decode an event of kind {kind}")]
    Malformed {
        /// The stored kind.
        kind: String,
        /// What did not fit.
        #[source]
        source: serde_json::Error,
    },
}

macro_rules! events {
    ($($variant:ident($event:ty) = $word:literal;)*) => {
        /// Everything that can happen: the sum of all aggregates.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $(#[doc = concat!("Of the aggregate `", $word, "`.")] $variant($event),)*
        }

        $(impl From<$event> for Event {
            fn from(event: $event) -> Self {
                Self::$variant(event)
            }
        })*

        impl Event {
            fn to_tagged(&self) -> Result<Value, serde_json::Error> {
                match self { $(Self::$variant(event) => serde_json::to_value(event),)* }
            }

            fn from_tagged(kind: &str, data: Value) -> Result<Self, DecodeError> {
                let aggregate = kind.split('.').next().unwrap_or_default();
                match aggregate {
                    $($word => <$event>::KINDS
                        .contains(&kind)
                        .then(|| serde_json::from_value::<$event>(json!({ "kind": kind, "data": data })))
                        .ok_or_else(|| DecodeError::UnknownKind(kind.to_owned()))?
                        .map(Self::$variant)
                        .map_err(|source| DecodeError::Malformed { kind: kind.to_owned(), source }),)*
                    _ => Err(DecodeError::UnknownKind(kind.to_owned())),
                }
            }

            /// The stored kind of this event.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.kind(),)* }
            }

            /// Every kind this build can read.
            pub fn kinds() -> impl Iterator<Item = &'static str> {
                [$(<$event>::KINDS),*].into_iter().flatten().copied()
            }
        }
    };
}

events! {
    Platform(PlatformEvent) = "platform";
    Tenant(TenantEvent) = "tenant";
    User(UserEvent) = "user";
    Partner(PartnerEvent) = "partner";
    Plan(PlanEvent) = "plan";
    Subscription(SubscriptionEvent) = "subscription";
    Provisioning(ProvisioningEvent) = "provisioning";
}

impl Event {
    /// The stored form: kind, canonical data (sorted keys), and the personal section if there is one.
    pub fn encode(&self) -> Result<Encoded, serde_json::Error> {
        let mut tagged = self.to_tagged()?;
        let data = tagged.get_mut("data").map_or_else(|| json!({}), Value::take);
        let kind = tagged.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (data, personal) = personal::split(data);
        let personal = if personal.is_empty() { None } else { Some(serde_json::to_string(&personal)?) };
        Ok(Encoded { kind, data: serde_json::to_string(&data)?, personal })
    }

    /// The only door from the log into memory. A missing personal section means: erased.
    pub fn decode(kind: &str, data: &str, personal: Option<&str>) -> Result<Self, DecodeError> {
        let malformed = |source| DecodeError::Malformed { kind: kind.to_owned(), source };
        let data: Value = serde_json::from_str(data).map_err(malformed)?;
        let personal: Map<String, Value> =
            personal.map_or_else(|| Ok(Map::new()), serde_json::from_str).map_err(malformed)?;
        Self::from_tagged(kind, personal::join(data, personal))
    }
}

/// Declares an aggregate's events: the enum, and the list of kinds it can read.
macro_rules! kinds {
    (
        $(#[$doc:meta])* pub enum $name:ident {
            $( $(#[$variant_doc:meta])* $kind:literal => $variant:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty, )* } )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind", content = "data", rename_all_fields = "camelCase")]
        pub enum $name {
            $( $(#[$variant_doc])* #[serde(rename = $kind)] $variant { $( $(#[$field_doc])* $field: $type, )* }, )*
        }

        impl $name {
            /// Every kind of this aggregate that this build can read.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// The stored kind of this event.
            pub const fn kind(&self) -> &'static str {
                match self { $( Self::$variant { .. } => $kind, )* }
            }
        }
    };
}
pub(crate) use kinds;

/// Gives a closed list of words its one text form: JSON, columns and logs use the same.
macro_rules! words {
    ($($name:ident { $($variant:ident = $word:literal,)* })*) => { $(
        impl $name {
            /// Every word of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word used in JSON and columns.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ValueError;

            fn from_str(text: &str) -> Result<Self, crate::ValueError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::ValueError::new("unknown-value", concat!("must be one of:" $(, " ", $word)*))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.as_str())
            }
        }
    )* };
}
pub(crate) use words;

#[cfg(test)]
mod tests;
