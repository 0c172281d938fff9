//! Rules of a plan, as sentences.

use schema::plan::{Integrations, Interval, Limits, Price, PriceModel, SelfService};
use schema::{Currency, PlanCommand as C};

use super::Plan;
use crate::acts::create_plan::complimentary;
use crate::testing::*;

fn price_of(model: PriceModel, unit_amount: i64) -> Price {
    let currency = Currency("DKK".into());
    Price { price_id: price(1), currency, interval: Interval::Month, model, unit_amount }
}

fn create(integrations: Integrations, prices: Vec<Price>) -> C {
    C::Create {
        key: slug("business"),
        name: "Business".into(),
        limits: Limits { seats: Some(5), ..Limits::default() },
        integrations,
        self_service: SelfService::Open,
        prices,
    }
}

#[test]
fn a_plan_is_created_once() {
    let first = given::<Plan>([]).when(create(Integrations::ALL, vec![price_of(PriceModel::Flat, 0)]));
    let plan = first.then_state();
    assert_eq!(plan.key(), Some(&slug("business")));
    let event = schema::PlanEvent::Created {
        key: slug("business"),
        name: "Business".into(),
        limits: Limits::default(),
        integrations: Integrations::ALL,
        self_service: SelfService::Open,
        prices: vec![],
    };
    given::<Plan>([event]).when(create(Integrations::ALL, vec![])).then_refused("already-exists");
}

#[test]
fn a_plan_needs_a_price_that_is_not_negative_and_identity() {
    given::<Plan>([]).when(create(Integrations::ALL, vec![])).then_refused("validation-failed");
    let owed = vec![price_of(PriceModel::Flat, -1)];
    given::<Plan>([]).when(create(Integrations::ALL, owed)).then_refused("validation-failed");
    let without_identity = Integrations { authentik: false, ..Integrations::ALL };
    let prices = vec![price_of(PriceModel::Flat, 0)];
    given::<Plan>([]).when(create(without_identity, prices)).then_refused("validation-failed");
}

#[test]
fn seats_follow_the_price_or_the_plan() {
    let with =
        |model| given::<Plan>([]).when(create(Integrations::ALL, vec![price_of(model, 100)])).then_state();
    assert_eq!(with(PriceModel::PerSeat).seats(price(1), 12), Some(12));
    assert_eq!(with(PriceModel::Flat).seats(price(1), 12), Some(5));
}

#[test]
fn an_unknown_price_cannot_be_ordered() {
    let plan =
        given::<Plan>([]).when(create(Integrations::ALL, vec![price_of(PriceModel::Flat, 0)])).then_state();
    assert!(plan.orderable(price(1)).is_ok());
    assert_eq!(plan.orderable(price(2)).map_err(|refusal| refusal.code()), Err("plan-not-active"));
}

#[test]
fn the_complimentary_plan_limits_nothing() {
    let act = complimentary(plan(1), price(1), Currency("DKK".into())).unwrap();
    let plan = given::<Plan>([]).when(act.command).then_state();
    assert_eq!(plan.limits(), Limits::default());
    assert_eq!(plan.integrations(), Some(Integrations::ALL));
    assert_eq!(plan.seats(price(1), 1), None);
}
