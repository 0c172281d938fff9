//! How far a tenant's outside systems are, as the API shows it.

use schema::{System, TenantId};
use serde::Serialize;

use crate::api::{Moment, PerSystem};

/// All systems of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct ProvisioningView {
    pub tenant_id: TenantId,
    pub summary: &'static str,
    pub paused: Vec<System>,
    pub integrations: PerSystem<IntegrationView>,
    /// The last event that changed this representation.
    #[serde(skip)]
    pub changed_position: u64,
}

/// One system of a tenant.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct IntegrationView {
    pub state: &'static str,
    /// Nothing for who does not look after the installation.
    pub mode: Option<&'static str>,
    pub differences: Option<DifferencesView>,
    pub desired_generation: u64,
    pub observed_generation: u64,
    pub conditions: Vec<Condition>,
    pub resources: Vec<ResourceView>,
    pub attempts: u64,
    pub last_attempt_at: Option<Moment>,
    pub next_attempt_at: Option<Moment>,
    pub last_error: Option<LastError>,
    pub converged_in_ms: Option<i64>,
}

/// What would be changed in a system that is only observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct DifferencesView {
    pub message: String,
    pub seen_at: Moment,
    pub count: u64,
    pub steps: Vec<String>,
}

/// One statement about a system that is true, or not, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub status: &'static str,
    pub reason: String,
    pub observed_generation: u64,
    pub last_transition_at: Option<Moment>,
    pub message: Option<String>,
}

/// An object of ours in a system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct ResourceView {
    pub kind: String,
    pub key: String,
    pub external_id: String,
    pub name: Option<String>,
    pub last_observed_at: Option<Moment>,
}

/// What went wrong last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct LastError {
    pub class: String,
    pub reason: String,
    pub message: String,
    pub resource: Option<FailedResource>,
    /// The outside system's own words, cut; for operators.
    pub upstream: Option<String>,
}

/// What it went wrong on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of the API's Provisioning and are explained there")]
pub struct FailedResource {
    pub kind: String,
    pub key: String,
}
