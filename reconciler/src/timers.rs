//! Things that happen by themselves: a hold expires, grace is over, an invitation lapses.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::acts::CompleteTermination;
use domain::claims::Claim;
use domain::tenant::Tenant;
use domain::{Act, One};
use event_store::ExecuteError;
use event_store::guard::caught;
use event_store::trouble::Trouble;
use projector::timers::{self, Due, Timer};
use schema::{ActorKind, StreamId, TenantCommand, Timestamp};
use uuid::Uuid;

use crate::{Reconciler, WorkError, backoff};

/// Timers fired at once.
const BATCH: usize = 100;
/// How late a timer may be.
const TICK: Duration = Duration::from_millis(500);
/// Timers set aside that are remembered; further ones are tried at every tick.
const ASIDE_MAX: usize = 10_000;
/// The name under which a timer's id becomes the id of its command.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b7e_0f2c_51d4_4f0a_9a3e_d3c1_77a0_5e11);

/// Timers that could not be fired, and when they are tried again; forgotten with the process.
#[derive(Debug, Default)]
pub(crate) struct SetAside(Mutex<BTreeMap<String, (u32, Timestamp)>>);

impl SetAside {
    fn waits(&self, id: &str, now: Timestamp) -> bool {
        self.lock().get(id).is_some_and(|(_, until)| now < *until)
    }

    fn failed(&self, id: &str, now: Timestamp) {
        let mut aside = self.lock();
        let failures = aside.get(id).map_or(1, |(failures, _)| failures.saturating_add(1));
        if aside.len() < ASIDE_MAX || aside.contains_key(id) {
            aside.insert(id.to_owned(), (failures, backoff::after(now, backoff::of_a_fault(failures))));
        }
        metrics::gauge!("dezky_timers_set_aside").set(u32::try_from(aside.len()).unwrap_or(u32::MAX));
    }

    fn fired(&self, id: &str) {
        self.lock().remove(id);
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, (u32, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reconciler {
    pub(crate) async fn timers_forever(&self) {
        let mut trouble = Trouble::default();
        loop {
            let pause = match caught(self.fire_timers()).await {
                Ok(Ok(_)) => {
                    trouble.tell_works("timers can be fired");
                    TICK
                }
                Ok(Err(error)) => self.tell(&mut trouble, "timers cannot be fired", &error),
                Err(panicked) => trouble.tell_panicked(&panicked, "timers", "all timers"),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Does what is due by now. Firing twice is no news; one that ends in a fault of ours stands in nobody's way. How many.
    pub async fn fire_timers(&self) -> Result<usize, WorkError> {
        let due = {
            let mut at = self.0.views.snapshot(&timers::MODEL).await?;
            timers::due(&mut at, self.now(), BATCH + self.0.set_aside.count()).await?
        };
        for unreadable in &due.unreadable {
            tracing::debug!(?unreadable, "a timer cannot be read: it is not fired");
        }
        let mut fired = 0;
        for timer in &due.timers {
            if self.0.set_aside.waits(&timer.id, self.now()) {
                continue;
            }
            match caught(self.fire(timer)).await {
                Ok(Ok(())) => {
                    self.0.set_aside.fired(&timer.id);
                    fired += 1;
                }
                Ok(Err(error)) if error.is_of_the_database() => return Err(error),
                Ok(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(tenant = %timer.tenant_id, error, "a timer could not be fired");
                    self.0.set_aside.failed(&timer.id, self.now());
                }
                Err(panicked) => {
                    drop(panicked.told("timers", timer.tenant_id));
                    self.0.set_aside.failed(&timer.id, self.now());
                }
            }
        }
        Ok(fired)
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
