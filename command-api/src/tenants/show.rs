//! A tenant as its viewer may see it: the safe view for members, and what the viewer could do next.

use domain::access::Lifecycle;
use projector::tenants::{HoldView, TenantView};
use schema::tenant::HoldKind;
use serde_json::{Value, json};

use crate::ask::{Caller, Right};
use crate::auth::Identity;
use crate::error::ApiError;
use crate::problem::Code;
use crate::reading::to_value;

/// Who looks, and on which ground.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Viewer {
    /// What they may see.
    pub right: Right,
    /// What forbids them what only operators do.
    pub barred: Option<Code>,
}

impl Caller {
    /// The caller as a viewer.
    pub(crate) fn viewer(&self, right: Right) -> Viewer {
        viewer_of(&self.identity, self.known.person.platform_admin, right)
    }
}

/// Somebody as a viewer: what they may see, and what forbids them what only operators do.
pub(crate) fn viewer_of(identity: &Identity, platform_admin: bool, right: Right) -> Viewer {
    let barred = match (identity.is_operator_scoped(), platform_admin) {
        (true, true) => None,
        (true, false) => Some(Code::NotAPlatformAdmin),
        (false, _) => Some(Code::OperatorScopeRequired),
    };
    Viewer { right, barred }
}

/// The refusal for a tenant that does not exist, or not for this caller.
pub(crate) fn unknown_tenant() -> ApiError {
    ApiError::refused(Code::TenantNotFound, "There is no such tenant")
}

/// The Tenant of the API.
pub(crate) fn tenant(view: &TenantView, viewer: Viewer) -> Result<Value, ApiError> {
    let mut shown = match viewer.right {
        Right::Everything => to_value(view)?,
        Right::Member(_) => to_value(&safe(view.clone(), viewer.right))?,
    };
    if let Value::Object(object) = &mut shown {
        object.insert("allowedActions".to_owned(), actions(view, viewer));
        if viewer.right != Right::Everything {
            object.insert("handles".to_owned(), Value::Null);
        }
    }
    Ok(shown)
}

/// A hold as a viewer may see it.
pub(crate) fn hold(view: HoldView, right: Right) -> HoldView {
    match right {
        Right::Everything => view,
        Right::Member(_) => safe_hold(view),
    }
}

fn safe(mut view: TenantView, right: Right) -> TenantView {
    if !right.sees_billing() {
        view.billing_info = None;
    }
    view.provisioning_errors = projector::api::PerSystem::from_fn(|system| {
        view.provisioning_errors.of(system).as_ref().map(|_| format!("{} is not ready yet", system.area()))
    });
    view.holds = view.holds.into_iter().map(safe_hold).collect();
    if let Some(termination) = &mut view.termination {
        termination.reason = None;
    }
    view
}

fn safe_hold(mut view: HoldView) -> HoldView {
    view.reason = None;
    view.placed_by.id = None;
    view
}

fn actions(view: &TenantView, viewer: Viewer) -> Value {
    let living = matches!(view.standing.lifecycle, Lifecycle::Pending | Lifecycle::Active);
    let held = view.standing.holds.contains(&HoldKind::Operator);
    let terminating = view.standing.lifecycle == Lifecycle::Terminating;
    let hold_code = |has_effect| match (living, has_effect) {
        (false, _) => Some(Code::InvalidTransition.as_str()),
        (true, false) => Some("no-effect"),
        (true, true) => None,
    };
    let actions = [
        ("suspend", hold_code(!held)),
        ("resume", hold_code(held)),
        ("terminate", (!living).then_some("no-effect")),
        ("restore", (!terminating).then_some(Code::InvalidTransition.as_str())),
    ];
    let entry = |(action, code): (&str, Option<&str>)| {
        let code = viewer.barred.map(Code::as_str).or(code);
        json!({ "action": action, "allowed": code.is_none(), "code": code })
    };
    Value::Array(actions.into_iter().map(entry).collect())
}
