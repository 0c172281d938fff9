//! A subscription as the API shows it inside Me.

use domain::plan::Plan;
use projector::tenants::TenantView;
use schema::plan::{Interval, PriceModel};
use schema::{Event, SubscriptionEvent};
use serde_json::{Value, json};

use crate::App;
use crate::error::ApiError;

/// The open subscription of a tenant, if it has one.
pub(crate) async fn of_tenant(app: &App, tenant: &TenantView) -> Result<Option<Value>, ApiError> {
    let Some(id) = tenant.subscription_id else {
        return Ok(None);
    };
    let events = app.store.load(&id.into()).await?;
    let version = events.last().map_or(0, |last| last.version);
    let Some(Event::Subscription(SubscriptionEvent::Started {
        plan_id, price_id, quantity, starts_on, ..
    })) = events.first().map(|first| &first.event)
    else {
        return Ok(None);
    };
    let (plan, _) = app.store.fold::<Plan>(&(*plan_id).into()).await?;
    let price = plan.prices().iter().find(|price| price.price_id == *price_id);
    let mrr = price.map(|price| {
        let counted = match price.model {
            PriceModel::Flat => 1,
            PriceModel::PerSeat => i64::from(*quantity),
        };
        let amount = price.unit_amount.saturating_mul(counted);
        let amount = match price.interval {
            Interval::Month => amount,
            Interval::Year => amount / 12,
        };
        json!({ "amount": amount, "currency": price.currency })
    });
    Ok(Some(json!({
        "id": id,
        "tenantId": tenant.id,
        "tenantSlug": tenant.slug,
        "plan": plan.key(),
        "planId": plan_id,
        "status": "active",
        "quantity": quantity,
        "price": price.map(|price| json!({
            "id": price.price_id,
            "interval": price.interval,
            "model": price.model,
            "unitAmount": price.unit_amount,
            "currency": price.currency,
        })),
        "mrr": mrr,
        "atRisk": tenant.status == "suspended",
        "startsOn": starts_on,
        "trialEndsAt": null,
        "currentPeriod": null,
        "scheduledChange": null,
        "cancelsOn": null,
        "cancelledOn": null,
        "limits": plan.limits(),
        "stripeCustomerId": null,
        "stripeSubscriptionId": null,
        "version": version,
    })))
}
