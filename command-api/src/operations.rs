//! `/operations/{id}`: work that went on after its command was answered, read from the systems it is about.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use projector::operations::{self, Operation};
use projector::provisioning::{self, ProvisioningView};
use schema::{OperationId, System};
use serde_json::{Value, json};

use crate::App;
use crate::ask::Ask;
use crate::error::ApiError;
use crate::problem::Code;
use crate::reading;
use crate::route::{Route, Who, get};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/operations/{id}", one)
            .may(Who::Known, "How far an operation is; for its creator and for operators")
            .gives("Operation"),
    ]
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let unknown = || ApiError::refused(Code::OperationNotFound, "There is no such operation");
    let id: OperationId = caller.ask.place("id").parse().map_err(|_| unknown())?;
    let query = caller.ask.query(&[])?;
    let mut at = caller.ask.look(&provisioning::MODEL, &query).await?;
    let operation = operations::get(&mut at, id).await?.ok_or_else(unknown)?;
    if !caller.is_operator() && operation.creator != caller.known.user_id {
        return Err(unknown());
    }
    let view = provisioning::get(&mut at, operation.tenant).await?;
    let position = at.as_of().position;
    drop(at);
    let done = settled(&caller.ask.app, &operation).await?;
    let is_over = done == operation.systems.len();
    let mut response = reading::plain(&shown(&operation, &view, done), position);
    if !is_over {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

async fn settled(app: &App, operation: &Operation) -> Result<usize, ApiError> {
    let mut done = 0;
    for system in &operation.systems {
        let settled = app.planner.is_settled(operation.tenant, vec![*system], operation.position);
        done += usize::from(settled.await.map_err(ApiError::internal)?);
    }
    Ok(done)
}

/// An operation that has just begun.
pub(crate) fn begun(operation: &Operation) -> Value {
    body(operation, 0, "running", &Value::Null, &Value::Null, None)
}

fn shown(operation: &Operation, view: &ProvisioningView, done: usize) -> Value {
    if done < operation.systems.len() {
        return body(operation, done, "running", &Value::Null, &Value::Null, None);
    }
    let state = |system: System| view.integrations.of(system).state;
    let status: serde_json::Map<String, Value> =
        operation.systems.iter().map(|system| (system.to_string(), json!(state(*system)))).collect();
    let failing: Vec<&str> = operation
        .systems
        .iter()
        .filter(|system| state(**system) == "error")
        .map(|system| system.area())
        .collect();
    let looked_at =
        operation.systems.iter().filter_map(|system| view.integrations.of(*system).last_attempt_at);
    let finished = looked_at.map(|at| at.0).max().unwrap_or(operation.created_at).max(operation.created_at);
    let result = json!({ "provisioningStatus": status });
    if failing.is_empty() {
        return body(operation, done, "succeeded", &result, &Value::Null, Some(&finished.to_api()));
    }
    let error = json!({ "message": format!("not ready yet: {}", failing.join(", ")) });
    body(operation, done, "failed", &result, &error, Some(&finished.to_api()))
}

fn body(
    operation: &Operation,
    done: usize,
    state: &str,
    result: &Value,
    error: &Value,
    finished_at: Option<&str>,
) -> Value {
    json!({
        "id": operation.id,
        "kind": Operation::KIND,
        "state": state,
        "progress": { "done": done, "total": operation.systems.len() },
        "result": result,
        "error": error,
        "createdAt": operation.created_at.to_api(),
        "finishedAt": finished_at,
    })
}
