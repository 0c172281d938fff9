//! What an event says it changed, and why.

use schema::partner::PartnerEvent;
use schema::{
    Event, Personal, PlatformEvent, ProvisioningEvent, SubscriptionEvent, TenantEvent, Text, UserEvent,
};
use serde_json::{Value as Json, json};

use super::Change;
use crate::api::ERASED;
use crate::parts::word_of;

fn change(path: &str, before: Json, after: Json) -> Change {
    Change { path: path.to_owned(), before, after }
}

fn now(path: &str, after: impl serde::Serialize) -> Change {
    change(path, Json::Null, json!(after))
}

fn personal(value: &Personal<impl ToString>) -> Json {
    Json::String(value.as_ref().map_or_else(|| ERASED.to_owned(), ToString::to_string))
}

/// Fields before and after, as far as the event knows them.
pub(super) fn of(event: &Event) -> Vec<Change> {
    match event {
        Event::Platform(PlatformEvent::AdminGranted { user_id, .. }) => {
            vec![change("/admins", Json::Null, json!(user_id))]
        }
        Event::Platform(PlatformEvent::AdminRevoked { user_id, .. }) => {
            vec![change("/admins", json!(user_id), Json::Null)]
        }
        Event::Tenant(event) => tenant(event),
        Event::User(event) => user(event),
        Event::Partner(event) => partner(event),
        Event::Plan(_) => vec![],
        Event::Subscription(SubscriptionEvent::Started { plan_id, quantity, .. }) => {
            vec![now("/planId", plan_id), now("/quantity", quantity)]
        }
        Event::Subscription(SubscriptionEvent::Cancelled { .. }) => {
            vec![change("/status", json!("active"), json!("cancelled"))]
        }
        Event::Provisioning(event) => provisioning(event),
    }
}

fn tenant(event: &TenantEvent) -> Vec<Change> {
    use TenantEvent as E;
    match event {
        E::Created { slug, name, .. } => {
            vec![now("/slug", slug), change("/name", Json::Null, personal(name))]
        }
        E::Renamed { from, to } => vec![change("/name", personal(from), personal(to))],
        E::ProfileChanged { changed, locale, timezone, contact: _ } => changed
            .iter()
            .map(|field| match field.as_str() {
                "locale" => now("/locale", locale),
                "timezone" => now("/timezone", timezone),
                other => now(&format!("/{other}"), Json::Null),
            })
            .collect(),
        E::BillingInfoChanged { changed, .. } => {
            changed.iter().map(|field| now(&format!("/billingInfo/{field}"), Json::Null)).collect()
        }
        E::HoldPlaced { hold_id, kind, .. } => vec![now("/holds", json!({ "id": hold_id, "kind": kind }))],
        E::HoldReleased { hold_id, kind, .. } | E::HoldExpired { hold_id, kind } => {
            vec![change("/holds", json!({ "id": hold_id, "kind": kind }), Json::Null)]
        }
        E::TerminationScheduled { terminates_at, .. } => {
            vec![now("/termination/terminatesAt", terminates_at)]
        }
        E::PartnerAttached { partner_id, why: _ } => vec![now("/partnerId", partner_id)],
        E::PartnerDetached { partner_id, why: _ } => {
            vec![change("/partnerId", json!(partner_id), Json::Null)]
        }
        E::MemberAdded { .. }
        | E::MemberInvited { .. }
        | E::InvitationAccepted { .. }
        | E::InvitationDeclined { .. }
        | E::InvitationExpired { .. } => membership(event),
        E::DomainClaimed { domain } => vec![now("/domains", domain)],
        E::DomainVerified { domain, .. } => {
            vec![change(&format!("/domains/{domain}"), json!("claimed"), json!("verified"))]
        }
        E::PrimaryDomainChanged { from, to } => vec![change("/primaryDomain", json!(from), json!(to))],
        E::DomainReleased { domain, .. } => vec![change("/domains", json!(domain), Json::Null)],
        // What these change is the status, which is folded when a page is read.
        E::Activated { .. }
        | E::Suspended { .. }
        | E::Resumed { .. }
        | E::Restored { .. }
        | E::Terminated {} => vec![],
    }
}

fn membership(event: &TenantEvent) -> Vec<Change> {
    use TenantEvent as E;
    if let E::MemberAdded { user_id, role, .. } | E::MemberInvited { user_id, role, .. } = event {
        return vec![now("/members", json!({ "userId": user_id, "role": role }))];
    }
    if let E::InvitationAccepted { invitation_id, .. } = event {
        return invitation(invitation_id, "accepted");
    }
    if let E::InvitationDeclined { invitation_id, .. } = event {
        return invitation(invitation_id, "declined");
    }
    if let E::InvitationExpired { invitation_id, .. } = event {
        return invitation(invitation_id, "expired");
    }
    vec![]
}

fn invitation(id: &schema::InvitationId, after: &str) -> Vec<Change> {
    vec![change(&format!("/invitations/{id}"), json!("open"), json!(after))]
}

fn user(event: &UserEvent) -> Vec<Change> {
    match event {
        UserEvent::Invited { .. } => vec![now("/status", "invited")],
        UserEvent::Registered { .. } => vec![now("/status", "active")],
        UserEvent::Activated {} => vec![change("/status", json!("invited"), json!("active"))],
        UserEvent::IdentityLinked { instance, .. } => vec![now("/identities", instance)],
        UserEvent::IdentityUnlinked { instance, .. } => {
            vec![change("/identities", json!(instance), Json::Null)]
        }
        UserEvent::ProfileChanged { name, locale, timezone, theme, changed, source: _ } => changed
            .iter()
            .map(|field| match (field.as_str(), name) {
                ("name", Some(name)) => change("/name", Json::Null, personal(name)),
                ("locale", _) => now("/locale", locale),
                ("timezone", _) => now("/timezone", timezone),
                ("theme", _) => now("/theme", theme),
                (other, _) => now(&format!("/{other}"), Json::Null),
            })
            .collect(),
    }
}

fn partner(event: &PartnerEvent) -> Vec<Change> {
    match event {
        PartnerEvent::Registered { slug, name, domain } => {
            vec![now("/slug", slug), change("/name", Json::Null, personal(name)), now("/domain", domain)]
        }
        PartnerEvent::ProfileChanged { name, domain, changed } => {
            let name = name.iter().map(|name| change("/name", Json::Null, personal(name)));
            let domain = changed.iter().filter(|field| *field == "domain").map(|_| now("/domain", domain));
            name.chain(domain).collect()
        }
        PartnerEvent::ContactChanged { changed, .. } => {
            changed.iter().map(|field| now(&format!("/contactInfo/{field}"), Json::Null)).collect()
        }
        PartnerEvent::BillingInfoChanged { changed, .. } => {
            changed.iter().map(|field| now(&format!("/billingInfo/{field}"), Json::Null)).collect()
        }
        PartnerEvent::MarginSet { bps, effective_from, .. } => {
            vec![now("/marginPct", f64::from(bps.get()) / 100.0), now("/marginEffectiveFrom", effective_from)]
        }
        PartnerEvent::Terminated { disposition, .. } => vec![
            change("/status", json!("active"), json!("terminated")),
            now("/disposition/kind", word_of(disposition)),
        ],
        PartnerEvent::DispositionCompleted { tenants, .. } => vec![now("/disposition/done", tenants)],
    }
}

fn provisioning(event: &ProvisioningEvent) -> Vec<Change> {
    use ProvisioningEvent as E;
    match event {
        E::SpecChanged { generation, .. } => vec![now("/desiredGeneration", generation)],
        E::ResourceBound { resource, external_id, adopted: _ } => {
            vec![now(&format!("/resources/{}", resource.kind.as_str()), external_id)]
        }
        E::ResourceLost { resource, external_id } | E::ResourceReleased { resource, external_id, .. } => {
            vec![change(&format!("/resources/{}", resource.kind.as_str()), json!(external_id), Json::Null)]
        }
        E::Converged { generation, .. } => vec![now("/observedGeneration", generation)],
        E::Failed { reason, resource, .. } => {
            let about = resource.as_ref().map(|of| now(&format!("/failed/{}", of.kind.as_str()), &of.key));
            std::iter::once(now("/reason", reason)).chain(about).collect()
        }
        E::DriftDetected { paths, .. } => vec![now("/drift", paths)],
        E::AccessRevoked { .. } => vec![now("/accessRevoked", true)],
        E::AccessRestored { .. } => vec![now("/accessRevoked", false)],
    }
}

/// Why, in the words of who did it.
pub(super) fn reason(event: &Event) -> Option<String> {
    use TenantEvent as E;
    let given: Option<&Personal<Text>> = match event {
        Event::Tenant(
            E::HoldPlaced { reason, .. }
            | E::HoldReleased { reason, .. }
            | E::TerminationScheduled { reason, .. }
            | E::Restored { reason, .. },
        )
        | Event::Partner(PartnerEvent::Terminated { reason, .. })
        | Event::Platform(
            PlatformEvent::AdminGranted { reason, .. } | PlatformEvent::AdminRevoked { reason, .. },
        ) => reason.as_ref(),
        Event::Tenant(_)
        | Event::User(_)
        | Event::Partner(_)
        | Event::Plan(_)
        | Event::Subscription(_)
        | Event::Provisioning(_) => None,
    };
    given.map(|text| text.as_ref().map_or_else(|| ERASED.to_owned(), ToString::to_string))
}
