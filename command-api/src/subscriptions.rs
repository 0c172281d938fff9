//! A subscription as the API shows it inside Me.

use domain::access::{Lifecycle, shuts_doors};
use domain::plan::Plan;
use projector::partners::monthly;
use projector::tenants::TenantView;
use schema::{Event, SubscriptionEvent};
use serde_json::{Value, json};

use crate::App;
use crate::error::ApiError;

/// The open subscription of a tenant, if it has one, as it stands in the log.
pub(crate) async fn of_tenant(app: &App, tenant: &TenantView) -> Result<Option<Value>, ApiError> {
    let Some(id) = tenant.subscription_id else {
        return Ok(None);
    };
    let events = app.store.load(&id.into()).await?;
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return Ok(None);
    };
    let Event::Subscription(SubscriptionEvent::Started { plan_id, price_id, quantity, starts_on, .. }) =
        &first.event
    else {
        return Ok(None);
    };
    let (plan, _) = app.store.fold::<Plan>(&(*plan_id).into()).await?;
    let price = plan.prices().iter().find(|price| price.price_id == *price_id);
    let (from, to) = price.map(|price| price.interval.period_on(*starts_on, app.now().date())).unzip();
    let limits = plan.limits();
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
        "mrr": price.map(|price| {
            json!({ "amount": monthly(price, u64::from(*quantity)), "currency": price.currency })
        }),
        "atRisk": is_at_risk(tenant),
        "startsOn": starts_on,
        "trialEndsAt": null,
        "currentPeriod": { "from": from, "to": to },
        "scheduledChange": null,
        "cancelsOn": null,
        "cancelledOn": null,
        "limits": {
            "seats": limits.seats,
            "domains": limits.domains,
            "mailBytesPerUser": limits.mail_bytes_per_user,
            "filesBytes": limits.files_bytes,
        },
        "stripeCustomerId": null,
        "stripeSubscriptionId": null,
        "createdAt": first.recorded_at.to_api(),
        "version": last.version,
    })))
}

/// Whether the revenue may end: the tenant is held, or its end is set.
fn is_at_risk(tenant: &TenantView) -> bool {
    let is_held = tenant.standing.holds.iter().any(|kind| shuts_doors(*kind));
    is_held || tenant.standing.lifecycle == Lifecycle::Terminating
}
