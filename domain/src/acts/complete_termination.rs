//! Grace is over: the tenant ends, and its subscription with it.

use schema::{StreamId, SubscriptionCommand, SubscriptionId, TenantCommand, TenantId};

use crate::subscription::Subscription;
use crate::tenant::Tenant;
use crate::{Act, Asked, Board, Rejection};

/// Ends a tenant whose grace is over. Before that, or when it has been restored, no news.
#[derive(Debug, Clone, Copy)]
pub struct CompleteTermination {
    /// Which.
    pub tenant_id: TenantId,
    /// Its open subscription, if it has one.
    pub subscription_id: Option<SubscriptionId>,
}

impl Act for CompleteTermination {
    fn streams(&self) -> Vec<StreamId> {
        let subscription = self.subscription_id.map(StreamId::from);
        [StreamId::from(self.tenant_id)].into_iter().chain(subscription).collect()
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let ended = board.run::<Tenant>(&self.tenant_id.into(), TenantCommand::CompleteTermination, asked)?;
        match self.subscription_id {
            Some(id) if !ended.is_empty() && board.subscription(id).tenant_id() == Some(self.tenant_id) => {
                board.run::<Subscription>(&id.into(), SubscriptionCommand::CancelWithTenant, asked).map(drop)
            }
            Some(_) | None => Ok(()),
        }
    }
}
