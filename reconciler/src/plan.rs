//! What would be done for a tenant, and nothing done.

use futures::future::BoxFuture;
use projector::facts;
use schema::provisioning::Mode;
use schema::{StreamId, System, TenantId};
use serde::Serialize;

use crate::order;
use crate::systems::{Given, Spec};
use crate::{Reconciler, WorkError};

/// What would be done in one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SystemPlan {
    /// Which.
    pub system: System,
    /// `enforce`, `observe`, `paused`, `disabled`, or `disabledByPlan`.
    pub mode: &'static str,
    /// In the order they would be applied. Later rounds may add what depends on these.
    pub steps: Vec<String>,
    /// What belongs to somebody else and is left alone.
    pub refused: Vec<String>,
    /// Whether the door waits for mail and files.
    pub waits: bool,
    /// Why the system could not be looked at.
    pub failed: Option<String>,
}

impl Reconciler {
    /// Looks at every system of a tenant and says what would be done. Nothing when there is no such tenant.
    pub fn plan_tenant<'a>(
        &'a self,
        slug: &'a str,
    ) -> BoxFuture<'a, Result<Option<Vec<SystemPlan>>, WorkError>> {
        Box::pin(self.planning_by_slug(slug))
    }

    async fn planning_by_slug(&self, slug: &str) -> Result<Option<Vec<SystemPlan>>, WorkError> {
        let Ok(slug) = schema::Slug::of_the_platform(slug) else {
            return Ok(None);
        };
        let claim = domain::claims::Claim::tenant_slug(&slug);
        let stream = self.0.store.resolve(claim.scope, &claim.value).await?;
        let Some(tenant) = stream.as_ref().and_then(StreamId::tenant) else {
            return Ok(None);
        };
        self.plan_of(tenant).await
    }

    /// The same, by id.
    pub fn plan_of(&self, tenant: TenantId) -> BoxFuture<'_, Result<Option<Vec<SystemPlan>>, WorkError>> {
        Box::pin(self.planning(tenant))
    }

    async fn planning(&self, tenant: TenantId) -> Result<Option<Vec<SystemPlan>>, WorkError> {
        let facts = {
            let mut at = self.0.views.snapshot(&facts::MODEL).await?;
            facts::of_tenant(&mut at, tenant).await?
        };
        match facts {
            Some(facts) => Ok(Some(self.plan_facts(&facts).await)),
            None => Ok(None),
        }
    }

    /// What would be done if these were the facts.
    pub fn plan_facts<'a>(&'a self, facts: &'a facts::TenantFacts) -> BoxFuture<'a, Vec<SystemPlan>> {
        Box::pin(self.planning_for(facts))
    }

    async fn planning_for(&self, facts: &facts::TenantFacts) -> Vec<SystemPlan> {
        let mut plans = Vec::new();
        for system in System::ALL {
            plans.push(self.plan_system(system, facts).await);
        }
        plans
    }

    async fn plan_system(&self, system: System, facts: &facts::TenantFacts) -> SystemPlan {
        let mode = self.0.systems.recorded_mode(system, Some(facts));
        let word = if mode == Mode::DisabledByPlan {
            "disabledByPlan"
        } else {
            self.0.systems.mode(system).as_str()
        };
        let mut plan =
            SystemPlan { system, mode: word, steps: vec![], refused: vec![], waits: false, failed: None };
        if mode != Mode::Enforce {
            return plan;
        }
        let known = facts.systems.get(&system).map(|known| known.bound.clone()).unwrap_or_default();
        let given = Given::to_compare(known, order::asked(facts));
        match self.0.systems.look(&Spec::of_tenant(system, facts), &given).await {
            Ok(look) => {
                plan.steps = look.steps;
                plan.refused = look.refusals;
                plan.waits = look.waiting;
            }
            Err(error) => plan.failed = Some(error.to_string()),
        }
        plan
    }
}
