//! Rows into facts: standing, access and the epoch of sessions. Pure.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{self, MemberStatus, Membership, Person, TenantStanding};
use domain::provisioning::Phase;
use schema::plan::{Integrations, Limits};
use schema::provisioning::{Mode, Resource};
use schema::tenant::HoldKind;
use schema::{DomainName, Email, System, TenantId, UserId};

use super::{
    ADMINS, DOMAINS, HOLDS, IDENTITIES, MEMBERS, PEOPLE, PLANS, PersonFacts, RESOURCES, SUBSCRIPTIONS,
    SYSTEMS, SystemFacts, SystemState, TENANTS, TenantFacts,
};
use crate::memory::{Memory, RowError, RowRef};
use crate::parts::domain::Domain;
use crate::parts::hold::Hold;
use crate::parts::member::Member;
use crate::parts::person::PersonRow;
use crate::parts::plan::Plan;
use crate::parts::resource::Bound;
use crate::parts::subscription::Subscription;
use crate::parts::system::SystemRow;
use crate::parts::tenant::Tenant;
use crate::parts::text;

/// The rows, and the two ways through them that keys do not give.
pub(super) struct Known<'a> {
    memory: &'a Memory,
    memberships: BTreeMap<&'a str, Vec<RowRef<'a>>>,
    subscriptions: BTreeMap<&'a str, Vec<RowRef<'a>>>,
}

impl<'a> Known<'a> {
    pub(super) fn new(memory: &'a Memory) -> Self {
        let by = |table: &str, column: &'static str| {
            let mut found: BTreeMap<&'a str, Vec<RowRef<'a>>> = BTreeMap::new();
            for row in memory.all(table) {
                found.entry(row.maybe_text(column).unwrap_or_default()).or_default().push(row);
            }
            found
        };
        Self { memory, memberships: by(MEMBERS, "user_id"), subscriptions: by(SUBSCRIPTIONS, "tenant_id") }
    }
}

/// Every id; why not, where there is something else in its place.
pub(super) fn tenant_ids(memory: &Memory) -> impl Iterator<Item = Result<TenantId, String>> {
    memory.all(TENANTS).map(|row| row.parse("tenant_id").map_err(|error: RowError| error.to_string()))
}

pub(super) fn tenant(
    known: &Known<'_>,
    position: u64,
    id: TenantId,
) -> Result<Option<TenantFacts>, RowError> {
    let memory = known.memory;
    let key = [text(id)];
    let Some(row) = memory.row(TENANTS, &key) else {
        return Ok(None);
    };
    let tenant = Tenant::read(row)?;
    let domains = verified(memory, id)?;
    let (limits, integrations) = bought(known, id)?;
    let people = memory
        .below(MEMBERS, &key)
        .map(|row| person(known, &Member::read(row)?, &domains))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Some(TenantFacts {
        position,
        tenant_id: id,
        slug: row.checked("slug")?,
        name: tenant.name.to_owned(),
        standing: standing(memory, &tenant)?,
        domains: domains.into_iter().collect(),
        limits,
        integrations,
        created_at: tenant.created_at,
        people: people.into_iter().flatten().collect(),
        systems: systems(memory, &id.to_string())?,
    }))
}

fn verified(memory: &Memory, id: TenantId) -> Result<BTreeSet<DomainName>, RowError> {
    let key = [text(id)];
    let mut names = BTreeSet::new();
    for row in memory.below(DOMAINS, &key) {
        if Domain::read(row)?.is_verified {
            names.insert(row.checked("domain")?);
        }
    }
    Ok(names)
}

/// What the plan allows and includes. Without a subscription nothing limits, and everything is included: access does
/// not depend on it.
fn bought(known: &Known<'_>, id: TenantId) -> Result<(Limits, Integrations), RowError> {
    let of_tenant = known.subscriptions.get(id.to_string().as_str()).into_iter().flatten();
    let all = of_tenant.map(|row| Subscription::read(*row)).collect::<Result<Vec<_>, _>>()?;
    let open = all.into_iter().find(|found| found.is_open);
    let plan =
        open.and_then(|open| known.memory.row(PLANS, &[text(open.plan_id)])).map(Plan::read).transpose()?;
    Ok(plan.map_or((Limits::default(), Integrations::ALL), |plan| (plan.limits, plan.integrations)))
}

fn standing(memory: &Memory, tenant: &Tenant<'_>) -> Result<TenantStanding, RowError> {
    let key = [text(tenant.id)];
    let kinds = memory.below(HOLDS, &key).map(|row| Hold::read(row).map(|hold| hold.kind));
    Ok(tenant.standing(kinds.collect::<Result<BTreeSet<HoldKind>, _>>()?))
}

/// A member whose own events are not in the log yet, or were parked, is nobody.
fn person(
    known: &Known<'_>,
    member: &Member,
    domains: &BTreeSet<DomainName>,
) -> Result<Option<PersonFacts>, RowError> {
    let Some(mut facts) = everywhere(known, member.user_id)? else {
        return Ok(None);
    };
    let tenant = known.memory.row(TENANTS, &[text(member.tenant_id)]).map(Tenant::read).transpose()?;
    facts.can_use = match tenant {
        Some(tenant) => access::can_use(&facts.person, &member.membership, &standing(known.memory, &tenant)?),
        None => false,
    };
    facts.membership = Some(member.membership);
    facts.managed = facts
        .email
        .as_ref()
        .is_some_and(|email| domains.iter().any(|domain| domain.as_str() == email.domain()));
    Ok(Some(facts))
}

pub(super) fn admins(known: &Known<'_>) -> Result<Vec<PersonFacts>, RowError> {
    let mut people = Vec::new();
    for row in known.memory.all(ADMINS) {
        people.extend(everywhere(known, row.parse("user_id")?)?);
    }
    Ok(people)
}

/// What holds for a person whatever tenant one looks from.
fn everywhere(known: &Known<'_>, id: UserId) -> Result<Option<PersonFacts>, RowError> {
    let memory = known.memory;
    let key = [text(id)];
    let Some(row) = memory.row(PEOPLE, &key) else {
        return Ok(None);
    };
    let row = PersonRow::read(row)?;
    let admin = memory.row(ADMINS, &key);
    let person =
        Person { status: row.status, platform_admin: admin.is_some_and(|admin| admin.is_set("is_admin")) };
    let mut memberships: Vec<(Membership, TenantStanding)> = Vec::new();
    let mut closed = row.closed_position.max(admin.map_or(0, |admin| admin.count("closed_position")));
    for member in known.memberships.get(id.to_string().as_str()).into_iter().flatten() {
        let member = Member::read(*member)?;
        closed = closed.max(member.closed_position);
        let Some(tenant) = memory.row(TENANTS, &[text(member.tenant_id)]) else {
            continue;
        };
        let tenant = Tenant::read(tenant)?;
        // Who was only invited, or has left, loses no door with the tenant's.
        if member.membership.status == MemberStatus::Active {
            closed = closed.max(tenant.closed_position);
        }
        memberships.push((member.membership, standing(memory, &tenant)?));
    }
    let entitled = access::entitled(&person, &memberships);
    let idp_enabled = access::idp_enabled(&person, &memberships);
    Ok(Some(PersonFacts {
        user_id: id,
        email: row.email.and_then(|email| email.parse::<Email>().ok()),
        name: row.display().to_owned(),
        person,
        membership: None,
        managed: false,
        can_use: false,
        entitled,
        idp_enabled,
        sessions_epoch: if entitled && idp_enabled { 0 } else { closed },
        identities: identities(memory, id)?,
    }))
}

fn identities(memory: &Memory, id: UserId) -> Result<Vec<(String, String)>, RowError> {
    let key = [text(id)];
    let pairs = memory
        .below(IDENTITIES, &key)
        .map(|row| Ok((row.text("instance")?.to_owned(), row.text("subject")?.to_owned())));
    pairs.collect()
}

pub(super) fn systems(memory: &Memory, subject: &str) -> Result<BTreeMap<System, SystemFacts>, RowError> {
    let key = [text(subject)];
    let mut facts = BTreeMap::new();
    for row in memory.below(SYSTEMS, &key) {
        let system = SystemRow::read(row)?;
        let mut bound = BTreeMap::new();
        for row in memory.below(RESOURCES, &key) {
            let found = Bound::read(row)?;
            if found.system == system.system {
                let resource = Resource { kind: found.kind, key: found.key.to_owned() };
                bound.insert(resource, found.external_id.to_owned());
            }
        }
        facts.insert(system.system, system_facts(&system, bound));
    }
    Ok(facts)
}

fn system_facts(row: &SystemRow<'_>, bound: BTreeMap<Resource, String>) -> SystemFacts {
    SystemFacts {
        generation: u32::try_from(row.generation).unwrap_or(u32::MAX),
        spec_hash: row.spec_hash.to_owned(),
        mode: row.mode.unwrap_or(Mode::Enforce),
        state: match row.phase {
            Phase::Progressing => SystemState::Progressing,
            Phase::Converged(_) => SystemState::Converged,
            Phase::Failed { .. } if row.phase.is_of_a_person() => SystemState::InPlace,
            Phase::Failed { .. } => SystemState::Failed,
        },
        converged_generation: u32::try_from(row.converged_generation).unwrap_or(u32::MAX),
        access_revoked: row.access_revoked,
        drifted: row.drifted,
        bound,
        changed_at: row.changed_at,
    }
}
