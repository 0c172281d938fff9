//! A tenant becomes active once every system is in place for the first time.

use schema::tenant::Generations;
use schema::{StreamId, System, TenantCommand, TenantId};

use crate::tenant::Tenant;
use crate::{Act, Asked, Board, Rejection};

/// Looks at the three systems and activates the tenant if each is in place or switched off. Otherwise no news.
#[derive(Debug, Clone, Copy)]
pub struct ActivateTenant {
    /// Which.
    pub tenant_id: TenantId,
}

impl Act for ActivateTenant {
    fn streams(&self) -> Vec<StreamId> {
        let systems = System::ALL.map(|system| StreamId::provisioning(self.tenant_id, system));
        [StreamId::from(self.tenant_id)].into_iter().chain(systems).collect()
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let seen = |system| board.provisioning(self.tenant_id, system);
        if !System::ALL.into_iter().all(|system| seen(system).status().is_settled()) {
            return Ok(());
        }
        let generations = Generations {
            authentik: seen(System::Authentik).generation(),
            stalwart: seen(System::Stalwart).generation(),
            ocis: seen(System::Ocis).generation(),
        };
        board.run::<Tenant>(&self.tenant_id.into(), TenantCommand::Activate { generations }, asked).map(drop)
    }
}
