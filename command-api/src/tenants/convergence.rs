//! `Prefer: wait=N`: a command's answer may wait until the outside systems have followed.

use std::time::Duration;

use axum::response::Response;
use event_store::Outcome;
use projector::tenants;
use schema::{System, TenantId};
use tokio::time::Instant;

use super::show::tenant as shown;
use crate::ask::{Caller, Rendered, Right};
use crate::error::ApiError;
use crate::idempotency::Stored;
use crate::precondition;

/// How long one look at the log may take before the systems are asked again.
const STEP: Duration = Duration::from_millis(50);

/// What a command waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Nothing.
    None,
    /// Every system has followed, or says that it cannot.
    Settled,
}

impl Target {
    /// The answer, later if the caller prefers so: then it is read again after the systems have followed.
    pub(crate) async fn wait(
        self,
        caller: &Caller,
        id: TenantId,
        status: u16,
        answered: (Response, Option<Outcome>),
    ) -> Result<Response, ApiError> {
        let (response, outcome) = answered;
        let within = precondition::prefer_wait(&caller.ask.headers)?.unwrap_or(Duration::ZERO);
        match (self, outcome) {
            (Self::Settled, Some(outcome)) if !within.is_zero() => {
                Ok(afterwards(caller, id, status, &outcome, within).await.unwrap_or(response))
            }
            (Self::None | Self::Settled, _) => Ok(response),
        }
    }
}

/// The answer after the wait. The command is recorded whatever happens now, so no failure here may hide its answer.
async fn afterwards(
    caller: &Caller,
    id: TenantId,
    status: u16,
    outcome: &Outcome,
    within: Duration,
) -> Option<Response> {
    let waited = async {
        settle(caller, id, &System::ALL, outcome.position, within).await?;
        current(caller, id, status, outcome.position).await
    };
    match waited.await {
        Ok(stored) => stored.map(|stored| stored.to_response()),
        Err(error) => {
            tracing::warn!(error = ?error, "a command was recorded and its convergence could not be watched");
            None
        }
    }
}

/// Waits until these systems have followed the log up to a position. Says whether they did in time.
pub(super) async fn settle(
    caller: &Caller,
    id: TenantId,
    systems: &[System],
    position: u64,
    within: Duration,
) -> Result<Settled, ApiError> {
    let app = &caller.ask.app;
    let end = Instant::now() + within;
    let mut follower = app.store.follow(position);
    loop {
        let is_settled =
            app.planner.is_settled(id, systems.to_vec(), position).await.map_err(ApiError::internal)?;
        if is_settled {
            return Ok(Settled::InTime);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(Settled::NotYet);
        }
        // Whatever is read here only says that it is worth looking again; a silent log is looked at too.
        if let Ok(Err(error)) = tokio::time::timeout(STEP.min(left), follower.next(100)).await {
            return Err(ApiError::internal(error));
        }
    }
}

/// Whether systems followed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// They did.
    InTime,
    /// They go on in the background.
    NotYet,
}

/// The tenant as the read model shows it now, not before a position.
pub(super) async fn current(
    caller: &Caller,
    id: TenantId,
    status: u16,
    position: u64,
) -> Result<Option<Stored>, ApiError> {
    let app = &caller.ask.app;
    let head = app.store.head().max(position);
    if app.views.wait_for(&tenants::MODEL, head, Duration::from_secs(1)).await.is_err() {
        return Ok(None);
    }
    let mut at = app.views.snapshot(&tenants::MODEL).await?;
    let Some(view) = tenants::get(&mut at, id).await? else {
        return Ok(None);
    };
    let right = if caller.is_operator() { Right::Everything } else { Right::Member(schema::Role::Owner) };
    let rendered = Rendered {
        status,
        tag: Some(view.tag()),
        location: (status == 201).then(|| format!("/tenants/{}", view.slug)),
        body: shown(&view, caller.viewer(right))?,
    };
    Ok(Some(rendered.at(at.as_of().position)))
}
