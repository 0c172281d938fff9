//! The partner that brings a tenant: at most one.

use schema::tenant::{AttachedWhy, DetachedWhy};
use schema::{PartnerId, TenantEvent};

use super::Tenant;
use crate::Rejection;

impl Tenant {
    pub(super) fn attach_partner(
        &self,
        partner_id: PartnerId,
        why: AttachedWhy,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("attach a partner")?;
        Ok(match self.partner_id {
            Some(known) if known == partner_id => vec![],
            Some(other) => vec![
                TenantEvent::PartnerDetached { partner_id: other, why: DetachedWhy::Transfer },
                TenantEvent::PartnerAttached { partner_id, why: AttachedWhy::Transfer },
            ],
            None => vec![TenantEvent::PartnerAttached { partner_id, why }],
        })
    }

    pub(super) fn detach_partner(&self, why: DetachedWhy) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("detach a partner")?;
        Ok(self
            .partner_id
            .map(|partner_id| TenantEvent::PartnerDetached { partner_id, why })
            .into_iter()
            .collect())
    }
}
