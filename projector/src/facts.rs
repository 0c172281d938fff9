//! The read model `facts`: what is true about tenants and people, for the reconciler.

mod derive;
mod view;

use derive::Known;

pub use view::{Everybody, PersonFacts, SystemFacts, SystemState, TenantFacts, Unreadable};

use std::collections::BTreeSet;

use event_store::Value;
use event_store::guard::caught_now;
use schema::{Recorded, Slug, TenantId};

use crate::memory::Memory;
use crate::model::{ReadModel, Table, Write};
use crate::parts::{self, text};
use crate::select::{QueryError, load, load_all, load_many};
use crate::views::At;

const TENANTS: &str = "fact_tenants";
const HOLDS: &str = "fact_holds";
const DOMAINS: &str = "fact_domains";
const MEMBERS: &str = "fact_members";
const PEOPLE: &str = "fact_people";
const IDENTITIES: &str = "fact_identities";
const ADMINS: &str = "fact_admins";
const PLANS: &str = "fact_plans";
const SUBSCRIPTIONS: &str = "fact_subscriptions";
const SYSTEMS: &str = "fact_systems";
const RESOURCES: &str = "fact_resources";

const TABLES: &[Table] = &[
    parts::tenant::table(TENANTS),
    parts::hold::table(HOLDS),
    parts::domain::table(DOMAINS),
    parts::member::table(MEMBERS),
    parts::person::table(PEOPLE),
    parts::identity::table(IDENTITIES),
    parts::admin::table(ADMINS),
    parts::plan::table(PLANS),
    parts::subscription::table(SUBSCRIPTIONS),
    parts::system::table(SYSTEMS),
    parts::resource::table(RESOURCES),
];

/// What the reconciler looks at.
pub const MODEL: ReadModel = ReadModel {
    name: "facts",
    version: 2,
    reads: &["tenant", "user", "platform", "plan", "subscription", "provisioning"],
    tables: TABLES,
    project,
};

fn project(recorded: &Recorded) -> Vec<Write> {
    [
        parts::tenant::project(TENANTS, recorded),
        parts::hold::project(HOLDS, recorded),
        parts::domain::project(DOMAINS, recorded),
        parts::member::project(MEMBERS, recorded),
        parts::person::project(PEOPLE, recorded),
        parts::identity::project(IDENTITIES, recorded),
        parts::admin::project(ADMINS, recorded),
        parts::plan::project(PLANS, recorded),
        parts::subscription::project(SUBSCRIPTIONS, recorded),
        parts::system::project(SYSTEMS, recorded),
        parts::resource::project(RESOURCES, recorded),
    ]
    .concat()
}

/// What is true about one tenant.
pub async fn of_tenant(at: &mut At, id: TenantId) -> Result<Option<TenantFacts>, QueryError> {
    let mut memory = Memory::new(TABLES);
    load_tenant(at, &mut memory, id).await?;
    load_people(at, &mut memory).await?;
    Ok(derive::tenant(&Known::new(&memory), at.position(), id)?)
}

/// A tenant's own rows, and its plan.
async fn load_tenant(at: &mut At, memory: &mut Memory, id: TenantId) -> Result<(), QueryError> {
    let tenant = [text(id)];
    let by_tenant = [
        (TENANTS, "tenant_id"),
        (DOMAINS, "tenant_id"),
        (MEMBERS, "tenant_id"),
        (SYSTEMS, "subject_id"),
        (RESOURCES, "subject_id"),
        (SUBSCRIPTIONS, "tenant_id"),
    ];
    load_many(at, &MODEL, memory, &by_tenant, &tenant).await?;
    let plans = values(memory, SUBSCRIPTIONS, "plan_id");
    load(at, &MODEL, memory, PLANS, "plan_id", &plans).await
}

/// What would be true about one tenant if these events followed. Nothing when there still would be no such tenant.
pub async fn supposing(
    at: &mut At,
    id: TenantId,
    news: &[Recorded],
) -> Result<Option<TenantFacts>, QueryError> {
    // Once in empty tables, only to learn whom and which plan the news are about.
    let mut named = Memory::new(TABLES);
    for recorded in news {
        // Operations on rows that are not loaded here are no matter: only names are wanted.
        drop(named.project(&MODEL, recorded));
    }
    let mut memory = Memory::new(TABLES);
    load_tenant(at, &mut memory, id).await?;
    let plans = values(&named, SUBSCRIPTIONS, "plan_id");
    load(at, &MODEL, &mut memory, PLANS, "plan_id", &plans).await?;
    let mut users = values(&memory, MEMBERS, "user_id");
    users.extend(values(&named, MEMBERS, "user_id"));
    load(at, &MODEL, &mut memory, MEMBERS, "user_id", &users).await?;
    load_around(at, &mut memory, &users).await?;
    for recorded in news {
        memory.project(&MODEL, recorded)?;
    }
    Ok(derive::tenant(&Known::new(&memory), at.position(), id)?)
}

/// What is true about every tenant, in the order of ids. Reads each table once. A tenant whose rows cannot be read keeps
/// nobody else from being read, apart from tenants that share a person with it: what such a person may do anywhere depends
/// on what cannot be read, and nobody loses or gets anything by a guess.
pub async fn all(at: &mut At) -> Result<Everybody, QueryError> {
    let mut memory = Memory::new(TABLES);
    load_all(at, &MODEL, &mut memory).await?;
    let known = Known::new(&memory);
    let mut everybody = Everybody::default();
    for found in derive::tenant_ids(&memory) {
        let read = found.map_err(|unreadable| (unreadable, None)).and_then(|id| {
            let read = caught_now(|| derive::tenant(&known, at.position(), id));
            let read = read.map_err(|panicked| panicked.told("read what is true", id).to_string());
            let read = read.and_then(|read| read.map_err(|error| error.to_string()));
            read.map_err(|why| (why, Some(id)))
        });
        match read {
            Ok(facts) => everybody.tenants.extend(facts),
            Err((why, id)) => everybody.unreadable.push(Unreadable { tenant_id: id, why }),
        }
    }
    Ok(everybody)
}

/// Everybody who administers the platform, or did.
pub async fn platform_admins(at: &mut At) -> Result<Vec<PersonFacts>, QueryError> {
    let mut memory = Memory::new(TABLES);
    let ids = at.query("select user_id from fact_admins", &[]).await?;
    let ids = ids.iter().map(|row| Ok(row.value(0).clone())).collect::<Result<Vec<Value>, QueryError>>()?;
    load(at, &MODEL, &mut memory, MEMBERS, "user_id", &ids).await?;
    load_around(at, &mut memory, &ids).await?;
    Ok(derive::admins(&Known::new(&memory))?)
}

/// What has been recorded about the platform-administrator group.
pub async fn platform_system(at: &mut At) -> Result<Option<SystemFacts>, QueryError> {
    let mut memory = Memory::new(TABLES);
    let tables = [(SYSTEMS, "subject_id"), (RESOURCES, "subject_id")];
    load_many(at, &MODEL, &mut memory, &tables, &[text("platform")]).await?;
    Ok(derive::systems(&memory, "platform")?.into_values().next())
}

/// Everything that is bound in a system: kinds, with ids there. An account several tenants share stands in it once.
pub async fn bound_in(
    at: &mut At,
    system: schema::System,
) -> Result<BTreeSet<(schema::provisioning::ResourceKind, String)>, QueryError> {
    let sql = "select distinct kind, external_id from fact_resources where system = $1";
    let rows = at.query(sql, &[text(system)]).await?;
    let bound = rows.iter().filter_map(|row| {
        let kind = serde_json::from_value(serde_json::Value::from(row.text(0).ok()?)).ok()?;
        Some((kind, row.text(1).ok()?.to_owned()))
    });
    Ok(bound.collect())
}

/// Every tenant a person is or was a member of: who needs a look when something about the person changes.
pub async fn tenants_of_user(at: &mut At, user: schema::UserId) -> Result<Vec<TenantId>, QueryError> {
    let rows = at
        .query("select tenant_id from fact_members where user_id = $1 order by tenant_id", &[text(user)])
        .await?;
    Ok(rows.iter().filter_map(|row| row.text(0).ok()?.parse().ok()).collect())
}

/// The tenant of a slug.
pub async fn by_slug(at: &mut At, slug: &Slug) -> Result<Option<TenantId>, QueryError> {
    let rows = at.query("select tenant_id from fact_tenants where slug = $1", &[text(slug)]).await?;
    Ok(rows.first().and_then(|row| row.text(0).ok()?.parse().ok()))
}

/// Every tenant there is, ended ones included.
pub async fn tenant_ids(at: &mut At) -> Result<Vec<TenantId>, QueryError> {
    let rows = at.query("select tenant_id from fact_tenants order by tenant_id", &[]).await?;
    Ok(rows.iter().filter_map(|row| row.text(0).ok()?.parse().ok()).collect())
}

/// The members' own data, and what decides about them in all their tenants.
async fn load_people(at: &mut At, memory: &mut Memory) -> Result<(), QueryError> {
    let ids = values(memory, MEMBERS, "user_id");
    load(at, &MODEL, memory, MEMBERS, "user_id", &ids).await?;
    load_around(at, memory, &ids).await
}

async fn load_around(at: &mut At, memory: &mut Memory, users: &[Value]) -> Result<(), QueryError> {
    let by_user = [(PEOPLE, "user_id"), (IDENTITIES, "user_id"), (ADMINS, "user_id")];
    load_many(at, &MODEL, memory, &by_user, users).await?;
    let tenants = values(memory, MEMBERS, "tenant_id");
    let by_tenant = [(TENANTS, "tenant_id"), (HOLDS, "tenant_id")];
    load_many(at, &MODEL, memory, &by_tenant, &tenants).await?;
    // A tenant without members is still asked for itself.
    let loaded = values(memory, TENANTS, "tenant_id");
    load(at, &MODEL, memory, HOLDS, "tenant_id", &loaded).await
}

fn values(memory: &Memory, table: &str, column: &'static str) -> Vec<Value> {
    let distinct: BTreeSet<Value> =
        memory.all(table).filter_map(|row| row.maybe_text(column)).map(text).collect();
    distinct.into_iter().collect()
}
