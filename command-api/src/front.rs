//! The outermost layer: request id, host, `Accept`, deadline, and the last word on every answer's headers and problems.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use event_store::guard::{Panicked, caught};
use schema::RequestId;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::App;
use crate::ask::VALIDATE_ONLY;
use crate::error::ApiError;
use crate::problem::{Code, Problem};
use crate::query::Query;
use crate::rehearsal;
use crate::trail::Trail;

/// Longer than every wait a caller may ask for; shorter than what proxies allow.
const DEADLINE: Duration = Duration::from_secs(30);
const HEADERS_SIZE_MAX: usize = 16 * 1024;

/// The id of a request, from its caller or from us.
#[derive(Debug, Clone)]
pub(crate) struct RequestName(pub String);

/// What the last word needs to know about the request.
struct Occasion {
    path: String,
    name: String,
    is_rehearsal: bool,
}

/// Wraps every route.
pub(crate) async fn answer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let name = request_name(request.headers());
    let verb = request.method().clone();
    let is_command = !matches!(verb, Method::GET | Method::HEAD);
    let method = verb.to_string();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", request_id = %name, %method, %route);
    let started = Instant::now();
    request.extensions_mut().insert(RequestName(name.clone()));
    let trail = Trail::default();
    request.extensions_mut().insert(trail.clone());
    let occasion =
        Occasion { path: request.uri().path().to_owned(), name, is_rehearsal: is_rehearsal(&request) };
    let refused = refuse_early(&app, &request).err();
    let inner = async {
        match refused {
            Some(error) => error.into_response(),
            None => match caught(tokio::time::timeout(DEADLINE, next.run(request))).await {
                Ok(answered) => answered.unwrap_or_else(|_| too_late()),
                Err(panicked) => broken(panicked, &occasion.name),
            },
        }
    };
    let answered = inner.instrument(span).await;
    let refused = answered.extensions().get::<Problem>().map(|problem| problem.code);
    if let Some(code) = refused.filter(|_| is_command && !occasion.is_rehearsal) {
        trail.note(&app, &verb, &route, &occasion.name, code).await;
    }
    let mut response = finish(answered, &occasion);
    let head = app.store.head();
    let headers = response.headers_mut();
    headers.entry("dezky-position").or_insert_with(|| HeaderValue::from(head));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&occasion.name) {
        headers.insert("x-request-id", value);
    }
    let elapsed = started.elapsed();
    tracing::debug!(
        request_id = %occasion.name,
        status = response.status().as_u16(),
        duration_ms = elapsed.as_millis(),
        "answered"
    );
    let status = response.status().as_u16().to_string();
    metrics::counter!("dezky_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("dezky_http_request_seconds", "route" => route).record(elapsed.as_secs_f64());
    response
}

fn too_late() -> Response {
    let detail = "This took too long; read the current state before repeating it";
    Problem::new(Code::Overloaded, detail).retry_after(1).into_response()
}

/// Whether a command is only rehearsed: then what the rules refuse is part of a successful answer.
fn is_rehearsal(request: &Request) -> bool {
    request.method() != Method::GET
        && Query::parse(request.uri().query().unwrap_or_default())
            .is_ok_and(|query| query.get(VALIDATE_ONLY) == Some("true"))
}

/// A problem gets its request; everything else stays as it is.
fn finish(mut response: Response, occasion: &Occasion) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let is_of_the_rules = matches!(problem.code.status().as_u16(), 409 | 412 | 422);
    if occasion.is_rehearsal && is_of_the_rules {
        return Json(rehearsal::refused(&problem.to_json(&occasion.path, &occasion.name))).into_response();
    }
    let mut bound = problem.to_response(&occasion.path, &occasion.name);
    for (name, value) in response.headers() {
        if !bound.headers().contains_key(name) && name != header::CONTENT_LENGTH {
            bound.headers_mut().insert(name, value.clone());
        }
    }
    bound
}

fn refuse_early(app: &App, request: &Request) -> Result<(), ApiError> {
    check_host(app, request)?;
    let size: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > HEADERS_SIZE_MAX {
        return Err(ApiError::refused(Code::MalformedHeader, "Headers have at most 16 KiB"));
    }
    let files: &[&str] = if request.uri().path().ends_with("/audit") { FILES } else { &[] };
    check_accept(request.headers(), files)
}

fn check_host(app: &App, request: &Request) -> Result<(), ApiError> {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let host = authority.or(header).unwrap_or_default();
    if app.config.hosts.iter().any(|known| known.eq_ignore_ascii_case(&host)) {
        return Ok(());
    }
    Err(ApiError::refused(Code::MisdirectedRequest, "This host is not served here"))
}

/// Kinds in which audit lists can be had besides.
const FILES: &[&str] = &["text/csv", "application/x-ndjson"];

/// Everything here speaks JSON, apart from the documentation and the metrics, which say so themselves.
fn check_accept(headers: &HeaderMap, files: &[&str]) -> Result<(), ApiError> {
    const OURS: [&str; 7] = [
        "*/*",
        "application/*",
        "application/json",
        "application/problem+json",
        "text/html",
        "text/plain",
        "text/*",
    ];
    let mut values = headers.get_all(header::ACCEPT).iter().peekable();
    if values.peek().is_none() {
        return Ok(());
    }
    let acceptable =
        values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            !refused && (kind.is_empty() || OURS.contains(&kind.as_str()) || files.contains(&kind.as_str()))
        });
    if acceptable {
        Ok(())
    } else {
        Err(ApiError::refused(Code::NotAcceptable, "Answers are application/json"))
    }
}

fn request_name(headers: &HeaderMap) -> String {
    let fits = |text: &&str| {
        (8..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(fits)
        .map_or_else(|| RequestId::from_uuid(Uuid::now_v7()).to_string(), str::to_owned)
}

/// The answer to a path nobody serves.
pub(crate) async fn unknown_route() -> ApiError {
    ApiError::refused(Code::RouteNotFound, "There is no such path")
}

/// The answer to a method a path does not have. The router adds `Allow`.
pub(crate) async fn unknown_method() -> ApiError {
    ApiError::refused(Code::MethodNotAllowed, "This path does not have this method")
}

/// The answer when our own code broke one of its invariants. It ends this request and nothing else.
fn broken(panicked: Panicked, request: &str) -> Response<Body> {
    // The caller hears neither its place nor its text.
    drop(panicked.told("answer a request", request));
    Problem::new(Code::Internal, "Something went wrong on our side").into_response()
}
