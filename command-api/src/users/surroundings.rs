//! Me: a person, and what they may see of their tenants.

use projector::{tenants, users};
use schema::{Role, TenantId};
use serde_json::{Value, json};

use crate::App;
use crate::ask::Right;
use crate::auth::Identity;
use crate::error::ApiError;
use crate::reading::to_value;
use crate::{subscriptions, tenants as tenant_routes};

/// Everything in Me that is not the person's own.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    subject: String,
    audiences: Value,
    tenants: Vec<Value>,
    subscriptions: Vec<Value>,
    /// The last event that changed one of these tenants.
    changed: u64,
    /// Whether one of them also shows what changes without any event.
    is_noted: bool,
}

impl Surroundings {
    /// What stands around a person at this moment.
    pub(super) async fn of(app: &App, identity: &Identity, view: &users::UserView) -> Result<Self, ApiError> {
        let is_operator = view.platform_admin && identity.is_operator_scoped();
        let entered: Vec<(TenantId, Role)> = view
            .memberships
            .iter()
            .filter(|found| domain::access::can_enter(&view.person, &found.membership, &found.standing))
            .map(|found| (found.tenant_id, found.membership.role))
            .collect();
        let ids: Vec<TenantId> = entered.iter().map(|(id, _)| *id).collect();
        let mut at = app.views.snapshot(&tenants::MODEL).await?;
        let rows = tenants::rows_of(&mut at, &ids).await?;
        drop(at);
        let mut around = Self {
            subject: identity.subject.clone(),
            audiences: to_value(&identity.audiences)?,
            tenants: Vec::new(),
            subscriptions: Vec::new(),
            changed: 0,
            is_noted: false,
        };
        for (id, role) in entered {
            let Some(tenant) = tenants::assemble(&rows, id).map_err(ApiError::internal)? else {
                continue;
            };
            let right = if is_operator { Right::Everything } else { Right::Member(role) };
            let viewer = tenant_routes::viewer_of(identity, view.platform_admin, right);
            around.tenants.push(tenant_routes::shown(&tenant, viewer)?);
            around.changed = around.changed.max(tenant.changed_position);
            around.is_noted |= tenant.is_noted;
            if right.sees_billing() {
                around.subscriptions.extend(subscriptions::of_tenant(app, &tenant).await?);
            }
        }
        Ok(around)
    }

    /// The Me of the API and its tag.
    pub(super) fn me(
        &self,
        rows: &users::Rows,
        mut view: users::UserView,
    ) -> Result<(Value, (u64, u64)), ApiError> {
        // Of all subjects of this person, the one they came with.
        view.authentik_subject_id = Some(self.subject.clone());
        let invitations = users::invitations(rows, view.id).map_err(ApiError::internal)?;
        let mut body = to_value(&view)?;
        if let Value::Object(object) = &mut body {
            object.insert("audience".to_owned(), self.audiences.clone());
            object.insert("tenants".to_owned(), Value::Array(self.tenants.clone()));
            object.insert("subscriptions".to_owned(), Value::Array(self.subscriptions.clone()));
            object.insert("invitations".to_owned(), to_value(&invitations)?);
            // Who is asked about is known and enabled, and may therefore describe themselves.
            let actions = json!([{ "action": "updateProfile", "allowed": true, "code": null }]);
            object.insert("allowedActions".to_owned(), actions);
        }
        let changed = if self.is_noted { 0 } else { view.changed_position.max(self.changed) };
        Ok((body, (view.version, changed)))
    }
}
