//! What should be in OCIS, from facts alone.

use domain::access;
use projector::facts::{PersonFacts, TenantFacts};
use schema::System;
use schema::plan::Limits;
use schema::provisioning::{Mode, Resource, ResourceKind};

use super::{Belongs, PersonSpec, Proven, Space, Spec, legal_name};
use crate::subject::group_name;

/// The server stores a quota as a signed number; a negative one destroys the space.
const QUOTA_MAX: u64 = i64::MAX.unsigned_abs();

/// A tenant's space and group.
pub fn of_tenant(facts: &TenantFacts) -> Spec {
    Spec {
        tenant_id: facts.tenant_id,
        name: legal_name(&facts.name, facts.slug.as_str()),
        quota: quota(&facts.limits),
        space: if access::space_open(&facts.standing) { Space::Open } else { Space::Disabled },
        group: group_name(facts.slug.as_str()),
        people: facts.people.iter().filter_map(|person| of_person(facts, person)).collect(),
    }
}

/// 0 means unlimited there: a limit of nothing becomes one byte.
pub(crate) fn quota(limits: &Limits) -> u64 {
    limits.files_bytes.map_or(0, |bytes| bytes.clamp(1, QUOTA_MAX))
}

fn of_person(facts: &TenantFacts, person: &PersonFacts) -> Option<PersonSpec> {
    let membership = person.membership?;
    let belongs = access::is_member(&person.person, &membership);
    Some(PersonSpec {
        user_id: person.user_id,
        username: person.email.as_ref()?.normalised(),
        membership: if belongs { Belongs::Inside } else { Belongs::Outside },
        proven: proven(facts, person),
    })
}

/// Where identity is none of ours, a name is all there is.
fn proven(facts: &TenantFacts, person: &PersonFacts) -> Proven {
    let account = Resource { kind: ResourceKind::User, key: person.user_id.to_string() };
    match facts.systems.get(&System::Authentik) {
        Some(identity) if identity.mode != Mode::Enforce || identity.bound.contains_key(&account) => {
            Proven::Yes
        }
        Some(_) | None => Proven::No,
    }
}
