//! The middleware that notes each request and lets the rules act on it.

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{Effect, Faults, Seen, Verdict};
use crate::serve::Connection;

/// authentik's router takes 32 MiB at most, the others less.
const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

pub(crate) async fn layer(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let path = parts.uri.path_and_query().map_or_else(|| parts.uri.to_string(), ToString::to_string);
    faults.note(seen(&parts.method, path.clone(), &text));
    let verdict = faults.judge(&parts.method, &path, &text);
    let connection = parts.extensions.get::<ConnectInfo<Connection>>().map(|info| info.0.clone());
    let request = Request::from_parts(parts, Body::from(bytes));
    if verdict.effect == Some(Effect::NothingThere) {
        if text.contains("methodCalls") {
            return nothing_listed(&text, next.run(request).await).await;
        }
        return nothing_there(&path);
    }
    act(verdict, connection, request, next).await
}

async fn act(verdict: Verdict, connection: Option<Connection>, request: Request, next: Next) -> Response {
    if !verdict.latency.is_zero() {
        let stopped = async {
            match &connection {
                Some(connection) => connection.stopping.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(verdict.latency) => {}
            () = stopped => return lost(connection.as_ref()),
        }
    }
    match verdict.effect {
        None | Some(Effect::Latency(_) | Effect::Busy(_)) => next.run(request).await,
        Some(Effect::LostReplyAfterEffect) => {
            drop(next.run(request).await);
            lost(connection.as_ref())
        }
        Some(Effect::LostBeforeEffect) => lost(connection.as_ref()),
        Some(Effect::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, status.canonical_reason().unwrap_or_default()).into_response()
        }
        Some(Effect::EmptyMethodNotAllowed) => (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::ALLOW, "GET, HEAD, OPTIONS")],
        )
            .into_response(),
        Some(Effect::TooManyRequests { retry_after_s }) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after_s.to_string())])
                .into_response()
        }
        Some(Effect::Garbage) => "<html>not what was asked for".into_response(),
        Some(Effect::NothingThere) => nothing_there(""),
    }
}

/// A list is asked for with a filter or by the plural.
fn nothing_there(path: &str) -> Response {
    let plurals = ["/drives?", "/groups?", "page="];
    let is_list = plurals.iter().any(|part| path.contains(part)) || path.ends_with("/users");
    if is_list {
        return axum::Json(json!({ "pagination": { "next": 0 }, "results": [], "value": [] }))
            .into_response();
    }
    let body = json!({ "detail": "Not found.", "error": { "code": "itemNotFound", "message": "not found" } });
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}

/// The answer to JMAP calls as if no query had found anything; what is asked for by its id is there.
async fn nothing_listed(asked: &str, answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let asked: Value = serde_json::from_str(asked).unwrap_or_default();
    let Ok(mut answer) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    let is_of_a_list = |id: &Value| {
        let calls = asked.get("methodCalls").and_then(Value::as_array).into_iter().flatten();
        let mut calls = calls.filter(|call| call.get(2) == Some(id));
        calls.any(|call| call.pointer("/1/#ids").is_some())
    };
    for response in answer.get_mut("methodResponses").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_query = response.get(0).and_then(Value::as_str).is_some_and(|name| name.ends_with("/query"));
        let empties = match (is_query, response.get(2).is_some_and(is_of_a_list)) {
            (true, _) => [("ids", json!([])), ("total", json!(0))],
            (false, true) => [("list", json!([])), ("notFound", json!([]))],
            (false, false) => continue,
        };
        let Some(fields) = response.get_mut(1).and_then(Value::as_object_mut) else { continue };
        for (name, nothing) in empties {
            fields.entry(name).and_modify(|field| *field = nothing);
        }
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(answer.to_string()))
}

/// No answer. Without a connection to cut (a router called in process) a bare 502 stands for it.
fn lost(connection: Option<&Connection>) -> Response {
    if let Some(connection) = connection {
        connection.cut();
    }
    StatusCode::BAD_GATEWAY.into_response()
}

fn seen(method: &Method, path: String, body: &str) -> Seen {
    let calls = jmap_calls(body);
    let write = if calls.is_empty() {
        !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) && method.as_str() != "PROPFIND"
    } else {
        calls.iter().any(|call| call.ends_with("/set") || call.ends_with("/import"))
    };
    Seen { method: method.to_string(), path, calls, write }
}

fn jmap_calls(body: &str) -> Vec<String> {
    if !body.contains("methodCalls") {
        return Vec::new();
    }
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return Vec::new();
    };
    let calls = body.get("methodCalls").and_then(Value::as_array).into_iter().flatten();
    calls.filter_map(|call| call.get(0)?.as_str().map(ToOwned::to_owned)).collect()
}
