//! One pass over one subject in one system: facts are read, what is wanted is recorded, the system is made right, what
//! became different is recorded. Systems meet in the log alone: none waits for another.

mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::access::Lifecycle;
use domain::acts::ActivateTenant;
use domain::provisioning::{Phase, Provisioning};
use event_store::ExecuteError;
use projector::facts::{self, PersonFacts, TenantFacts};
use schema::provisioning::{ConvergedReason, Mode, Reason};
use schema::{Event, ProvisioningCommand, ProvisioningEvent, System, Timestamp};

use crate::breaker::Verdict;
use crate::call::CallError;
use crate::config::SystemMode;
use crate::creating::Permit;
use crate::due::{Haste, Later, Lease};
use crate::integration::{Asked, Attempt, Gate, Last, Settled};
use crate::order::{self, Behind};
use crate::record::converged;
use crate::subject::Subject;
use crate::systems::{Given, Spec};
use crate::{Reconciler, WorkError};

/// How long facts may take to reach the event that asked for the look, with a hand held out for it.
const FACTS_WAIT: Duration = Duration::from_millis(500);
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

    /// Whether it is a tenant that never was active.
    fn is_pending(&self) -> bool {
        self.tenant.as_ref().is_some_and(|tenant| tenant.standing.lifecycle == Lifecycle::Pending)
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

/// What is wanted, and what was known of it.
struct Wanted {
    spec: Spec,
    mode: Mode,
    before: Provisioning,
    generation: u32,
    is_new: bool,
}

impl Wanted {
    fn last(&self, lease: &Lease) -> Last {
        if lease.was(Reason::ExternalDeleted) {
            Last::Missing
        } else if !self.is_new && matches!(self.before.phase(), Phase::Converged(_)) {
            Last::Level
        } else {
            Last::Open
        }
    }
}

/// How a pass ended.
enum End {
    Settled(Settled),
    Failed(CallError),
    /// Not tried: left alone until then.
    Blocked(Timestamp),
}

impl End {
    /// In place for whoever can be served.
    fn is_in_place(&self) -> bool {
        match self {
            Self::Settled(settled) => *settled == Settled::Level,
            Self::Failed(error) => error.is_of_a_person(),
            Self::Blocked(_) => false,
        }
    }
}

impl Reconciler {
    /// One pass over what is due of one subject in one system.
    pub(crate) async fn pass(&self, lease: &Lease) -> Result<(), WorkError> {
        if self.0.views.wait_for(&facts::MODEL, lease.position, FACTS_WAIT).await.is_err() {
            return self.not_yet(lease).await;
        }
        let Some(input) = self.input(lease.subject).await? else {
            // There is no such tenant.
            return Ok(self.0.due.done(lease, lease.position).await?);
        };
        if lease.closing > 0 && input.haste() == Haste::Usual {
            // A hand that shuts doors would hold back for doors that wait for it.
            self.0.due.opens_again(lease).await?;
            self.0.woken.of(lease.system).notify_one();
            return Ok(());
        }
        let wanted = self.wanted(lease, &input).await?;
        let since = match (&input.tenant, wanted.is_new) {
            (Some(tenant), false) => order::waiting_since(tenant, self.now()),
            (Some(_), true) | (None, _) => self.now(),
        };
        let (end, recorded_at) = self.work_towards(lease, &input, &wanted, since).await?;
        if end.is_in_place() {
            // Before the due row goes: killed in between, nothing would ever bring this tenant back here.
            self.activate(&input).await?;
        }
        self.finish(lease, &input, &wanted, end, since, recorded_at).await
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

    /// What is wanted of the system, recorded where it is new.
    async fn wanted(&self, lease: &Lease, input: &Input) -> Result<Wanted, WorkError> {
        let stream = lease.subject.stream(lease.system);
        let (before, _) = self.0.store.fold::<Provisioning>(&stream).await?;
        let spec = input.spec(lease.system);
        let mode = self.0.systems.recorded_mode(lease.system, input.tenant.as_ref());
        let spec_hash = self.0.store.hash_secret(&spec.canonical(mode));
        let is_new = before.spec_hash() != Some(spec_hash.as_str()) || before.mode() != Some(mode);
        let mut generation = before.generation();
        if is_new {
            let counts = spec.counts();
            let cause_position = lease.position.max(1);
            let command = ProvisioningCommand::RecordSpec { spec_hash, mode, cause_position, counts };
            for recorded in self.record(&stream, vec![command]).await?.news {
                if let Event::Provisioning(ProvisioningEvent::SpecChanged { generation: next, .. }) =
                    recorded.event
                {
                    generation = next;
                }
            }
        }
        Ok(Wanted { spec, mode, before, generation, is_new })
    }

    /// The system is tried if it may be, and what became different is recorded at once. How it ended, and the position of
    /// the log by which that is known.
    async fn work_towards(
        &self,
        lease: &Lease,
        input: &Input,
        wanted: &Wanted,
        since: Timestamp,
    ) -> Result<(End, u64), WorkError> {
        let system = lease.system;
        if wanted.mode != Mode::Enforce {
            let settled = converged(wanted.generation, ConvergedReason::Disabled);
            let outcome = self.record(&lease.subject.stream(system), vec![settled]).await?;
            return Ok((End::Settled(Settled::Level), outcome.position));
        }
        let now = self.now();
        if let Verdict::Wait(until) = self.0.breakers.ask(system, now) {
            return Ok((End::Blocked(until), 0));
        }
        let attempt = match self.creating(lease, input.asked, wanted.last(lease)).await? {
            Ok(permit) => {
                let given = self.given(lease, input, wanted, since, permit).await?;
                self.0.systems.attempt(system, &wanted.spec, &given).await
            }
            Err(error) => Attempt { outcome: Err(error), ..Attempt::new() },
        };
        self.judge(system, &attempt).await?;
        let recorded_at = self.report(lease, input, wanted, now, &attempt).await?;
        Ok((attempt.outcome.map_or_else(End::Failed, End::Settled), recorded_at))
    }

    async fn given(
        &self,
        lease: &Lease,
        input: &Input,
        wanted: &Wanted,
        since: Timestamp,
        permit: Permit,
    ) -> Result<Given, WorkError> {
        // In another installation the ids that were bound are somebody else's.
        let known = if permit.is_ours() { wanted.before.bound().clone() } else { BTreeMap::new() };
        let gate = match (&input.tenant, lease.system) {
            (Some(tenant), System::Authentik) => {
                let behind = [System::Stalwart, System::Ocis].map(|system| self.behind(system, tenant));
                order::gate(&behind, since, self.now(), self.0.config.door_wait)
            }
            (Some(_) | None, _) => Gate::Open,
        };
        Ok(Given {
            known,
            gate,
            asked: input.asked,
            last: wanted.last(lease),
            creating: permit.word(),
            leftovers: self.0.leftovers.ids_of(lease.system, lease.subject).await?,
        })
    }

    /// How far mail or files are for what is wanted of them now: what was recorded of another wish does not count.
    fn behind(&self, system: System, tenant: &TenantFacts) -> Behind {
        let mode = self.0.systems.recorded_mode(system, Some(tenant));
        if self.0.systems.mode(system) != SystemMode::Enforce || mode != Mode::Enforce {
            return Behind::Ready;
        }
        let hash = self.0.store.hash_secret(&Spec::of_tenant(system, tenant).canonical(mode));
        match tenant.systems.get(&system) {
            Some(known) if known.spec_hash == hash && known.state.is_in_place() => Behind::Ready,
            Some(_) | None => Behind::NotYet,
        }
    }

    /// A tenant is active once every system has been in place.
    async fn activate(&self, input: &Input) -> Result<(), WorkError> {
        let Some(tenant) = input.tenant.as_ref().filter(|_| input.is_pending()) else {
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
        Ok(self.0.due.postpone(lease, &Later::unblamed(lease, until)).await?)
    }
}
