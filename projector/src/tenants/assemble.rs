//! Rows into a Tenant: one function for queries and for the replies of commands.

use std::collections::BTreeMap;

use domain::access::MemberStatus;
use domain::provisioning::{Phase, SystemStatus};
use schema::plan::PriceModel;
use schema::provisioning::ResourceKind;
use schema::{Recorded, System, TenantId};

use super::{
    DOMAINS, HOLDS, Handles, HoldView, MEMBERS, MODEL, MemberCounts, PARTNERS, PEOPLE, PLANS, PROFILES,
    PartnerOfTenant, PlacedBy, ProvisioningOfTenant, RESOURCES, SUBSCRIPTIONS, SYSTEMS, TABLES, TENANTS,
    TenantView, TerminationView,
};
use crate::api::{Moment, PerSystem};
use crate::health;
use crate::memory::{FoldError, Memory, RowError, RowRef};
use crate::parts::domain::Domain;
use crate::parts::hold::Hold;
use crate::parts::member::Member;
use crate::parts::partner::Partner;
use crate::parts::plan::Plan;
use crate::parts::resource::Bound;
use crate::parts::subscription::Subscription;
use crate::parts::system::SystemRow;
use crate::parts::tenant::Tenant;
use crate::parts::text;
use crate::standing::Ahead;

/// Rows of this read model, from the database, from events, or from both, and what the reconciler noted beside them.
#[derive(Debug, Clone)]
pub struct Rows(Memory, Ahead);

impl Default for Rows {
    fn default() -> Self {
        Self(Memory::new(TABLES), Ahead::default())
    }
}

impl From<Memory> for Rows {
    fn from(memory: Memory) -> Self {
        Self(memory, Ahead::default())
    }
}

impl Rows {
    pub(crate) fn with(self, ahead: Ahead) -> Self {
        Self(self.0, ahead)
    }

    /// What an event does to them. A whole stream may be repeated over rows that already know a part of it.
    pub fn project(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        self.0.project(&MODEL, recorded)
    }
}

/// The rows a tenant is made of.
struct Found<'a> {
    row: RowRef<'a>,
    profile: Option<RowRef<'a>>,
    tenant: Tenant<'a>,
    holds: Vec<Hold<'a>>,
    domains: Vec<Domain<'a>>,
    systems: BTreeMap<System, SystemRow<'a>>,
    subscription: Option<Subscription>,
    plan: Option<Plan<'a>>,
    partner: Option<Partner<'a>>,
}

impl<'a> Found<'a> {
    fn read(
        memory: &'a Memory,
        key: &'a [event_store::Value; 1],
        id: TenantId,
    ) -> Result<Option<Self>, RowError> {
        let Some(row) = memory.row(TENANTS, key) else {
            return Ok(None);
        };
        let tenant = Tenant::read(row)?;
        let subscription = open_subscription(memory, id)?;
        let plan = subscription.as_ref().and_then(|found| memory.row(PLANS, &[text(found.plan_id)]));
        let partner = tenant.partner_id.and_then(|partner| memory.row(PARTNERS, &[text(partner)]));
        Ok(Some(Self {
            row,
            profile: memory.row(PROFILES, key),
            holds: memory.below(HOLDS, key).map(Hold::read).collect::<Result<_, _>>()?,
            domains: memory.below(DOMAINS, key).map(Domain::read).collect::<Result<_, _>>()?,
            systems: systems_of(memory, key)?,
            plan: plan.map(Plan::read).transpose()?,
            partner: partner.map(Partner::read).transpose()?,
            subscription,
            tenant,
        }))
    }

    /// The last event that touched any of them.
    fn changed_position(&self) -> u64 {
        let systems = self.systems.values().map(|system| system.position);
        let others = [
            Some(self.tenant.position),
            self.subscription.as_ref().map(|found| found.position),
            self.plan.as_ref().map(|plan| plan.position),
            self.partner.as_ref().map(|partner| partner.position),
        ];
        systems.chain(others.into_iter().flatten()).max().unwrap_or_default()
    }

    fn provisioning(&self, ahead: &Ahead) -> ProvisioningOfTenant {
        let is_revoked = |system| self.systems.get(&system).is_some_and(|row| row.access_revoked);
        ProvisioningOfTenant {
            summary: health::summary(&self.systems).as_str(),
            paused: ahead.paused(),
            access_revoked: PerSystem::from_fn(is_revoked),
        }
    }
}

/// One tenant, if the rows hold it.
pub fn assemble(rows: &Rows, id: TenantId) -> Result<Option<TenantView>, RowError> {
    let key = [text(id)];
    let Some(found) = Found::read(&rows.0, &key, id)? else {
        return Ok(None);
    };
    let (row, tenant, systems) = (found.row, &found.tenant, &found.systems);
    let standing = tenant.standing(found.holds.iter().map(|hold| hold.kind));
    let errors = PerSystem::from_fn(|system| error(rows, id, systems.get(&system)?));
    let provisioning = found.provisioning(&rows.1);
    let fails = System::ALL.into_iter().any(|system| errors.of(system).is_some());
    Ok(Some(TenantView {
        id,
        slug: tenant.slug.to_owned(),
        name: tenant.name.to_owned(),
        status: standing.status().as_str(),
        lifecycle: standing.lifecycle.as_str(),
        plan: found.plan.as_ref().map(|plan| plan.key.to_owned()),
        subscription_id: found.subscription.as_ref().map(|found| found.id),
        domains: found.domains.iter().map(|domain| domain.name.to_owned()).collect(),
        primary_domain: row.maybe_text("primary_domain").map(str::to_owned),
        billing_info: found.profile.map_or(Ok(None), |profile| profile.maybe_json("billing_info"))?,
        contact: found.profile.map_or(Ok(None), |profile| profile.maybe_json("contact"))?,
        locale: row.maybe_text("locale").map(str::to_owned),
        timezone: row.maybe_text("timezone").map(str::to_owned),
        partner_id: tenant.partner_id,
        partner: found.partner.as_ref().map(partner_view),
        provisioning_status: PerSystem::from_fn(|system| status_of(systems.get(&system)).as_str()),
        is_noted: fails || !provisioning.paused.is_empty(),
        provisioning_errors: errors,
        provisioning,
        handles: handles(&rows.0, &key)?,
        holds: found.holds.iter().map(hold_view).collect(),
        termination: termination(row)?,
        members: members(&rows.0, &key, seats(found.plan.as_ref(), found.subscription.as_ref()))?,
        origin: row.text("origin")?.to_owned(),
        created_at: Moment(tenant.created_at),
        activated_at: row.maybe_time("activated_at")?.map(Moment),
        version: tenant.version,
        changed_position: found.changed_position(),
        standing,
    }))
}

fn systems_of<'a>(
    memory: &'a Memory,
    key: &'a [event_store::Value],
) -> Result<BTreeMap<System, SystemRow<'a>>, RowError> {
    memory.below(SYSTEMS, key).map(|row| SystemRow::read(row).map(|read| (read.system, read))).collect()
}

/// What does not work, of what, and when it is tried again.
fn error(Rows(memory, ahead): &Rows, id: TenantId, row: &SystemRow<'_>) -> Option<String> {
    let person = match &row.phase {
        Phase::Failed { resource: Some(resource), .. } if resource.kind.is_of_a_person() => {
            memory.row(PEOPLE, &[text(&resource.key)])
        }
        Phase::Failed { .. } | Phase::Progressing | Phase::Converged(_) => None,
    };
    let person = person.and_then(|person| person.maybe_text("name").or_else(|| person.maybe_text("email")));
    let next = ahead.next(&id.to_string(), row.system);
    health::error_text(row, health::Told { person, next })
}

/// Before anything was recorded about a system, it is pending.
fn status_of(system: Option<&SystemRow<'_>>) -> SystemStatus {
    system.map_or(SystemStatus::Pending, SystemRow::status)
}

fn open_subscription(memory: &Memory, id: TenantId) -> Result<Option<Subscription>, RowError> {
    let id = id.to_string();
    let of_tenant = memory.all(SUBSCRIPTIONS).filter(|row| row.maybe_text("tenant_id") == Some(id.as_str()));
    let all = of_tenant.map(Subscription::read).collect::<Result<Vec<_>, _>>()?;
    Ok(all.into_iter().find(|found| found.is_open))
}

/// A price per seat allows what is paid for; a flat one what the plan says.
fn seats(plan: Option<&Plan<'_>>, subscription: Option<&Subscription>) -> Option<u64> {
    let (plan, subscription) = (plan?, subscription?);
    let price = plan.prices.iter().find(|price| price.price_id == subscription.price_id)?;
    match price.model {
        PriceModel::PerSeat => Some(subscription.quantity),
        PriceModel::Flat => plan.limits.seats.map(u64::from),
    }
}

fn partner_view(partner: &Partner<'_>) -> PartnerOfTenant {
    PartnerOfTenant {
        id: partner.id,
        slug: partner.slug.to_owned(),
        name: partner.name.to_owned(),
        status: partner.status.to_owned(),
    }
}

fn hold_view(hold: &Hold<'_>) -> HoldView {
    HoldView {
        id: hold.id,
        kind: hold.word.to_owned(),
        reason: hold.reason.map(str::to_owned),
        customer_message: hold.customer_message.map(str::to_owned),
        placed_by: PlacedBy {
            kind: hold.placed_by.as_str().to_owned(),
            id: hold.placed_by_id,
            display: hold.placed_by_display().to_owned(),
        },
        placed_at: Moment(hold.placed_at),
        until: hold.until.map(Moment),
    }
}

fn handles(memory: &Memory, key: &[event_store::Value]) -> Result<Handles, RowError> {
    let mut handles = Handles::default();
    for row in memory.below(RESOURCES, key) {
        let bound = Bound::read(row)?;
        let id = bound.external_id.to_owned();
        match (bound.system, bound.kind) {
            (System::Authentik, ResourceKind::Group) => handles.authentik_group_id = Some(id),
            (System::Ocis, ResourceKind::Space) => handles.ocis_space_id = Some(id),
            (System::Stalwart, ResourceKind::Domain) => handles.stalwart_domain_ids.push(id),
            (System::Authentik | System::Stalwart | System::Ocis, _) => {}
        }
    }
    Ok(handles)
}

fn termination(row: RowRef<'_>) -> Result<Option<TerminationView>, RowError> {
    let (Some(scheduled_at), Some(terminates_at)) =
        (row.maybe_time("scheduled_at")?, row.maybe_time("terminates_at")?)
    else {
        return Ok(None);
    };
    Ok(Some(TerminationView {
        scheduled_at: Moment(scheduled_at),
        terminates_at: Moment(terminates_at),
        grace_days: row.count("grace_days"),
        reason: row.maybe_text("termination_reason").map(str::to_owned),
    }))
}

fn members(
    memory: &Memory,
    key: &[event_store::Value],
    seats: Option<u64>,
) -> Result<MemberCounts, RowError> {
    let mut counts = MemberCounts { seats, ..MemberCounts::default() };
    for row in memory.below(MEMBERS, key) {
        match Member::read(row)?.membership.status {
            MemberStatus::Active => counts.active += 1,
            MemberStatus::Invited => counts.invited += 1,
            MemberStatus::Disabled => counts.disabled += 1,
            MemberStatus::Removed => {}
        }
    }
    Ok(counts)
}
