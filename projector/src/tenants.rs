//! The read model `tenants`: everything the API's Tenant needs, at one position.

mod assemble;
mod list;
pub mod members;
mod view;

pub use assemble::{Rows, assemble};
pub use list::{Filters, Health, PartnerFilter, Sort, SortKey, list};
pub use view::{
    Handles, HoldView, MemberCounts, PartnerOfTenant, PlacedBy, ProvisioningOfTenant, TenantView,
    TerminationView,
};

use std::collections::BTreeSet;

use event_store::Value;
use schema::provisioning::ResourceKind;
use schema::{Event, Recorded, Slug, TenantEvent, TenantId};

use crate::memory::{Memory, RowRef};
use crate::model::{Column, ReadModel, Table, Write};
use crate::parts::{self, text};
use crate::select::{QueryError, load, load_many};
use crate::standing::ahead_of;
use crate::views::At;

const TENANTS: &str = "tenants";
const PROFILES: &str = "tenant_profiles";
const HOLDS: &str = "tenant_holds";
const DOMAINS: &str = "tenant_domains";
const MEMBERS: &str = "tenant_members";
const SYSTEMS: &str = "tenant_systems";
const RESOURCES: &str = "tenant_resources";
const PARTNERS: &str = "tenant_partners";
const PLANS: &str = "tenant_plans";
const SUBSCRIPTIONS: &str = "tenant_subscriptions";
const PEOPLE: &str = "tenant_people";

const TABLES: &[Table] = &[
    parts::tenant::table(TENANTS),
    Table {
        name: PROFILES,
        key: &["tenant_id"],
        columns: &[Column::Text("tenant_id"), Column::Text("contact"), Column::Text("billing_info")],
        indexes: &[],
    },
    parts::hold::table(HOLDS),
    parts::domain::table(DOMAINS),
    parts::member::table(MEMBERS),
    parts::system::table(SYSTEMS),
    parts::resource::table(RESOURCES),
    parts::partner::table(PARTNERS),
    parts::plan::table(PLANS),
    parts::subscription::table(SUBSCRIPTIONS),
    parts::person::table(PEOPLE),
];

/// Tenants, as the API shows them.
pub const MODEL: ReadModel = ReadModel {
    name: "tenants",
    version: 2,
    reads: &["tenant", "provisioning", "partner", "plan", "subscription", "user"],
    tables: TABLES,
    project,
};

fn project(recorded: &Recorded) -> Vec<Write> {
    [
        parts::tenant::project(TENANTS, recorded),
        profile(recorded),
        parts::hold::project(HOLDS, recorded),
        parts::domain::project(DOMAINS, recorded),
        parts::member::project(MEMBERS, recorded),
        parts::system::project(SYSTEMS, recorded),
        parts::resource::project(RESOURCES, recorded),
        parts::partner::project(PARTNERS, recorded),
        parts::plan::project(PLANS, recorded),
        parts::subscription::project(SUBSCRIPTIONS, recorded),
        parts::person::project(PEOPLE, recorded),
    ]
    .concat()
}

/// Contact and billing data: personal, large, and needed here only.
fn profile(recorded: &Recorded) -> Vec<Write> {
    let Event::Tenant(event) = &recorded.event else {
        return vec![];
    };
    let key = vec![text(recorded.stream.key())];
    if let TenantEvent::Created { .. } = event {
        return vec![Write::Put { table: PROFILES, key, columns: vec![] }];
    }
    if let TenantEvent::ProfileChanged { contact: Some(contact), .. } = event {
        return vec![Write::Set {
            table: PROFILES,
            key,
            columns: vec![("contact", parts::maybe_json(contact))],
        }];
    }
    if let TenantEvent::BillingInfoChanged { billing_info, .. } = event {
        let billing_info = parts::maybe_json(billing_info);
        return vec![Write::Set { table: PROFILES, key, columns: vec![("billing_info", billing_info)] }];
    }
    vec![]
}

/// One tenant.
pub async fn get(at: &mut At, id: TenantId) -> Result<Option<TenantView>, QueryError> {
    let rows = rows_of(at, &[id]).await?;
    Ok(assemble(&rows, id)?)
}

/// The tenant of a slug.
pub async fn by_slug(at: &mut At, slug: &Slug) -> Result<Option<TenantId>, QueryError> {
    let found = at.query("select tenant_id from tenants where slug = $1", &[text(slug)]).await?;
    Ok(found.first().and_then(|row| row.text(0).ok()).and_then(|id| id.parse().ok()))
}

/// The person whom a system failed on last.
fn person_failed(row: RowRef<'_>) -> Option<Value> {
    let kind = row.maybe_word::<ResourceKind>("failed_kind").ok()??;
    kind.is_of_a_person().then(|| row.maybe_text("failed_key").map(text))?
}

/// Everything about some tenants.
pub async fn rows_of(at: &mut At, ids: &[TenantId]) -> Result<Rows, QueryError> {
    let mut memory = Memory::new(TABLES);
    let ids: Vec<Value> = ids.iter().map(text).collect();
    let by_tenant = [
        (TENANTS, "tenant_id"),
        (PROFILES, "tenant_id"),
        (HOLDS, "tenant_id"),
        (DOMAINS, "tenant_id"),
        (MEMBERS, "tenant_id"),
        (SYSTEMS, "subject_id"),
        (RESOURCES, "subject_id"),
        (SUBSCRIPTIONS, "tenant_id"),
    ];
    load_many(at, &MODEL, &mut memory, &by_tenant, &ids).await?;
    let named = |table: &'static str, column: &'static str| -> Vec<Value> {
        let values: BTreeSet<Value> =
            memory.all(table).filter_map(|row| row.maybe_text(column)).map(text).collect();
        values.into_iter().collect()
    };
    let (partners, plans) = (named(TENANTS, "partner_id"), named(SUBSCRIPTIONS, "plan_id"));
    load(at, &MODEL, &mut memory, PARTNERS, "partner_id", &partners).await?;
    load(at, &MODEL, &mut memory, PLANS, "plan_id", &plans).await?;
    // Failures name their object: of people, what they are called.
    let failing: BTreeSet<Value> = memory.all(SYSTEMS).filter_map(person_failed).collect();
    let failing: Vec<Value> = failing.into_iter().collect();
    load(at, &MODEL, &mut memory, PEOPLE, "user_id", &failing).await?;
    let ahead = ahead_of(at, &ids).await?;
    Ok(Rows::from(memory).with(ahead))
}
