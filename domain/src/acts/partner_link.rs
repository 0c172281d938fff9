//! A partner brings a tenant; the one that did before leaves in the same commit.

use schema::tenant::AttachedWhy;
use schema::{PartnerId, StreamId, TenantCommand, TenantId};

use crate::tenant::Tenant;
use crate::{Act, Asked, Board, Rejection};

/// Attaches a partner, which must be active at that moment.
#[derive(Debug, Clone, Copy)]
pub struct AttachPartner {
    /// To which tenant.
    pub tenant_id: TenantId,
    /// Which partner; guarded.
    pub partner_id: PartnerId,
    /// On which ground.
    pub why: AttachedWhy,
}

impl Act for AttachPartner {
    fn streams(&self) -> Vec<StreamId> {
        vec![self.tenant_id.into(), self.partner_id.into()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let Self { tenant_id, partner_id, why } = *self;
        let attached = board.run::<Tenant>(
            &tenant_id.into(),
            TenantCommand::AttachPartner { partner_id, why },
            asked,
        )?;
        // Saying again what is so is no news, even after the partner has ended.
        if attached.is_empty() { Ok(()) } else { board.partner(partner_id).must_be_active() }
    }
}
