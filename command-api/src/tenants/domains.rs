//! `/tenants/{t}/domains`: claimed by anybody, verified by one tenant, one of them primary.

mod view;

use std::collections::BTreeSet;

use axum::response::Response;
use domain::One;
use domain::tenant::Tenant;
use domain::user::User;
use event_store::Outcome;
use projector::api::{AsOf, Moment};
use schema::tenant::{DomainUse, VerifyMethod};
use schema::{DomainName, Role, TenantCommand, Text, ValueError};

use crate::App;
use crate::ask::{Ask, Caller, Order, Rendered, Seen};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, Nothing, optional, required};
use crate::pace::Rate;
use crate::problem::Code;
use crate::reading;
use crate::route::{Route, Who, delete, get, post};
use crate::values::{string, word};

use view::Domains;

const VERIFICATIONS: Rate = Rate::per_minute("verify a domain", 6);

pub(super) fn routes() -> Vec<Route> {
    let admin = Who::Member(Role::Admin);
    vec![
        get("/tenants/{t}/domains", list).may(Who::Member(Role::Member), "Its domains").gives("DomainList"),
        get("/tenants/{t}/domains/{d}", one).may(Who::Member(Role::Member), "One domain").gives("Domain"),
        post("/tenants/{t}/domains", claim)
            .may(admin, "Claim a domain; not exclusive")
            .takes::<Claim>()
            .creates("Domain"),
        post("/tenants/{t}/domains/{d}/verify", verify)
            .may(admin, "Make a claimed domain the tenant's own")
            .takes::<Verify>()
            .gives("Domain"),
        post("/tenants/{t}/domains/{d}/make-primary", make_primary)
            .may(admin, "Use a verified domain for new addresses")
            .takes::<Nothing>()
            .gives("Domain"),
        delete("/tenants/{t}/domains/{d}", release)
            .may(admin, "Let go of a domain")
            .takes::<Nothing>()
            .gives("Domain"),
    ]
}

struct Claim {
    domain: Option<DomainName>,
}

impl Body for Claim {
    const FIELDS: &'static [Field] = &[required("domain", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self { domain: fields.required("domain", word) }
    }
}

struct Verify {
    method: Option<String>,
    evidence: Option<Text>,
}

impl Body for Verify {
    const FIELDS: &'static [Field] = &[optional("method", Kind::String), optional("evidence", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self { method: fields.optional("method", string), evidence: fields.optional("evidence", word) }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen, as_of) = read(ask).await?;
    let domains = Domains::of(&caller.ask.app.store.load(&seen.stream()).await?);
    reading::whole(&domains.all(&caller.ask.app, seen.id), &as_of)
}

async fn one(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen, as_of) = read(ask).await?;
    let name = named(&caller.ask)?;
    let events = caller.ask.app.store.load(&seen.stream()).await?;
    let shown = Domains::of(&events).one(&caller.ask.app, seen.id, &name).ok_or_else(unknown_domain)?;
    let tag = events.last().map_or((0, 0), |last| (last.version, last.position));
    reading::resource(&caller.ask.headers, &shown, tag, as_of.position)
}

async fn read(ask: Ask) -> Result<(Caller, Seen, AsOf), ApiError> {
    let caller = ask.known().await?;
    let query = caller.ask.query(&[])?;
    let position = caller.ask.look_at_log(&query).await?;
    let seen = caller.tenant().await?;
    caller.may_read(&seen, Role::Member)?;
    let as_of = AsOf { position, time: Some(Moment(caller.ask.app.now())) };
    Ok((caller, seen, as_of))
}

async fn claim(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen) = write(ask).await?;
    let body = caller.body::<Claim>().await?.read::<Claim>()?;
    let Some(domain) = body.domain else {
        return Err(ApiError::invalid("/domain", "required", "must be given"));
    };
    must_be_outside(&caller.ask.app.config.platform_zones, std::slice::from_ref(&domain), "/domain")?;
    run(&caller, &seen, domain.clone(), TenantCommand::ClaimDomain { domain }, 201).await
}

async fn verify(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen) = write(ask).await?;
    let body = caller.body::<Verify>().await?.read::<Verify>()?;
    let domain = named(&caller.ask)?;
    match body.method.as_deref() {
        Some("operator") if caller.is_operator() => {}
        Some("operator") => return Err(ApiError::field_forbidden(&["method"])),
        Some("dnsTxt") | None => {
            caller.ask.app.pace.step(caller.known.user_id, VERIFICATIONS)?;
            let detail = "verification by DNS is not available; an operator can verify the domain";
            return Err(ApiError::invalid("/method", "not-allowed", detail));
        }
        Some(_) => {
            return Err(ApiError::invalid("/method", "unknown-value", "must be dnsTxt or operator"));
        }
    }
    let command = TenantCommand::VerifyDomain {
        domain: domain.clone(),
        method: VerifyMethod::Operator,
        evidence: body.evidence,
    };
    run(&caller, &seen, domain, command, 200).await
}

async fn make_primary(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen) = write(ask).await?;
    caller.body::<Nothing>().await?.read::<Nothing>()?;
    let domain = named(&caller.ask)?;
    run(&caller, &seen, domain.clone(), TenantCommand::SetPrimaryDomain { domain }, 200).await
}

async fn release(ask: Ask) -> Result<Response, ApiError> {
    let (caller, seen) = write(ask).await?;
    caller.body::<Nothing>().await?.read::<Nothing>()?;
    let domain = named(&caller.ask)?;
    if !seen.tenant.domains().contains_key(&domain) {
        return Err(unknown_domain());
    }
    let in_use = in_use(&caller.ask.app, &seen).await?;
    let in_use = if in_use.contains(&domain) { DomainUse::InUse } else { DomainUse::Free };
    run(&caller, &seen, domain.clone(), TenantCommand::ReleaseDomain { domain, in_use }, 200).await
}

async fn write(ask: Ask) -> Result<(Caller, Seen), ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    caller.may_write(&seen, Role::Admin)?;
    Ok((caller, seen))
}

async fn run(
    caller: &Caller,
    seen: &Seen,
    domain: DomainName,
    command: TenantCommand,
    status: u16,
) -> Result<Response, ApiError> {
    let (app, id, slug, stream) = (caller.ask.app.clone(), seen.id, seen.slug(), seen.stream());
    let act = One::<Tenant> { stream: seen.stream(), command };
    let render = move |outcome: &Outcome| {
        let domains = Domains::of(outcome.history.iter().chain(&outcome.news));
        let mut of_tenant =
            outcome.history.iter().chain(&outcome.news).filter(|event| event.stream == stream);
        Ok(Rendered {
            status,
            tag: of_tenant.next_back().map(|last| (last.version, last.position)),
            location: (status == 201).then(|| format!("/tenants/{slug}/domains/{domain}")),
            body: domains.one_or_gone(&app, id, &domain),
        })
    };
    caller.execute(Order::on(seen.id, act), render).await
}

/// The domain in the path. One that cannot be a domain is one we do not have.
fn named(ask: &Ask) -> Result<DomainName, ApiError> {
    ask.place("d").parse().map_err(|_: ValueError| unknown_domain())
}

fn unknown_domain() -> ApiError {
    ApiError::refused(Code::DomainNotFound, "The tenant has not claimed this domain")
}

/// Refuses domains that belong to the platform itself.
pub(super) fn must_be_outside(
    zones: &[String],
    domains: &[DomainName],
    pointer: &str,
) -> Result<(), ApiError> {
    let inside = |domain: &DomainName| zones.iter().any(|zone| domain.is_within(zone));
    if domains.iter().any(inside) {
        return Err(ApiError::invalid(
            pointer,
            "not-allowed",
            "must not lie inside the platform's own zones",
        ));
    }
    Ok(())
}

/// Domains on which a member has an address.
pub(super) async fn in_use(app: &App, seen: &Seen) -> Result<BTreeSet<DomainName>, ApiError> {
    let mut used = BTreeSet::new();
    for (user_id, membership) in seen.tenant.members() {
        if membership.status == domain::access::MemberStatus::Removed {
            continue;
        }
        let (person, _) = app.store.fold::<User>(&(*user_id).into()).await?;
        used.extend(person.email().as_ref().and_then(|email| email.domain().parse::<DomainName>().ok()));
    }
    Ok(used)
}
