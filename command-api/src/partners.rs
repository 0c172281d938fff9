//! `/partners`: resellers, for operators only.

mod change;
mod customers;
mod list;
mod reply;

use axum::response::Response;
use domain::claims::Claim;
use domain::partner::Partner;
use projector::partners;
use schema::{PartnerId, Slug, StreamId};

use crate::App;
use crate::ask::{Ask, Caller, Right};
use crate::audit::{self, PARAMETERS, Scope};
use crate::error::ApiError;
use crate::problem::Code;
use crate::reading;
use crate::route::{Route, Who, get};

/// Every route below `/partners`.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = list::routes();
    routes.push(get("/partners/{p}", one).may(Who::Operator, "One partner").gives("Partner"));
    routes.extend(change::routes());
    routes.extend(customers::routes());
    routes.push(
        get("/partners/{p}/audit", history)
            .may(Who::Operator, "What has happened, newest first")
            .asks(PARAMETERS)
            .gives("AuditList"),
    );
    routes
}

/// A partner as it stands in the log.
pub(crate) struct Found {
    pub id: PartnerId,
    pub partner: Partner,
    pub version: u64,
}

impl Found {
    pub(crate) fn stream(&self) -> StreamId {
        self.id.into()
    }
}

impl Caller {
    /// The partner named in the path.
    pub(crate) async fn partner(&self) -> Result<Found, ApiError> {
        let app = &self.ask.app;
        let id = find_partner(app, self.ask.place("p")).await?.ok_or_else(unknown_partner)?;
        let (partner, version) = app.store.fold::<Partner>(&id.into()).await?;
        if !partner.exists() {
            return Err(unknown_partner());
        }
        self.ask.trail.about_partner(id);
        Ok(Found { id, partner, version })
    }
}

/// The id behind a slug or an id.
pub(crate) async fn find_partner(app: &App, text: &str) -> Result<Option<PartnerId>, ApiError> {
    if let Ok(id) = text.parse::<PartnerId>() {
        let (partner, _) = app.store.fold::<Partner>(&id.into()).await?;
        return Ok(partner.exists().then_some(id));
    }
    let Ok(slug) = Slug::of_the_platform(text) else {
        return Ok(None);
    };
    let claim = Claim::partner_slug(&slug);
    Ok(app.store.resolve(claim.scope, &claim.value).await?.and_then(|stream| stream.partner()))
}

fn unknown_partner() -> ApiError {
    ApiError::refused(Code::PartnerNotFound, "There is no such partner")
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    let query = caller.ask.query(&[])?;
    let today = caller.ask.app.now().date();
    let mut at = caller.ask.look(&partners::MODEL, &query).await?;
    let mut view = partners::get(&mut at, found.id, today).await?;
    if view.is_none() {
        drop(at);
        at = reading::must_catch_up(&caller.ask.app, &partners::MODEL).await?;
        view = partners::get(&mut at, found.id, today).await?;
    }
    let view = view.ok_or_else(unknown_partner)?;
    let tag = (view.version, view.changed_position);
    reading::resource(&caller.ask.headers, &reply::shown(&view)?, tag, at.as_of().position)
}

async fn history(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    audit::page(&caller, Scope::Partner(found.id), Right::Everything).await
}
