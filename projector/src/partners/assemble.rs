//! Rows into a Partner: one function for queries and for the replies of commands.

use std::collections::BTreeMap;

use domain::access::Lifecycle;
use schema::{Date, PartnerId, Recorded};

use super::money::{Totals, monthly, share};
use super::{
    CustomersByStatus, DETAILS, DispositionView, MARGINS, MODEL, Mrr, PARTNERS, PLANS, PartnerView,
    SUBSCRIPTIONS, ScheduledMargin, TABLES, TENANTS,
};
use crate::api::Moment;
use crate::memory::{FoldError, Memory, RowError, RowRef};
use crate::parts::partner::{Partner, TERMINATED};
use crate::parts::plan::Plan;
use crate::parts::subscription::Subscription;
use crate::parts::tenant::Tenant;
use crate::parts::text;

/// Rows of this read model, from the database, from events, or from both.
#[derive(Debug, Clone)]
pub struct Rows(Memory);

impl Default for Rows {
    fn default() -> Self {
        Self(Memory::new(TABLES))
    }
}

impl From<Memory> for Rows {
    fn from(memory: Memory) -> Self {
        Self(memory)
    }
}

impl Rows {
    /// What an event does to them. A whole stream may be repeated over rows that already know a part of it.
    pub fn project(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        self.0.project(&MODEL, recorded)
    }
}

/// One partner as of a day, if the rows hold it.
pub fn assemble(rows: &Rows, id: PartnerId, today: Date) -> Result<Option<PartnerView>, RowError> {
    let key = [text(id)];
    let Some(row) = rows.0.row(PARTNERS, &key) else {
        return Ok(None);
    };
    let partner = Partner::read(row)?;
    let details = rows.0.row(DETAILS, &key);
    let is_over = partner.status == TERMINATED;
    let margins = margins(&rows.0, id)?;
    let current = margins.range(..=today).next_back();
    let scheduled = margins.range(today..).find(|(day, _)| **day > today);
    let bps = if is_over { 0 } else { current.map_or(0, |(_, bps)| *bps) };
    let (by_status, customers, touched) = customers(&rows.0, id)?;
    Ok(Some(PartnerView {
        id,
        slug: partner.slug.to_owned(),
        name: partner.name.to_owned(),
        domain: row.maybe_text("domain").map(str::to_owned),
        status: partner.status.to_owned(),
        margin_bps: bps,
        margin_effective_from: current.map(|(day, _)| *day),
        scheduled_margin: scheduled
            .filter(|_| !is_over)
            .map(|(day, bps)| ScheduledMargin { margin_bps: *bps, effective_from: *day }),
        contact_info: details.map_or(Ok(None), |details| details.maybe_json("contact_info"))?,
        billing_info: details.map_or(Ok(None), |details| details.maybe_json("billing_info"))?,
        customers,
        customers_by_status: by_status,
        mrr: mrr(&rows.0, id, bps)?,
        disposition: details.and_then(|details| disposition(details, customers)),
        created_at: Moment(row.parse("created_at")?),
        version: row.count("version"),
        changed_position: touched.max(partner.position),
    }))
}

fn margins(memory: &Memory, id: PartnerId) -> Result<BTreeMap<Date, u16>, RowError> {
    let key = [text(id)];
    let days = memory.below(MARGINS, &key).map(|row| {
        let bps = u16::try_from(row.count("bps")).map_err(|_| RowError::of(MARGINS, "bps"))?;
        Ok((row.parse("effective_from")?, bps))
    });
    days.collect()
}

fn tenants<'a>(memory: &'a Memory, id: &'a str) -> impl Iterator<Item = RowRef<'a>> {
    memory.all(TENANTS).filter(move |row| row.maybe_text("partner_id") == Some(id))
}

fn is_held(row: RowRef<'_>) -> bool {
    row.is_set("held")
}

/// By status, in all, and the last event that changed one of them.
fn customers(memory: &Memory, id: PartnerId) -> Result<(CustomersByStatus, u64, u64), RowError> {
    let id = id.to_string();
    let mut counts = CustomersByStatus::default();
    let mut touched = 0;
    for row in tenants(memory, &id) {
        let tenant = Tenant::read(row)?;
        touched = tenant.position.max(touched);
        match tenant.lifecycle {
            Lifecycle::Terminated => {}
            Lifecycle::Terminating => counts.terminating += 1,
            Lifecycle::Pending | Lifecycle::Active if is_held(row) => counts.suspended += 1,
            Lifecycle::Pending => counts.pending += 1,
            Lifecycle::Active => counts.active += 1,
        }
    }
    let all = counts.pending + counts.active + counts.suspended + counts.terminating;
    Ok((counts, all, touched))
}

fn mrr(memory: &Memory, id: PartnerId, bps: u16) -> Result<Vec<Mrr>, RowError> {
    let id = id.to_string();
    let mut totals = Totals::default();
    for row in tenants(memory, &id) {
        let tenant = Tenant::read(row)?;
        if tenant.lifecycle == Lifecycle::Terminated {
            continue;
        }
        let is_at_risk = is_held(row) || tenant.lifecycle == Lifecycle::Terminating;
        let tenant_id = tenant.id.to_string();
        for found in
            memory.all(SUBSCRIPTIONS).filter(|row| row.maybe_text("tenant_id") == Some(tenant_id.as_str()))
        {
            let subscription = Subscription::read(found)?;
            let Some(plan) = memory.row(PLANS, &[text(subscription.plan_id)]) else {
                continue;
            };
            let plan = Plan::read(plan)?;
            let price = plan.prices.iter().find(|price| price.price_id == subscription.price_id);
            let Some(price) = price.filter(|_| subscription.is_open) else {
                continue;
            };
            let gross = monthly(price, subscription.quantity);
            totals.add(&price.currency.0, gross, share(gross, bps), if is_at_risk { gross } else { 0 });
        }
    }
    Ok(totals.into_list())
}

/// Customers of a partner that ended without anything to be done for them are done at once.
fn disposition(details: RowRef<'_>, customers: u64) -> Option<DispositionView> {
    let kind = details.maybe_text("disposition")?.to_owned();
    let total = details.maybe_count("disposition_total").unwrap_or(customers);
    let done = details.maybe_count("disposition_done").unwrap_or(total);
    Some(DispositionView { kind, total, done, operation_id: None })
}
