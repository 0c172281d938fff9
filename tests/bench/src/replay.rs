//! `dezky replay` over a long log, on both databases.

use anyhow::{Context as _, bail};
use test_postgres::TestPostgres;
use test_process::Installation;
use tokio::time::Instant;

use crate::execute::{Log, register};
use crate::{binary, say};

const CLIENTS: u64 = 128;
/// A new partner is two events.
const EVENTS_EACH: u64 = 2;

/// Fills a log, brings read models up to date, then rebuilds one.
pub(crate) async fn measure(events: u64) -> anyhow::Result<()> {
    say(&format!("\nreplay of {events} events"));
    on("SQLite", None, events).await?;
    let url = TestPostgres::durable_database().await.context("Postgres is needed for this")?;
    on("Postgres", Some(url), events).await
}

async fn on(name: &str, url: Option<String>, events: u64) -> anyhow::Result<()> {
    let mut installation = Installation::new(binary()?)?;
    installation.set("DEZKY_LOG", "warn");
    let data = installation.folder().join("data");
    std::fs::create_dir_all(&data).context("make the data folder")?;
    let log_url = url.unwrap_or_else(|| format!("sqlite:{}", data.join("log.sqlite3").display()));
    installation.set("DEZKY_LOG_URL", &log_url);
    let (code, _, errors) = installation.run(&["migrate"]).await?;
    if code != 0 {
        bail!("`dezky migrate` failed: {errors}");
    }
    let log = Log::open(&log_url).await?;
    let workers: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let store = log.store.clone();
            tokio::spawn(async move {
                for _ in 0..events / EVENTS_EACH / CLIENTS {
                    register(&store).await?;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.await.context("a client ended badly")??;
    }
    log.close().await;
    for model in ["partners", "tenants"] {
        // The first replay brings the model up to date, the second rebuilds it from nothing and compares.
        for round in ["first", "second"] {
            let started = Instant::now();
            let (code, printed, errors) = installation.run(&["replay", model]).await?;
            if code != 0 {
                bail!("`dezky replay {model}` failed: {printed}{errors}");
            }
            let took = started.elapsed();
            #[expect(clippy::cast_precision_loss, reason = "a rate is shown with a few digits")]
            let speed = events as f64 / took.as_secs_f64();
            say(&format!(
                "{name}: {model}, {round}: {took:.1?}, {speed:.0} events a second, comparison and swap included"
            ));
        }
    }
    Ok(())
}
