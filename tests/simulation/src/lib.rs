//! The whole platform in one thread: the log, the read models, the API with real tokens, the reconciler and three
//! simulated systems, under seeded load, faults and crashes. What must be true is checked when it has come to rest.
//!
//! # What always holds
//! * A seed gives the same people, commands, faults and cuts; what the kernel and the clock of the machine do is theirs.
//! * Nothing waits by sleeping (a slow system sleeps, and nothing is concluded from how long), and convergence is bounded by passes, not by time.
//! * What is expected comes from a second opinion that shares no code with the rules and the read models.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulation says what it found by panicking there"
)]

mod caller;
mod checks;
mod clock;
mod crowd;
mod drill;
mod fuse;
mod history;
mod known;
mod model;
mod outside;
mod people;
mod process;
mod rest;
mod trouble;
mod world;

use std::collections::BTreeMap;

pub use known::KNOWN;

use crate::crowd::Crowds;
use crate::process::Work;
use crate::rest::Rest;
use crate::trouble::Trouble;
use crate::world::World;

/// On which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// One process, again and again.
    Sqlite,
    /// Two processes at a time.
    Postgres,
}

/// What a run did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Commands that were given.
    pub commands: u64,
    /// Events in the log at the end.
    pub events: u64,
    /// Passes until rest, in all.
    pub passes: usize,
    /// Members of the largest tenant.
    pub largest: usize,
    /// What happened how often.
    pub tally: BTreeMap<String, u64>,
}

/// Members of the largest tenant there may be.
pub const MEMBERS_MAX: usize = 500;
/// Passes with strangers in the way: what is refused for good is tried again now and then, and nothing more happens.
const PASSES_AMONG_STRANGERS: usize = 8;

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Of everything that is left to chance.
    pub seed: u64,
    /// On which database.
    pub database: Database,
    /// What each person does.
    pub steps: usize,
    /// How many people a tenant may have.
    pub members_max: usize,
}

/// One run, in a runtime of its own. Nothing when there is no Postgres here.
///
/// # Panics
/// When something is not as it must be.
pub fn run(what: Run) -> Option<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    clock::reset();
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let counted = recorder.handle();
    let report = metrics::with_local_recorder(&recorder, || runtime.block_on(simulate(what)));
    let counted = counted.render();
    let panics: Vec<&str> = counted.lines().filter(|line| line.starts_with("dezky_panics_total{")).collect();
    assert!(panics.is_empty(), "seed {}: something of ours panicked: {panics:?}", what.seed);
    report
}

async fn simulate(what: Run) -> Option<Report> {
    let Run { seed, database, steps, members_max } = what;
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::new(seed, database, &mut rng).await?;
    let mut trouble = Trouble::new(&world, database, rng.fork());
    let mut crowds = Crowds::new(&world, rng.fork(), members_max);
    for place in 0..trouble.places() {
        let work = trouble.work();
        let process = world.start(place, work).await;
        if place == 0 {
            world.seed_plan(&process).await;
        }
    }
    let mut people = people::everybody(&world, &mut rng);
    people::introduce(&mut people).await;

    let everybody = futures::future::join_all(people.iter_mut().map(|person| person.live(steps)));
    tokio::select! {
        biased;
        _ = everybody => {}
        () = trouble.make() => {}
        () = crowds.make() => {}
    }

    world.outside.heal().await;
    world.be_unhurried();
    for place in 0..trouble.places() {
        world.bury(place).await;
    }
    let process = world.start(0, Work::ByHand).await;
    process.project();
    let mut rest = Rest { world: &world, process, passes: 0 };
    let process = std::rc::Rc::clone(&rest.process);
    crowds.the_rest(&process).await;
    drop(process);
    rest.some_passes(PASSES_AMONG_STRANGERS, 60_000).await;
    checks::strangers(&world);
    world.outside.make_way();
    rest.converge().await;
    rest.sweep_clean().await;
    checks::all(&rest, &trouble, &mut people).await;
    checks::keys_answer_again(&rest, &mut people).await;
    drill::all(&mut rest, &mut trouble, &mut crowds).await;

    // Every timer there may be is over: holds, invitations, grace.
    for _ in 0..5 {
        world.pass(20 * 86_400_000).await;
        rest.converge().await;
    }
    rest.sweep_clean().await;
    let model = checks::all(&rest, &trouble, &mut people).await;
    let passes = rest.passes;
    drop(rest);
    world.bury(0).await;
    let tally = world.tally.take();
    let commands = world.history.borrow().commands.len() as u64;
    let largest = model.tenants.values().map(|tenant| tenant.members.len()).max().unwrap_or_default();
    Some(Report { commands, events: model.events, passes, largest, tally })
}
