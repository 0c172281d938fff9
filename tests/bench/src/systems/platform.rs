//! The platform's binary, and what an operator asks of it here.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Value, json};
use test_process::{Api, Installation, Running};
use tokio::time::Instant;

use super::doors::Tenant;
use super::upstreams::Upstreams;
use crate::binary;

/// Requests under way while tenants are put in place.
const AT_ONCE: usize = 8;
const LOOK_EVERY: Duration = Duration::from_millis(5);
const WITHIN: Duration = Duration::from_mins(3);

pub(super) struct Platform {
    installation: Installation,
    running: Option<Running>,
    pub(super) operator: Api,
}

impl Platform {
    pub(super) async fn start(upstreams: &Upstreams, writes_per_second: u32) -> anyhow::Result<Self> {
        Self::start_as(upstreams, writes_per_second, "enforce").await
    }

    /// With every system in that mode.
    pub(super) async fn start_as(
        upstreams: &Upstreams,
        writes_per_second: u32,
        mode: &str,
    ) -> anyhow::Result<Self> {
        let mut installation = Installation::new(binary()?)?;
        upstreams.settings(&mut installation);
        installation.set("DEZKY_LOG", "warn");
        installation.set("DEZKY_AUTHENTIK_WRITES_PER_SECOND", writes_per_second.to_string());
        for system in ["AUTHENTIK", "STALWART", "OCIS"] {
            installation.set(&format!("DEZKY_{system}_MODE"), mode);
        }
        let mut running = installation.start(&["up"])?;
        installation.ready(&mut running).await?;
        let operator = installation.client("operator", None).await?;
        operator.get("/users/me").await.context("sign in")?;
        Ok(Self { installation, running: Some(running), operator })
    }

    pub(super) async fn restart(&mut self, writes_per_second: u32) -> anyhow::Result<()> {
        self.restart_as(writes_per_second, "enforce").await
    }

    pub(super) async fn restart_as(&mut self, writes_per_second: u32, mode: &str) -> anyhow::Result<()> {
        if let Some(running) = self.running.take() {
            running.kill().await?;
        }
        self.installation.set("DEZKY_AUTHENTIK_WRITES_PER_SECOND", writes_per_second.to_string());
        for system in ["AUTHENTIK", "STALWART", "OCIS"] {
            self.installation.set(&format!("DEZKY_{system}_MODE"), mode);
        }
        let mut running = self.installation.start(&["up"])?;
        self.installation.ready(&mut running).await?;
        self.running = Some(running);
        Ok(())
    }

    /// So many tenants with a verified domain and so many members each.
    pub(super) async fn tenants(
        &self,
        name: &str,
        count: usize,
        members: usize,
    ) -> anyhow::Result<Vec<Tenant>> {
        let making = (0..count).map(|number| self.tenant(format!("{name}-{number}"), members));
        stream::iter(making.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await
    }

    async fn tenant(&self, slug: String, members: usize) -> anyhow::Result<Tenant> {
        let domain = format!("{slug}.test");
        self.ask("/tenants", &json!({ "slug": slug, "name": slug, "domains": [domain] }), 201).await?;
        let path = format!("/tenants/{slug}/domains/{domain}/verify");
        self.ask(&path, &json!({ "method": "operator" }), 200).await?;
        let path = format!("/tenants/{slug}/users");
        let adding = (0..members).map(|number| {
            let email = format!("member-{number}@{domain}");
            let path = &path;
            async move {
                let person = self.installation.person(&email)?;
                patiently(200, || person.get("/users/me")).await?;
                self.ask(path, &json!({ "email": email, "role": "member" }), 201).await?;
                anyhow::Ok(email)
            }
        });
        let adding: Vec<_> = adding.collect();
        let emails = stream::iter(adding).buffered(AT_ONCE).try_collect().await?;
        Ok(Tenant { slug, emails })
    }

    async fn ask(&self, path: &str, body: &Value, wanted: u16) -> anyhow::Result<()> {
        patiently(wanted, || self.operator.post(path, body)).await
    }

    pub(super) async fn suspend(&self, tenant: &Tenant) -> anyhow::Result<()> {
        let path = format!("/tenants/{}/suspend", tenant.slug);
        self.ask(&path, &json!({ "reason": "measured" }), 200).await
    }

    pub(super) async fn resume(&self, tenant: &Tenant) -> anyhow::Result<()> {
        self.ask(&format!("/tenants/{}/resume", tenant.slug), &json!({}), 200).await
    }

    /// Every system has what it should have, and lets in whom it should.
    pub(super) async fn is_in_place(&self, tenant: &Tenant) -> anyhow::Result<()> {
        self.becomes(tenant, false).await
    }

    /// Every system has said that nobody is let in.
    pub(super) async fn is_shut(&self, tenant: &Tenant) -> anyhow::Result<()> {
        self.becomes(tenant, true).await
    }

    async fn becomes(&self, tenant: &Tenant, is_shut: bool) -> anyhow::Result<()> {
        let started = Instant::now();
        let path = format!("/tenants/{}", tenant.slug);
        loop {
            let answer = self.operator.get(&path).await.context("read a tenant")?.body;
            let all = |object: &Value, wanted: &Value| {
                ["authentik", "stalwart", "ocis"].iter().all(|system| object[system] == *wanted)
            };
            let is_active = answer["lifecycle"] == "active";
            let is_right = all(&answer["provisioning"]["accessRevoked"], &json!(is_shut))
                && all(&answer["provisioningStatus"], &json!("ok"));
            if is_active && is_right {
                return Ok(());
            }
            if started.elapsed() > WITHIN {
                bail!("{} does not come to rest: {answer}", tenant.slug);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Read models of a machine under load may be behind: who is told to try again does.
async fn patiently<F>(wanted: u16, ask: impl Fn() -> F) -> anyhow::Result<()>
where
    F: Future<Output = Result<test_process::Answer, reqwest::Error>>,
{
    let started = Instant::now();
    loop {
        let answer = ask().await.context("ask the platform")?;
        if answer.status == wanted {
            return Ok(());
        }
        if answer.body["retryable"] != true || started.elapsed() > WITHIN {
            bail!("answered {}: {}", answer.status, answer.body);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
