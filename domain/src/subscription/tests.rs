//! Rules of a subscription, as sentences.

use schema::subscription::CancelledWhy;
use schema::{Currency, SubscriptionCommand as C, SubscriptionEvent as E};

use super::Subscription;
use crate::testing::*;

fn start(quantity: u32) -> C {
    C::Start {
        tenant_id: tenant(1),
        plan_id: plan(1),
        price_id: price(1),
        quantity,
        currency: Currency("DKK".into()),
    }
}

fn started() -> E {
    E::Started {
        tenant_id: tenant(1),
        plan_id: plan(1),
        price_id: price(1),
        quantity: 1,
        currency: Currency("DKK".into()),
        starts_on: noon().date(),
    }
}

fn cancelled() -> E {
    E::Cancelled { tenant_id: tenant(1), why: CancelledWhy::TenantTerminated, ended_on: noon().date() }
}

#[test]
fn a_subscription_starts_once_on_the_day_it_is_asked_for() {
    given::<Subscription>([]).when(start(1)).then([started()]);
    given::<Subscription>([started()]).when(start(1)).then_refused("already-exists");
}

#[test]
fn a_quantity_has_bounds() {
    given::<Subscription>([]).when(start(0)).then_refused("validation-failed");
    given::<Subscription>([]).when(start(100_001)).then_refused("validation-failed");
}

#[test]
fn a_subscription_ends_once_with_its_tenant() {
    given::<Subscription>([]).when(C::CancelWithTenant).then_refused("subscription-not-found");
    given::<Subscription>([started()]).when(C::CancelWithTenant).then([cancelled()]);
    given::<Subscription>([started(), cancelled()]).when(C::CancelWithTenant).then_no_news();
    assert!(!fold::<Subscription>([started(), cancelled()]).is_open());
}
