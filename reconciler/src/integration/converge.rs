//! The one loop: look, plan, work, look again, until a look finds nothing to do.

use std::collections::BTreeSet;
use std::time::Duration;

use schema::provisioning::{FailureClass, Reason, Resource};

use super::{Asked, Creating, Desired, Integration, Last, Plan, Refusal, Seen, Step};
use crate::call::CallError;
use crate::lane::{Lane, Shutting};

/// Looks followed by work; one more look must find nothing to do. Objects, their links, corrections.
const ROUNDS_MAX: usize = 3;
/// How long what is not a door makes room.
const ROOM: Duration = Duration::from_secs(5);
/// Names of fields kept of one drift.
const PATHS_MAX: usize = 20;

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
    /// Whether that look is believed when it shows something missing.
    pub believed: bool,
    /// Objects that were there before anything was done.
    pub found: BTreeSet<Resource>,
    /// Fields that differed at the first look.
    pub paths: Vec<String>,
    /// Steps done.
    pub steps_done: usize,
    /// What would be done where we may only look.
    pub would_do: Vec<String>,
    /// How it ended.
    pub outcome: Result<Settled, CallError>,
}

impl Attempt {
    /// Before anything was done.
    pub fn new() -> Self {
        Self {
            seen: None,
            believed: true,
            found: BTreeSet::new(),
            paths: Vec::new(),
            steps_done: 0,
            would_do: Vec::new(),
            outcome: Ok(Settled::Level),
        }
    }
}

impl Default for Attempt {
    fn default() -> Self {
        Self::new()
    }
}

/// Looks, plans and works until a look finds nothing to do.
pub async fn converge<I: Integration>(system: &I, desired: &Desired<I::Spec>) -> Attempt {
    let mut attempt = Attempt { believed: desired.creating == Creating::Allowed, ..Attempt::new() };
    attempt.outcome = rounds(system, desired, &mut attempt).await;
    attempt
}

async fn rounds<I: Integration>(
    system: &I,
    desired: &Desired<I::Spec>,
    attempt: &mut Attempt,
) -> Result<Settled, CallError> {
    let is_closing = desired.asked == Asked::Shut && desired.last != Last::Level;
    let mut shutting = is_closing.then(|| system.lane().shutting());
    let mut refused = None;
    let mut before = Vec::new();
    for round in 0..=ROUNDS_MAX {
        let observed = system.observe(desired).await?;
        let seen = I::seen(desired, &observed);
        let mut plan = I::plan(desired, &observed);
        if round == 0 {
            if let Some(missing) = missing::<I>(desired, &seen) {
                return look_again(system, desired, &observed, plan, attempt, missing, shutting).await;
            }
            attempt.found = seen.objects.keys().cloned().collect();
            attempt.paths = paths(&plan.steps);
        }
        attempt.seen = Some(seen);
        let held_back = hold_back(desired.creating, &mut plan);
        if plan.steps.is_empty() {
            if held_back {
                return Err(creating_is_stopped());
            }
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
        if is_closing && must_make_room(system.lane(), &plan.steps) {
            return Err(making_room());
        }
        before = now;
        refused = work(system, desired, &observed, plan.steps, attempt, shutting.take()).await?;
    }
    Err(refused.unwrap_or_else(|| {
        CallError::new(FailureClass::Transient, Reason::ProbeFailed, "the plan does not become empty")
    }))
}

/// Something we made and want, which is not there: a system that has just been started, or lies, shows nothing either.
fn missing<I: Integration>(desired: &Desired<I::Spec>, seen: &Seen) -> Option<Resource> {
    let is_missing =
        |resource: &&Resource| !seen.objects.contains_key(*resource) && I::wants(&desired.spec, resource);
    match (desired.last, desired.creating) {
        (Last::Missing, _) | (_, Creating::Stopped) => None,
        (Last::Level | Last::Open, Creating::Allowed) => desired.known.keys().find(is_missing).cloned(),
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
    shutting: Option<Shutting<'_>>,
) -> Result<Settled, CallError> {
    let steps: Vec<I::Step> = plan.steps.into_iter().filter(|step| !step.creates()).collect();
    work(system, desired, observed, steps, attempt, shutting).await?;
    let summary = "something we made is not there: looked at a second time before it is made again";
    Err(CallError::new(FailureClass::Unknown, Reason::ExternalDeleted, summary).about(missing))
}

/// Takes what would make something out of a plan while nothing may be made. Whether there was any.
fn hold_back<S: Step>(creating: Creating, plan: &mut Plan<S>) -> bool {
    if creating == Creating::Allowed {
        return false;
    }
    let before = plan.steps.len();
    plan.steps.retain(|step| !step.creates());
    plan.steps.len() < before
}

/// Hands that shut doors do nothing else while other doors wait for a hand: they would hold back for those, and those
/// would wait for them.
fn must_make_room<S: Step>(lane: &Lane, steps: &[S]) -> bool {
    lane.doors_wait() && !steps.iter().any(Step::shuts)
}

fn making_room() -> CallError {
    let summary = "the doors are shut; everything else makes room for other doors";
    let waits = CallError::new(FailureClass::Blocked, Reason::DependencyNotReady, summary);
    CallError { retry_after: Some(ROOM), ..waits }
}

fn creating_is_stopped() -> CallError {
    let summary =
        "nothing is made here for now: too much of what we made is missing, or it is another installation";
    CallError::new(FailureClass::Blocked, Reason::Waiting, summary)
}

/// What concerns everybody is said before what concerns one person.
fn worst(refusals: Vec<Refusal>) -> Option<Refusal> {
    refusals.into_iter().min_by_key(|refusal| refusal.resource.kind.is_of_a_person())
}

/// Applies stage by stage; what is refused for good stops only itself, anything else stops the attempt after its stage.
/// Bulk work of the system holds back until everything that shuts is done.
async fn work<I: Integration>(
    system: &I,
    desired: &Desired<I::Spec>,
    observed: &I::Observed,
    mut steps: Vec<I::Step>,
    attempt: &mut Attempt,
    mut shutting: Option<Shutting<'_>>,
) -> Result<Option<CallError>, CallError> {
    steps.sort_by_key(Step::stage);
    let mut refused: Option<CallError> = None;
    for stage in steps.chunk_by(|left, right| left.stage() == right.stage()) {
        if !stage.iter().any(Step::shuts) {
            shutting = None;
            if desired.asked == Asked::Shut && attempt.steps_done > 0 && system.lane().doors_wait() {
                // The next look sees these doors shut, and makes room.
                break;
            }
        } else if shutting.is_none() {
            shutting = Some(system.lane().shutting());
        }
        for step in stage {
            tracing::debug!(system = %I::SYSTEM, %step, "applying step");
        }
        let applied = system.apply(desired, observed, stage).await;
        attempt.steps_done += applied.done;
        if let Some(error) = judge(applied.errors, &mut refused) {
            return Err(error);
        }
    }
    drop(shutting);
    Ok(refused)
}

/// Keeps the refusal that concerns most, and gives what stops the attempt, if anything does.
fn judge(errors: Vec<CallError>, refused: &mut Option<CallError>) -> Option<CallError> {
    let mut stopping: Option<CallError> = None;
    for error in errors {
        if error.class == FailureClass::Permanent {
            if refused.as_ref().is_none_or(|known| known.is_of_a_person() && !error.is_of_a_person()) {
                *refused = Some(error);
            }
        } else if stopping.as_ref().is_none_or(|known| weight(error.class) > weight(known.class)) {
            stopping = Some(error);
        }
    }
    stopping
}

/// What the whole system says weighs more than what one call met.
const fn weight(class: FailureClass) -> u8 {
    match class {
        FailureClass::Auth => 4,
        FailureClass::RateLimited => 3,
        FailureClass::Unknown => 2,
        FailureClass::Transient => 1,
        FailureClass::Blocked | FailureClass::Permanent => 0,
    }
}

fn paths<S: Step>(steps: &[S]) -> Vec<String> {
    let unique: BTreeSet<&str> = steps.iter().map(Step::path).collect();
    unique.into_iter().take(PATHS_MAX).map(str::to_owned).collect()
}
