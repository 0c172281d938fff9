//! What companies and people tell us about themselves: billing and contact data.

use serde::{Deserialize, Serialize};

/// Who pays. Every text at most 200 characters; checked at the door.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BillingInfo {
    /// The company's legal name.
    pub legal_name: String,
    /// VAT number.
    pub vat_id: Option<String>,
    /// At most four lines.
    pub address_lines: Vec<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City.
    pub city: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country: String,
    /// Where invoices go.
    pub email: Option<String>,
    /// The customer's own reference.
    pub reference: Option<String>,
}

/// Whom to call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContactInfo {
    /// A person's name.
    pub name: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// A telephone number.
    pub phone: Option<String>,
}
