//! `suspend`, `resume`, `terminate`, `restore`: operators open and shut doors.

use axum::response::Response;
use domain::One;
use domain::tenant::Tenant;
use schema::tenant::{HoldKind, HoldRef};
use schema::{HoldId, TenantCommand, Text, Timestamp, ValueError};
use uuid::Uuid;

use super::convergence::Target;
use super::{of_tenant, reply};
use crate::ask::{Ask, Caller, Order, Right, Seen};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional};
use crate::route::{Route, Who, delete, post};
use crate::values::{string, whole, word};

const GRACE_DAYS_DEFAULT: u16 = 30;
const GRACE_DAYS_MAX: u64 = 90;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/tenants/{t}/suspend", suspend)
            .may(Who::Operator, "Shut the doors; data and incoming mail stay")
            .takes::<Suspend>()
            .gives("Tenant"),
        post("/tenants/{t}/resume", resume)
            .may(Who::Operator, "Take a hold away; doors open when none is left")
            .takes::<Resume>()
            .gives("Tenant"),
        post("/tenants/{t}/terminate", terminate)
            .may(Who::Operator, "Set the end, after a time of grace")
            .takes::<Terminate>()
            .gives("Tenant"),
        delete("/tenants/{t}", terminate)
            .may(Who::Operator, "The same as terminate")
            .takes::<Terminate>()
            .gives("Tenant"),
        post("/tenants/{t}/restore", restore)
            .may(Who::Operator, "Take the end back")
            .takes::<Restore>()
            .gives("Tenant"),
    ]
}

struct Suspend {
    reason: Option<Text>,
    customer_message: Option<Text>,
    until: Option<Timestamp>,
}

impl Body for Suspend {
    const FIELDS: &'static [Field] = &[
        optional("kind", Kind::String),
        optional("reason", Kind::String),
        optional("customerMessage", Kind::String),
        optional("until", Kind::String),
    ];

    fn read(fields: &mut Fields) -> Self {
        fields.optional("kind", |value| match string(value)?.as_str() {
            "operator" => Ok(()),
            _ => Err(ValueError::new("not-allowed", "only holds of the kind operator are placed here")),
        });
        Self {
            reason: fields.optional("reason", word),
            customer_message: fields.optional("customerMessage", word),
            until: fields.optional("until", word),
        }
    }
}

struct Resume {
    hold: HoldRef,
    reason: Option<Text>,
}

impl Body for Resume {
    const FIELDS: &'static [Field] = &[optional("holdId", Kind::String), optional("reason", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self {
            hold: fields
                .optional("holdId", word::<HoldId>)
                .map_or(HoldRef::Kind(HoldKind::Operator), HoldRef::Id),
            reason: fields.optional("reason", word),
        }
    }
}

struct Terminate {
    reason: Option<Text>,
    grace_days: u16,
    confirm: Option<String>,
}

impl Body for Terminate {
    const FIELDS: &'static [Field] = &[
        optional("reason", Kind::String),
        optional("graceDays", Kind::Integer),
        optional("confirm", Kind::String),
    ];

    fn read(fields: &mut Fields) -> Self {
        let days = fields.optional("graceDays", |value| whole(value, 0, GRACE_DAYS_MAX));
        Self {
            reason: fields.optional("reason", word),
            grace_days: days.and_then(|days| u16::try_from(days).ok()).unwrap_or(GRACE_DAYS_DEFAULT),
            confirm: fields.optional("confirm", string),
        }
    }
}

struct Restore {
    reason: Option<Text>,
}

impl Body for Restore {
    const FIELDS: &'static [Field] = &[optional("reason", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self { reason: fields.optional("reason", word) }
    }
}

async fn suspend(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen, Suspend { reason, customer_message, until }) = operate(ask).await?;
    let hold_id = HoldId::from_uuid(Uuid::now_v7());
    let command =
        TenantCommand::PlaceHold { hold_id, kind: HoldKind::Operator, reason, customer_message, until };
    run(&caller, &seen, command, Target::Settled).await
}

async fn resume(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen, Resume { hold, reason }) = operate(ask).await?;
    run(&caller, &seen, TenantCommand::ReleaseHold { hold, reason }, Target::Settled).await
}

async fn terminate(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen, Terminate { reason, grace_days, confirm }) = operate(ask).await?;
    run(&caller, &seen, TenantCommand::Terminate { reason, grace_days, confirm }, Target::None).await
}

async fn restore(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen, Restore { reason }) = operate(ask).await?;
    run(&caller, &seen, TenantCommand::Restore { reason }, Target::Settled).await
}

async fn operate<B: Body>(ask: Ask) -> Result<(Caller, Seen, B), ApiError> {
    let caller = ask.operator().await?;
    let seen = caller.tenant().await?;
    let body = caller.body::<B>().await?.read::<B>()?;
    Ok((caller, seen, body))
}

/// One command on a tenant, answered with the tenant.
pub(super) async fn run(
    caller: &Caller,
    seen: &Seen,
    command: TenantCommand,
    target: Target,
) -> Result<Response, ApiError> {
    let app = &caller.ask.app;
    let act = One::<Tenant> { stream: seen.stream(), command };
    let order = Order::on(seen.id, act).loading(reply::streams(app, seen.id, &seen.tenant).await?);
    let render = of_tenant(app, seen.id, caller.viewer(Right::Everything), 200).await?;
    let answered = caller.execute_for_outcome(order, render).await?;
    target.wait(caller, seen.id, 200, answered).await
}
