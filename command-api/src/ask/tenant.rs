//! A tenant as its caller sees it: `MEM(role)` of the API.

use domain::access::{Lifecycle, Membership, can_enter, can_write};
use domain::claims::Claim;
use domain::tenant::Tenant;
use schema::{Role, Slug, StreamId, TenantId};

use super::Caller;
use super::caller::operator_scope_required;
use crate::App;
use crate::error::ApiError;
use crate::problem::{Code, Problem};

/// A tenant the caller may see, as it stands in the log.
pub(crate) struct Seen {
    pub id: TenantId,
    pub tenant: Tenant,
    pub version: u64,
    membership: Option<Membership>,
}

/// On which ground a caller may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Right {
    /// Operator: everything.
    Everything,
    /// Member with a role, or platform administrator in the portal: the safe view.
    Member(Role),
}

impl Right {
    /// Whether billing data may be seen.
    pub(crate) fn sees_billing(self) -> bool {
        match self {
            Self::Everything => true,
            Self::Member(role) => role.includes(Role::Billing),
        }
    }
}

impl Caller {
    /// The tenant named in the path. One the caller may not see does not exist for them.
    pub(crate) async fn tenant(&self) -> Result<Seen, ApiError> {
        self.tenant_named(self.ask.place("t")).await
    }

    /// A tenant by slug or id.
    pub(crate) async fn tenant_named(&self, text: &str) -> Result<Seen, ApiError> {
        let Some(id) = find_tenant(&self.ask.app, text).await? else {
            return Err(unknown_tenant());
        };
        let (tenant, version) = self.ask.app.store.fold::<Tenant>(&id.into()).await?;
        let membership = tenant.members().get(&self.known.user_id).copied();
        let Some(standing) = tenant.standing() else {
            return Err(unknown_tenant());
        };
        let enters =
            membership.is_some_and(|membership| can_enter(&self.known.person, &membership, &standing));
        if enters || self.known.person.platform_admin {
            self.ask.trail.about_tenant(id);
            Ok(Seen { id, tenant, version, membership: membership.filter(|_| enters) })
        } else {
            Err(unknown_tenant())
        }
    }

    /// The right to read what a role may read. Platform administrators pass with either audience; through the portal they
    /// see what an owner sees, because only an operator-scoped token makes an operator.
    pub(crate) fn may_read(&self, seen: &Seen, role: Role) -> Result<Right, ApiError> {
        if self.is_operator() {
            return Ok(Right::Everything);
        }
        if self.known.person.platform_admin {
            return Ok(Right::Member(Role::Owner));
        }
        match seen.membership {
            Some(membership) if membership.role.includes(role) => Ok(Right::Member(membership.role)),
            Some(_) | None => Err(role_insufficient()),
        }
    }

    /// The right to change what a role may change, while the tenant may be changed by its members at all.
    pub(crate) fn may_write(&self, seen: &Seen, role: Role) -> Result<(), ApiError> {
        self.may_write_while_held(seen, role)?;
        if self.is_operator() {
            return Ok(());
        }
        let (Some(membership), Some(standing)) = (seen.membership, seen.tenant.standing()) else {
            return Err(role_insufficient());
        };
        if can_write(&self.known.person, &membership, &standing) {
            return Ok(());
        }
        match standing.lifecycle {
            Lifecycle::Terminating => Err(domain::Rejection::TenantTerminating.into()),
            Lifecycle::Pending | Lifecycle::Active | Lifecycle::Terminated => Err(suspended(&seen.tenant)),
        }
    }

    /// The same, also while the tenant is held or ending: the rules decide then.
    pub(crate) fn may_write_while_held(&self, seen: &Seen, role: Role) -> Result<(), ApiError> {
        if self.is_operator() {
            return Ok(());
        }
        match seen.membership {
            Some(membership) if membership.role.includes(role) => Ok(()),
            Some(_) => Err(role_insufficient()),
            None => Err(operator_scope_required()),
        }
    }
}

impl Seen {
    /// The tenant's stream.
    pub(crate) fn stream(&self) -> StreamId {
        self.id.into()
    }

    /// The tenant's slug, for addresses.
    pub(crate) fn slug(&self) -> String {
        self.tenant.slug().map(ToString::to_string).unwrap_or_default()
    }
}

/// The id behind a slug or an id in a path or body.
pub(crate) async fn find_tenant(app: &App, text: &str) -> Result<Option<TenantId>, ApiError> {
    if let Ok(id) = text.parse::<TenantId>() {
        return Ok(Some(id));
    }
    let Ok(slug) = Slug::of_the_platform(text) else {
        return Ok(None);
    };
    let claim = Claim::tenant_slug(&slug);
    let stream = app.store.resolve(claim.scope, &claim.value).await?;
    Ok(stream.and_then(|stream| stream.tenant()))
}

fn unknown_tenant() -> ApiError {
    ApiError::refused(Code::TenantNotFound, "There is no such tenant")
}

fn role_insufficient() -> ApiError {
    ApiError::refused(Code::RoleInsufficient, "Your role does not allow this")
}

fn suspended(tenant: &Tenant) -> ApiError {
    let message = tenant.open_holds().find_map(|(_, hold)| {
        hold.customer_message.as_ref().and_then(|message| message.as_ref()).map(ToString::to_string)
    });
    Problem::new(Code::TenantSuspended, "The tenant is suspended").with("customerMessage", message).into()
}
