//! What is true about a tenant and its people: the only input of the reconciler.

use std::collections::BTreeMap;

use domain::access::{Membership, Person, TenantStanding};
use schema::plan::{Integrations, Limits};
use schema::provisioning::{Mode, Resource};
use schema::{DomainName, Email, Slug, System, TenantId, Timestamp, UserId};

/// A tenant, its people, and what is known about it in the outside systems.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantFacts {
    /// As of where in the log.
    pub position: u64,
    /// Which tenant.
    pub tenant_id: TenantId,
    /// Its short name.
    pub slug: Slug,
    /// The name shown; a placeholder once erased.
    pub name: String,
    /// Lifecycle and open holds.
    pub standing: TenantStanding,
    /// Verified domains.
    pub domains: Vec<DomainName>,
    /// What its plan allows.
    pub limits: Limits,
    /// Which systems its plan includes.
    pub integrations: Integrations,
    /// When it was made.
    pub created_at: Timestamp,
    /// Everybody who is, will be, or was a member.
    pub people: Vec<PersonFacts>,
    /// What has been recorded of it in the outside systems.
    pub systems: BTreeMap<System, SystemFacts>,
}

/// A person, as seen from one tenant.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers another question of the desired states")]
pub struct PersonFacts {
    /// Who.
    pub user_id: UserId,
    /// The address; nothing once erased.
    pub email: Option<Email>,
    /// The name shown: the address when there is none, a placeholder once erased.
    pub name: String,
    /// Status and administration rights.
    pub person: Person,
    /// The membership in this tenant. Absent for an administrator looked at outside of any tenant.
    pub membership: Option<Membership>,
    /// Whether this tenant has verified the domain of the address.
    pub managed: bool,
    /// Whether the person can use this tenant.
    pub can_use: bool,
    /// Whether the person can use any tenant.
    pub entitled: bool,
    /// Whether the person's account in the identity system is enabled.
    pub idp_enabled: bool,
    /// Rises when a door of theirs closes; 0 while all is open. A session older than this is to be ended.
    pub sessions_epoch: u64,
    /// Identities: instance and subject.
    pub identities: Vec<(String, String)>,
}

/// What has been recorded of a tenant in one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemFacts {
    /// How often the desired state has changed.
    pub generation: u32,
    /// Keyed hash of the desired state.
    pub spec_hash: String,
    /// Whether we may act.
    pub mode: Mode,
    /// How far it is.
    pub state: SystemState,
    /// The last generation that was seen converged; 0 for none.
    pub converged_generation: u32,
    /// Whether the doors asked shut were seen shut.
    pub access_revoked: bool,
    /// Whether somebody changed it behind our back.
    pub drifted: bool,
    /// Objects we know there, with their ids.
    pub bound: BTreeMap<Resource, String>,
    /// When any of this changed last.
    pub changed_at: Timestamp,
}

/// How far a tenant is in one system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemState {
    /// Something is to be done.
    Progressing,
    /// Observed equals desired.
    Converged,
    /// In place for everybody but one person, who needs somebody's attention.
    InPlace,
    /// It does not work.
    Failed,
}

impl SystemState {
    /// Whether whoever can be served is.
    pub const fn is_in_place(self) -> bool {
        matches!(self, Self::Converged | Self::InPlace)
    }

    /// The word used in columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Progressing => "progressing",
            Self::Converged => "converged",
            Self::InPlace => "inPlace",
            Self::Failed => "failed",
        }
    }
}

/// Every tenant, and those of which nothing can be said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Everybody {
    /// In the order of their ids.
    pub tenants: Vec<TenantFacts>,
    /// Whose rows hold something we did not write. Nothing is done for them or to them.
    pub unreadable: Vec<Unreadable>,
}

/// Somebody of whom nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Whom, unless that is what cannot be read.
    pub tenant_id: Option<TenantId>,
    /// Which column of which table. Holds nobody's data.
    pub why: String,
}
