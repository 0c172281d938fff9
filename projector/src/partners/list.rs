//! The list of partners: filters, order, counts.

use schema::{Date, PartnerId};

use super::{PartnerView, assemble, rows_of};
use crate::list::{Direction, FacetCounts, Facets, ListQuery, Page};
use crate::parts::partner::{ACTIVE, TERMINATED};
use crate::parts::text;
use crate::select::{QueryError, Select};
use crate::views::At;

/// Whether a partner's contract goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartnerStatus {
    /// It does.
    Active,
    /// It ended.
    Terminated,
}

impl PartnerStatus {
    /// Every word.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Terminated];

    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => ACTIVE,
            Self::Terminated => TERMINATED,
        }
    }
}

/// Which partners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Empty: all but terminated ones.
    pub status: Vec<PartnerStatus>,
    /// Part of slug, name or domain.
    pub q: Option<String>,
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
        Self { key: SortKey::Name, direction: Direction::Ascending }
    }
}

/// By what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// Their names, without regard to case.
    Name,
    /// When they were registered.
    CreatedAt,
    /// How many tenants they bring.
    Customers,
    /// The margin in force.
    Margin,
}

/// One page of partners, as of a day: margins begin on days.
pub async fn list(
    at: &mut At,
    query: &ListQuery<Filters, Sort>,
    today: Date,
) -> Result<Page<PartnerView>, QueryError> {
    let mut select = Select::new("partners p");
    let by = match query.sort.key {
        SortKey::Name => "p.name_search".to_owned(),
        SortKey::CreatedAt => "p.created_at".to_owned(),
        SortKey::Customers => "(select count(*) from partner_tenants t
            where t.partner_id = p.partner_id and t.lifecycle <> 'terminated')"
            .to_owned(),
        SortKey::Margin => {
            let today = select.bind(text(today));
            format!(
                "case when p.status = 'terminated' then 0 else coalesce((select m.bps from partner_margins m
                 where m.partner_id = p.partner_id and m.effective_from <= {today}
                 order by m.effective_from desc limit 1), 0) end"
            )
        }
    };
    status(&mut select, &query.filters);
    search(&mut select, &query.filters);
    let keys = select.page(at, &by, "p.partner_id", query.sort.direction, query).await?;
    let ids: Vec<PartnerId> = keys.ids()?;
    let rows = rows_of(at, &ids).await?;
    let mut partners = Vec::new();
    for id in ids {
        partners.extend(assemble(&rows, id, today)?);
    }
    let facets = match query.facets {
        Facets::Counted => Some(facets(at, &query.filters).await?),
        Facets::Omitted => None,
    };
    Ok(Page { rows: partners, next: keys.next, facets, as_of: at.as_of() })
}

async fn facets(at: &mut At, filters: &Filters) -> Result<FacetCounts, QueryError> {
    let mut select = Select::new("partners p");
    search(&mut select, filters);
    let mut counts = select.count_by(at, "p.status").await?;
    let shown = if filters.status.contains(&PartnerStatus::Terminated) {
        counts.values().sum()
    } else {
        counts.get(ACTIVE).copied().unwrap_or_default()
    };
    for status in PartnerStatus::ALL {
        counts.entry(status.as_str().to_owned()).or_default();
    }
    counts.insert("all".to_owned(), shown);
    Ok(FacetCounts::from([("status", counts)]))
}

fn status(select: &mut Select, filters: &Filters) {
    if filters.status.is_empty() {
        select.and("p.status <> 'terminated'");
    } else {
        select.and_in("p.status", filters.status.iter().map(|status| text(status.as_str())));
    }
}

fn search(select: &mut Select, filters: &Filters) {
    if let Some(q) = &filters.q {
        let part = select.bind_part(q);
        select.and(format!(
            "(p.slug like {part} escape '!' or p.name_search like {part} escape '!' or p.domain like {part} escape '!')"
        ));
    }
}
