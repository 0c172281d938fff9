//! The User as the API shows it, without what depends on the caller.

use domain::access::{Membership, Person, TenantStanding};
use schema::{InvitationId, TenantId, UserId};
use serde::Serialize;

use crate::api::Moment;

/// A person.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's User and are explained there")]
pub struct UserView {
    pub id: UserId,
    pub authentik_subject_id: Option<String>,
    pub email: String,
    pub name: Option<String>,
    pub status: &'static str,
    pub role: Option<&'static str>,
    pub platform_admin: bool,
    pub tenant_ids: Vec<TenantId>,
    pub locale: Option<String>,
    pub timezone: Option<String>,
    pub theme: String,
    pub last_login_at: Option<Moment>,
    pub created_at: Moment,
    pub version: u64,
    pub memberships: Vec<MembershipView>,
    /// The last event that changed this representation: the second half of its `ETag`.
    #[serde(skip)]
    pub changed_position: u64,
    /// Instances and subjects, the one linked last first.
    #[serde(skip)]
    pub identities: Vec<(String, String)>,
    /// Status and administration rights, for who derives more from them.
    #[serde(skip)]
    pub person: Person,
}

/// One membership of a person.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's User and are explained there")]
pub struct MembershipView {
    pub tenant_id: TenantId,
    pub slug: String,
    pub name: String,
    pub role: &'static str,
    pub kind: &'static str,
    pub status: &'static str,
    pub tenant_status: &'static str,
    pub can_use: bool,
    pub customer_message: Option<String>,
    /// The membership as rules see it.
    #[serde(skip)]
    pub membership: Membership,
    /// The tenant as rules see it.
    #[serde(skip)]
    pub standing: TenantStanding,
}

/// An invitation into a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are those of the API's Invitation and are explained there")]
pub struct InvitationView {
    pub id: InvitationId,
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub email: String,
    pub role: String,
    pub status: String,
    pub expires_at: Moment,
    pub invited_by: Option<UserId>,
    pub created_at: Moment,
}
