//! Who gets in where: derived from lifecycle, holds, memberships and users, never stored.
//!
//! The API, the desired states and the explanations use these functions and no others, so that a door is open for one
//! of them exactly when it is open for all.

use std::collections::BTreeSet;

use schema::tenant::HoldKind;
use schema::{Role, ValueError};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every word of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word used in JSON and columns.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ValueError;

            fn from_str(text: &str) -> Result<Self, ValueError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(ValueError::new("unknown-value", concat!("must be one of:" $(, " ", $word)*))),
                }
            }
        }
    )* };
}

words! {
    /// How far a tenant's life has come.
    Lifecycle {
        /// Not yet in place everywhere.
        Pending = "pending",
        /// In place.
        Active = "active",
        /// The time of grace before the end.
        Terminating = "terminating",
        /// The end.
        Terminated = "terminated",
    }
    /// What a tenant looks like from outside: its lifecycle, or suspended while a hold shuts the doors.
    TenantStatus {
        /// Not yet in place everywhere.
        Pending = "pending",
        /// In place.
        Active = "active",
        /// A hold shuts the doors.
        Suspended = "suspended",
        /// The time of grace before the end.
        Terminating = "terminating",
        /// The end.
        Terminated = "terminated",
    }
    /// Where a membership stands.
    MemberStatus {
        /// Has not said yes yet.
        Invited = "invited",
        /// Is a member.
        Active = "active",
        /// Is a member who may not enter.
        Disabled = "disabled",
        /// Was a member.
        Removed = "removed",
    }
    /// Where a person stands.
    UserStatus {
        /// Known by address, not yet seen.
        Invited = "invited",
        /// Seen.
        Active = "active",
        /// May not enter anywhere.
        Disabled = "disabled",
        /// Gone.
        Deactivated = "deactivated",
    }
}

/// What decides about a tenant's doors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStanding {
    /// How far its life has come.
    pub lifecycle: Lifecycle,
    /// The kinds of its open holds.
    pub holds: BTreeSet<HoldKind>,
}

impl TenantStanding {
    /// What it looks like from outside.
    pub fn status(&self) -> TenantStatus {
        match self.lifecycle {
            Lifecycle::Terminated => TenantStatus::Terminated,
            Lifecycle::Terminating => TenantStatus::Terminating,
            Lifecycle::Pending | Lifecycle::Active if self.has_access_hold() => TenantStatus::Suspended,
            Lifecycle::Pending => TenantStatus::Pending,
            Lifecycle::Active => TenantStatus::Active,
        }
    }

    /// Whether a hold shuts the doors.
    pub fn has_access_hold(&self) -> bool {
        self.holds.iter().any(|kind| shuts_doors(*kind))
    }

    /// Whether a hold keeps even owners out.
    pub fn has_hard_hold(&self) -> bool {
        self.holds.iter().any(|kind| match kind {
            HoldKind::Abuse | HoldKind::Security => true,
            HoldKind::Operator
            | HoldKind::NonPayment
            | HoldKind::Partner
            | HoldKind::Customer
            | HoldKind::Legal => false,
        })
    }

    fn is_living(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Pending | Lifecycle::Active)
    }
}

/// Whether holds of this kind shut the doors. A legal hold only forbids erasure.
pub const fn shuts_doors(kind: HoldKind) -> bool {
    !matches!(kind, HoldKind::Legal)
}

/// What decides about a person in one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// What they may do.
    pub role: Role,
    /// Where the membership stands.
    pub status: MemberStatus,
}

/// What decides about a person everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// Where the person stands.
    pub status: UserStatus,
    /// Whether they administer the platform.
    pub platform_admin: bool,
}

impl Person {
    const fn is_welcome(self) -> bool {
        matches!(self.status, UserStatus::Invited | UserStatus::Active)
    }
}

/// Whether somebody counts as a member. An added person may sign in to mail or files before ever seeing the portal.
pub fn is_member(person: &Person, membership: &Membership) -> bool {
    person.is_welcome() && membership.status == MemberStatus::Active
}

/// Whether somebody can use mail, files and office of a tenant.
pub fn can_use(person: &Person, membership: &Membership, tenant: &TenantStanding) -> bool {
    is_member(person, membership) && space_open(tenant)
}

/// Whether somebody can enter the portal of a tenant and read.
pub fn can_enter(person: &Person, membership: &Membership, tenant: &TenantStanding) -> bool {
    is_member(person, membership) && tenant.lifecycle != Lifecycle::Terminated
}

/// Whether somebody can command in the portal of a tenant, as far as their role goes.
pub fn can_write(person: &Person, membership: &Membership, tenant: &TenantStanding) -> bool {
    is_member(person, membership) && tenant.is_living() && !tenant.has_access_hold()
}

/// Whether somebody can use at least one tenant.
pub fn entitled(person: &Person, memberships: &[(Membership, TenantStanding)]) -> bool {
    memberships.iter().any(|(membership, tenant)| can_use(person, membership, tenant))
}

/// Whether somebody's account in the identity system is enabled.
///
/// Who has no active membership keeps an account that opens nothing: it is how they accept an invitation and how they
/// see that their list is empty.
pub fn idp_enabled(person: &Person, memberships: &[(Membership, TenantStanding)]) -> bool {
    let is_open = |(membership, _): &(Membership, TenantStanding)| membership.status == MemberStatus::Active;
    person.is_welcome()
        && (person.platform_admin
            || person.status == UserStatus::Invited
            || !memberships.iter().any(is_open)
            || entitled(person, memberships)
            || memberships
                .iter()
                .any(|(membership, tenant)| has_business_in_portal(*person, *membership, tenant)))
}

/// Whether somebody needs the portal of a tenant they cannot use: to see it being set up, or to read why it is held.
fn has_business_in_portal(person: Person, membership: Membership, tenant: &TenantStanding) -> bool {
    let being_set_up = tenant.lifecycle == Lifecycle::Pending && !tenant.has_access_hold();
    let answers_for_it = match membership.role {
        Role::Owner | Role::Admin | Role::Billing => true,
        Role::Member => false,
    };
    can_enter(&person, &membership, tenant) && !tenant.has_hard_hold() && (being_set_up || answers_for_it)
}

/// Whether the tenant's files and mail are open to its members.
pub fn space_open(tenant: &TenantStanding) -> bool {
    tenant.lifecycle == Lifecycle::Active && !tenant.has_access_hold()
}

/// Whether mail for the tenant is accepted. Held tenants keep receiving.
pub fn mail_receive(tenant: &TenantStanding) -> bool {
    tenant.lifecycle != Lifecycle::Terminated
}

#[cfg(test)]
mod tests;
