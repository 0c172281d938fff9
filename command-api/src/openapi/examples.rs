//! One example per shape, and the lists made of them.

use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};

use super::shape;

const EXAMPLES: &str = include_str!("examples.json");

/// Lists: their name, and what they are lists of.
const LISTS: &[(&str, &str)] = &[
    ("TenantList", "Tenant"),
    ("PartnerList", "Partner"),
    ("MemberList", "Member"),
    ("InvitationList", "Invitation"),
    ("DomainList", "Domain"),
    ("HoldList", "Hold"),
    ("AuditList", "AuditEntry"),
];

/// Every named schema.
pub(super) fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let examples = all();
    let mut schemas: Vec<(String, RefOr<Schema>)> =
        examples.iter().map(|(name, example)| (name.clone(), shape::of(example))).collect();
    for (name, item) in LISTS {
        let example = json!({
            "data": [examples.get(*item)],
            "page": { "nextCursor": "", "hasMore": false },
            "asOf": { "position": 1, "time": "" },
        });
        schemas.push(((*name).to_owned(), shape::of(&example)));
    }
    schemas
}

/// Every example by the name of its shape. What is compiled in is an object: a test reads it.
pub(super) fn all() -> serde_json::Map<String, Value> {
    serde_json::from_str(EXAMPLES).unwrap_or_default()
}
