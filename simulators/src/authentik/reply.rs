//! What an endpoint answers, before it is bytes.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// A refused request leaves early with its reply.
pub(super) type Answer = Result<Reply, Reply>;

pub(super) struct Reply {
    pub(super) status: StatusCode,
    content: Content,
}

enum Content {
    Nothing,
    Json(Value),
    /// An HTML page, or the absence of one, outside the API.
    Page(&'static str),
}

/// The error pages of the real one are as empty of information, only longer.
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>authentik</title></head></html>\n";

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, content: Content::Json(body) }
    }

    pub(super) fn created(body: Value) -> Self {
        Self { status: StatusCode::CREATED, content: Content::Json(body) }
    }

    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, content: Content::Nothing }
    }

    pub(super) fn invalid(body: Value) -> Self {
        Self { status: StatusCode::BAD_REQUEST, content: Content::Json(body) }
    }

    pub(super) fn detail(status: StatusCode, detail: &str) -> Self {
        Self { status, content: Content::Json(json!({ "detail": detail })) }
    }

    pub(super) fn forbidden() -> Self {
        Self::detail(StatusCode::FORBIDDEN, "You do not have permission to perform this action.")
    }

    pub(super) fn not_found() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not found.")
    }

    /// A well-formed id that nobody has.
    pub(super) fn no_such(model: &str) -> Self {
        Self::detail(StatusCode::NOT_FOUND, &format!("No {model} matches the given query."))
    }

    /// Health probes answer with an empty page.
    pub(super) fn healthy() -> Self {
        Self { status: StatusCode::OK, content: Content::Page("") }
    }

    pub(super) fn page_not_found() -> Self {
        Self { status: StatusCode::NOT_FOUND, content: Content::Page(PAGE) }
    }

    /// How an exception during a write looks: the error view knows GET only.
    pub(super) fn server_failed() -> Self {
        Self { status: StatusCode::METHOD_NOT_ALLOWED, content: Content::Page("") }
    }

    pub(super) fn json(self) -> Value {
        match self.content {
            Content::Json(body) => body,
            Content::Nothing | Content::Page(_) => Value::Null,
        }
    }

    /// With the headers of the real one; `allow` is what the endpoint can do, if there is one.
    pub(super) fn into_response(self, allow: Option<&'static str>, request_id: &str) -> Response {
        let (content_type, body, allow) = match self.content {
            Content::Nothing => (None, Body::empty(), allow),
            Content::Json(body) => (Some("application/json"), Body::from(body.to_string()), allow),
            Content::Page(page) => {
                let failed = self.status == StatusCode::METHOD_NOT_ALLOWED;
                let page_allow = failed.then_some("GET, HEAD, OPTIONS");
                (Some("text/html; charset=utf-8"), Body::from(page), page_allow)
            }
        };
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(allow) = allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Language, Cookie"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-authentik-id", id);
        }
        response
    }
}
