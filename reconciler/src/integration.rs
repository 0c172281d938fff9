//! What every integration is made of. [`converge`] is the one loop that drives it: desired, observe, plan, apply, observe
//! again.

mod applied;
mod converge;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::future::Future;

use schema::provisioning::{ConvergedReason, Counts, FailureClass, Reason, Resource};
use schema::{System, UserId};
use serde::Serialize;

use crate::call::CallError;
use crate::lane::Lane;
pub use applied::{Applied, each};
pub use converge::{Attempt, Settled, converge};

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

/// Whether anything new may be made in a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creating {
    /// What is missing is made.
    Allowed,
    /// Too much of what we made there is missing, or it is another installation: nothing is made, nothing is recorded as
    /// lost. Doors shut and what is there is corrected.
    Stopped,
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
    /// Whether anything may be made.
    pub creating: Creating,
    /// Ids of objects with this tenant's mark that a sweep found beside the ones in use. A look reads them too.
    pub leftovers: BTreeSet<String>,
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
    /// In the order they are applied, within a stage of [`Step::stage`].
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

    /// Whether it is part of shutting a door: bulk work of the system makes room for it.
    fn shuts(&self) -> bool;

    /// When its turn is: steps of a lower stage are done before those of a higher one begin, and steps of one stage do
    /// not depend on each other. What shuts most for most people has the lowest.
    fn stage(&self) -> u8;
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

    /// The object a step is about, for people who look for what went wrong.
    fn about(spec: &Self::Spec, observed: &Self::Observed, step: &Self::Step) -> Option<Resource>;

    /// The way into the system.
    fn lane(&self) -> &Lane;

    /// Looks.
    fn observe(
        &self,
        desired: &Desired<Self::Spec>,
    ) -> impl Future<Output = Result<Self::Observed, CallError>> + Send;

    /// What would have to be done.
    fn plan(desired: &Desired<Self::Spec>, observed: &Self::Observed) -> Plan<Self::Step>;

    /// Does steps of one stage, as many at a time as the system bears.
    fn apply(
        &self,
        desired: &Desired<Self::Spec>,
        observed: &Self::Observed,
        steps: &[Self::Step],
    ) -> impl Future<Output = Applied> + Send;

    /// What a look told.
    fn seen(desired: &Desired<Self::Spec>, observed: &Self::Observed) -> Seen;

    /// Makes what was written take effect, where no look can tell whether it has: done before anything new counts as
    /// level, and so repeated after a crash.
    fn settle(&self, _desired: &Desired<Self::Spec>) -> impl Future<Output = Result<(), CallError>> + Send {
        std::future::ready(Ok(()))
    }
}
