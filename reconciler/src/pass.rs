//! One pass over one subject: facts are read once, what is wanted is recorded, systems are made right in the order of
//! doors, what became different is recorded.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::access::Lifecycle;
use domain::acts::ActivateTenant;
use domain::provisioning::{Phase, Provisioning};
use event_store::ExecuteError;
use futures::future::join_all;
use projector::facts::{self, PersonFacts, TenantFacts};
use schema::provisioning::{ConvergedReason, Mode, Reason};
use schema::{Event, ProvisioningCommand, ProvisioningEvent, System, Timestamp};

use crate::backoff;
use crate::breaker::Verdict;
use crate::call::CallError;
use crate::config::SystemMode;
use crate::due::{Haste, Held, Later, Lease};
use crate::integration::{Asked, Creating, Gate, Last, Settled};
use crate::order::{self, Behind};
use crate::record::{Record, converged};
use crate::subject::Subject;
use crate::systems::{Given, Spec};
use crate::{Reconciler, WorkError};

/// How long facts may take to reach the event that asked for the look.
const FACTS_WAIT: Duration = Duration::from_secs(2);
/// After which an event that has not reached the facts is looked for again.
const FACTS_PAUSE_MILLIS: i64 = 250;

/// What a pass works from.
struct Input {
    position: u64,
    tenant: Option<TenantFacts>,
    admins: Vec<PersonFacts>,
    asked: Asked,
}

impl Input {
    /// What a row that is not done keeps: doors of a tenant that is open again are no longer to be shut.
    fn haste(&self) -> Haste {
        match (&self.tenant, self.asked) {
            (Some(_), Asked::Nothing) => Haste::Usual,
            (None, _) | (Some(_), Asked::Shut) => Haste::Closing,
        }
    }

    fn people(&self) -> &[PersonFacts] {
        self.tenant.as_ref().map_or(&self.admins, |tenant| &tenant.people)
    }

    fn spec(&self, system: System) -> Spec {
        match &self.tenant {
            Some(tenant) => Spec::of_tenant(system, tenant),
            None => Spec::of_platform(&self.admins),
        }
    }
}

/// One system of a pass.
struct Part<'a> {
    row: &'a Held,
    spec: Spec,
    mode: Mode,
    before: Provisioning,
    generation: u32,
    is_new_spec: bool,
}

impl Part<'_> {
    /// In place for whoever can be served.
    fn is_in_place(&self) -> bool {
        let phase = self.before.phase();
        !self.is_new_spec && (matches!(phase, Phase::Converged(_)) || phase.is_of_a_person())
    }

    fn last(&self) -> Last {
        if self.row.reason.as_deref() == Some(Reason::ExternalDeleted.as_str()) {
            Last::Missing
        } else if !self.is_new_spec && matches!(self.before.phase(), Phase::Converged(_)) {
            Last::Level
        } else {
            Last::Open
        }
    }
}

/// How a system of a pass ended.
enum End {
    Settled(Settled),
    Failed(CallError),
    /// Not tried: left alone until then.
    Blocked(Timestamp, Reason),
}

impl End {
    /// In place for whoever can be served.
    fn is_in_place(&self) -> bool {
        match self {
            Self::Settled(settled) => *settled == Settled::Level,
            Self::Failed(error) => error.is_of_a_person(),
            Self::Blocked(..) => false,
        }
    }
}

impl Reconciler {
    /// One pass over what is due of one subject.
    pub(crate) async fn pass(&self, lease: &Lease) -> Result<(), WorkError> {
        let wanted = lease.rows.iter().map(|row| row.position).max().unwrap_or_default();
        if self.0.views.wait_for(&facts::MODEL, wanted, FACTS_WAIT).await.is_err() {
            return self.not_yet(lease).await;
        }
        let Some(input) = self.input(lease.subject).await? else {
            return self.forget(lease, wanted).await;
        };
        let parts = self.parts(lease, &input).await?;
        let now = self.now();
        let since = match parts.get(&System::Authentik) {
            Some(part) if part.is_new_spec => now,
            Some(_) | None => input.tenant.as_ref().map_or(now, |facts| order::waiting_since(facts, now)),
        };
        let mut behind = self.behind(&parts, &input);
        let gate = self.gate(&behind, since);
        let order = order::starts(input.asked);
        let started = order.iter().filter_map(|system| parts.get(system));
        let ends = join_all(started.map(|part| self.run_part(lease, &input, part, gate))).await;
        let mut ends: BTreeMap<System, End> = ends.into_iter().collect::<Result<_, _>>()?;
        for (system, end) in &ends {
            if end.is_in_place() && *system != System::Authentik {
                behind.insert(*system, Behind::Ready);
            }
        }
        if matches!(ends.get(&System::Authentik), Some(End::Settled(Settled::Waiting)))
            && self.gate(&behind, since) == Gate::Open
            && let Some(part) = parts.get(&System::Authentik)
        {
            let (system, end) = self.run_part(lease, &input, part, Gate::Open).await?;
            ends.insert(system, end);
        }
        // Before the due rows go: killed in between, nothing would ever bring this tenant back here.
        self.activate(&input).await?;
        for part in parts.values() {
            if let Some(end) = ends.remove(&part.row.system) {
                self.finish(lease, &input, part, end, since).await?;
            }
        }
        Ok(())
    }

    async fn input(&self, subject: Subject) -> Result<Option<Input>, WorkError> {
        let mut at = self.0.views.snapshot(&facts::MODEL).await?;
        let position = at.position();
        let input = match subject {
            Subject::Tenant(id) => facts::of_tenant(&mut at, id).await?.map(|tenant| Input {
                position,
                asked: order::asked(&tenant),
                tenant: Some(tenant),
                admins: Vec::new(),
            }),
            Subject::Platform => Some(Input {
                position,
                asked: Asked::Nothing,
                tenant: None,
                admins: facts::platform_admins(&mut at).await?,
            }),
        };
        Ok(input)
    }

    /// What is wanted of each system, recorded where it is new.
    async fn parts<'a>(
        &self,
        lease: &'a Lease,
        input: &Input,
    ) -> Result<BTreeMap<System, Part<'a>>, WorkError> {
        let mut parts = BTreeMap::new();
        let mut news = Vec::new();
        for row in &lease.rows {
            let stream = lease.subject.stream(row.system);
            let (before, _) = self.0.store.fold::<Provisioning>(&stream).await?;
            let spec = input.spec(row.system);
            let mode = self.0.systems.recorded_mode(row.system, input.tenant.as_ref());
            let spec_hash = self.0.store.hash_secret(&spec.canonical(mode));
            let is_new_spec = before.spec_hash() != Some(spec_hash.as_str()) || before.mode() != Some(mode);
            if is_new_spec {
                let counts = spec.counts();
                let cause_position = row.position.max(1);
                let command = ProvisioningCommand::RecordSpec { spec_hash, mode, cause_position, counts };
                news.push((stream, vec![command]));
            }
            let generation = before.generation();
            parts.insert(row.system, Part { row, spec, mode, before, generation, is_new_spec });
        }
        if !news.is_empty() {
            for recorded in self.record(Record(news)).await?.news {
                let system = recorded.stream.system().unwrap_or(System::Authentik);
                if let (Event::Provisioning(ProvisioningEvent::SpecChanged { generation, .. }), Some(part)) =
                    (&recorded.event, parts.get_mut(&system))
                {
                    part.generation = *generation;
                }
            }
        }
        Ok(parts)
    }

    /// How far mail and files are: as this pass knows them, else as recorded.
    fn behind(&self, parts: &BTreeMap<System, Part<'_>>, input: &Input) -> BTreeMap<System, Behind> {
        let Some(tenant) = &input.tenant else {
            return BTreeMap::new();
        };
        let state = |system: System| {
            if self.0.systems.mode(system) != SystemMode::Enforce {
                return Behind::Ready;
            }
            match (parts.get(&system), tenant.systems.get(&system)) {
                (Some(part), _) => Behind::recorded(part.mode, part.is_in_place()),
                (None, Some(known)) => {
                    let is_current = known.converged_generation == known.generation
                        || known.state == facts::SystemState::InPlace;
                    Behind::recorded(known.mode, known.state.is_in_place() && is_current)
                }
                (None, None) => Behind::NotYet,
            }
        };
        [System::Stalwart, System::Ocis].into_iter().map(|system| (system, state(system))).collect()
    }

    fn gate(&self, behind: &BTreeMap<System, Behind>, since: Timestamp) -> Gate {
        let behind: Vec<Behind> = behind.values().copied().collect();
        order::gate(&behind, since, self.now(), self.0.config.door_wait)
    }

    /// One system: tried if it may be, and what became different is recorded at once.
    async fn run_part(
        &self,
        lease: &Lease,
        input: &Input,
        part: &Part<'_>,
        gate: Gate,
    ) -> Result<(System, End), WorkError> {
        let system = part.row.system;
        if part.mode != Mode::Enforce {
            let settled = converged(part.generation, ConvergedReason::Disabled);
            self.record(Record(vec![(lease.subject.stream(system), vec![settled])])).await?;
            return Ok((system, End::Settled(Settled::Level)));
        }
        let now = self.now();
        if self.0.systems.mode(system) == SystemMode::Paused {
            return Ok((system, End::Blocked(backoff::after(now, backoff::BLOCKED), Reason::Paused)));
        }
        if let Verdict::Wait(until) = self.0.breakers.ask(system, now) {
            return Ok((system, End::Blocked(until, Reason::Waiting)));
        }
        let known = part.before.bound().clone();
        let given = Given {
            known,
            gate,
            asked: input.asked,
            last: part.last(),
            creating: Creating::Allowed,
            leftovers: BTreeSet::new(),
        };
        let attempt = self.0.systems.attempt(system, &part.spec, &given).await;
        self.judge(system, &attempt).await?;
        self.report(lease, input, part, now, &attempt).await?;
        Ok((system, attempt.outcome.map_or_else(End::Failed, End::Settled)))
    }

    /// A tenant is active once every system has been in place.
    async fn activate(&self, input: &Input) -> Result<(), WorkError> {
        let Some(tenant) =
            input.tenant.as_ref().filter(|tenant| tenant.standing.lifecycle == Lifecycle::Pending)
        else {
            return Ok(());
        };
        let act = ActivateTenant { tenant_id: tenant.tenant_id };
        match self.0.store.execute(Arc::new(act), self.request()).await {
            Ok(_) | Err(ExecuteError::Rejected(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The facts are behind: look again soon, without blaming anybody.
    async fn not_yet(&self, lease: &Lease) -> Result<(), WorkError> {
        let until = self.now().plus_millis(FACTS_PAUSE_MILLIS);
        for row in &lease.rows {
            self.0.due.postpone(lease, row, &Later::unblamed(row, until)).await?;
        }
        Ok(())
    }

    /// There is no such tenant.
    async fn forget(&self, lease: &Lease, position: u64) -> Result<(), WorkError> {
        for row in &lease.rows {
            self.0.due.done(lease, row, position).await?;
        }
        Ok(())
    }
}
