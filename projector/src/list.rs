//! Lists: what may be asked of one, and one page of the answer.

use std::collections::BTreeMap;

use event_store::Value;

use crate::api::AsOf;

/// What a list is asked for. The caller has checked every value; `after` is the `next` of an earlier page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery<Filters, Sort> {
    /// Which rows.
    pub filters: Filters,
    /// In which order.
    pub sort: Sort,
    /// At most this many.
    pub limit: usize,
    /// Behind the row with this key: the value sorted by, and the id.
    pub after: Option<Vec<Value>>,
    /// Whether to count per filter value.
    pub facets: Facets,
}

/// Whether a list counts how many rows each filter value would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facets {
    /// It does.
    Counted,
    /// It does not.
    Omitted,
}

/// Which end of an order comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest.
    Ascending,
    /// The greatest.
    Descending,
}

/// How many rows each value of a filter would give, by filter and value.
pub type FacetCounts = BTreeMap<&'static str, BTreeMap<String, u64>>;

/// One page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<Row> {
    /// The rows.
    pub rows: Vec<Row>,
    /// The key to continue behind; absent on the last page.
    pub next: Option<Vec<Value>>,
    /// Counts, if asked for.
    pub facets: Option<FacetCounts>,
    /// As of where.
    pub as_of: AsOf,
}
