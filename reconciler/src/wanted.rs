//! Which look an event asks for. An event says look, never what to do.

use schema::{
    ActorKind, Event, PlatformEvent, Recorded, SubscriptionEvent, System, TenantEvent, TenantId, UserEvent,
    UserId,
};

use crate::due::Haste;

/// Who is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whom {
    Tenant(TenantId),
    /// Every tenant of this person, and the administrators if they are one.
    TenantsOf(UserId),
    Administrators,
}

/// Whether an event may have shut a door.
pub(crate) const fn haste_of(event: &Event) -> Haste {
    match event {
        Event::Tenant(
            TenantEvent::HoldPlaced { .. }
            | TenantEvent::TerminationScheduled { .. }
            | TenantEvent::Terminated { .. },
        )
        | Event::Platform(PlatformEvent::AdminRevoked { .. }) => Haste::Closing,
        Event::Tenant(_)
        | Event::Platform(PlatformEvent::AdminGranted { .. })
        | Event::User(_)
        | Event::Partner(_)
        | Event::Plan(_)
        | Event::Subscription(_)
        | Event::Provisioning(_) => Haste::Usual,
    }
}

/// Who is to be looked at, and where, because of an event.
pub(crate) fn because_of(recorded: &Recorded) -> Vec<(Whom, &'static [System])> {
    const ALL: &[System] = &System::ALL;
    match &recorded.event {
        Event::Tenant(event) if is_relevant_to_tenant(event) => {
            recorded.stream.tenant().map(|id| (Whom::Tenant(id), ALL)).into_iter().collect()
        }
        Event::User(event) if is_relevant_to_user(event) => {
            recorded.stream.user().map(|id| (Whom::TenantsOf(id), ALL)).into_iter().collect()
        }
        // Somebody else's link may say whose account it is that we left alone.
        Event::User(UserEvent::IdentityLinked { .. })
            if recorded.meta.actor.kind != ActorKind::Reconciler =>
        {
            const IDENTITY: &[System] = &[System::Authentik];
            recorded.stream.user().map(|id| (Whom::TenantsOf(id), IDENTITY)).into_iter().collect()
        }
        Event::Platform(
            PlatformEvent::AdminGranted { user_id, .. } | PlatformEvent::AdminRevoked { user_id, .. },
        ) => {
            const IDENTITY: &[System] = &[System::Authentik];
            vec![(Whom::Administrators, IDENTITY), (Whom::TenantsOf(*user_id), IDENTITY)]
        }
        Event::Subscription(event) => {
            vec![(Whom::Tenant(tenant_of(event)), ALL)]
        }
        Event::Tenant(_) | Event::User(_) | Event::Partner(_) | Event::Plan(_) | Event::Provisioning(_) => {
            vec![]
        }
    }
}

const fn tenant_of(event: &SubscriptionEvent) -> TenantId {
    match event {
        SubscriptionEvent::Started { tenant_id, .. } | SubscriptionEvent::Cancelled { tenant_id, .. } => {
            *tenant_id
        }
    }
}

const fn is_relevant_to_tenant(event: &TenantEvent) -> bool {
    match event {
        TenantEvent::Created { .. }
        | TenantEvent::Renamed { .. }
        | TenantEvent::Activated { .. }
        | TenantEvent::HoldPlaced { .. }
        | TenantEvent::HoldReleased { .. }
        | TenantEvent::HoldExpired { .. }
        | TenantEvent::TerminationScheduled { .. }
        | TenantEvent::Restored { .. }
        | TenantEvent::Terminated { .. }
        | TenantEvent::MemberAdded { .. }
        | TenantEvent::MemberInvited { .. }
        | TenantEvent::InvitationAccepted { .. }
        | TenantEvent::InvitationDeclined { .. }
        | TenantEvent::InvitationExpired { .. }
        | TenantEvent::DomainVerified { .. }
        | TenantEvent::DomainReleased { .. } => true,
        TenantEvent::ProfileChanged { .. }
        | TenantEvent::BillingInfoChanged { .. }
        | TenantEvent::Suspended { .. }
        | TenantEvent::Resumed { .. }
        | TenantEvent::PartnerAttached { .. }
        | TenantEvent::PartnerDetached { .. }
        | TenantEvent::DomainClaimed { .. }
        | TenantEvent::PrimaryDomainChanged { .. } => false,
    }
}

/// A link to an identity changes nothing that is wanted in mail and files.
const fn is_relevant_to_user(event: &UserEvent) -> bool {
    match event {
        UserEvent::Invited { .. }
        | UserEvent::Registered { .. }
        | UserEvent::Activated { .. }
        | UserEvent::ProfileChanged { .. } => true,
        UserEvent::IdentityLinked { .. } | UserEvent::IdentityUnlinked { .. } => false,
    }
}
