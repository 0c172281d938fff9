//! What should be in Stalwart, from facts alone.

use domain::access::{self, MemberStatus};
use projector::facts::{PersonFacts, TenantFacts};

use super::{AccountSpec, Presence, Receiving, Spec, Switch};

/// A tenant's role, domains and mailboxes.
pub fn of_tenant(facts: &TenantFacts) -> Spec {
    Spec {
        tenant_id: facts.tenant_id,
        switch: Switch::open_when(access::space_open(&facts.standing)),
        domains: facts.domains.iter().map(ToString::to_string).collect(),
        accounts: facts.people.iter().filter_map(|person| mailbox(facts, person)).collect(),
        receiving: if access::mail_receive(&facts.standing) {
            Receiving::Accepted
        } else {
            Receiving::Refused
        },
    }
}

/// Managed people only: a guest's address is elsewhere. A former member's mailbox stays, shut.
fn mailbox(facts: &TenantFacts, person: &PersonFacts) -> Option<AccountSpec> {
    let membership = person.membership.filter(|_| person.managed)?;
    let email = person.email.as_ref()?;
    let presence = match membership.status {
        MemberStatus::Active | MemberStatus::Disabled => Presence::Ensure,
        MemberStatus::Invited | MemberStatus::Removed => Presence::IfPresent,
    };
    Some(AccountSpec {
        user_id: person.user_id,
        local: email.local_normalised(),
        domain: email.domain().to_owned(),
        presence,
        switch: Switch::open_when(access::is_member(&person.person, &membership)),
        quota: facts.limits.mail_bytes_per_user,
    })
}
