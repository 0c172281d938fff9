//! The sweep: everything is read in bulk, compared in memory with what every tenant should have, and whoever differs
//! is asked for a look. It corrects nothing itself.

mod authentik;
mod ocis;
mod stalwart;

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Lifecycle;
use futures::future::BoxFuture;
use projector::facts::{self, PersonFacts, SystemState, TenantFacts};
use schema::provisioning::Mode;
use schema::{System, TenantId};
use serde::Serialize;

use crate::breaker::Verdict;
use crate::call::CallError;
use crate::config::SystemMode;
use crate::due::Haste;
use crate::integration::{Asked, Desired, Integration};
use crate::order;
use crate::subject::Subject;
use crate::systems::{Given, Spec};
use crate::{Reconciler, WorkError};

/// The list of file spaces breaks near 3,450 unless the server's message limit is raised; said early enough.
const SPACES_WARN: usize = 3_000;
/// Orphans listed per sweep.
const ORPHANS_MAX: usize = 200;

/// Something with our mark that nobody wants. It is listed and left alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Orphan {
    /// Where.
    pub system: System,
    /// What it is there: `group`, `role`, `domain`, `space`.
    pub kind: &'static str,
    /// Its id there.
    pub external_id: String,
    /// Whose it says it is.
    pub owner: String,
    /// Why nobody wants it: `unknown-owner`, or `twin` of an object in use.
    pub why: &'static str,
}

/// What a sweep found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// Tenants compared.
    pub tenants: usize,
    /// Who was asked for a look, and where.
    pub differing: BTreeSet<(String, System)>,
    /// What nobody wants.
    pub orphans: Vec<Orphan>,
    /// Systems that could not be read, with our sentence for it.
    pub unread: BTreeMap<System, String>,
}

/// Everything there is in one system, ready to be compared.
trait Bulk<I: Integration> {
    /// What a look at one subject alone would have seen.
    fn observed(&self, desired: &Desired<I::Spec>) -> I::Observed;
    /// What carries our mark and belongs to none of these.
    fn orphans(&self, tenants: &BTreeSet<TenantId>) -> Vec<Orphan>;
    /// What carries a tenant's mark beside what is in use, of what was seen of them.
    fn twins(&self, _desired: &Desired<I::Spec>, _observed: &I::Observed) -> Vec<Orphan> {
        Vec::new()
    }
}

/// Somebody whose wanted state is compared.
struct Compared {
    subject: Subject,
    spec: Spec,
    given: Given,
    /// Whether what is recorded is of this wanted state and settled.
    is_settled: bool,
}

impl Compared {
    /// Doors that were asked shut and may not be are looked at first.
    fn haste(&self) -> Haste {
        match self.given.asked {
            Asked::Shut => Haste::Closing,
            Asked::Nothing => Haste::Usual,
        }
    }
}

impl Reconciler {
    /// Compares everything there is with everything wanted; who differs is asked for a look.
    pub fn sweep(&self) -> BoxFuture<'_, Result<SweepReport, WorkError>> {
        Box::pin(self.sweeping())
    }

    async fn sweeping(&self) -> Result<SweepReport, WorkError> {
        let (position, tenants, admins) = {
            let mut at = self.0.views.snapshot(&facts::MODEL).await?;
            let tenants = facts::all(&mut at).await?;
            (at.position(), tenants, facts::platform_admins(&mut at).await?)
        };
        let mut report = SweepReport { tenants: tenants.len(), ..SweepReport::default() };
        let mut differing: BTreeMap<(Subject, System), Haste> = BTreeMap::new();
        for system in System::ALL {
            let compared = self.compared(system, &tenants, &admins);
            for one in compared.iter().filter(|one| !one.is_settled) {
                differing.insert((one.subject, system), one.haste());
            }
            let may_look = match self.0.systems.mode(system) {
                SystemMode::Enforce | SystemMode::Observe => {
                    self.0.breakers.ask(system, self.now()) == Verdict::Go
                }
                SystemMode::Paused | SystemMode::Disabled => false,
            };
            if !may_look {
                continue;
            }
            let ids = tenants.iter().map(|tenant| tenant.tenant_id).collect();
            match self.compare(system, &compared, &ids, &mut report).await {
                Ok(found) => {
                    differing.extend(found.into_iter().map(|one| ((one.subject, system), one.haste())));
                    self.works(system).await?;
                }
                Err(error) => {
                    tracing::warn!(%system, error = &error as &dyn std::error::Error, "a system could not be swept");
                    self.does_not_work(system, &error).await?;
                    report.unread.insert(system, error.to_string());
                }
            }
        }
        self.0.due.ask(differing.clone(), position, self.now()).await?;
        self.0.woken.notify_one();
        report.differing =
            differing.into_iter().map(|((subject, system), _)| (subject.to_string(), system)).collect();
        report.orphans.truncate(ORPHANS_MAX);
        tracing::info!(
            tenants = report.tenants,
            differing = report.differing.len(),
            orphans = report.orphans.len(),
            "swept"
        );
        Ok(report)
    }

    fn compared(&self, system: System, tenants: &[TenantFacts], admins: &[PersonFacts]) -> Vec<Compared> {
        let mut compared: Vec<Compared> =
            tenants.iter().filter_map(|tenant| self.compared_tenant(system, tenant)).collect();
        if system == System::Authentik && self.0.systems.mode(system) != SystemMode::Disabled {
            compared.push(Compared {
                subject: Subject::Platform,
                spec: Spec::of_platform(admins),
                given: Given::to_compare(BTreeMap::new(), Asked::Nothing),
                is_settled: true,
            });
        }
        compared
    }

    /// Only what should be acted upon is compared; a changed mode is a difference by itself.
    fn compared_tenant(&self, system: System, tenant: &TenantFacts) -> Option<Compared> {
        let mode = self.0.systems.recorded_mode(system, Some(tenant));
        let spec = Spec::of_tenant(system, tenant);
        let known = tenant.systems.get(&system);
        let hash = self.0.store.hash_secret(&spec.canonical(mode));
        let is_in_place = known.is_some_and(|known| {
            known.spec_hash == hash && known.mode == mode && known.state == SystemState::Converged
        });
        // Whoever is in place and was never made active is looked at again too.
        let is_settled = is_in_place && tenant.standing.lifecycle != Lifecycle::Pending;
        if mode != Mode::Enforce && is_settled {
            return None;
        }
        let bound = known.map(|known| known.bound.clone()).unwrap_or_default();
        let given = Given::to_compare(bound, order::asked(tenant));
        Some(Compared { subject: Subject::Tenant(tenant.tenant_id), spec, given, is_settled })
    }

    async fn compare<'a>(
        &self,
        system: System,
        compared: &'a [Compared],
        tenants: &BTreeSet<TenantId>,
        report: &mut SweepReport,
    ) -> Result<Vec<&'a Compared>, CallError> {
        match (system, &self.0.systems.authentik, &self.0.systems.stalwart, &self.0.systems.ocis) {
            (System::Authentik, Some(integration), _, _) => {
                let bulk = authentik::Everything::read(integration.client()).await?;
                report.orphans.extend(Bulk::orphans(&bulk, tenants));
                Ok(differing(&bulk, compared, &mut report.orphans, |spec| match spec {
                    Spec::Authentik(spec) => Some(spec),
                    Spec::Stalwart(_) | Spec::Ocis(_) => None,
                }))
            }
            (System::Stalwart, _, Some(integration), _) => {
                let bulk = stalwart::Everything::read(integration.client()).await?;
                if bulk.refuses_mail() && self.0.systems.mode(system) == SystemMode::Enforce {
                    // A key that was set back in a look that was cut looks right and does nothing.
                    integration.client().action("ReloadLookupStores").await?;
                }
                report.orphans.extend(Bulk::orphans(&bulk, tenants));
                Ok(differing(&bulk, compared, &mut report.orphans, |spec| match spec {
                    Spec::Stalwart(spec) => Some(spec),
                    Spec::Authentik(_) | Spec::Ocis(_) => None,
                }))
            }
            (System::Ocis, _, _, Some(integration)) => {
                let bulk = ocis::Everything::read(integration.client()).await?;
                if bulk.spaces() > SPACES_WARN {
                    tracing::warn!(
                        spaces = bulk.spaces(),
                        "the list of file spaces comes near its limit: raise OCIS_GRPC_MAX_RECEIVED_MESSAGE_SIZE"
                    );
                }
                report.orphans.extend(Bulk::orphans(&bulk, tenants));
                Ok(differing(&bulk, compared, &mut report.orphans, |spec| match spec {
                    Spec::Ocis(spec) => Some(spec),
                    Spec::Authentik(_) | Spec::Stalwart(_) => None,
                }))
            }
            (System::Authentik | System::Stalwart | System::Ocis, _, _, _) => Ok(Vec::new()),
        }
    }
}

fn differing<'a, I, B>(
    bulk: &B,
    compared: &'a [Compared],
    orphans: &mut Vec<Orphan>,
    spec_of: impl Fn(&Spec) -> Option<&I::Spec>,
) -> Vec<&'a Compared>
where
    I: Integration,
    I::Spec: Clone,
    B: Bulk<I>,
{
    let differs = |one: &&Compared| {
        let Some(spec) = spec_of(&one.spec) else {
            return false;
        };
        let desired = one.given.with(spec);
        let observed = bulk.observed(&desired);
        orphans.extend(bulk.twins(&desired, &observed));
        !I::plan(&desired, &observed).steps.is_empty()
    };
    compared.iter().filter(differs).collect()
}
