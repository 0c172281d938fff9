//! `/tenants/{t}/holds`: why the doors are shut.

use axum::response::Response;
use projector::tenants;
use schema::tenant::HoldRef;
use schema::{HoldId, Role, TenantCommand, Text};
use serde_json::Value;

use super::convergence::Target;
use super::lifecycle::run;
use super::show;
use crate::ask::Ask;
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional};
use crate::problem::Code;
use crate::reading::{self, to_value};
use crate::route::{Route, Who, delete, get};
use crate::values::word;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tenants/{t}/holds", list).may(Who::Member(Role::Admin), "Its open holds").gives("HoldList"),
        delete("/tenants/{t}/holds/{h}", release)
            .may(Who::Operator, "Take one hold away")
            .takes::<Release>()
            .gives("Tenant"),
    ]
}

struct Release {
    reason: Option<Text>,
}

impl Body for Release {
    const FIELDS: &'static [Field] = &[optional("reason", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self { reason: fields.optional("reason", word) }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    let right = caller.may_read(&seen, Role::Admin)?;
    let query = caller.ask.query(&[])?;
    let mut at = caller.ask.look(&tenants::MODEL, &query).await?;
    let view = tenants::get(&mut at, seen.id).await?;
    let holds = view.map(|view| view.holds).unwrap_or_default();
    let shown: Result<Vec<Value>, ApiError> =
        holds.into_iter().map(|hold| to_value(&show::hold(hold, right))).collect();
    reading::whole(&shown?, &at.as_of())
}

async fn release(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let seen = caller.tenant().await?;
    let unknown = || ApiError::refused(Code::HoldNotFound, "There is no such hold");
    let hold_id: HoldId = caller.ask.place("h").parse().map_err(|_| unknown())?;
    let Release { reason } = caller.body::<Release>().await?.read()?;
    let command = TenantCommand::ReleaseHold { hold: HoldRef::Id(hold_id), reason };
    run(&caller, &seen, command, Target::Settled).await
}
