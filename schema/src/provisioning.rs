//! What was observed of one tenant in one outside system. Transitions only, never attempts.

mod reason;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
pub use reason::Reason;

/// What the reconciler may record.
#[derive(Debug, Clone, PartialEq)]
pub enum ProvisioningCommand {
    /// What should be, by its keyed hash. A different hash or mode raises the generation.
    RecordSpec {
        /// Keyed hash of the canonical desired state.
        spec_hash: String,
        /// Whether we may act.
        mode: Mode,
        /// The event that led here.
        cause_position: u64,
        /// How many objects are wanted.
        counts: Counts,
    },
    /// We know an object there.
    RecordBound {
        /// Which.
        resource: Resource,
        /// Its id there.
        external_id: String,
        /// Made by us, or found with our mark.
        adopted: Adopted,
    },
    /// An object we knew is gone.
    RecordLost {
        /// Which.
        resource: Resource,
    },
    /// An object is no longer wanted and we let go of it.
    RecordReleased {
        /// Which.
        resource: Resource,
        /// Whether it still exists there.
        retained: Retained,
    },
    /// Observed equals desired.
    RecordConverged {
        /// Of which generation.
        generation: u32,
        /// Why that counts.
        reason: ConvergedReason,
    },
    /// It does not work.
    RecordFailed {
        /// Of which generation.
        generation: u32,
        /// What happens next.
        class: FailureClass,
        /// What is wrong.
        reason: Reason,
        /// The object concerned.
        resource: Option<Resource>,
        /// Failures in a row, this one included.
        consecutive: u32,
    },
    /// Somebody changed it behind our back.
    RecordDrift {
        /// At most 20 names of fields.
        paths: Vec<String>,
    },
    /// Whether the doors asked shut were seen shut.
    RecordAccess {
        /// Shut, or open.
        access: Access,
        /// What was seen.
        evidence: Vec<Evidence>,
    },
}

/// Whether a system may be changed for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Yes.
    Enforce,
    /// Switched off for the installation.
    DisabledByConfig,
    /// Not part of the plan.
    DisabledByPlan,
}

/// How many objects a desired state has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Groups.
    pub groups: u32,
    /// Users.
    pub users: u32,
    /// Mail domains.
    pub domains: u32,
    /// Mail accounts.
    pub accounts: u32,
    /// File spaces.
    pub spaces: u32,
}

/// Kinds of objects in the outside systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResourceKind {
    /// A group.
    Group,
    /// A user.
    User,
    /// A mail domain.
    Domain,
    /// A mail account.
    Account,
    /// A mail role: the switch of a tenant.
    Role,
    /// A file space.
    Space,
}

impl ResourceKind {
    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::User => "user",
            Self::Domain => "domain",
            Self::Account => "account",
            Self::Role => "role",
            Self::Space => "space",
        }
    }

    /// Whether such an object belongs to one person and not to the whole tenant.
    pub const fn is_of_a_person(self) -> bool {
        match self {
            Self::User | Self::Account => true,
            Self::Group | Self::Domain | Self::Role | Self::Space => false,
        }
    }
}

/// An object of ours in an outside system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// Our id or a domain name; never personal.
    pub key: String,
}

/// Whether an object was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Adopted {
    /// Found, with our mark.
    Found,
    /// Made by us.
    Made,
}

impl From<bool> for Adopted {
    fn from(adopted: bool) -> Self {
        if adopted { Self::Found } else { Self::Made }
    }
}

impl From<Adopted> for bool {
    fn from(adopted: Adopted) -> Self {
        adopted == Adopted::Found
    }
}

/// Whether a released object still exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum Retained {
    /// It stays, with its data.
    Kept,
    /// It was removed.
    Removed,
}

impl From<bool> for Retained {
    fn from(retained: bool) -> Self {
        if retained { Self::Kept } else { Self::Removed }
    }
}

impl From<Retained> for bool {
    fn from(retained: Retained) -> Self {
        retained == Retained::Kept
    }
}

/// Why converged counts as converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConvergedReason {
    /// Observed equals desired.
    Converged,
    /// There is nothing to do without a verified domain.
    NoDomains,
    /// The system is switched off.
    Disabled,
}

/// What happens after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureClass {
    /// Tried again soon.
    Transient,
    /// Tried again when the system says so.
    RateLimited,
    /// Our credentials are refused: the whole system waits.
    Auth,
    /// Tried again rarely, or when something changes.
    Permanent,
    /// Sent, no answer: looked at before anything is repeated.
    Unknown,
    /// Waits for something else.
    Blocked,
}

/// Whether people can get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Access {
    /// The doors asked shut were seen shut.
    Revoked,
    /// They are open, or were not asked shut.
    Open,
}

/// One look at a door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What was looked at, for example `role.authenticate`.
    pub check: String,
    /// What was seen, for example `disabled`.
    pub outcome: String,
    /// When.
    pub at: Timestamp,
}

crate::words! {
    Mode { Enforce = "enforce", DisabledByConfig = "disabledByConfig", DisabledByPlan = "disabledByPlan", }
    ConvergedReason { Converged = "Converged", NoDomains = "NoDomains", Disabled = "Disabled", }
    FailureClass {
        Transient = "transient",
        RateLimited = "rateLimited",
        Auth = "auth",
        Permanent = "permanent",
        Unknown = "unknown",
        Blocked = "blocked",
    }
}

crate::kinds! {
    /// What has been observed.
    pub enum ProvisioningEvent {
        /// Something else should be.
        "provisioning.spec.changed" => SpecChanged {
            /// One more than before.
            generation: u32,
            /// Keyed hash of the canonical desired state.
            spec_hash: String,
            /// Whether we may act.
            mode: Mode,
            /// The event that led here.
            cause_position: u64,
            /// How many objects are wanted.
            counts: Counts,
        }
        /// We know an object there.
        "provisioning.resource.bound" => ResourceBound {
            /// Which.
            resource: Resource,
            /// Its id there.
            external_id: String,
            /// Made, or found.
            adopted: Adopted,
        }
        /// An object we knew is gone.
        "provisioning.resource.lost" => ResourceLost {
            /// Which.
            resource: Resource,
            /// Its id there.
            external_id: String,
        }
        /// We let go of an object.
        "provisioning.resource.released" => ResourceReleased {
            /// Which.
            resource: Resource,
            /// Its id there.
            external_id: String,
            /// Whether it still exists.
            retained: Retained,
        }
        /// Observed equals desired.
        "provisioning.converged" => Converged {
            /// Of which generation.
            generation: u32,
            /// Why that counts.
            reason: ConvergedReason,
        }
        /// It does not work.
        "provisioning.failed" => Failed {
            /// Of which generation.
            generation: u32,
            /// What happens next.
            class: FailureClass,
            /// What is wrong.
            reason: Reason,
            /// The object concerned.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            resource: Option<Resource>,
        }
        /// Somebody changed it behind our back.
        "provisioning.drift.detected" => DriftDetected {
            /// Of which generation.
            generation: u32,
            /// Names of fields.
            paths: Vec<String>,
        }
        /// The doors asked shut were seen shut.
        "provisioning.access.revoked" => AccessRevoked {
            /// Of which generation.
            generation: u32,
            /// What was seen.
            evidence: Vec<Evidence>,
        }
        /// The doors are open again.
        "provisioning.access.restored" => AccessRestored {
            /// Of which generation.
            generation: u32,
            /// What was seen.
            evidence: Vec<Evidence>,
        }
    }
}
