//! A plan: what it allows, which systems it includes, and its prices.

use schema::plan::{Integrations, Limits, Price, PriceModel, SelfService};
use schema::{PlanCommand, PlanEvent, PriceId, Slug};

use crate::{Asked, Decider, Problem, Rejection};

/// What may be subscribed to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    created: Option<Created>,
}

#[derive(Debug, Clone, PartialEq)]
struct Created {
    key: Slug,
    name: String,
    limits: Limits,
    integrations: Integrations,
    self_service: SelfService,
    prices: Vec<Price>,
}

impl Plan {
    /// Whether there is such a plan.
    pub const fn exists(&self) -> bool {
        self.created.is_some()
    }

    /// Its short name.
    pub fn key(&self) -> Option<&Slug> {
        self.created.as_ref().map(|plan| &plan.key)
    }

    /// The name shown.
    pub fn name(&self) -> Option<&str> {
        self.created.as_ref().map(|plan| plan.name.as_str())
    }

    /// What it allows. A plan that does not exist limits nothing.
    pub fn limits(&self) -> Limits {
        self.created.as_ref().map_or_else(Limits::default, |plan| plan.limits)
    }

    /// Which systems it includes.
    pub fn integrations(&self) -> Option<Integrations> {
        self.created.as_ref().map(|plan| plan.integrations)
    }

    /// Whether customers may choose it themselves.
    pub fn self_service(&self) -> SelfService {
        self.created.as_ref().map_or(SelfService::Closed, |plan| plan.self_service)
    }

    /// Its prices.
    pub fn prices(&self) -> &[Price] {
        self.created.as_ref().map_or(&[], |plan| &plan.prices)
    }

    /// A price that can be ordered, or `plan-not-active`.
    pub fn orderable(&self, price_id: PriceId) -> Result<&Price, Rejection> {
        self.prices().iter().find(|price| price.price_id == price_id).ok_or(Rejection::PlanNotActive)
    }

    /// How many members may be counted; nothing means any number.
    pub fn seats(&self, price_id: PriceId, quantity: u32) -> Option<u32> {
        match self.prices().iter().find(|price| price.price_id == price_id).map(|price| price.model) {
            Some(PriceModel::PerSeat) => Some(quantity),
            Some(PriceModel::Flat) | None => self.limits().seats,
        }
    }
}

fn problems(integrations: Integrations, prices: &[Price]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |pointer: String, code, detail: &str| {
        problems.push(Problem { pointer, code, detail: detail.to_owned() });
    };
    if !integrations.authentik {
        wrong("/integrations/authentik".to_owned(), "not-allowed", "every plan includes identity");
    }
    if prices.is_empty() {
        wrong("/prices".to_owned(), "required", "a plan needs at least one price");
    }
    for (index, price) in prices.iter().enumerate() {
        if price.unit_amount < 0 {
            wrong(format!("/prices/{index}/unitAmount"), "range", "must not be negative");
        }
    }
    problems
}

impl Decider for Plan {
    type Command = PlanCommand;
    type Event = PlanEvent;

    fn decide(&self, command: PlanCommand, _asked: &Asked) -> Result<Vec<PlanEvent>, Rejection> {
        let PlanCommand::Create { key, name, limits, integrations, self_service, prices } = command;
        if self.exists() {
            return Err(Rejection::AlreadyExists { what: "plan", field: "key", value: key.to_string() });
        }
        let problems = problems(integrations, &prices);
        if !problems.is_empty() {
            return Err(Rejection::ValidationFailed(problems));
        }
        Ok(vec![PlanEvent::Created { key, name, limits, integrations, self_service, prices }])
    }

    fn evolve(&mut self, event: &PlanEvent) {
        let PlanEvent::Created { key, name, limits, integrations, self_service, prices } = event.clone();
        self.created = Some(Created { key, name, limits, integrations, self_service, prices });
    }
}

#[cfg(test)]
mod tests;
