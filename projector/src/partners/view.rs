//! The Partner as the API shows it, without what depends on the caller.

use schema::people::{BillingInfo, ContactInfo};
use schema::{Date, PartnerId};
use serde::Serialize;

use crate::api::Moment;

/// A partner.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Partner and are explained there")]
pub struct PartnerView {
    pub id: PartnerId,
    pub slug: String,
    pub name: String,
    pub domain: Option<String>,
    pub status: String,
    #[serde(rename = "marginPct", serialize_with = "percent")]
    pub margin_bps: u16,
    pub margin_effective_from: Option<Date>,
    pub scheduled_margin: Option<ScheduledMargin>,
    pub contact_info: Option<ContactInfo>,
    pub billing_info: Option<BillingInfo>,
    pub customers: u64,
    pub customers_by_status: CustomersByStatus,
    pub mrr: Vec<Mrr>,
    pub disposition: Option<DispositionView>,
    pub created_at: Moment,
    pub version: u64,
    /// The last event that changed this representation: the second half of its `ETag`.
    #[serde(skip)]
    pub changed_position: u64,
}

/// A margin that will be in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Partner and are explained there")]
pub struct ScheduledMargin {
    #[serde(rename = "marginPct", serialize_with = "percent")]
    pub margin_bps: u16,
    pub effective_from: Date,
}

/// How many tenants a partner brings, by status. Terminated ones are not customers any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are the statuses")]
pub struct CustomersByStatus {
    pub pending: u64,
    pub active: u64,
    pub suspended: u64,
    pub terminating: u64,
}

/// Revenue per month in one currency, in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Partner and are explained there")]
pub struct Mrr {
    pub currency: String,
    pub gross: i64,
    pub margin: i64,
    pub net: i64,
    pub at_risk: i64,
}

/// What becomes of a terminated partner's customers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Partner and are explained there")]
pub struct DispositionView {
    pub kind: String,
    pub total: u64,
    pub done: u64,
    pub operation_id: Option<String>,
}

/// 1250 basis points are shown as 12.5, and 1500 as 15: a number with at most two decimals.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn percent<S: serde::Serializer>(bps: &u16, out: S) -> Result<S::Ok, S::Error> {
    if bps.is_multiple_of(100) {
        out.serialize_u16(bps / 100)
    } else {
        out.serialize_f64(f64::from(*bps) / 100.0)
    }
}
