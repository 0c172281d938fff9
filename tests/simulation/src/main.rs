//! Many simulations, one seed after the other, until there are enough of them or time is up.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::{Parser, ValueEnum};
use simulation::{Database, KNOWN, MEMBERS_MAX, Report, Run, run};

/// Runs the whole platform under seeded load, faults and crashes, and checks what must be true.
#[derive(Parser)]
struct Line {
    /// How many seeds.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Stop after so many seconds, whatever is left.
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
    /// The first seed; the others follow it.
    #[arg(long)]
    seed: Option<u64>,
    /// What each person does in one run.
    #[arg(long, default_value_t = 60)]
    steps: usize,
    /// How many people a tenant may have.
    #[arg(long, default_value_t = MEMBERS_MAX)]
    members: usize,
    /// Run the seeds that failed once instead.
    #[arg(long)]
    known: bool,
    /// On which database.
    #[arg(long, value_enum, default_value_t = On::Both)]
    database: On,
    /// Print what the platform logs: a `tracing` filter.
    #[arg(long)]
    log: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    Sqlite,
    Postgres,
    Both,
}

fn main() -> anyhow::Result<()> {
    let line = Line::parse();
    if let Some(filter) = &line.log {
        tracing_subscriber::fmt().with_env_filter(filter).without_time().init();
    }
    let started = Instant::now();
    let (mut total, mut failed, mut done) = (Report::default(), Vec::new(), 0);
    for what in runs(&line) {
        if started.elapsed() > Duration::from_secs(line.seconds) {
            break;
        }
        let (seed, database) = (what.seed, what.database);
        let began = Instant::now();
        done += 1;
        match std::panic::catch_unwind(AssertUnwindSafe(|| run(what))) {
            Ok(Some(report)) => {
                say(&format!(
                    "seed {seed} on {database:?}: {} commands, {} events, {} passes, {} members, {:.1?}",
                    report.commands,
                    report.events,
                    report.passes,
                    report.largest,
                    began.elapsed()
                ));
                add(&mut total, report);
            }
            Ok(None) => say(&format!("seed {seed} on {database:?}: SKIPPED")),
            Err(_) => {
                say(&format!("seed {seed} on {database:?}: FAILED"));
                failed.push(seed);
            }
        }
    }
    for (what, count) in &total.tally {
        say(&format!("  {count:>8}  {what}"));
    }
    say(&format!("{done} seeds, {} commands, {} events", total.commands, total.events));
    if failed.is_empty() { Ok(()) } else { bail!("{} seeds failed: {failed:?}", failed.len()) }
}

fn runs(line: &Line) -> Vec<Run> {
    if line.known {
        return KNOWN.iter().map(|(what, _)| *what).collect();
    }
    let first = line.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000));
    let of = |seed: u64| {
        let database = match line.database {
            On::Postgres => Database::Postgres,
            On::Both if seed.is_multiple_of(3) => Database::Postgres,
            On::Sqlite | On::Both => Database::Sqlite,
        };
        Run { seed, database, steps: line.steps, members_max: line.members }
    };
    (first..first.saturating_add(line.seeds)).map(of).collect()
}

fn add(total: &mut Report, report: Report) {
    total.commands += report.commands;
    total.events += report.events;
    total.passes += report.passes;
    let tally: BTreeMap<String, u64> = report.tally;
    for (what, count) in tally {
        *total.tally.entry(what).or_default() += count;
    }
}

/// The only output of this program.
#[expect(clippy::print_stdout, reason = "a program for the terminal says what it found")]
fn say(text: &str) {
    println!("{text}");
}
