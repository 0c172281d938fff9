//! A request on its way to one command or one query: caller, subject, key, body, precondition, in this order.
//!
//! # What always holds
//! * Nothing of the body is looked at before the caller may ask at all.
//! * What a caller may not see answers exactly like what does not exist.

mod caller;
mod execute;
mod tenant;

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Path, Request};
use axum::http::{HeaderMap, Method, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

pub(crate) use caller::Caller;
pub(crate) use execute::{Order, Rendered};
pub(crate) use tenant::{Right, Seen, find_tenant};

use crate::App;
use crate::error::ApiError;
use crate::fields::{Body, Fields};
use crate::front::RequestName;
use crate::json;
use crate::problem::Code;
use crate::query::Query;
use crate::trail::Trail;

const BODY_SIZE_MAX: usize = 256 * 1024;

/// A request, read but not yet judged.
pub(crate) struct Ask {
    pub app: App,
    pub method: Method,
    pub path: String,
    pub query_text: String,
    pub headers: HeaderMap,
    pub name: String,
    pub trail: Trail,
    places: BTreeMap<String, String>,
    body: Result<Bytes, BodyFault>,
}

/// Why there is no body. Told only to who may send one.
#[derive(Debug, Clone, Copy)]
enum BodyFault {
    TooLarge,
    Broken,
}

impl FromRequest<App> for Ask {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let places = Path::<BTreeMap<String, String>>::from_request_parts(&mut parts, app)
            .await
            .map_err(|_| ApiError::refused(Code::RouteNotFound, "There is no such path"))?;
        let name = parts.extensions.get::<RequestName>().map(|name| name.0.clone()).unwrap_or_default();
        Ok(Self {
            app: app.clone(),
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query_text: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            name,
            trail: parts.extensions.remove::<Trail>().unwrap_or_default(),
            places: places.0,
            body: read_body(body).await,
        })
    }
}

async fn read_body(body: axum::body::Body) -> Result<Bytes, BodyFault> {
    match Limited::new(body, BODY_SIZE_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
        Err(_) => Err(BodyFault::Broken),
    }
}

impl Ask {
    /// A part of the path.
    pub(crate) fn place(&self, name: &str) -> &str {
        self.places.get(name).map_or("", String::as_str)
    }

    /// The query, if it has no parameters but these.
    pub(crate) fn query(&self, names: &[&str]) -> Result<Query, ApiError> {
        let query = Query::parse(&self.query_text)?;
        query.only(names)?;
        Ok(query)
    }

    fn body_bytes(&self) -> Result<&Bytes, ApiError> {
        self.body.as_ref().map_err(|fault| match fault {
            BodyFault::TooLarge => ApiError::refused(Code::PayloadTooLarge, "A body has at most 256 KiB"),
            BodyFault::Broken => ApiError::refused(Code::MalformedJson, "The body could not be read"),
        })
    }

    /// The body's fields. An absent body is an empty object.
    fn fields<B: Body>(&self) -> Result<Fields, ApiError> {
        if self.method == Method::DELETE {
            if !self.body_bytes()?.is_empty() {
                return Err(ApiError::invalid("", "not-allowed", "a DELETE takes its fields from the query"));
            }
            let names: Vec<&str> = B::FIELDS.iter().map(|field| field.name).chain([VALIDATE_ONLY]).collect();
            return Fields::open::<B>(self.query(&names)?.to_body(B::FIELDS));
        }
        let bytes = self.body_bytes()?;
        if bytes.is_empty() {
            return Fields::open::<B>(serde_json::json!({}));
        }
        if !self.is_json() {
            return Err(ApiError::refused(Code::UnsupportedMediaType, "Send the body as application/json"));
        }
        let value = json::parse(bytes).map_err(|detail| ApiError::refused(Code::MalformedJson, detail))?;
        Fields::open::<B>(value)
    }

    fn is_json(&self) -> bool {
        let kind =
            self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        kind == "application/json" || (kind == "application/merge-patch+json" && self.method == Method::PATCH)
    }
}

/// The switch that turns a command into a rehearsal.
pub(crate) const VALIDATE_ONLY: &str = "validate_only";
