//! A plan: what may be subscribed to, and its prices.

use serde::{Deserialize, Serialize};

use crate::{Currency, Date, PriceId, Slug};

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

impl Interval {
    /// The period a day lies in: first day, and first day of the next one. Counted from the first period, so that the
    /// 31st stays the 31st wherever a month has one.
    pub fn period_on(self, starts_on: Date, day: Date) -> (Date, Date) {
        let months = match self {
            Self::Month => 1,
            Self::Year => 12,
        };
        let begins = |period: i32| {
            let months = jiff::Span::new().try_months(i64::from(period) * months);
            months.and_then(|months| starts_on.checked_add(months)).unwrap_or(Date::MAX)
        };
        let apart =
            i64::from(day.year() - starts_on.year()) * 12 + i64::from(day.month() - starts_on.month());
        let guess = i32::try_from(apart.div_euclid(months)).unwrap_or_default().max(0);
        let period = if guess > 0 && begins(guess) > day { guess - 1 } else { guess };
        (begins(period), begins(period + 1))
    }
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
