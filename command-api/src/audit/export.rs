//! The whole filtered list as one file, page by page: lines of JSON, or a table for spreadsheets.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use event_store::Value as Key;
use futures::stream::{self, Stream};
use projector::At;
use projector::activity::{self, Filters};
use projector::list::ListQuery;
use serde_json::Value;

use super::shown;
use crate::ask::Right;
use crate::error::ApiError;
use crate::problem::Code;
use crate::query::Query;

const ROWS_AT_ONCE: usize = 200;

/// The columns of the table: a heading, and where the value stands in an entry.
const COLUMNS: &[(&str, &str)] = &[
    ("id", "/id"),
    ("position", "/position"),
    ("at", "/at"),
    ("action", "/action"),
    ("outcome", "/outcome"),
    ("code", "/code"),
    ("actorKind", "/actor/kind"),
    ("actorId", "/actor/id"),
    ("actor", "/actor/display"),
    ("audience", "/actor/audience"),
    ("subjectKind", "/subject/kind"),
    ("subjectId", "/subject/id"),
    ("subjectSlug", "/subject/slug"),
    ("subject", "/subject/display"),
    ("tenantId", "/tenantId"),
    ("partnerId", "/partnerId"),
    ("reason", "/reason"),
    ("changes", "/changes"),
    ("requestId", "/request/id"),
    ("correlationId", "/correlationId"),
    ("causationPosition", "/causationPosition"),
];

/// How a list is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Page by page.
    Pages,
    /// Everything.
    Whole(File),
}

/// A form that holds everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum File {
    /// One entry of JSON per line.
    Lines,
    /// Comma-separated values.
    Table,
}

impl Format {
    /// What the query asks for, or else the first kind in `Accept` that is one of ours.
    pub(super) fn asked(headers: &HeaderMap, query: &Query) -> Result<Self, ApiError> {
        match query.get("format") {
            Some("json") => return Ok(Self::Pages),
            Some("ndjson") => return Ok(Self::Whole(File::Lines)),
            Some("csv") => return Ok(Self::Whole(File::Table)),
            Some(_) => {
                return Err(ApiError::refused(Code::MalformedQuery, "format must be json, ndjson or csv"));
            }
            None => {}
        }
        let kinds = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let kinds = kinds.flat_map(|value| value.split(',')).filter_map(|range| range.split(';').next());
        let wanted =
            kinds.map(|kind| kind.trim().to_ascii_lowercase()).find_map(|kind| match kind.as_str() {
                "application/x-ndjson" => Some(Self::Whole(File::Lines)),
                "text/csv" => Some(Self::Whole(File::Table)),
                "application/json" | "application/*" | "*/*" => Some(Self::Pages),
                _ => None,
            });
        Ok(wanted.unwrap_or(Self::Pages))
    }

    pub(super) fn file(self) -> Option<File> {
        match self {
            Self::Pages => None,
            Self::Whole(file) => Some(file),
        }
    }
}

impl File {
    const fn kind(self) -> &'static str {
        match self {
            Self::Lines => "application/x-ndjson",
            Self::Table => "text/csv; charset=utf-8",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Lines => "attachment; filename=\"audit.ndjson\"",
            Self::Table => "attachment; filename=\"audit.csv\"",
        }
    }

    fn head(self) -> String {
        match self {
            Self::Lines => String::new(),
            Self::Table => line(COLUMNS.iter().map(|(name, _)| (*name).to_owned())),
        }
    }

    fn row(self, entry: &Value) -> String {
        match self {
            Self::Lines => format!("{entry}\n"),
            Self::Table => line(COLUMNS.iter().map(|(_, place)| cell(entry.pointer(place)))),
        }
    }
}

/// Everything from the place that is asked for on, of one moment.
pub(super) fn answer(at: At, asked: ListQuery<Filters, ()>, right: Right, file: File) -> Response {
    let position = at.as_of().position;
    let mut response = Response::new(Body::from_stream(rows(at, asked, right, file)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.kind()));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(file.name()));
    headers.insert("dezky-position", HeaderValue::from(position));
    response
}

/// What is left to be written.
struct Rest {
    at: At,
    asked: ListQuery<Filters, ()>,
    head: String,
}

fn rows(
    at: At,
    asked: ListQuery<Filters, ()>,
    right: Right,
    file: File,
) -> impl Stream<Item = Result<String, axum::BoxError>> + Send {
    let asked = ListQuery { limit: ROWS_AT_ONCE, ..asked };
    let rest = Rest { at, asked, head: file.head() };
    stream::try_unfold(Some(rest), move |rest| async move {
        let Some(mut rest) = rest else {
            return Ok(None);
        };
        let page = activity::list(&mut rest.at, &rest.asked).await?;
        let mut text = std::mem::take(&mut rest.head);
        for entry in page.rows {
            let entry = shown::entry(entry, right).map_err(|_| "an entry cannot be shown")?;
            text.push_str(&file.row(&entry));
        }
        let next: Option<Vec<Key>> = page.next;
        Ok(Some((
            text,
            next.map(|after| Rest { asked: ListQuery { after: Some(after), ..rest.asked }, ..rest }),
        )))
    })
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// A cell as RFC 4180 has it. What a spreadsheet would take for a formula becomes a text by an apostrophe.
fn quoted(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if is_formula { "'" } else { "" };
    if is_formula || cell.contains([',', '"', '\n', '\r']) {
        format!("\"{mark}{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
