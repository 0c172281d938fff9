//! `/query`: filters by index, two sorts, and the paging traps that were recorded.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::error::{MethodError, id_of, id_text};
use super::id::Id;
use super::index::{self, Match};
use super::kind::Kind;
use super::request::Arguments;
use super::schema;
use super::shelf::{Object, Shelf};

/// A query never returns more identifiers than this.
const RESULTS_MAX: usize = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// By identifier, newest first: what one gets without asking.
    Newest,
    Oldest,
    Name,
    NameDescending,
}

/// What part of the matches is asked for.
struct Page {
    position: i64,
    limit: Option<usize>,
    anchor: Option<Id>,
    anchor_offset: i64,
    counted: Counted,
}

/// `calculateTotal` changes more than it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    Yes,
    No,
}

pub(crate) fn run(kind: Kind, shelf: &Shelf, arguments: &Arguments) -> Result<Object, MethodError> {
    let matches = match arguments.get("filter") {
        None | Some(Value::Null) => shelf.iter().map(|(id, _)| id).collect(),
        Some(filter) => matching(kind, shelf, filter)?,
    };
    let order = order(kind, arguments.get("sort"))?;
    let page = page(kind, arguments);
    let total = matches.len();
    let (position, ids) = cut(matches, order, &page, shelf);
    let ids: Vec<String> = ids.into_iter().map(|id| id_text(kind, id)).collect();
    let mut answer = Object::new();
    answer.insert("queryState".to_owned(), json!("n"));
    answer.insert("canCalculateChanges".to_owned(), json!(true));
    answer.insert("position".to_owned(), json!(position));
    answer.insert("ids".to_owned(), json!(ids));
    if page.counted == Counted::Yes {
        answer.insert("total".to_owned(), json!(total));
        if let Some(limit) = page.limit.filter(|limit| *limit < total) {
            answer.insert("limit".to_owned(), json!(limit));
        }
    }
    Ok(answer)
}

fn matching(kind: Kind, shelf: &Shelf, filter: &Value) -> Result<Vec<Id>, MethodError> {
    let mut found: Option<BTreeSet<Id>> = None;
    for (property, value) in conditions(filter)? {
        let these = one(kind, shelf, property, value)?;
        found = Some(match found {
            None => these,
            Some(found) => found.intersection(&these).copied().collect(),
        });
    }
    Ok(match found {
        Some(found) => found.into_iter().collect(),
        None => shelf.iter().map(|(id, _)| id).collect(),
    })
}

/// All conditions of a filter, which may nest `AND` and nothing else.
fn conditions(filter: &Value) -> Result<Vec<(&String, &Value)>, MethodError> {
    let Some(filter) = filter.as_object() else {
        return Err(MethodError::InvalidArguments("Invalid filter".to_owned()));
    };
    let Some(operator) = filter.get("operator") else {
        return Ok(filter.iter().collect());
    };
    if operator.as_str() != Some("AND") {
        return Err(MethodError::UnsupportedFilter("Only AND is supported in filters".to_owned()));
    }
    let nested = filter.get("conditions").and_then(Value::as_array).into_iter().flatten();
    let nested: Result<Vec<_>, _> = nested.map(conditions).collect();
    Ok(nested?.into_iter().flatten().collect())
}

fn one(kind: Kind, shelf: &Shelf, property: &str, value: &Value) -> Result<BTreeSet<Id>, MethodError> {
    let unsupported = || {
        let description = if schema::is_known_anywhere(property) {
            format!("Filter on property {property} is not supported or invalid")
        } else {
            property.to_owned()
        };
        MethodError::UnsupportedFilter(description)
    };
    let (_, how) = index::filters(kind).iter().find(|(name, _)| *name == property).ok_or_else(unsupported)?;
    let wanted = value.as_str().ok_or_else(unsupported)?;
    Ok(match how {
        Match::Exact => shelf.having(&format!("{property}={wanted}")).collect(),
        Match::Words => index::words(wanted).into_iter().fold(BTreeSet::new(), |found, word| {
            let these = shelf.having(&format!("{property}={word}"));
            // Recorded: as long as nothing is found yet, a word that nobody has counts for nothing.
            if found.is_empty() { these.collect() } else { these.filter(|id| found.contains(id)).collect() }
        }),
    })
}

fn order(kind: Kind, sort: Option<&Value>) -> Result<Order, MethodError> {
    let Some(first) = sort.and_then(Value::as_array).and_then(|sort| sort.first()) else {
        return Ok(Order::Newest);
    };
    let property = first.get("property").and_then(Value::as_str).unwrap_or_default();
    let ascending = first.get("isAscending").and_then(Value::as_bool).unwrap_or(true);
    let named = index::filters(kind).iter().any(|(name, _)| *name == "name");
    match (property, ascending) {
        ("id", false) => Ok(Order::Newest),
        ("id", true) => Ok(Order::Oldest),
        ("name", true) if named => Ok(Order::Name),
        ("name", false) if named => Ok(Order::NameDescending),
        _ => Err(MethodError::UnsupportedSort(format!("Property {property} is not supported for sorting"))),
    }
}

fn page(kind: Kind, arguments: &Arguments) -> Page {
    let number = |name: &str| arguments.get(name).and_then(Value::as_i64);
    let counted = arguments.get("calculateTotal").and_then(Value::as_bool).unwrap_or_default();
    Page {
        position: number("position").unwrap_or_default(),
        limit: number("limit").and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0),
        anchor: arguments
            .get("anchor")
            .and_then(Value::as_str)
            .map(|id| id_of(kind, id).unwrap_or(Id(u64::MAX))),
        anchor_offset: number("anchorOffset").unwrap_or_default(),
        counted: if counted { Counted::Yes } else { Counted::No },
    }
}

/// The position that is answered, and the page.
fn cut(mut matches: Vec<Id>, order: Order, page: &Page, shelf: &Shelf) -> (i64, Vec<Id>) {
    let limit = page.limit.unwrap_or(RESULTS_MAX).min(RESULTS_MAX);
    if order == Order::Newest && page.anchor.is_none() && page.position > 0 {
        // Recorded: positions count from the oldest while the first page starts at the newest, so pages overlap.
        let skipped = usize::try_from(page.position).unwrap_or(usize::MAX);
        let mut ids: Vec<Id> = matches.into_iter().skip(skipped).take(limit).collect();
        ids.reverse();
        return (page.position, ids);
    }
    arrange(&mut matches, order, shelf);
    let (answered, start) = match page.anchor {
        None => {
            let total = i64::try_from(matches.len()).unwrap_or(i64::MAX);
            let start = if page.position < 0 { (total + page.position).max(0) } else { page.position };
            (start, start)
        }
        Some(anchor) => {
            let Some(place) = matches.iter().position(|id| *id == anchor) else {
                return (0, Vec::new());
            };
            let place = i64::try_from(place).unwrap_or(i64::MAX);
            match page.counted {
                Counted::Yes => {
                    let start = (place + page.anchor_offset).max(0);
                    (start, start)
                }
                // Recorded: without a total the page starts after the anchor, whatever the offset says.
                Counted::No => (0, place + 1),
            }
        }
    };
    let start = usize::try_from(start).unwrap_or_default();
    (answered, matches.into_iter().skip(start).take(limit).collect())
}

fn arrange(matches: &mut [Id], order: Order, shelf: &Shelf) {
    let name = |id: &Id| {
        shelf.get(*id).and_then(|object| index::text_of(object, "name")).unwrap_or_default().to_owned()
    };
    match order {
        Order::Oldest => {}
        Order::Newest => matches.reverse(),
        Order::Name => matches.sort_by_cached_key(name),
        Order::NameDescending => {
            matches.sort_by_cached_key(name);
            matches.reverse();
        }
    }
}
