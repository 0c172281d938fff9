//! `/tenants/{t}/provisioning` and `reconcile`: how far the outside systems are, and asking them to catch up.

use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use projector::operations::{self, Operation};
use projector::provisioning::{self, ProvisioningView};
use schema::{OperationId, Role, System, TenantId};
use serde_json::Value;
use uuid::Uuid;

use super::convergence::{Settled, current, settle};
use crate::ask::{Ask, Caller, Right};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional};
use crate::idempotency::Stored;
use crate::operations::begun;
use crate::pace::Rate;
use crate::precondition;
use crate::problem::Code;
use crate::reading::{self, to_value};
use crate::route::{Route, Who, get, post};
use crate::values::words;

const WAIT_DEFAULT: Duration = Duration::from_secs(10);
const BY_OWNERS: Rate = Rate::per_minute("reconcile", 1);

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tenants/{t}/provisioning", list)
            .may(Who::Member(Role::Admin), "How far the outside systems are")
            .gives("Provisioning"),
        get("/tenants/{t}/provisioning/{i}", one)
            .may(Who::Operator, "One outside system")
            .gives("Integration"),
        post("/tenants/{t}/reconcile", reconcile)
            .may(Who::Member(Role::Owner), "Ask the outside systems to catch up; owners once a minute")
            .takes::<Reconcile>()
            .gives("Tenant")
            .or_later("Operation"),
    ]
}

struct Reconcile {
    systems: Vec<System>,
}

impl Body for Reconcile {
    const FIELDS: &'static [Field] = &[optional("integrations", Kind::Strings)];

    fn read(fields: &mut Fields) -> Self {
        let systems = fields.list("integrations", |value, at| words(value, at, System::ALL.len()));
        let systems = systems.filter(|systems: &Vec<System>| !systems.is_empty());
        Self { systems: systems.unwrap_or_else(|| System::ALL.to_vec()) }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    let right = caller.may_read(&seen, Role::Admin)?;
    let query = caller.ask.query(&[])?;
    let mut at = caller.ask.look(&provisioning::MODEL, &query).await?;
    let view = provisioning::get(&mut at, seen.id).await?;
    let body = shown(view, right)?;
    Ok(reading::plain(&body, at.as_of().position))
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let seen = caller.tenant().await?;
    let unknown =
        |_| ApiError::refused(Code::IntegrationNotFound, "Integrations are authentik, stalwart and ocis");
    let system: System = caller.ask.place("i").parse().map_err(unknown)?;
    let query = caller.ask.query(&[])?;
    let mut at = caller.ask.look(&provisioning::MODEL, &query).await?;
    let view = provisioning::get(&mut at, seen.id).await?;
    let body = to_value(view.integrations.of(system))?;
    Ok(reading::plain(&body, at.as_of().position))
}

fn shown(view: ProvisioningView, right: Right) -> Result<Value, ApiError> {
    match right {
        Right::Everything => to_value(&view),
        Right::Member(_) => to_value(&reduced(view)),
    }
}

/// Without the systems' own ids and without anything they said.
fn reduced(mut view: ProvisioningView) -> ProvisioningView {
    for (system, integration) in view.integrations.each_mut() {
        integration.resources = Vec::new();
        integration.mode = None;
        integration.differences = None;
        for condition in &mut integration.conditions {
            condition.message = None;
        }
        if let Some(error) = &mut integration.last_error {
            error.message = format!("{} is not ready yet", system.area());
            error.resource = None;
            error.upstream = None;
        }
    }
    view
}

async fn reconcile(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    caller.may_write_while_held(&seen, Role::Owner)?;
    let Reconcile { systems } = caller.body::<Reconcile>().await?.read()?;
    if caller.is_rehearsal()? {
        return Ok(crate::rehearsal::answer_for(&caller.ask.app, seen.id, Vec::new()).await?.into_response());
    }
    if !caller.is_operator() {
        caller.ask.app.pace.step(caller.known.user_id, BY_OWNERS)?;
    }
    let app = &caller.ask.app;
    let head = app.store.read_head().await?;
    app.planner.reconcile(seen.id, systems.clone()).await.map_err(ApiError::internal)?;
    let within = precondition::prefer_wait(&caller.ask.headers)?.unwrap_or(WAIT_DEFAULT);
    let answer = match settle(&caller, seen.id, &systems, head, within).await? {
        Settled::InTime => current(&caller, seen.id, 200, head).await?,
        Settled::NotYet => None,
    };
    let answer = match answer {
        Some(answer) => answer,
        None => running(&caller, seen.id, systems, head).await?,
    };
    caller.keep(answer).await
}

/// It goes on without the caller, who may ask how far it is.
async fn running(
    caller: &Caller,
    tenant: TenantId,
    systems: Vec<System>,
    position: u64,
) -> Result<Stored, ApiError> {
    let app = &caller.ask.app;
    let operation = Operation {
        id: OperationId::from_uuid(Uuid::now_v7()),
        creator: caller.known.user_id,
        tenant,
        systems,
        position,
        created_at: app.now(),
    };
    operations::note(&app.views, &operation).await?;
    Ok(Stored {
        status: 202,
        position: app.store.head(),
        etag: None,
        location: Some(format!("/operations/{}", operation.id)),
        body: begun(&operation),
    })
}
