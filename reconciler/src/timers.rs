//! Things that happen by themselves: a hold expires, grace is over, an invitation lapses.

use std::sync::Arc;
use std::time::Duration;

use domain::acts::CompleteTermination;
use domain::claims::Claim;
use domain::tenant::Tenant;
use domain::{Act, One};
use event_store::ExecuteError;
use projector::timers::{self, Due, Timer};
use schema::{ActorKind, StreamId, TenantCommand};
use uuid::Uuid;

use crate::{Reconciler, WorkError};

/// Timers fired at once.
const BATCH: usize = 100;
/// How late a timer may be.
const TICK: Duration = Duration::from_millis(500);
/// Before the next try when the log or the views do not answer.
const TROUBLE: Duration = Duration::from_secs(2);
/// The name under which a timer's id becomes the id of its command.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b7e_0f2c_51d4_4f0a_9a3e_d3c1_77a0_5e11);

impl Reconciler {
    pub(crate) async fn timers_forever(&self) {
        loop {
            let pause = match self.fire_timers().await {
                Ok(_) => TICK,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "could not fire timers");
                    TROUBLE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Does what is due by now. Firing twice is no news. How many.
    pub async fn fire_timers(&self) -> Result<usize, WorkError> {
        let due = {
            let mut at = self.0.views.snapshot(&timers::MODEL).await?;
            timers::due(&mut at, self.now(), BATCH).await?.timers
        };
        for timer in &due {
            self.fire(timer).await?;
        }
        Ok(due.len())
    }

    async fn fire(&self, timer: &Timer) -> Result<(), WorkError> {
        let one = |command| -> Arc<dyn Act> { Arc::new(One::<Tenant> { stream: timer.stream(), command }) };
        let act = match timer.due {
            Due::HoldExpiry(hold_id) => one(TenantCommand::ExpireHold { hold_id }),
            Due::InvitationExpiry(invitation_id) => one(TenantCommand::ExpireInvitation { invitation_id }),
            Due::Termination => {
                let claim = Claim::open_subscription(timer.tenant_id);
                let stream: Option<StreamId> = self.0.store.resolve(claim.scope, &claim.value).await?;
                let subscription_id = stream.and_then(|stream| stream.key().parse().ok());
                Arc::new(CompleteTermination { tenant_id: timer.tenant_id, subscription_id })
            }
        };
        let command_id = Uuid::new_v5(&NAMESPACE, timer.id.as_bytes());
        match self.0.store.execute(act, self.request_of(ActorKind::System, command_id)).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Rejected(rejection)) => {
                tracing::warn!(tenant = %timer.tenant_id, code = rejection.code(), "a timer was refused");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}
