//! The envelope of lists: pages by number, a size that is quietly clamped, ordering by a field.

use std::cmp::Ordering;

use http::StatusCode;
use serde_json::{Value, json};

use super::reply::{Answer, Reply};
use super::system::constant;
use super::wire::Asked;

const SIZE_DEFAULT: usize = 20;
const SIZE_MAX: usize = 100;

/// A list of rows, before it is a page of JSON.
pub(super) struct Listing<R> {
    pub(super) rows: Vec<R>,
    /// The name in the constants of what the search box would offer; empty for models without one.
    pub(super) autocomplete: &'static str,
}

impl<R> Listing<R> {
    /// By `?ordering=`, or else by `default`; `key` gives the value of a field, `None` for one that does not order.
    pub(super) fn ordered(
        mut self,
        asked: &Asked,
        default: &str,
        key: impl Fn(&R, &str) -> Option<Value>,
    ) -> Self {
        let wanted = asked.query("ordering").unwrap_or_default();
        let known = |field: &&str| self.rows.first().is_some_and(|row| key(row, plain(field)).is_some());
        let mut fields: Vec<&str> = wanted.split(',').filter(known).collect();
        if fields.is_empty() {
            fields = default.split(',').collect();
        }
        let keys = |row: &R| fields.iter().map(|field| key(row, plain(field))).collect::<Vec<_>>();
        let mut keyed: Vec<(Vec<Option<Value>>, R)> =
            self.rows.into_iter().map(|row| (keys(&row), row)).collect();
        keyed.sort_by(|(left, _), (right, _)| {
            let compared = fields.iter().zip(left.iter().zip(right)).map(|(field, (left, right))| {
                let ordering = compare(left.as_ref(), right.as_ref());
                if field.starts_with('-') { ordering.reverse() } else { ordering }
            });
            compared.fold(Ordering::Equal, Ordering::then)
        });
        self.rows = keyed.into_iter().map(|(_, row)| row).collect();
        self
    }

    /// The page that was asked for, each row shown by `show`.
    pub(super) fn page(self, asked: &Asked, show: impl Fn(&R) -> Value) -> Answer {
        let size =
            asked.query("page_size").and_then(|size| size.parse::<usize>().ok()).filter(|size| *size > 0);
        let size = size.unwrap_or(SIZE_DEFAULT).min(SIZE_MAX);
        let count = self.rows.len();
        let total_pages = count.div_ceil(size).max(1);
        let current = asked.query("page").map_or(Some(1), |page| page.parse::<usize>().ok());
        let Some(current) = current.filter(|current| (1..=total_pages).contains(current)) else {
            return Err(Reply::detail(StatusCode::NOT_FOUND, "Invalid page."));
        };
        let start = (current - 1) * size;
        let results: Vec<Value> = self.rows.iter().skip(start).take(size).map(show).collect();
        let autocomplete = if self.autocomplete.is_empty() { json!({}) } else { constant(self.autocomplete) };
        Ok(Reply::ok(json!({
            "pagination": {
                "next": if current < total_pages { current + 1 } else { 0 },
                "previous": current - 1,
                "count": count,
                "current": current,
                "total_pages": total_pages,
                "start_index": if count == 0 { 0 } else { start + 1 },
                "end_index": start + results.len(),
            },
            "results": results,
            "autocomplete": autocomplete,
        })))
    }
}

fn plain(field: &str) -> &str {
    field.trim().trim_start_matches('-')
}

fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    match (left, right) {
        (Some(Value::String(left)), Some(Value::String(right))) => left.cmp(right),
        (Some(Value::Number(left)), Some(Value::Number(right))) => left.as_i64().cmp(&right.as_i64()),
        (Some(Value::Bool(left)), Some(Value::Bool(right))) => left.cmp(right),
        // PostgreSQL puts null last.
        (Some(Value::Null), Some(Value::Null)) => Ordering::Equal,
        (Some(Value::Null), Some(_)) => Ordering::Greater,
        (Some(_), Some(Value::Null)) => Ordering::Less,
        _ => Ordering::Equal,
    }
}
