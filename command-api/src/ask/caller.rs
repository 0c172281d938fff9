//! The caller of a request: `AUTH` and `OP` of the API.

use domain::Asked;
use domain::access::UserStatus;
use event_store::MetaSeed;
use schema::{Actor, ActorKind};
use uuid::Uuid;

use super::Ask;
use crate::App;
use crate::actors::Known;
use crate::auth::{Identity, identify};
use crate::error::ApiError;
use crate::problem::Code;

/// The exact sentence of the system this one replaces; its clients look for it.
const OPERATOR_SCOPE: &str = "This endpoint requires an operator-scoped token";

/// A request whose caller is known and enabled.
pub(crate) struct Caller {
    pub ask: Ask,
    pub identity: Identity,
    pub known: Known,
}

impl Ask {
    /// The identity in the token, known to us or not.
    pub(crate) async fn identity(&self) -> Result<Identity, ApiError> {
        let config = &self.app.config;
        identify(&self.headers, &self.app.keys, config.email_trust, self.app.now()).await
    }

    /// `AUTH`: a known, enabled user.
    pub(crate) async fn known(self) -> Result<Caller, ApiError> {
        let identity = self.identity().await?;
        match enabled(&self.app, &identity).await? {
            Some(known) => {
                self.meet(&identity, known);
                Ok(Caller { ask: self, identity, known })
            }
            None => Err(ApiError::refused(Code::UserUnknown, "Nobody here has this identity; sign in first")),
        }
    }

    /// `OP`: an operator-scoped token first, then our own list of platform administrators.
    pub(crate) async fn operator(self) -> Result<Caller, ApiError> {
        let identity = self.identity().await?;
        if !identity.is_operator_scoped() {
            // Only to know who tried: it changes nothing of the answer.
            if let Ok(Some(known)) = enabled(&self.app, &identity).await {
                self.meet(&identity, known);
            }
            return Err(ApiError::refused(Code::OperatorScopeRequired, OPERATOR_SCOPE));
        }
        let known = enabled(&self.app, &identity).await?;
        if let Some(known) = known {
            self.meet(&identity, known);
        }
        match known {
            Some(known) if known.person.platform_admin => Ok(Caller { ask: self, identity, known }),
            Some(_) | None => {
                Err(ApiError::refused(Code::NotAPlatformAdmin, "You do not administer the platform"))
            }
        }
    }
}

impl Ask {
    /// Notes who asks. Our staff is our staff with either audience.
    fn meet(&self, identity: &Identity, known: Known) {
        let kind = if known.person.platform_admin { ActorKind::Operator } else { ActorKind::User };
        self.trail.met(known.user_id, kind, identity.audience());
    }
}

async fn enabled(app: &App, identity: &Identity) -> Result<Option<Known>, ApiError> {
    let known = app.actors.find(&app.store, identity).await?;
    match known.map(|known| known.person.status) {
        Some(UserStatus::Disabled | UserStatus::Deactivated) => {
            Err(ApiError::refused(Code::UserDisabled, "This account is disabled"))
        }
        Some(UserStatus::Invited | UserStatus::Active) | None => Ok(known),
    }
}

/// The refusal of a command that only operators may give.
pub(crate) fn operator_scope_required() -> ApiError {
    ApiError::refused(Code::OperatorScopeRequired, OPERATOR_SCOPE)
}

impl Caller {
    /// Whether the caller acts as an operator.
    pub(crate) fn is_operator(&self) -> bool {
        self.identity.is_operator_scoped() && self.known.person.platform_admin
    }

    /// The caller as the rules see them, at this moment, with a new command.
    pub(crate) fn asked(&self) -> Asked {
        let kind = if self.is_operator() { ActorKind::Operator } else { ActorKind::User };
        Asked {
            actor: Actor::person(kind, self.known.user_id),
            now: self.ask.app.now(),
            command_id: Uuid::now_v7(),
        }
    }

    /// The circumstances that are recorded with events.
    pub(crate) fn meta(&self, asked: &Asked) -> MetaSeed {
        MetaSeed {
            audience: self.identity.audience(),
            request_id: Some(self.ask.name.clone()),
            correlation_id: asked.command_id,
            causation_position: None,
        }
    }
}
