//! Which fields of data about companies differ: for events that say what changed without saying it.

use schema::people::{BillingInfo, ContactInfo};

/// The names of contact fields that differ. Nothing known yet counts as empty.
pub(crate) fn contact_changes(before: Option<&ContactInfo>, after: &ContactInfo) -> Vec<String> {
    let empty = ContactInfo::default();
    let was = before.unwrap_or(&empty);
    named([
        ("name", was.name != after.name),
        ("email", was.email != after.email),
        ("phone", was.phone != after.phone),
    ])
}

/// The names of billing fields that differ. Nothing known yet counts as empty.
pub(crate) fn billing_changes(before: Option<&BillingInfo>, after: &BillingInfo) -> Vec<String> {
    let empty = BillingInfo::default();
    let was = before.unwrap_or(&empty);
    named([
        ("legalName", was.legal_name != after.legal_name),
        ("vatId", was.vat_id != after.vat_id),
        ("addressLines", was.address_lines != after.address_lines),
        ("postalCode", was.postal_code != after.postal_code),
        ("city", was.city != after.city),
        ("country", was.country != after.country),
        ("email", was.email != after.email),
        ("reference", was.reference != after.reference),
    ])
}

fn named<const COUNT: usize>(fields: [(&str, bool); COUNT]) -> Vec<String> {
    fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()).collect()
}
