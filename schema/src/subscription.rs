//! A subscription: which plan a tenant has.

use serde::{Deserialize, Serialize};

use crate::{Currency, Date, PlanId, PriceId, TenantId};

/// What may be asked of a subscription.
#[derive(Debug, Clone, PartialEq)]
pub enum SubscriptionCommand {
    /// Begins; one open subscription per tenant.
    Start {
        /// For whom.
        tenant_id: TenantId,
        /// Which plan.
        plan_id: PlanId,
        /// At which price.
        price_id: PriceId,
        /// Seats paid for.
        quantity: u32,
        /// The price's currency.
        currency: Currency,
    },
    /// Ends with its tenant.
    CancelWithTenant,
}

/// Why a subscription ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelledWhy {
    /// Its tenant ended.
    TenantTerminated,
}

crate::kinds! {
    /// What has happened to a subscription.
    pub enum SubscriptionEvent {
        /// It began.
        "subscription.started" => Started {
            /// For whom.
            tenant_id: TenantId,
            /// Which plan.
            plan_id: PlanId,
            /// At which price.
            price_id: PriceId,
            /// Seats paid for.
            quantity: u32,
            /// The price's currency.
            currency: Currency,
            /// The first day.
            starts_on: Date,
        }
        /// It ended.
        "subscription.cancelled" => Cancelled {
            /// For whom it was.
            tenant_id: TenantId,
            /// Why.
            why: CancelledWhy,
            /// The last day.
            ended_on: Date,
        }
    }
}
