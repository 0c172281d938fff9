//! The Tenant as the API shows it, without what depends on the caller.

use domain::access::TenantStanding;
use schema::people::{BillingInfo, ContactInfo};
use schema::{HoldId, PartnerId, SubscriptionId, System, TenantId, UserId};
use serde::Serialize;

use crate::api::{Moment, PerSystem};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct TenantView {
    pub id: TenantId,
    pub slug: String,
    pub name: String,
    pub status: &'static str,
    pub lifecycle: &'static str,
    pub plan: Option<String>,
    pub subscription_id: Option<SubscriptionId>,
    pub domains: Vec<String>,
    pub primary_domain: Option<String>,
    pub billing_info: Option<BillingInfo>,
    pub contact: Option<ContactInfo>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub partner_id: Option<PartnerId>,
    pub partner: Option<PartnerOfTenant>,
    pub provisioning_status: PerSystem<&'static str>,
    pub provisioning_errors: PerSystem<Option<String>>,
    pub provisioning: ProvisioningOfTenant,
    pub handles: Handles,
    pub holds: Vec<HoldView>,
    pub termination: Option<TerminationView>,
    pub members: MemberCounts,
    pub origin: String,
    pub created_at: Moment,
    pub activated_at: Option<Moment>,
    pub version: u64,
    /// The last event that changed this representation: the second half of its `ETag`.
    #[serde(skip)]
    pub changed_position: u64,
    /// Whether it also shows what the reconciler notes beside the log: that changes without any event.
    #[serde(skip)]
    pub is_noted: bool,
    /// Lifecycle and holds, for who derives more from them.
    #[serde(skip)]
    pub standing: TenantStanding,
}

impl TenantView {
    /// The version, and the last event that changed what is shown: 0 while something is shown that no event changes.
    pub const fn tag(&self) -> (u64, u64) {
        (self.version, if self.is_noted { 0 } else { self.changed_position })
    }
}

/// The partner that brings a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct PartnerOfTenant {
    pub id: PartnerId,
    pub slug: String,
    pub name: String,
    pub status: String,
}

/// How far the outside systems are, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct ProvisioningOfTenant {
    pub summary: &'static str,
    pub paused: Vec<System>,
    pub access_revoked: PerSystem<bool>,
}

/// What the tenant is called in the outside systems.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct Handles {
    pub authentik_group_id: Option<String>,
    pub ocis_space_id: Option<String>,
    pub stalwart_domain_ids: Vec<String>,
}

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct HoldView {
    pub id: HoldId,
    pub kind: String,
    pub reason: Option<String>,
    pub customer_message: Option<String>,
    pub placed_by: PlacedBy,
    pub placed_at: Moment,
    pub until: Option<Moment>,
}

/// Who placed a hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct PlacedBy {
    pub kind: String,
    pub id: Option<UserId>,
    pub display: String,
}

/// The end that is set, or that has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct TerminationView {
    pub scheduled_at: Moment,
    pub terminates_at: Moment,
    pub grace_days: u64,
    pub reason: Option<String>,
}

/// How many members there are, and how many there may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Tenant and are explained there")]
pub struct MemberCounts {
    pub active: u64,
    pub invited: u64,
    pub disabled: u64,
    pub seats: Option<u64>,
}
