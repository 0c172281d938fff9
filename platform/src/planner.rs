//! Lends the reconciler to the API: what would be done, a look now, and whether it is done. The two never meet elsewhere.

use std::collections::BTreeMap;

use command_api::{Planned, Planner, Steps};
use projector::{Views, facts};
use reconciler::{Reconciler, Subject};
use schema::{Actor, ActorKind, Event, Meta, Recorded, StreamId, System, TenantId};
use uuid::Uuid;

use crate::clock;

/// The reconciler, as the API knows it.
pub(crate) struct Lent {
    pub(crate) reconciler: Reconciler,
    pub(crate) views: Views,
}

impl Planner for Lent {
    fn plan(&self, tenant: TenantId, news: Vec<(StreamId, Event)>) -> Planned<'_, Steps> {
        Box::pin(async move {
            let mut at = self.views.snapshot(&facts::MODEL).await?;
            let news = as_if_recorded(at.position(), news);
            let Some(supposed) = facts::supposing(&mut at, tenant, &news).await? else {
                return Ok(BTreeMap::new());
            };
            drop(at);
            let plans = self.reconciler.plan_facts(&supposed).await;
            Ok(plans.into_iter().map(|plan| (plan.system, plan.steps)).collect())
        })
    }

    fn reconcile(&self, tenant: TenantId, systems: Vec<System>) -> Planned<'_, ()> {
        Box::pin(async move { Ok(self.reconciler.wake(Subject::Tenant(tenant), &systems).await?) })
    }

    fn is_settled(&self, tenant: TenantId, systems: Vec<System>, position: u64) -> Planned<'_, bool> {
        Box::pin(
            async move { Ok(self.reconciler.is_settled(Subject::Tenant(tenant), &systems, position).await?) },
        )
    }
}

/// Events that nobody recorded, in the place they would have.
fn as_if_recorded(head: u64, news: Vec<(StreamId, Event)>) -> Vec<Recorded> {
    let now = clock::now();
    let meta = Meta {
        actor: Actor::service(ActorKind::System),
        audience: None,
        request_id: None,
        correlation_id: Uuid::nil(),
        causation_position: None,
        tenant_id: None,
        partner_id: None,
    };
    let supposed = |(offset, (stream, event)): (u64, (StreamId, Event))| Recorded {
        position: head + offset,
        stream,
        version: offset,
        recorded_at: now,
        command_id: Uuid::nil(),
        meta: meta.clone(),
        event,
    };
    (1..).zip(news).map(supposed).collect()
}
