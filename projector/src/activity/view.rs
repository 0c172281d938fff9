//! An audit entry as the API shows it to operators.

use schema::{PartnerId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::api::Moment;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's audit entry and are explained there")]
pub struct ActivityEntry {
    pub id: String,
    pub position: u64,
    pub at: Moment,
    pub action: String,
    pub outcome: &'static str,
    /// Of the problem that was answered, when it was refused.
    pub code: Option<String>,
    pub actor: ActorView,
    pub subject: SubjectView,
    pub tenant_id: Option<TenantId>,
    pub partner_id: Option<PartnerId>,
    pub reason: Option<String>,
    pub changes: Vec<Change>,
    pub request: RequestView,
    pub correlation_id: Option<String>,
    pub causation_position: Option<u64>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's audit entry and are explained there")]
pub struct ActorView {
    pub kind: String,
    pub id: Option<UserId>,
    pub display: String,
    pub audience: Option<String>,
}

/// What it was done to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's audit entry and are explained there")]
pub struct SubjectView {
    pub kind: String,
    pub id: String,
    pub slug: Option<String>,
    pub display: Option<String>,
}

/// One field before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the API's audit entry and are explained there")]
pub struct Change {
    pub path: String,
    pub before: Json,
    pub after: Json,
}

/// The request it came from. Address and program of the caller stand in no event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's audit entry and are explained there")]
pub struct RequestView {
    pub id: Option<String>,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    pub idempotency_key: Option<String>,
}
