//! A partner: a reseller with a margin.

use serde::{Deserialize, Serialize};

use crate::people::{BillingInfo, ContactInfo};
use crate::{Bps, Date, DisplayName, DomainName, PartnerId, Personal, Slug, TenantId, Text, Timestamp};

/// What may be asked of a partner.
#[derive(Debug, Clone, PartialEq)]
pub enum PartnerCommand {
    /// A new partner.
    Register {
        /// The short name; claimed for ever.
        slug: Slug,
        /// The name shown.
        name: DisplayName,
        /// The partner's own domain.
        domain: Option<DomainName>,
        /// The margin from today.
        margin: Bps,
        /// Whom to call.
        contact_info: Option<ContactInfo>,
        /// Who is paid.
        billing_info: Option<BillingInfo>,
    },
    /// Name or domain. Absent stays; an inner nothing takes away.
    ChangeProfile {
        /// A new name.
        name: Option<DisplayName>,
        /// A new domain.
        domain: Option<Option<DomainName>>,
    },
    /// Whom to call.
    ChangeContact {
        /// The whole contact.
        contact_info: ContactInfo,
    },
    /// Who is paid.
    ChangeBillingInfo {
        /// The whole data.
        billing_info: BillingInfo,
    },
    /// A margin from a day on.
    SetMargin {
        /// The margin.
        margin: Bps,
        /// Today or later; today when absent.
        effective_from: Option<Date>,
    },
    /// The end of the contract.
    Terminate {
        /// Why.
        reason: Option<Text>,
        /// What becomes of the customers.
        disposition: Disposition,
    },
    /// Everything that follows from the end has been done.
    RecordDispositionDone {
        /// Tenants handled.
        tenants: u32,
        /// Tenants left as they were.
        skipped: Vec<TenantId>,
    },
}

/// What becomes of a terminated partner's customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Disposition {
    /// The link stays as history.
    Retain,
}

crate::words! {
    Disposition { Retain = "retain", }
}

crate::kinds! {
    /// What has happened to a partner.
    pub enum PartnerEvent {
        /// A new partner.
        "partner.registered" => Registered {
            /// The short name.
            slug: Slug,
            /// The partner's own domain.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            domain: Option<DomainName>,
            /// The name shown.
            #[serde(default)]
            name: Personal<DisplayName>,
        }
        /// Name or domain changed.
        "partner.profile.changed" => ProfileChanged {
            /// The fields that changed.
            changed: Vec<String>,
            /// The domain.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            domain: Option<DomainName>,
            /// The name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            name: Option<Personal<DisplayName>>,
        }
        /// The contact changed.
        "partner.contact.changed" => ContactChanged {
            /// The fields that changed.
            changed: Vec<String>,
            /// The whole contact.
            #[serde(default)]
            contact_info: Personal<ContactInfo>,
        }
        /// The billing data changed.
        "partner.billingInfo.changed" => BillingInfoChanged {
            /// The fields that changed.
            changed: Vec<String>,
            /// The whole data.
            #[serde(default)]
            billing_info: Personal<BillingInfo>,
        }
        /// A margin holds from a day on.
        "partner.margin.set" => MarginSet {
            /// Basis points.
            bps: Bps,
            /// The first day.
            effective_from: Date,
            /// The day of a scheduled margin that this one replaces before it came into force.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            withdrawn: Option<Date>,
        }
        /// The contract ended.
        "partner.terminated" => Terminated {
            /// What becomes of the customers.
            disposition: Disposition,
            /// To whom they go, if they go.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            transfer_to: Option<PartnerId>,
            /// When.
            effective_at: Timestamp,
            /// Why.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
        }
        /// What followed from the end is done.
        "partner.disposition.completed" => DispositionCompleted {
            /// Tenants handled.
            tenants: u32,
            /// Tenants left as they were.
            skipped: Vec<TenantId>,
        }
    }
}
