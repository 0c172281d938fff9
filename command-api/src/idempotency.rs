//! Idempotency keys: the same request with the same key gets the first answer again.

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use schema::UserId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::ApiError;
use crate::precondition;
use crate::problem::Code;

const LENGTH_MAX: usize = 128;

/// The key of a request, bound to its caller and route, and what must be the same when it is used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keyed {
    /// Caller, method, path and key in one.
    pub id: String,
    /// Query and body in one.
    pub fingerprint: String,
}

/// What a request's key depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The caller.
    pub user: UserId,
    /// The method.
    pub method: &'a Method,
    /// The path, with or without `/v1`.
    pub path: &'a str,
    /// The query string as sent.
    pub query: &'a str,
    /// The body as sent.
    pub body: &'a [u8],
}

/// The key of this request, if it carries one.
pub(crate) fn of(headers: &HeaderMap, scope: Scope) -> Result<Option<Keyed>, ApiError> {
    let Some(key) = precondition::header(headers, "idempotency-key")? else {
        return Ok(None);
    };
    let fits = (1..=LENGTH_MAX).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    if !fits {
        let detail = "Idempotency-Key must be 1 to 128 visible ASCII characters";
        return Err(ApiError::refused(Code::MalformedHeader, detail));
    }
    let path =
        scope.path.strip_prefix("/v1/").map_or_else(|| scope.path.to_owned(), |rest| format!("/{rest}"));
    Ok(Some(Keyed {
        id: digest(&[
            scope.user.to_string().as_bytes(),
            scope.method.as_str().as_bytes(),
            path.as_bytes(),
            key.as_bytes(),
        ]),
        fingerprint: digest(&[scope.query.as_bytes(), scope.body]),
    }))
}

fn digest(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// An answer as it is kept for its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The status.
    pub status: u16,
    /// The position the answer reflects.
    pub position: u64,
    /// `ETag`, on single resources.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub etag: Option<String>,
    /// `Location`, of what was made.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub location: Option<String>,
    /// The body.
    pub body: Value,
}

impl Stored {
    /// The text that is kept.
    pub(crate) fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The answer a kept text stands for.
    pub(crate) fn from_text(text: &str) -> Result<Self, ApiError> {
        serde_json::from_str(text).map_err(ApiError::internal)
    }

    /// The answer on the wire.
    pub(crate) fn to_response(&self) -> Response {
        let mut response = Response::new(self.body.to_string().into());
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("dezky-position", HeaderValue::from(self.position));
        if self.status == StatusCode::ACCEPTED.as_u16() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        let texts = [(header::ETAG, &self.etag), (header::LOCATION, &self.location)];
        for (name, text) in texts {
            if let Some(value) = text.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// The same answer, marked as given before.
    pub(crate) fn to_replayed_response(&self) -> Response {
        let mut response = self.to_response();
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        response
    }
}

#[cfg(test)]
mod tests;
