//! Measures the platform as its users meet it, beside plain one-row inserts on the same Postgres in the same run.
//!
//! Ratios travel between machines, rates do not: read the ratios.

#![expect(clippy::disallowed_methods, reason = "clients of a program that ends by itself")]

mod append;
mod commands;
mod converge;
mod cpu;
mod execute;
mod plain;
mod replay;
mod start;
mod systems;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;

/// Measures the platform.
#[derive(Parser)]
struct Line {
    /// Seconds for each figure.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Events in the log that is replayed.
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// Only the parts named: start, append, execute, commands, converge, replay, systems.
    parts: Vec<String>,
    /// The same, in one word.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// How many times quicker than recorded the outside systems answer.
    #[arg(long, default_value_t = 10)]
    scale: u32,
    /// Commands in flight at a time, for append and execute.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 32, 128, 512])]
    in_flight: Vec<usize>,
}

impl Line {
    fn wants(&self, part: &str) -> bool {
        let mut named = self.parts.iter().chain(&self.only).peekable();
        named.peek().is_none() || named.any(|name| name == part)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let line = Line::parse();
    let each = Duration::from_secs(line.seconds);
    if line.wants("start") {
        start::measure().await.context("measure the start")?;
    }
    if line.wants("append") {
        append::measure(each, &line.in_flight).await.context("measure appends")?;
    }
    if line.wants("execute") {
        execute::measure(each, &line.in_flight).await.context("measure commands on the log")?;
    }
    if line.wants("commands") {
        commands::measure(each).await.context("measure commands over HTTP")?;
    }
    if line.wants("converge") {
        converge::measure().await.context("measure convergence")?;
    }
    if line.wants("replay") {
        replay::measure(line.events).await.context("measure a replay")?;
    }
    if line.wants("systems") {
        systems::measure(line.scale).await.context("measure the outside systems")?;
    }
    Ok(())
}

/// The platform's binary, built beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("find this program")?.with_file_name("dezky");
    if path.exists() { Ok(path) } else { bail!("build the platform first: cargo build --release") }
}

/// The only output of this program.
#[expect(clippy::print_stdout, reason = "a program for the terminal says what it found")]
fn say(text: &str) {
    println!("{text}");
}

/// A value of an ordered list at a share of its length.
fn quantile(ordered: &[Duration], share: f64) -> Duration {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a short list"
    )]
    let index = ((ordered.len().saturating_sub(1)) as f64 * share).round() as usize;
    ordered.get(index).copied().unwrap_or_default()
}

/// How many a second.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with a few digits")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}
