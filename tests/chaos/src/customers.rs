//! Clients that never give up: each command has a key and is sent until it is acknowledged.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use reqwest::Method;
use serde_json::{Value, json};
use test_process::Api;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Enough to be many, few enough to be looked at one by one at the end.
const TENANTS_EACH: u32 = 25;
const TRIES_MAX: u32 = 2000;
const PAUSE: Duration = Duration::from_millis(20);

/// What the platform said it had done.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    /// How many commands.
    pub(crate) commands: u64,
    /// Each tenant with the status its last acknowledged command left it in, and its domain.
    pub(crate) tenants: BTreeMap<String, Tenant>,
}

/// What must be true of one tenant.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) held: bool,
    pub(crate) domain: Option<String>,
}

impl Acknowledged {
    pub(crate) fn add(&mut self, other: Self) {
        self.commands += other.commands;
        self.tenants.extend(other.tenants);
    }
}

/// Makes its tenants, verifies every other one's domain, then suspends and resumes them in turn until told to stop.
pub(crate) async fn work(number: u32, api: Api, stop: CancellationToken) -> anyhow::Result<Acknowledged> {
    let mut done = Acknowledged::default();
    for round in 0_u32.. {
        if stop.is_cancelled() {
            break;
        }
        let slug = format!("chaos-{number}-{}", round % TENANTS_EACH);
        let tenant = match done.tenants.remove(&slug) {
            None => create(&api, &slug, round, &mut done.commands).await?,
            Some(tenant) => turn(&api, &slug, tenant, &mut done.commands).await?,
        };
        done.tenants.insert(slug, tenant);
    }
    Ok(done)
}

async fn create(api: &Api, slug: &str, round: u32, commands: &mut u64) -> anyhow::Result<Tenant> {
    let domain = format!("{slug}.test");
    let body = json!({ "slug": slug, "name": slug, "domains": [domain] });
    let created = until_acknowledged(api, "/tenants", body, 201).await?;
    *commands += 1;
    let id = created.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !round.is_multiple_of(2) {
        return Ok(Tenant { id, held: false, domain: None });
    }
    let path = format!("/tenants/{slug}/domains/{domain}/verify");
    until_acknowledged(api, &path, json!({ "method": "operator" }), 200).await?;
    *commands += 1;
    Ok(Tenant { id, held: false, domain: Some(domain) })
}

/// Suspends who is open, resumes who is held.
async fn turn(api: &Api, slug: &str, tenant: Tenant, commands: &mut u64) -> anyhow::Result<Tenant> {
    let verb = if tenant.held { "resume" } else { "suspend" };
    until_acknowledged(api, &format!("/tenants/{slug}/{verb}"), json!({ "reason": "chaos" }), 200).await?;
    *commands += 1;
    Ok(Tenant { held: !tenant.held, ..tenant })
}

async fn until_acknowledged(api: &Api, path: &str, body: Value, wanted: u16) -> anyhow::Result<Value> {
    let key = Uuid::now_v7().to_string();
    for _ in 0..TRIES_MAX {
        match api.send(Method::POST, path, Some(&key), Some(&body)).await {
            Ok(answer) if answer.status == wanted => return Ok(answer.body),
            // Down, starting, or the same key is still being worked on: the retry is safe.
            Ok(answer)
                if answer.status >= 500 || answer.body.get("retryable") == Some(&Value::Bool(true)) => {}
            Ok(answer) => bail!("POST {path} was answered {}: {}", answer.status, answer.body),
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("POST {path} was never acknowledged")
}
