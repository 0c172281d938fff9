//! A plan: what may be subscribed to, and its prices.

use serde::{Deserialize, Serialize};

use crate::{Currency, PriceId, Slug};

/// What may be asked of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanCommand {
    /// A new plan with at least one price.
    Create {
        /// The short name; claimed for ever.
        key: Slug,
        /// The name shown.
        name: String,
        /// What it allows.
        limits: Limits,
        /// Which systems it includes.
        integrations: Integrations,
        /// Whether customers may choose it themselves.
        self_service: SelfService,
        /// At least one.
        prices: Vec<Price>,
    },
}

/// Whether customers may choose a plan themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum SelfService {
    /// They may.
    Open,
    /// Operators only.
    Closed,
}

impl From<bool> for SelfService {
    fn from(open: bool) -> Self {
        if open { Self::Open } else { Self::Closed }
    }
}

impl From<SelfService> for bool {
    fn from(choice: SelfService) -> Self {
        choice == SelfService::Open
    }
}

/// Upper bounds; absent means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Members.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<u32>,
    /// Domains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<u32>,
    /// Mail per user, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_bytes_per_user: Option<u64>,
    /// Files of the tenant, bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_bytes: Option<u64>,
}

/// Which systems a plan includes. Identity always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integrations {
    /// Always true.
    pub authentik: bool,
    /// Mail.
    pub stalwart: bool,
    /// Files.
    pub ocis: bool,
}

impl Integrations {
    /// Everything.
    pub const ALL: Self = Self { authentik: true, stalwart: true, ocis: true };

    /// Whether a system is included.
    pub const fn includes(self, system: crate::System) -> bool {
        match system {
            crate::System::Authentik => self.authentik,
            crate::System::Stalwart => self.stalwart,
            crate::System::Ocis => self.ocis,
        }
    }
}

/// How often a price is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Interval {
    /// Monthly.
    Month,
    /// Yearly.
    Year,
}

/// What a price counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PriceModel {
    /// One amount.
    Flat,
    /// An amount per seat.
    PerSeat,
}

/// An immutable price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Its id.
    pub price_id: PriceId,
    /// Its currency.
    pub currency: Currency,
    /// How often.
    pub interval: Interval,
    /// What it counts.
    pub model: PriceModel,
    /// Minor units, ≥ 0.
    pub unit_amount: i64,
}

crate::kinds! {
    /// What has happened to a plan.
    pub enum PlanEvent {
        /// A new plan.
        "plan.created" => Created {
            /// The short name.
            key: Slug,
            /// The name shown.
            name: String,
            /// What it allows.
            limits: Limits,
            /// Which systems it includes.
            integrations: Integrations,
            /// Whether customers may choose it themselves.
            self_service: SelfService,
            /// Its prices.
            prices: Vec<Price>,
        }
    }
}
