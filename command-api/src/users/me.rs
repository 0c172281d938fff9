//! `GET /users/me`: who the caller is here. Registers or links on first sight; never changes rights.

use std::sync::Arc;

use axum::response::Response;
use domain::Asked;
use domain::acts::{Bootstrap, SignIn, SignedInAs, Trust};
use domain::claims::Claim;
use domain::platform::Platform;
use event_store::{ExecuteError, MetaSeed, Outcome, Request};
use projector::users;
use schema::{Actor, ActorKind, Email, Slug, StreamId, UserId};
use uuid::Uuid;

use super::surroundings::Surroundings;

use crate::App;
use crate::ask::Ask;
use crate::auth::Identity;
use crate::error::ApiError;
use crate::problem::Code;
use crate::reading;
use crate::route::{Route, Who, get};

/// Two first sign-ins at once: the slower one looks again and finds what the faster one made.
const LOOKS_MAX: usize = 3;
/// The platform's own tenant.
const OWN_TENANT: &str = "dezky";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/users/me", me).may(Who::Bearer, "Who the caller is; signs in on first sight").gives("Me"),
        get("/me", me).may(Who::Bearer, "The same").gives("Me"),
    ]
}

async fn me(ask: Ask) -> Result<Response, ApiError> {
    let identity = ask.identity().await?;
    let query = ask.query(&[])?;
    let app = &ask.app;
    let (user_id, outcome) = sign_in(app, &identity, &ask.name).await?;
    app.actors.forget(&outcome.news);
    users::note_sign_in(&app.views, user_id, app.now()).await?;
    let mut at = ask.look(&users::MODEL, &query).await?;
    let mut rows = users::rows_of(&mut at, &[user_id]).await?;
    for recorded in outcome.history.iter().chain(&outcome.news) {
        rows.project(recorded).map_err(ApiError::internal)?;
    }
    let unknown = || ApiError::internal("somebody who has just signed in is in no read model");
    let view = users::assemble(&rows, user_id).map_err(ApiError::internal)?.ok_or_else(unknown)?;
    let position = outcome.position.max(at.as_of().position);
    // Nobody asks for a second moment with one in hand: as many people at once would wait for each other.
    drop(at);
    let around = Surroundings::of(app, &identity, &view).await?;
    let (body, tag) = around.me(&rows, view)?;
    reading::resource(&ask.headers, &body, tag, position)
}

/// The rules about an identity and an address, applied until the look-up they rest on is not old.
async fn sign_in(app: &App, identity: &Identity, request: &str) -> Result<(UserId, Outcome), ApiError> {
    let mut refused = None;
    for _ in 0..LOOKS_MAX {
        let act = decision(app, identity).await?;
        let user_id = act.user_id();
        let kind = if act.bootstrap.is_some() { ActorKind::Bootstrap } else { ActorKind::User };
        let is_new = matches!(act.found, SignedInAs::Nobody { .. });
        let asked = Asked { actor: Actor::person(kind, user_id), now: app.now(), command_id: Uuid::now_v7() };
        let meta = MetaSeed {
            audience: identity.audience(),
            request_id: Some(request.to_owned()),
            correlation_id: asked.command_id,
            causation_position: None,
        };
        let asked = Request { meta, ..Request::new(asked) };
        match app.store.execute(Arc::new(act), asked).await {
            Ok(outcome) => return Ok((user_id, outcome)),
            Err(ExecuteError::Rejected(rejection)) if is_new => refused = Some(rejection),
            Err(error) => return Err(error.into()),
        }
    }
    Err(refused.map_or_else(|| ApiError::refused(Code::ConcurrentChange, "Sign in again"), Into::into))
}

async fn decision(app: &App, identity: &Identity) -> Result<SignIn, ApiError> {
    let email = identity.email.as_deref().and_then(|text| text.parse::<Email>().ok());
    let found = match by_identity(app, identity).await? {
        Some(user_id) => SignedInAs::Identity(user_id),
        None => by_address(app, identity, email.clone()).await?,
    };
    Ok(SignIn {
        instance: identity.instance.clone(),
        subject: identity.subject.clone(),
        audience: identity.audience().unwrap_or_default(),
        name: identity.name.as_deref().and_then(|text| text.parse().ok()),
        found,
        bootstrap: bootstrap(app, identity, email.as_ref()).await?,
    })
}

async fn by_identity(app: &App, identity: &Identity) -> Result<Option<UserId>, ApiError> {
    let claim = Claim::identity(&identity.instance, &identity.subject);
    Ok(app.store.resolve(claim.scope, &claim.value).await?.and_then(|stream| stream.user()))
}

async fn by_address(app: &App, identity: &Identity, email: Option<Email>) -> Result<SignedInAs, ApiError> {
    let Some(email) = email else {
        return Err(ApiError::refused(
            Code::UserUnknown,
            "The token carries no e-mail address to register with",
        ));
    };
    let claim = Claim::email(&email);
    let holder = app.store.resolve(claim.scope, &claim.value).await?.and_then(|stream| stream.user());
    let is_proof = identity.email_is_trusted && is_plainly_written(&email);
    let trust = if is_proof { Trust::Trusted } else { Trust::Untrusted };
    Ok(match holder {
        Some(user_id) => SignedInAs::Address { user_id, trust },
        None => SignedInAs::Nobody { user_id: UserId::from_uuid(Uuid::now_v7()), email },
    })
}

/// Whether an address is the one it is compared as, but for the case of its letters. Two mailboxes may look alike in the
/// compared form (`\u{212a}` becomes `k`, `ﬁ` becomes `fi`), and the holder of one proves nothing about the other.
fn is_plainly_written(email: &Email) -> bool {
    let turns_plain = |letter: char| !letter.is_ascii() && letter.to_lowercase().any(|one| one.is_ascii());
    email.as_str().to_lowercase() == email.normalised() && !email.as_str().chars().any(turns_plain)
}

/// The first administrator: by a trusted address, with an operator-scoped token, while there has never been one.
async fn bootstrap(
    app: &App,
    identity: &Identity,
    email: Option<&Email>,
) -> Result<Option<Bootstrap>, ApiError> {
    let is_meant = app
        .config
        .bootstrap_admin_email
        .as_ref()
        .zip(email)
        .is_some_and(|(meant, email)| meant.normalised() == email.normalised());
    let is_proof = identity.email_is_trusted && email.is_some_and(is_plainly_written);
    if !is_meant || !is_proof || !identity.is_operator_scoped() {
        return Ok(None);
    }
    let (platform, _) = app.store.fold::<Platform>(&StreamId::platform()).await?;
    if platform.ever_had_admin() {
        return Ok(None);
    }
    let slug = Slug::of_the_platform(OWN_TENANT).map_err(ApiError::internal)?;
    let claim = Claim::tenant_slug(&slug);
    let tenant = app.store.resolve(claim.scope, &claim.value).await?;
    Ok(Some(Bootstrap { tenant_id: tenant.and_then(|stream| stream.tenant()) }))
}
