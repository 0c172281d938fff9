//! What every integration is made of, and the one loop that drives it: desired, observe, plan, apply, observe again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;

use schema::provisioning::{ConvergedReason, Counts, FailureClass, Reason, Resource};
use schema::{System, UserId};
use serde::Serialize;

use crate::call::CallError;

/// Looks followed by work; one more look must find nothing to do. Objects, their links, corrections.
const ROUNDS_MAX: usize = 3;
/// Names of fields kept of one drift.
const PATHS_MAX: usize = 20;

/// Whether doors may be opened now. Objects and closing never wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Open what should be open.
    Open,
    /// Leave shut what is shut: other systems are not ready.
    Waiting,
}

/// Whether the tenant's doors were asked shut: held or ending, not merely unready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Shut them.
    Shut,
    /// Nobody asked.
    Nothing,
}

/// What the last look at a system left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// It is recorded that what should be was seen.
    Level,
    /// Something we had made was not there: looked at a second time before it is made again.
    Missing,
    /// Anything else.
    Open,
}

/// What should be, what we know of it, and whether doors may open.
#[derive(Debug, Clone)]
pub struct Desired<S> {
    /// The comparable part; its hash is recorded.
    pub spec: S,
    /// Ids there of objects we bound.
    pub known: BTreeMap<Resource, String>,
    /// Of this moment; no part of the hash.
    pub gate: Gate,
    /// Whether shut doors are evidence of something asked for.
    pub asked: Asked,
    /// What the last look left behind.
    pub last: Last,
}

/// Something we may not touch: somebody else's, or no longer ours to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which object.
    pub resource: Resource,
    /// The closed word for it.
    pub reason: Reason,
    /// Our sentence for it.
    pub summary: &'static str,
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        Self::new(FailureClass::Permanent, refusal.reason, refusal.summary).about(refusal.resource)
    }
}

/// What would be done. Empty steps mean converged, unless something is refused or waits.
#[derive(Debug, Clone)]
pub struct Plan<S> {
    /// In the order they are applied.
    pub steps: Vec<S>,
    /// What cannot be done because it belongs to somebody else.
    pub refusals: Vec<Refusal>,
    /// Whether a door would be opened if the gate were.
    pub waiting: bool,
}

impl<S> Default for Plan<S> {
    fn default() -> Self {
        Self { steps: Vec::new(), refusals: Vec::new(), waiting: false }
    }
}

/// One step of a plan: readable, and named after the field it corrects.
pub trait Step: Display + Send + Sync {
    /// The field, for the record of drift. Never personal.
    fn path(&self) -> &'static str;

    /// Whether it makes something new.
    fn creates(&self) -> bool;
}

/// One look at a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// For example `role.authenticate`.
    pub check: String,
    /// For example `disabled`.
    pub outcome: &'static str,
    /// Whether nobody gets in here.
    pub is_shut: bool,
}

/// What a look told, in words every system shares.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Our objects there, with their ids.
    pub objects: BTreeMap<Resource, String>,
    /// Of those known before, the ones we let go although they still exist.
    pub retained: BTreeSet<Resource>,
    /// Subjects by which tokens may name a person.
    pub identities: Vec<(UserId, String)>,
    /// The tenant's doors.
    pub doors: Vec<Door>,
}

/// One outside system. Only `spec` and `plan` think, and both are pure.
pub trait Integration: Send + Sync {
    /// Which.
    const SYSTEM: System;
    /// The comparable part of what should be.
    type Spec: Serialize + Send + Sync;
    /// What is.
    type Observed: Send + Sync;
    /// One change.
    type Step: Step;

    /// How many objects are wanted.
    fn counts(spec: &Self::Spec) -> Counts;

    /// Why an empty plan counts as converged.
    fn reason(spec: &Self::Spec) -> ConvergedReason;

    /// Whether an object is still wanted: if so its absence is a loss, else it was let go.
    fn wants(spec: &Self::Spec, resource: &Resource) -> bool;

    /// Looks.
    fn observe(
        &self,
        desired: &Desired<Self::Spec>,
    ) -> impl Future<Output = Result<Self::Observed, CallError>> + Send;

    /// What would have to be done.
    fn plan(desired: &Desired<Self::Spec>, observed: &Self::Observed) -> Plan<Self::Step>;

    /// Does one step.
    fn apply(
        &self,
        desired: &Desired<Self::Spec>,
        observed: &Self::Observed,
        step: &Self::Step,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// What a look told.
    fn seen(desired: &Desired<Self::Spec>, observed: &Self::Observed) -> Seen;

    /// Makes what was written take effect, where no look can tell whether it has: done before anything new counts as
    /// level, and so repeated after a crash.
    fn settle(&self, _desired: &Desired<Self::Spec>) -> impl Future<Output = Result<(), CallError>> + Send {
        std::future::ready(Ok(()))
    }
}

/// How an attempt ended without failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Nothing is left to do.
    Level,
    /// Everything but the door is done.
    Waiting,
    /// There is something to do, and we may only look.
    Observed,
}

/// What an attempt did and saw.
#[derive(Debug)]
pub struct Attempt {
    /// The last look, if there was one.
    pub seen: Option<Seen>,
    /// Objects that were there before anything was done.
    pub found: BTreeSet<Resource>,
    /// Fields that differed at the first look.
    pub paths: Vec<String>,
    /// Steps done.
    pub steps_done: usize,
    /// How it ended.
    pub outcome: Result<Settled, CallError>,
}

/// Looks, plans and works until a look finds nothing to do.
pub async fn converge<I: Integration>(system: &I, desired: &Desired<I::Spec>) -> Attempt {
    let mut attempt = Attempt {
        seen: None,
        found: BTreeSet::new(),
        paths: Vec::new(),
        steps_done: 0,
        outcome: Ok(Settled::Level),
    };
    attempt.outcome = rounds(system, desired, &mut attempt).await;
    attempt
}

async fn rounds<I: Integration>(
    system: &I,
    desired: &Desired<I::Spec>,
    attempt: &mut Attempt,
) -> Result<Settled, CallError> {
    let mut refused = None;
    let mut before = Vec::new();
    for round in 0..=ROUNDS_MAX {
        let observed = system.observe(desired).await?;
        let seen = I::seen(desired, &observed);
        let plan = I::plan(desired, &observed);
        if round == 0 {
            if let Some(missing) = missing::<I>(desired, &seen) {
                return look_again(system, desired, &observed, plan, attempt, missing).await;
            }
            attempt.found = seen.objects.keys().cloned().collect();
            attempt.paths = paths(&plan.steps);
        }
        attempt.seen = Some(seen);
        if plan.steps.is_empty() {
            if desired.last != Last::Level || attempt.steps_done > 0 {
                system.settle(desired).await?;
            }
            // What was refused on the way is not planned any more: it came about by itself. While a door waits, that is
            // said first: its opening brings the next look.
            return match worst(plan.refusals) {
                _ if plan.waiting => Ok(Settled::Waiting),
                Some(refusal) => Err(refusal.into()),
                None => Ok(Settled::Level),
            };
        }
        let now: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
        let is_stuck = refused.is_some() && now == before;
        if is_stuck && plan.waiting {
            return Ok(Settled::Waiting);
        }
        if round == ROUNDS_MAX || is_stuck {
            break;
        }
        before = now;
        refused = work(system, desired, &observed, &plan.steps, attempt).await?;
    }
    Err(refused.unwrap_or_else(|| {
        CallError::new(FailureClass::Transient, Reason::ProbeFailed, "the plan does not become empty")
    }))
}

/// Something we made and want, which is not there: a system that has just been started, or lies, shows nothing either.
fn missing<I: Integration>(desired: &Desired<I::Spec>, seen: &Seen) -> Option<Resource> {
    let is_missing =
        |resource: &&Resource| !seen.objects.contains_key(*resource) && I::wants(&desired.spec, resource);
    match desired.last {
        Last::Missing => None,
        Last::Level | Last::Open => desired.known.keys().find(is_missing).cloned(),
    }
}

/// Nothing is made and nothing is recorded as lost before a second look. What shuts or corrects is done at once.
async fn look_again<I: Integration>(
    system: &I,
    desired: &Desired<I::Spec>,
    observed: &I::Observed,
    plan: Plan<I::Step>,
    attempt: &mut Attempt,
    missing: Resource,
) -> Result<Settled, CallError> {
    let steps: Vec<I::Step> = plan.steps.into_iter().filter(|step| !step.creates()).collect();
    work(system, desired, observed, &steps, attempt).await?;
    let summary = "something we made is not there: looked at a second time before it is made again";
    Err(CallError::new(FailureClass::Unknown, Reason::ExternalDeleted, summary).about(missing))
}

/// What concerns everybody is said before what concerns one person.
fn worst(refusals: Vec<Refusal>) -> Option<Refusal> {
    refusals.into_iter().min_by_key(|refusal| refusal.resource.kind.is_of_a_person())
}

/// Applies every step; what is refused for good stops only itself, anything else stops the attempt.
async fn work<I: Integration>(
    system: &I,
    desired: &Desired<I::Spec>,
    observed: &I::Observed,
    steps: &[I::Step],
    attempt: &mut Attempt,
) -> Result<Option<CallError>, CallError> {
    let mut refused: Option<CallError> = None;
    for step in steps {
        tracing::info!(system = %I::SYSTEM, %step, "applying step");
        match system.apply(desired, observed, step).await {
            Ok(()) => attempt.steps_done += 1,
            Err(error) if error.class == FailureClass::Permanent => {
                if refused.as_ref().is_none_or(|known| known.is_of_a_person() && !error.is_of_a_person()) {
                    refused = Some(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

fn paths<S: Step>(steps: &[S]) -> Vec<String> {
    let unique: BTreeSet<&str> = steps.iter().map(Step::path).collect();
    unique.into_iter().take(PATHS_MAX).map(str::to_owned).collect()
}
