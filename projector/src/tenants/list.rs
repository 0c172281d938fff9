//! The list of tenants: filters, order, counts.

use domain::access::TenantStatus;
use schema::tenant::HoldKind;
use schema::{PartnerId, TenantId, Timestamp, UserId};

use super::{TenantView, assemble, rows_of};
pub use crate::health::Health;
use crate::list::{Direction, FacetCounts, Facets, ListQuery, Page};
use crate::parts::{text, word};
use crate::select::{QueryError, Select};
use crate::views::At;

/// What a tenant's status is called, from lifecycle and open holds.
const STATUS_SQL: &str = "case when t.lifecycle in ('terminating', 'terminated') then t.lifecycle
    when t.held > 0 then 'suspended' else t.lifecycle end";

/// Which tenants. Values of one filter are alternatives; different filters must all hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Empty: all but terminated ones.
    pub status: Vec<TenantStatus>,
    /// Plans, by key or id.
    pub plan: Vec<String>,
    /// Partners.
    pub partner: Vec<PartnerFilter>,
    /// How well the outside systems are.
    pub health: Vec<Health>,
    /// Kinds of open holds.
    pub hold: Vec<HoldKind>,
    /// Domains, claimed or verified.
    pub domain: Vec<String>,
    /// Made after this.
    pub created_after: Option<Timestamp>,
    /// Part of slug, name or a domain.
    pub q: Option<String>,
    /// Only tenants this person is an active member of.
    pub member: Option<UserId>,
}

/// Which partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartnerFilter {
    /// By id.
    Id(PartnerId),
    /// By slug.
    Slug(String),
    /// None at all.
    Nobody,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// Which end first.
    pub direction: Direction,
}

impl Default for Sort {
    fn default() -> Self {
        Self { key: SortKey::CreatedAt, direction: Direction::Descending }
    }
}

/// By what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// When they were made.
    CreatedAt,
    /// Their names, without regard to case.
    Name,
    /// Their short names.
    Slug,
    /// Their status words.
    Status,
}

impl SortKey {
    const fn sql(self) -> &'static str {
        match self {
            Self::CreatedAt => "t.created_at",
            Self::Name => "t.name_search",
            Self::Slug => "t.slug",
            Self::Status => STATUS_SQL,
        }
    }
}

/// One page of tenants.
pub async fn list(at: &mut At, query: &ListQuery<Filters, Sort>) -> Result<Page<TenantView>, QueryError> {
    let mut select = Select::new("tenants t");
    filter(&mut select, &query.filters, Own::Counted, Own::Counted);
    let keys = select.page(at, query.sort.key.sql(), "t.tenant_id", query.sort.direction, query).await?;
    let ids: Vec<TenantId> = keys.ids()?;
    let rows = rows_of(at, &ids).await?;
    let mut tenants = Vec::new();
    for id in ids {
        tenants.extend(assemble(&rows, id)?);
    }
    let facets = match query.facets {
        Facets::Counted => Some(facets(at, &query.filters).await?),
        Facets::Omitted => None,
    };
    Ok(Page { rows: tenants, next: keys.next, facets, as_of: at.as_of() })
}

/// Whether a filter counts while a facet of the same name is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Own {
    Counted,
    Left,
}

async fn facets(at: &mut At, filters: &Filters) -> Result<FacetCounts, QueryError> {
    let mut by_status = Select::new("tenants t");
    filter(&mut by_status, filters, Own::Left, Own::Counted);
    let mut status = by_status.count_by(at, STATUS_SQL).await?;
    for word in TenantStatus::ALL {
        status.entry(word.as_str().to_owned()).or_default();
    }
    let shows_ended = filters.status.contains(&TenantStatus::Terminated);
    let counts = |(word, count): (&String, &u64)| {
        if word == TenantStatus::Terminated.as_str() && !shows_ended { 0 } else { *count }
    };
    let all = status.iter().map(counts).sum();
    status.insert("all".to_owned(), all);

    let mut by_health = Select::new("tenants t");
    filter(&mut by_health, filters, Own::Counted, Own::Left);
    let mut health = by_health.count_by(at, &health_sql()).await?;
    for word in Health::ALL {
        health.entry(word.as_str().to_owned()).or_default();
    }
    Ok(FacetCounts::from([("status", status), ("health", health)]))
}

fn filter(select: &mut Select, filters: &Filters, status: Own, health: Own) {
    if status == Own::Counted && filters.status.is_empty() {
        select.and("t.lifecycle <> 'terminated'");
    } else if status == Own::Counted {
        select.and_in(STATUS_SQL, filters.status.iter().map(|status| text(status.as_str())));
    }
    if health == Own::Counted && !filters.health.is_empty() {
        select.and_in(&health_sql(), filters.health.iter().map(|health| text(health.as_str())));
    }
    if !filters.plan.is_empty() {
        let keys = select.list(filters.plan.iter().map(text));
        select.and(format!(
            "exists (select 1 from tenant_subscriptions u join tenant_plans p on p.plan_id = u.plan_id
             where u.tenant_id = t.tenant_id and u.status = 'active' and (p.plan_key in ({keys}) or p.plan_id in ({keys})))"
        ));
    }
    partners(select, &filters.partner);
    if !filters.hold.is_empty() {
        let kinds = select.list(filters.hold.iter().map(word));
        select.and(format!(
            "exists (select 1 from tenant_holds h where h.tenant_id = t.tenant_id and h.kind in ({kinds}))"
        ));
    }
    if !filters.domain.is_empty() {
        let names = select.list(filters.domain.iter().map(text));
        select.and(format!(
            "exists (select 1 from tenant_domains d where d.tenant_id = t.tenant_id and d.domain in ({names}))"
        ));
    }
    if let Some(moment) = filters.created_after {
        let moment = select.bind(text(moment));
        select.and(format!("t.created_at > {moment}"));
    }
    if let Some(member) = filters.member {
        let member = select.bind(text(member));
        select.and(format!(
            "exists (select 1 from tenant_members m where m.tenant_id = t.tenant_id and m.user_id = {member}
             and m.status = 'active')"
        ));
    }
    if let Some(q) = &filters.q {
        let part = select.bind_part(q);
        select.and(format!(
            "(t.slug like {part} escape '!' or t.name_search like {part} escape '!' or exists (select 1
             from tenant_domains d where d.tenant_id = t.tenant_id and d.domain like {part} escape '!'))"
        ));
    }
}

fn partners(select: &mut Select, wanted: &[PartnerFilter]) {
    let conditions: Vec<String> = wanted
        .iter()
        .map(|partner| match partner {
            PartnerFilter::Nobody => "t.partner_id is null".to_owned(),
            PartnerFilter::Id(id) => format!("t.partner_id = {}", select.bind(text(id))),
            PartnerFilter::Slug(slug) => format!(
                "t.partner_id in (select r.partner_id from tenant_partners r where r.slug = {})",
                select.bind(text(slug))
            ),
        })
        .collect();
    if !conditions.is_empty() {
        select.and(format!("({})", conditions.join(" or ")));
    }
}

/// The word of [`Health`] for a tenant; a system without a row is on the way.
fn health_sql() -> String {
    format!(
        "(select case when count(s.system) < 3 and coalesce(max({rank}), 0) < 1 then 'progressing'
          else case max({rank}) when 3 then 'error' when 2 then 'degraded' when 1 then 'progressing' else 'ready' end end
          from tenant_systems s where s.subject_id = t.tenant_id)",
        rank = Health::RANK_SQL
    )
}
