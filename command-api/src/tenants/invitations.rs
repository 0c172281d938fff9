//! Invitations: an offer to become a member, answered by the invited person alone.

use std::collections::BTreeMap;

use axum::response::Response;
use domain::acts::AcceptInvitation;
use domain::tenant::Tenant;
use domain::user::User;
use domain::{One, Rejection};
use event_store::Outcome;
use projector::api::{AsOf, Moment};
use projector::{At, QueryError, users};
use schema::{
    Actor, ActorKind, Event, InvitationId, Recorded, Role, TenantCommand, TenantEvent, TenantId, UserId,
};
use serde_json::{Value, json};

use crate::App;
use crate::ask::{Ask, Caller, Order, Rendered, Right};
use crate::error::ApiError;
use crate::fields::Nothing;
use crate::reading;
use crate::route::{Route, Who, get, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/tenants/{t}/invitations", list)
            .may(Who::Member(Role::Admin), "Its invitations")
            .gives("InvitationList"),
        post("/invitations/{id}/accept", accept)
            .may(Who::Known, "The invited person says yes")
            .takes::<Nothing>()
            .gives("Invitation"),
        post("/invitations/{id}/decline", decline)
            .may(Who::Known, "The invited person says no")
            .takes::<Nothing>()
            .gives("Invitation"),
    ]
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    let right = caller.may_read(&seen, Role::Admin)?;
    let query = caller.ask.query(&[])?;
    let position = caller.ask.look_at_log(&query).await?;
    let app = &caller.ask.app;
    let invitations = fold(app.store.load(&seen.stream()).await?.iter());
    let mut data = Vec::new();
    for invitation in invitations.values() {
        let email = address(app, invitation.user_id).await?;
        data.push(invitation.shown(seen.id, email.as_deref(), right));
    }
    reading::whole(&data, &AsOf { position, time: Some(Moment(app.now())) })
}

async fn accept(ask: Ask) -> Result<Response, ApiError> {
    let (caller, tenant_id, invitation_id) = invited(ask).await?;
    let act = AcceptInvitation { tenant_id, invitation_id, user_id: caller.known.user_id };
    let render = answer(&caller, tenant_id, invitation_id).await?;
    caller.execute(Order::on(tenant_id, act), render).await
}

async fn decline(ask: Ask) -> Result<Response, ApiError> {
    let (caller, tenant_id, invitation_id) = invited(ask).await?;
    let command = TenantCommand::DeclineInvitation { invitation_id };
    let act = One::<Tenant> { stream: tenant_id.into(), command };
    let render = answer(&caller, tenant_id, invitation_id).await?;
    caller.execute(Order::on(tenant_id, act), render).await
}

/// The caller, and the tenant the invitation leads to. Whether it is theirs is for the rules to say.
async fn invited(ask: Ask) -> Result<(Caller, TenantId, InvitationId), ApiError> {
    let caller = ask.known().await?;
    let id: InvitationId = caller.ask.place("id").parse().map_err(|_| Rejection::InvitationNotFound)?;
    let app = &caller.ask.app;
    let mut at = reading::must_catch_up(app, &users::MODEL).await?;
    let tenant = tenant_of(&mut at, id).await?.ok_or(Rejection::InvitationNotFound)?;
    caller.body::<Nothing>().await?.read::<Nothing>()?;
    Ok((caller, tenant, id))
}

async fn answer(
    caller: &Caller,
    tenant: TenantId,
    id: InvitationId,
) -> Result<impl Fn(&Outcome) -> Result<Rendered, ApiError> + Send + Sync + 'static, ApiError> {
    let email = address(&caller.ask.app, caller.known.user_id).await?;
    Ok(move |outcome: &Outcome| {
        let invitations = fold(outcome.history.iter().chain(&outcome.news));
        let invitation = invitations.get(&id).ok_or(Rejection::InvitationNotFound)?;
        Ok(Rendered {
            status: 200,
            tag: None,
            location: None,
            body: invitation.shown(tenant, email.as_deref(), Right::Member(Role::Member)),
        })
    })
}

async fn tenant_of(at: &mut At, id: InvitationId) -> Result<Option<TenantId>, ApiError> {
    let sql = "select tenant_id from user_invitations where invitation_id = $1";
    let rows = at.query(sql, &[id.to_string().into()]).await.map_err(QueryError::from)?;
    Ok(rows.first().and_then(|row| row.text(0).ok()?.parse().ok()))
}

async fn address(app: &App, user: UserId) -> Result<Option<String>, ApiError> {
    let (user, _) = app.store.fold::<User>(&user.into()).await?;
    Ok(user.email().as_ref().map(ToString::to_string))
}

/// An invitation with what became of it.
struct Shown {
    id: InvitationId,
    user_id: UserId,
    role: Role,
    status: &'static str,
    expires_at: String,
    invited_by: Actor,
    created_at: String,
}

impl Shown {
    /// Who of our staff invited is shown to our staff only.
    fn shown(&self, tenant: TenantId, email: Option<&str>, right: Right) -> Value {
        let is_shown = right == Right::Everything || self.invited_by.kind == ActorKind::User;
        json!({
            "id": self.id,
            "tenantId": tenant,
            "userId": self.user_id,
            "email": email,
            "role": self.role,
            "status": self.status,
            "expiresAt": self.expires_at,
            "invitedBy": self.invited_by.id.filter(|_| is_shown),
            "createdAt": self.created_at,
        })
    }
}

fn fold<'a>(events: impl Iterator<Item = &'a Recorded>) -> BTreeMap<InvitationId, Shown> {
    let mut all = BTreeMap::new();
    for recorded in events {
        let Event::Tenant(event) = &recorded.event else {
            continue;
        };
        if let TenantEvent::MemberInvited { invitation_id, user_id, role, expires_at, revived: _ } = event {
            let shown = Shown {
                id: *invitation_id,
                user_id: *user_id,
                role: *role,
                status: "open",
                expires_at: expires_at.to_api(),
                invited_by: recorded.meta.actor,
                created_at: recorded.recorded_at.to_api(),
            };
            all.insert(*invitation_id, shown);
        }
        end(&mut all, event);
    }
    all
}

fn end(all: &mut BTreeMap<InvitationId, Shown>, event: &TenantEvent) {
    let mut set = |id: &InvitationId, status| {
        if let Some(shown) = all.get_mut(id) {
            shown.status = status;
        }
    };
    if let TenantEvent::InvitationAccepted { invitation_id, user_id: _ } = event {
        set(invitation_id, "accepted");
    }
    if let TenantEvent::InvitationDeclined { invitation_id, user_id: _ } = event {
        set(invitation_id, "declined");
    }
    if let TenantEvent::InvitationExpired { invitation_id, user_id: _ } = event {
        set(invitation_id, "expired");
    }
    if let TenantEvent::MemberAdded { user_id, role: _, source: _ } = event {
        for shown in all.values_mut().filter(|shown| shown.user_id == *user_id && shown.status == "open") {
            shown.status = "accepted";
        }
    }
}
