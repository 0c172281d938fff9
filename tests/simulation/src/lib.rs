//! The whole platform in one thread: the log, the read models, the API with real tokens, the reconciler and three
//! simulated systems, under seeded load, faults and crashes. What must be true is checked when it has come to rest.
//!
//! # What always holds
//! * A seed gives the same people, commands, faults and cuts; what the kernel and the clock of the machine do is theirs.
//! * Nothing waits by sleeping, and convergence is bounded by passes, not by time.
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
mod fuse;
mod history;
mod model;
mod outside;
mod people;
mod process;
mod rest;
mod trouble;
mod world;

use std::collections::BTreeMap;

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
    /// What happened how often.
    pub tally: BTreeMap<String, u64>,
}

/// One run, in a runtime of its own. Nothing when there is no Postgres here.
///
/// # Panics
/// When something is not as it must be.
pub fn run(seed: u64, database: Database, steps: usize) -> Option<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    clock::reset();
    runtime.block_on(simulate(seed, database, steps))
}

async fn simulate(seed: u64, database: Database, steps: usize) -> Option<Report> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::new(seed, database).await?;
    let mut trouble = Trouble::new(&world, database, rng.fork());
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
    }

    world.outside.heal().await;
    world.be_unhurried();
    for place in 0..trouble.places() {
        world.bury(place).await;
    }
    let process = world.start(0, Work::ByHand).await;
    process.project();
    let mut rest = Rest { world: &world, process, passes: 0 };
    rest.converge().await;
    rest.sweep_clean().await;
    checks::all(&rest, &trouble, &mut people).await;
    checks::keys_answer_again(&rest, &mut people).await;

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
    Some(Report { commands, events: model.events, passes, tally })
}
