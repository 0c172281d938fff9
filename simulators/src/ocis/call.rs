//! One request as the routes see it, and the kinds of answers they give.

use axum::extract::Query;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::Value;

use super::strict::Malformed;

pub(super) struct Call {
    pub(super) method: Method,
    /// Decoded, without a trailing empty one.
    pub(super) segments: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let mut segments: Vec<String> = uri.path().split('/').skip(1).map(decoded).collect();
        if segments.last().is_some_and(String::is_empty) {
            segments.pop();
        }
        let query = Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
        Self { method, segments, query, headers, body }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a header holds what Go's `ParseBool` takes for true; anything else is silently false.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.header(name), Some("1" | "t" | "T" | "true" | "TRUE" | "True"))
    }

    pub(super) fn expands(&self, what: &str) -> bool {
        self.parameter("$expand").is_some_and(|list| list.split(',').any(|item| item == what))
    }

    /// Where the client thinks we are.
    pub(super) fn host(&self) -> &str {
        self.header(header::HOST.as_str()).unwrap_or("127.0.0.1")
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.host())
    }
}

fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let ahead = rest.clone();
        let pair = (byte == b'%').then(|| rest.next().zip(rest.next())).flatten();
        let value = pair.and_then(|(high, low)| {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            u8::try_from(digit(high)? * 16 + digit(low)?).ok()
        });
        if value.is_none() {
            rest = ahead;
        }
        bytes.push(value.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) enum Answer {
    Empty(StatusCode),
    Json(StatusCode, Value),
    Text(StatusCode, String),
    /// A file.
    Content(Bytes),
    /// The connection closes without one.
    Nothing,
}

impl Answer {
    pub(super) fn ok(body: Value) -> Self {
        Self::Json(StatusCode::OK, body)
    }

    pub(super) fn created(body: Value) -> Self {
        Self::Json(StatusCode::CREATED, body)
    }

    pub(super) fn done() -> Self {
        Self::Empty(StatusCode::NO_CONTENT)
    }
}

pub(super) enum Refusal {
    /// An error with a code and a text.
    Error {
        status: StatusCode,
        code: &'static str,
        message: String,
    },
    /// An empty 401 that names the ways in.
    Unauthenticated,
    /// An empty 401 that does not.
    AccountDisabled,
    MethodNotAllowed(&'static str),
    /// A bare status, as the routes of files give.
    Bare(StatusCode),
}

impl Refusal {
    fn error(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self::Error { status, code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::error(StatusCode::BAD_REQUEST, "invalidRequest", message)
    }

    /// A bad request under a code that does not say so.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::error(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::error(StatusCode::NOT_FOUND, "itemNotFound", message)
    }

    pub(super) fn exists(message: impl Into<String>) -> Self {
        Self::error(StatusCode::CONFLICT, "nameAlreadyExists", message)
    }

    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self::error(StatusCode::FORBIDDEN, "accessDenied", message)
    }

    pub(super) fn not_allowed(message: impl Into<String>) -> Self {
        Self::error(StatusCode::FORBIDDEN, "notAllowed", message)
    }

    pub(super) fn unsupported(code: &'static str, message: impl Into<String>) -> Self {
        Self::error(StatusCode::NOT_IMPLEMENTED, code, message)
    }

    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self::error(StatusCode::INTERNAL_SERVER_ERROR, "generalException", message)
    }
}

/// As accounts and groups say it; spaces have their own words.
impl From<Malformed> for Refusal {
    fn from(reason: Malformed) -> Self {
        Self::invalid(format!("invalid request body: {reason}"))
    }
}

pub(super) type Answered = Result<Answer, Refusal>;
