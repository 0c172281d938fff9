//! `POST /tenants` over HTTP, with the outside systems paused, beside plain inserts on the same Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;
use test_postgres::TestPostgres;
use test_process::{Api, Installation};
use tokio::time::Instant;

use crate::{binary, plain, quantile, rate, say};

const CLIENTS: [usize; 3] = [1, 16, 64];

/// Both databases, one after the other, plain inserts between.
pub(crate) async fn measure(each: Duration) -> anyhow::Result<()> {
    let url = TestPostgres::durable_database().await.context("Postgres is needed for this")?;
    let comparison = TestPostgres::durable_database().await.context("Postgres is needed for this")?;
    say(
        "\nPOST /tenants a second over HTTP (three or more events, two claims) beside plain one-row inserts on the same Postgres",
    );
    say("clients | plain | Postgres | ratio | p50 / p99 ms | SQLite | p50 / p99 ms");
    let there = Platform::start(Some(url)).await?;
    let here = Platform::start(None).await?;
    for clients in CLIENTS {
        let inserts = plain::inserts(&comparison, clients, each).await?;
        let postgres = there.create(clients, each).await?;
        let sqlite = here.create(clients, each).await?;
        let (plain, created) = (rate(inserts.len(), each), rate(postgres.len(), each));
        say(&format!(
            "{clients:>7} | {plain:.0} | {created:.0} | {:.2} | {} | {:.0} | {}",
            created / plain,
            latencies(&postgres),
            rate(sqlite.len(), each),
            latencies(&sqlite)
        ));
    }
    Ok(())
}

fn latencies(ordered: &[Duration]) -> String {
    let millis = |share| quantile(ordered, share).as_secs_f64() * 1000.0;
    format!("{:.1} / {:.1}", millis(0.5), millis(0.99))
}

struct Platform {
    installation: Installation,
    operator: Api,
    next: Arc<AtomicU64>,
    _running: Vec<test_process::Running>,
}

impl Platform {
    async fn start(log_url: Option<String>) -> anyhow::Result<Self> {
        let mut installation = Installation::new(binary()?)?;
        let mut outside = installation.start(&["simulate"])?;
        installation.take_exports(&outside.prints("A token:").await?);
        if let Some(url) = log_url {
            installation.set("DEZKY_LOG_URL", url);
        }
        installation.set("DEZKY_LOG", "warn");
        // What would happen outside is measured elsewhere.
        for system in ["AUTHENTIK", "STALWART", "OCIS"] {
            installation.set(&format!("DEZKY_{system}_MODE"), "paused");
        }
        let mut running = installation.start(&["up"])?;
        installation.ready(&mut running).await?;
        let operator = installation.client("operator", None).await?;
        operator.get("/users/me").await.context("sign in")?;
        Ok(Self { installation, operator, next: Arc::default(), _running: vec![outside, running] })
    }

    async fn create(&self, clients: usize, each: Duration) -> anyhow::Result<Vec<Duration>> {
        let until = Instant::now() + each;
        let mut workers = Vec::new();
        for _ in 0..clients {
            let (api, next) = (self.operator.clone(), self.next.clone());
            workers.push(tokio::spawn(async move {
                let mut took = Vec::new();
                while Instant::now() < until {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let body =
                        json!({ "slug": format!("tenant-{number}"), "name": format!("Tenant {number}") });
                    let started = Instant::now();
                    let answer = api.post("/tenants", &body).await.context("create a tenant")?;
                    if answer.status != 201 {
                        bail!("POST /tenants was answered {}: {}", answer.status, answer.body);
                    }
                    took.push(started.elapsed());
                }
                Ok(took)
            }));
        }
        let mut all = Vec::new();
        for worker in workers {
            let took = worker.await.context("a client ended badly")?;
            all.extend(took.with_context(|| format!("see {}", self.installation.folder().display()))?);
        }
        all.sort_unstable();
        Ok(all)
    }
}
