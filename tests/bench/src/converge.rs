//! From 201 to three `ok`, against the simulators.

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::json;
use test_process::Installation;
use tokio::time::Instant;

use crate::{binary, quantile, say};

const TENANTS: usize = 100;
const WITHIN: Duration = Duration::from_secs(30);

/// One tenant after the other, each with an owner and a verified domain, so that every kind of object is made.
pub(crate) async fn measure() -> anyhow::Result<()> {
    let mut installation = Installation::new(binary()?)?;
    installation.set("DEZKY_LOG", "warn");
    let mut running = installation.start(&["up"])?;
    installation.ready(&mut running).await?;
    let api = installation.client("operator", None).await?;
    let mut took = Vec::new();
    for number in 0..TENANTS {
        let slug = format!("tenant-{number}");
        let body = json!({ "slug": slug, "name": slug, "owner": { "email": format!("owner@{slug}.test") } });
        let answer = api.post("/tenants", &body).await.context("create a tenant")?;
        if answer.status != 201 {
            bail!("POST /tenants was answered {}: {}", answer.status, answer.body);
        }
        let started = Instant::now();
        loop {
            let tenant = api.get(&format!("/tenants/{slug}")).await.context("read a tenant")?.body;
            if tenant["lifecycle"] == "active" {
                break;
            }
            if started.elapsed() > WITHIN {
                bail!("{slug} has not converged: {tenant}");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        took.push(started.elapsed());
    }
    took.sort_unstable();
    let millis = |share| quantile(&took, share).as_secs_f64() * 1000.0;
    say(&format!(
        "\nfrom 201 to converged, {TENANTS} tenants: p50 {:.0} ms, p95 {:.0} ms",
        millis(0.5),
        millis(0.95)
    ));
    Ok(())
}
