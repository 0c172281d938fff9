//! A subscription: which plan a tenant has, from when to when. Suspension is no state of it: that is a hold.

use schema::subscription::CancelledWhy;
use schema::{PlanId, PriceId, SubscriptionCommand, SubscriptionEvent, TenantId};

use crate::{Asked, Decider, Rejection};

const QUANTITY_MAX: u32 = 100_000;

/// What a tenant pays for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Subscription {
    started: Option<Started>,
    is_open: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Started {
    tenant_id: TenantId,
    plan_id: PlanId,
    price_id: PriceId,
    quantity: u32,
}

impl Subscription {
    /// Whether there is such a subscription.
    pub const fn exists(&self) -> bool {
        self.started.is_some()
    }

    /// Whether it has begun and not ended.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    /// For whom.
    pub fn tenant_id(&self) -> Option<TenantId> {
        self.started.as_ref().map(|started| started.tenant_id)
    }

    /// Which plan.
    pub fn plan_id(&self) -> Option<PlanId> {
        self.started.as_ref().map(|started| started.plan_id)
    }

    /// At which price.
    pub fn price_id(&self) -> Option<PriceId> {
        self.started.as_ref().map(|started| started.price_id)
    }

    /// Seats paid for.
    pub fn quantity(&self) -> u32 {
        self.started.as_ref().map_or(0, |started| started.quantity)
    }
}

impl Decider for Subscription {
    type Command = SubscriptionCommand;
    type Event = SubscriptionEvent;

    fn decide(
        &self,
        command: SubscriptionCommand,
        asked: &Asked,
    ) -> Result<Vec<SubscriptionEvent>, Rejection> {
        match (command, &self.started) {
            (SubscriptionCommand::Start { tenant_id, .. }, Some(_)) => Err(Rejection::AlreadyExists {
                what: "subscription",
                field: "tenantId",
                value: tenant_id.to_string(),
            }),
            (SubscriptionCommand::Start { quantity, .. }, None)
                if !(1..=QUANTITY_MAX).contains(&quantity) =>
            {
                Err(Rejection::invalid("/quantity", "range", "must be between 1 and 100000"))
            }
            (SubscriptionCommand::Start { tenant_id, plan_id, price_id, quantity, currency }, None) => {
                let starts_on = asked.now.date();
                Ok(vec![SubscriptionEvent::Started {
                    tenant_id,
                    plan_id,
                    price_id,
                    quantity,
                    currency,
                    starts_on,
                }])
            }
            (SubscriptionCommand::CancelWithTenant, None) => {
                Err(Rejection::NotFound { what: "subscription-not-found" })
            }
            (SubscriptionCommand::CancelWithTenant, Some(_)) if !self.is_open => Ok(vec![]),
            (SubscriptionCommand::CancelWithTenant, Some(started)) => {
                Ok(vec![SubscriptionEvent::Cancelled {
                    tenant_id: started.tenant_id,
                    why: CancelledWhy::TenantTerminated,
                    ended_on: asked.now.date(),
                }])
            }
        }
    }

    fn evolve(&mut self, event: &SubscriptionEvent) {
        match event {
            SubscriptionEvent::Started { tenant_id, plan_id, price_id, quantity, .. } => {
                self.started = Some(Started {
                    tenant_id: *tenant_id,
                    plan_id: *plan_id,
                    price_id: *price_id,
                    quantity: *quantity,
                });
                self.is_open = true;
            }
            SubscriptionEvent::Cancelled { .. } => self.is_open = false,
        }
    }
}

#[cfg(test)]
mod tests;
