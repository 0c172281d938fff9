//! Runs the calls of a request one after the other.

use serde_json::{Value, json};

use super::auth::Caller;
use super::error::MethodError;
use super::kind::{self, Kind, Operation};
use super::references::{self, Answered};
use super::request::{Arguments, Call, Request};
use super::set::Writing;
use super::shelf::Object;
use super::state::State;
use super::stumble::Stumbles;
use super::{get, keys, query, seed, set, tasks};

/// Changes at every restart of the real server and never otherwise.
pub(crate) const SESSION_STATE: &str = "7da4acf";

pub(crate) fn answer(state: &mut State, caller: &Caller, stumbles: &Stumbles, request: Request) -> Value {
    if request.method_calls.iter().any(|Call(method, _, _)| method.ends_with("/set")) {
        state.tick();
    }
    let due = tasks::due(state);
    let carried = request.created_ids.is_some();
    let mut created = request.created_ids.unwrap_or_default();
    let mut answered: Vec<Answered> = Vec::new();
    for Call(method, arguments, call) in request.method_calls {
        let writing = Writing { state, caller, created: &mut created, stumbles };
        answered.push(match one(writing, &method, arguments, &answered) {
            Ok(body) => Answered { method, body, call },
            Err(error) => Answered { method: "error".to_owned(), body: error.body(), call },
        });
    }
    tasks::run(state, due);
    let responses: Vec<Value> =
        answered.into_iter().map(|one| json!([one.method, one.body, one.call])).collect();
    let mut body = json!({ "methodResponses": responses, "sessionState": SESSION_STATE });
    if let Some(body) = body.as_object_mut().filter(|_| carried) {
        body.insert("createdIds".to_owned(), Value::Object(created));
    }
    body
}

fn one(
    mut writing: Writing<'_>,
    method: &str,
    mut arguments: Arguments,
    answered: &[Answered],
) -> Result<Value, MethodError> {
    if method == "Core/echo" {
        return Ok(Value::Object(arguments.plain().clone()));
    }
    let (kind, operation) =
        kind::method(method).ok_or_else(|| MethodError::UnknownMethod(method.to_owned()))?;
    references::resolve_results(&mut arguments, answered)?;
    let caller = writing.caller;
    if let Some(permission) = seed::reading(kind, operation)
        && !caller.permissions.allow(&permission)
    {
        return Err(MethodError::Forbidden("You are not authorized to perform this action".to_owned()));
    }
    let mut body = match operation {
        Operation::Get => read(kind, writing.state, caller, &arguments)?,
        Operation::Query if kind == Kind::ApiKey => keys::query(writing.state, caller, &arguments)?,
        Operation::Query => query::run(kind, writing.state.shelf(kind), &arguments)?,
        Operation::Set => set::run(kind, &mut writing, &arguments)?,
    };
    let account = arguments.get("accountId").and_then(Value::as_str);
    body.insert(
        "accountId".to_owned(),
        json!(account.map_or_else(|| caller.account.to_string(), str::to_owned)),
    );
    Ok(Value::Object(body))
}

fn read(kind: Kind, state: &State, caller: &Caller, arguments: &Arguments) -> Result<Object, MethodError> {
    if kind == Kind::ApiKey { keys::list(state, caller, arguments) } else { get::run(kind, state, arguments) }
}
