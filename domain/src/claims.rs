//! Names and addresses that belong to one stream at a time, as they follow from events.
//!
//! The log takes and releases them in the commit of the events, so the table can be computed again from the log alone.

use schema::{
    DomainName, Email, Event, PartnerEvent, Personal, PlanEvent, Slug, StreamId, SubscriptionEvent,
    TenantEvent, TenantId, UserEvent, UserId,
};

use crate::Rejection;

/// Slugs of tenants; never released.
pub const TENANT_SLUG: &str = "tenant-slug";
/// Slugs of partners; never released.
pub const PARTNER_SLUG: &str = "partner-slug";
/// Keys of plans; never released.
pub const PLAN_KEY: &str = "plan-key";
/// Verified domains.
pub const DOMAIN: &str = "domain";
/// E-mail addresses of people.
pub const EMAIL: &str = "email";
/// Identities: an instance and a subject there.
pub const IDENTITY: &str = "identity";
/// The one open subscription of a tenant.
pub const OPEN_SUBSCRIPTION: &str = "open-subscription";

/// Turns of people who make tenants for themselves; never released.
pub const SELF_SERVICE: &str = "self-service";

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClaimValue {
    /// Stored as it is.
    Plain(String),
    /// Personal: the log stores a keyed hash of it.
    Keyed(String),
}

/// One name in one scope.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Names in different scopes do not meet.
    pub scope: &'static str,
    /// The name.
    pub value: ClaimValue,
}

impl Claim {
    /// A tenant's slug.
    pub fn tenant_slug(slug: &Slug) -> Self {
        Self::plain(TENANT_SLUG, slug)
    }

    /// A partner's slug.
    pub fn partner_slug(slug: &Slug) -> Self {
        Self::plain(PARTNER_SLUG, slug)
    }

    /// A plan's key.
    pub fn plan_key(key: &Slug) -> Self {
        Self::plain(PLAN_KEY, key)
    }

    /// A verified domain.
    pub fn domain(domain: &DomainName) -> Self {
        Self::plain(DOMAIN, domain)
    }

    /// A person's address, in the form in which addresses are compared.
    pub fn email(email: &Email) -> Self {
        Self { scope: EMAIL, value: ClaimValue::Keyed(email.normalised()) }
    }

    /// A subject at an instance.
    pub fn identity(instance: &str, subject: &str) -> Self {
        Self { scope: IDENTITY, value: ClaimValue::Keyed(format!("{instance}\n{subject}")) }
    }

    /// A tenant's open subscription.
    pub fn open_subscription(tenant: TenantId) -> Self {
        Self::plain(OPEN_SUBSCRIPTION, &tenant)
    }

    /// Somebody's turn to make a tenant for themselves: two who take the same one at once have not seen each other.
    pub fn self_service(user: UserId, ordinal: u32) -> Self {
        Self::plain(SELF_SERVICE, &format!("{user}/{ordinal}"))
    }

    fn plain(scope: &'static str, value: &impl ToString) -> Self {
        Self { scope, value: ClaimValue::Plain(value.to_string()) }
    }
}

/// What an event does to claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimChange {
    /// The stream has the name from now on. Refused while another stream has it.
    Take(Claim),
    /// The name is free again.
    Release(Claim),
}

/// What an event of a stream does to claims, in order. Erased personal data claims nothing any more.
pub fn changes(_stream: &StreamId, event: &Event) -> Vec<ClaimChange> {
    use ClaimChange::{Release, Take};
    match event {
        Event::Tenant(event) => of_tenant(event),
        Event::User(event) => of_user(event),
        Event::Partner(PartnerEvent::Registered { slug, .. }) => vec![Take(Claim::partner_slug(slug))],
        Event::Plan(PlanEvent::Created { key, .. }) => vec![Take(Claim::plan_key(key))],
        Event::Subscription(SubscriptionEvent::Started { tenant_id, .. }) => {
            vec![Take(Claim::open_subscription(*tenant_id))]
        }
        Event::Subscription(SubscriptionEvent::Cancelled { tenant_id, .. }) => {
            vec![Release(Claim::open_subscription(*tenant_id))]
        }
        Event::Partner(
            PartnerEvent::ProfileChanged { .. }
            | PartnerEvent::ContactChanged { .. }
            | PartnerEvent::BillingInfoChanged { .. }
            | PartnerEvent::MarginSet { .. }
            | PartnerEvent::Terminated { .. }
            | PartnerEvent::DispositionCompleted { .. },
        )
        | Event::Platform(_)
        | Event::Provisioning(_) => vec![],
    }
}

fn of_tenant(event: &TenantEvent) -> Vec<ClaimChange> {
    match event {
        TenantEvent::Created { slug, created_by, ordinal, .. } => {
            let turn = created_by.zip(*ordinal).map(|(user, ordinal)| Claim::self_service(user, ordinal));
            turn.into_iter().chain([Claim::tenant_slug(slug)]).map(ClaimChange::Take).collect()
        }
        TenantEvent::DomainVerified { domain, .. } => vec![ClaimChange::Take(Claim::domain(domain))],
        TenantEvent::DomainReleased { domain, was_verified: true } => {
            vec![ClaimChange::Release(Claim::domain(domain))]
        }
        TenantEvent::DomainReleased { was_verified: false, .. }
        | TenantEvent::Renamed { .. }
        | TenantEvent::ProfileChanged { .. }
        | TenantEvent::BillingInfoChanged { .. }
        | TenantEvent::Activated { .. }
        | TenantEvent::HoldPlaced { .. }
        | TenantEvent::HoldReleased { .. }
        | TenantEvent::HoldExpired { .. }
        | TenantEvent::Suspended { .. }
        | TenantEvent::Resumed { .. }
        | TenantEvent::TerminationScheduled { .. }
        | TenantEvent::Restored { .. }
        | TenantEvent::Terminated {}
        | TenantEvent::PartnerAttached { .. }
        | TenantEvent::PartnerDetached { .. }
        | TenantEvent::MemberAdded { .. }
        | TenantEvent::MemberInvited { .. }
        | TenantEvent::InvitationAccepted { .. }
        | TenantEvent::InvitationDeclined { .. }
        | TenantEvent::InvitationExpired { .. }
        | TenantEvent::DomainClaimed { .. }
        | TenantEvent::PrimaryDomainChanged { .. } => vec![],
    }
}

fn of_user(event: &UserEvent) -> Vec<ClaimChange> {
    let email = |email: &Personal<Email>| email.as_ref().map(Claim::email);
    let identity = |instance: &str, subject: &Personal<String>| {
        subject.as_ref().map(|subject| Claim::identity(instance, subject))
    };
    let change = match event {
        UserEvent::Invited { email: address, .. } | UserEvent::Registered { email: address, .. } => {
            email(address).map(ClaimChange::Take)
        }
        UserEvent::IdentityLinked { instance, subject, .. } => {
            identity(instance, subject).map(ClaimChange::Take)
        }
        UserEvent::IdentityUnlinked { instance, subject } => {
            identity(instance, subject).map(ClaimChange::Release)
        }
        UserEvent::Activated {} | UserEvent::ProfileChanged { .. } => None,
    };
    change.into_iter().collect()
}

/// The refusal that a taken claim stands for. `shown` is the value as it may be shown; empty for what is personal.
pub fn rejection(scope: &str, shown: &str) -> Rejection {
    let exists = |what, field| Rejection::AlreadyExists { what, field, value: shown.to_owned() };
    match scope {
        TENANT_SLUG => exists("tenant", "slug"),
        PARTNER_SLUG => exists("partner", "slug"),
        PLAN_KEY => exists("plan", "key"),
        DOMAIN => Rejection::DomainVerifiedElsewhere,
        EMAIL => exists("user", "email"),
        IDENTITY => Rejection::IdentityConflict,
        OPEN_SUBSCRIPTION => exists("subscription", "tenantId"),
        // Whoever had the same turn has just made one that cannot be ready yet.
        SELF_SERVICE => Rejection::TenantLimitReached,
        other => panic!("every claim is in a scope of this module, and {other} is not"),
    }
}

#[cfg(test)]
mod tests;
