//! The sweep: everything is read in bulk, compared in memory with what every tenant should have, and whoever differs
//! is asked for a look. It corrects nothing itself.

mod authentik;
mod everything;
mod ocis;
mod stalwart;

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Lifecycle;
use futures::future::BoxFuture;
use projector::facts::{self, PersonFacts, SystemState, TenantFacts};
use schema::provisioning::{Mode, ResourceKind};
use schema::{System, TenantId};
use serde::Serialize;

use crate::breaker::Verdict;
use crate::call::CallError;
use crate::config::SystemMode;
use crate::creating::Permit;
use crate::due::Haste;
use crate::integration::{Asked, Desired, Integration};
use crate::leftovers::{Leftover, LeftoverWhy};
use crate::order;
use crate::subject::Subject;
use crate::systems::{Given, Spec};
use crate::{Reconciler, WorkError};
pub(crate) use everything::Everything;

/// Orphans listed per sweep.
const ORPHANS_MAX: usize = 200;

/// Something with our mark that is not in use.
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
    /// Why it is not in use.
    pub why: LeftoverWhy,
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
    /// Whether an object is there.
    fn holds(&self, kind: ResourceKind, id: &str) -> bool;
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
        Box::pin(async {
            let swept = self.sweeping(&System::ALL).await;
            swept.inspect_err(|error| {
                if error.is_of_the_database() {
                    self.database_is_away(error);
                }
            })
        })
    }

    /// The same, of some systems.
    pub(crate) fn sweep_some<'a>(
        &'a self,
        systems: &'a [System],
    ) -> BoxFuture<'a, Result<SweepReport, WorkError>> {
        Box::pin(self.sweeping(systems))
    }

    async fn sweeping(&self, systems: &[System]) -> Result<SweepReport, WorkError> {
        let (position, everybody, admins) = {
            let mut at = self.0.views.snapshot(&facts::MODEL).await?;
            let everybody = facts::all(&mut at).await?;
            (at.position(), everybody, facts::platform_admins(&mut at).await)
        };
        let admins = match admins.map_err(WorkError::from) {
            Ok(admins) => Some(admins),
            Err(error) if error.is_of_the_database() => return Err(error),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the administrators cannot be read: nothing is done for their group");
                None
            }
        };
        for unreadable in &everybody.unreadable {
            tracing::error!(?unreadable, "a tenant cannot be read: nothing is done for it");
        }
        let tenants = everybody.tenants;
        let mut report = SweepReport { tenants: tenants.len(), ..SweepReport::default() };
        let mut asked: BTreeMap<(Subject, System), Haste> = BTreeMap::new();
        for system in systems.iter().copied() {
            let compared = self.compared(system, &tenants, admins.as_deref());
            for one in compared.iter().filter(|one| !one.is_settled) {
                asked.insert((one.subject, system), one.haste());
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
            // Of those that cannot be read nothing is known either: what is theirs is no orphan.
            let unreadable = everybody.unreadable.iter().filter_map(|one| one.tenant_id);
            let ids = tenants.iter().map(|tenant| tenant.tenant_id).chain(unreadable).collect();
            match self.sweep_one(system, &compared, &ids, &mut report).await? {
                Ok(found) => {
                    asked.extend(found);
                    self.works(system).await?;
                }
                Err(error) => {
                    tracing::warn!(%system, error = &error as &dyn std::error::Error, "a system could not be swept");
                    self.does_not_work(system, &error).await?;
                    report.unread.insert(system, error.to_string());
                }
            }
        }
        self.0.due.ask(asked.clone(), position, self.now()).await?;
        self.0.woken.all();
        report.differing =
            asked.into_iter().map(|((subject, system), _)| (subject.to_string(), system)).collect();
        tracing::info!(
            tenants = report.tenants,
            differing = report.differing.len(),
            leftovers = report.orphans.len(),
            "swept"
        );
        report.orphans.truncate(ORPHANS_MAX);
        Ok(report)
    }

    /// Reads one system in bulk: what is missing of everything, what is left over, and who is to be looked at.
    async fn sweep_one(
        &self,
        system: System,
        compared: &[Compared],
        tenants: &BTreeSet<TenantId>,
        report: &mut SweepReport,
    ) -> Result<Result<BTreeMap<(Subject, System), Haste>, CallError>, WorkError> {
        let is_enforced = self.0.systems.mode(system) == SystemMode::Enforce;
        let everything = match self.read_everything(system, is_enforced).await {
            Ok(everything) => everything,
            Err(error) => return Ok(Err(error)),
        };
        let permit = if is_enforced { self.recount(system, &everything).await? } else { Ok(Permit::Allowed) };
        let is_believed = match permit {
            Ok(permit) => permit == Permit::Allowed,
            Err(error) => return Ok(Err(error)),
        };
        let (differing, twins) = everything.compare(compared);
        let orphans: Vec<Orphan> = everything.orphans(tenants).into_iter().chain(twins).collect();
        self.note_leftovers(system, &orphans).await?;
        // While the system is not believed everybody differs, and only doors would be looked at.
        let looked_at = differing.into_iter().filter(|one| is_believed || one.haste() == Haste::Closing);
        let asked = looked_at.map(|one| ((one.subject, system), one.haste())).collect();
        report.orphans.extend(orphans);
        Ok(Ok(asked))
    }

    async fn read_everything(&self, system: System, is_enforced: bool) -> Result<Everything, CallError> {
        let everything = Everything::read(&self.0.systems, system).await?;
        if let (true, true, Some(stalwart)) =
            (is_enforced, everything.refuses_mail(), &self.0.systems.stalwart)
        {
            // A key that was set back in a look that was cut looks right and does nothing.
            stalwart.client().action("ReloadLookupStores").await?;
        }
        Ok(everything)
    }

    async fn note_leftovers(&self, system: System, orphans: &[Orphan]) -> Result<(), WorkError> {
        let seen: Vec<Leftover> = orphans
            .iter()
            .map(|orphan| Leftover {
                system,
                kind: orphan.kind.to_owned(),
                external_id: orphan.external_id.clone(),
                owner: orphan.owner.clone(),
                why: orphan.why,
            })
            .collect();
        metrics::gauge!("dezky_leftovers", "system" => system.as_str())
            .set(u32::try_from(seen.len()).unwrap_or(u32::MAX));
        Ok(self.0.leftovers.replace(system, &seen, self.now()).await?)
    }

    fn compared(
        &self,
        system: System,
        tenants: &[TenantFacts],
        admins: Option<&[PersonFacts]>,
    ) -> Vec<Compared> {
        let mut compared: Vec<Compared> =
            tenants.iter().filter_map(|tenant| self.compared_tenant(system, tenant)).collect();
        let admins = admins.filter(|_| self.0.systems.mode(system) != SystemMode::Disabled);
        if let (System::Authentik, Some(admins)) = (system, admins) {
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
}
