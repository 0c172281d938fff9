//! A new plan, and the one that exists from the first start.

use schema::plan::{Integrations, Interval, Limits, Price, PriceModel, SelfService};
use schema::{Currency, PlanCommand, PlanId, PriceId, Slug, ValueError};

use crate::One;
use crate::plan::Plan;

/// A new plan is one command on one stream.
pub type CreatePlan = One<Plan>;

/// The key of the plan that exists from the first start.
pub const COMPLIMENTARY: &str = "complimentary";

/// The plan `complimentary`: everything, without limits, for nothing.
pub fn complimentary(
    plan_id: PlanId,
    price_id: PriceId,
    currency: Currency,
) -> Result<CreatePlan, ValueError> {
    let price =
        Price { price_id, currency, interval: Interval::Month, model: PriceModel::Flat, unit_amount: 0 };
    let command = PlanCommand::Create {
        key: Slug::of_the_platform(COMPLIMENTARY)?,
        name: "Complimentary".to_owned(),
        limits: Limits::default(),
        integrations: Integrations::ALL,
        self_service: SelfService::Open,
        prices: vec![price],
    };
    Ok(One { stream: plan_id.into(), command })
}
