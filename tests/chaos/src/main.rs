//! Kills the platform with `kill -9` again and again under concurrent commands, then checks that nothing is lost,
//! nothing is doubled, and everything converged.

#![expect(clippy::disallowed_methods, reason = "clients of a program that ends by itself")]

mod customers;
mod examine;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Parser, ValueEnum};
use test_process::{Installation, Running};
use tokio_util::sync::CancellationToken;

use crate::customers::Acknowledged;

/// Kills the platform under load and checks what is left.
#[derive(Parser)]
struct Line {
    /// How often each database's platform is killed.
    #[arg(long, default_value_t = 50)]
    kills: u32,
    /// How many clients send commands all the time.
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// On which database.
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
    /// The seed of the pauses between kills; printed, so that a run can be repeated.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
    Both,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let line = Line::parse();
    let seed = line.seed.unwrap_or_else(|| fastrand::u64(..));
    fastrand::seed(seed);
    say(&format!("seed {seed}, {} kills, {} clients", line.kills, line.clients));
    if line.database != Database::Postgres {
        round("sqlite", None, &line).await.context("on SQLite")?;
    }
    if line.database != Database::Sqlite {
        let database =
            test_postgres::TestPostgres::database().await.context("Postgres is needed for this")?;
        round("postgres", Some(database), &line).await.context("on Postgres")?;
    }
    Ok(())
}

/// The platform's binary, built beside this one.
fn binary() -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe().context("find this program")?.with_file_name("dezky");
    if path.exists() { Ok(path) } else { bail!("build the platform first: cargo build --release") }
}

async fn round(name: &str, log_url: Option<String>, line: &Line) -> anyhow::Result<()> {
    let mut installation = Installation::new(binary()?)?;
    // The outside systems live on while the platform dies: that is where doubled effects would show.
    let mut outside = installation.start(&["simulate"])?;
    let exports = outside.prints("A token:").await?;
    installation.take_exports(&exports);
    if let Some(url) = log_url {
        installation.set("DEZKY_LOG_URL", url);
    }
    // Tenants left unfinished by a kill are found by the next look, not by the half-hourly sweep.
    installation.set("DEZKY_SWEEP_SECONDS", "20");

    let mut platform = start(&installation).await?;
    let operator = installation.client("operator", None).await?;
    let signed_in = operator.get("/users/me").await.context("sign in")?;
    if signed_in.status != 200 {
        bail!("the first operator cannot sign in: {}", signed_in.body);
    }
    let stop = CancellationToken::new();
    let clients: Vec<_> = (0..line.clients)
        .map(|number| tokio::spawn(customers::work(number, operator.clone(), stop.clone())))
        .collect();
    for kill in 1..=line.kills {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..900))).await;
        platform.kill().await?;
        platform = start(&installation).await.with_context(|| format!("start after kill {kill}"))?;
    }
    stop.cancel();
    let mut acknowledged = Acknowledged::default();
    for client in clients {
        acknowledged.add(client.await.context("a client ended badly")??);
    }
    say(&format!("{name}: {} kills survived, {} commands acknowledged", line.kills, acknowledged.commands));
    examine::all(&installation, &operator, &acknowledged).await?;
    platform.kill().await?;
    outside.kill().await?;
    say(&format!("{name}: nothing lost, nothing doubled, everything converged"));
    Ok(())
}

async fn start(installation: &Installation) -> anyhow::Result<Running> {
    let mut running = installation.start(&["up"])?;
    installation.ready(&mut running).await?;
    Ok(running)
}

/// The only output of this program.
#[expect(clippy::print_stdout, reason = "a program for the terminal says what it found")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}
