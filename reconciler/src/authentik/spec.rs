//! What should be in authentik, from facts alone.

use domain::access;
use projector::facts::{PersonFacts, TenantFacts};

use super::{ADMINS_GROUP, Account, Belongs, Owner, PersonSpec, Presence, Spec};
use crate::subject::group_name;

/// A tenant's group and its people.
pub fn of_tenant(facts: &TenantFacts) -> Spec {
    Spec {
        group: group_name(facts.slug.as_str()),
        owner: Owner::Tenant { tenant_id: facts.tenant_id, slug: facts.slug.to_string() },
        people: facts.people.iter().filter_map(|person| of_person(person, is_member(person))).collect(),
    }
}

/// The group of the platform's administrators.
pub fn of_platform(admins: &[PersonFacts]) -> Spec {
    Spec {
        group: ADMINS_GROUP.to_owned(),
        owner: Owner::Platform,
        people: admins.iter().filter_map(|person| of_person(person, person.person.platform_admin)).collect(),
    }
}

fn is_member(person: &PersonFacts) -> bool {
    person.membership.as_ref().is_some_and(|membership| access::is_member(&person.person, membership))
}

/// Nobody without an address: it is how people are found.
fn of_person(person: &PersonFacts, belongs: bool) -> Option<PersonSpec> {
    let is_former = person.membership.is_some_and(|membership| match membership.status {
        access::MemberStatus::Removed => true,
        access::MemberStatus::Invited | access::MemberStatus::Active | access::MemberStatus::Disabled => {
            false
        }
    });
    let username = person.email.as_ref()?.normalised();
    Some(PersonSpec {
        user_id: person.user_id,
        username,
        name: person.name.clone(),
        presence: if is_former { Presence::IfPresent } else { Presence::Ensure },
        membership: Belongs::when(belongs),
        entitlement: Belongs::when(person.entitled),
        account: if person.idp_enabled { Account::Enabled } else { Account::Disabled },
        sessions_epoch: person.sessions_epoch,
        identities: person.identities.clone(),
    })
}
