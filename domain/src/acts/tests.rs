//! Decisions over several streams, as sentences.

mod create;
mod ending;
mod patch;
mod people;

use schema::plan::{Integrations, Interval, Limits, Price, PriceModel, SelfService};
use schema::user::InviteSource;
use schema::{Currency, PartnerEvent, PlanEvent, UserEvent};

use super::{CreateTenant, Owner, PlanChoice};
use crate::testing::*;

/// A plan with a price per seat and a flat one.
fn plan_with(limits: Limits) -> PlanEvent {
    let price_of = |number, model| Price {
        price_id: price(number),
        currency: Currency("DKK".into()),
        interval: Interval::Month,
        model,
        unit_amount: 0,
    };
    PlanEvent::Created {
        key: slug("complimentary"),
        name: "Complimentary".into(),
        limits,
        integrations: Integrations::ALL,
        self_service: SelfService::Open,
        prices: vec![price_of(1, PriceModel::Flat), price_of(2, PriceModel::PerSeat)],
    }
}

fn partner_registered(name: &str) -> PartnerEvent {
    PartnerEvent::Registered { slug: slug(name), domain: None, name: named(name).into() }
}

fn partner_terminated() -> PartnerEvent {
    PartnerEvent::Terminated {
        disposition: schema::partner::Disposition::Retain,
        transfer_to: None,
        effective_at: noon(),
        reason: None,
    }
}

fn user_invited(address: &str) -> UserEvent {
    UserEvent::Invited {
        source: InviteSource::Operator,
        tenant_id: None,
        email: email(address).into(),
        name: None,
    }
}

fn user_registered(address: &str) -> UserEvent {
    UserEvent::Registered { audience: "dezky-portal".into(), email: email(address).into(), name: None }
}

/// A plan, an active partner and an active person.
fn world() -> Log {
    Log::default()
        .with(plan(1), [plan_with(Limits::default())])
        .with(partner(1), [partner_registered("first")])
        .with(partner(2), [partner_registered("second"), partner_terminated()])
        .with(user(1), [user_registered("bo@acme.dk")])
}

fn create() -> CreateTenant {
    CreateTenant {
        tenant_id: tenant(1),
        subscription_id: subscription(1),
        slug: slug("acme"),
        name: named("Acme ApS"),
        plan: PlanChoice { plan_id: plan(1), price_id: price(1), quantity: 1 },
        domains: vec![],
        billing_info: None,
        contact: None,
        locale: None,
        timezone: None,
        partner_id: None,
        owner: Owner::None,
        origin: schema::tenant::Origin::Operator,
        self_service: None,
    }
}

/// The world with the tenant in it.
fn with_tenant(act: &CreateTenant) -> Log {
    let mut log = world();
    log.execute(act, &operator_at(noon())).unwrap();
    log
}
