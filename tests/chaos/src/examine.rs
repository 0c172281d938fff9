//! What must be true after the last kill.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use serde_json::{Value, json};
use test_process::{Api, Installation};
use tokio::time::Instant;

use crate::customers::{Acknowledged, Tenant};
use crate::say;

const CONVERGED_WITHIN: Duration = Duration::from_mins(5);

/// Every check, in the order a person would look.
pub(crate) async fn all(
    installation: &Installation,
    api: &Api,
    acknowledged: &Acknowledged,
) -> anyhow::Result<()> {
    converged(api, acknowledged).await?;
    verified(installation).await?;
    once_each(installation, acknowledged).await
}

/// Every acknowledged tenant is there, in the state its last acknowledged command left it in, with three `ok`.
async fn converged(api: &Api, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut open: BTreeMap<&String, &Tenant> = acknowledged.tenants.iter().collect();
    while !open.is_empty() {
        let mut left = BTreeMap::new();
        for (slug, tenant) in open {
            let answer = api.get(&format!("/tenants/{slug}")).await.context("read a tenant")?;
            if answer.status != 200 {
                bail!("the acknowledged tenant {slug} is not there: {}", answer.body);
            }
            let status = if tenant.held { "suspended" } else { "active" };
            let settled = ["authentik", "stalwart", "ocis"].iter().all(|system| {
                answer.body["provisioningStatus"][system] == "ok"
                    && answer.body["provisioning"]["accessRevoked"][system] == json!(tenant.held)
            });
            if !(answer.body["status"] == status && answer.body["lifecycle"] == "active" && settled) {
                left.insert(slug, tenant);
            }
        }
        if started.elapsed() > CONVERGED_WITHIN {
            let Some((slug, _)) = left.first_key_value() else {
                break;
            };
            let seen =
                api.get(&format!("/tenants/{slug}/provisioning")).await.context("read provisioning")?;
            bail!("{} tenants have not converged, {slug} among them: {}", left.len(), seen.body);
        }
        open = left;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    say(&format!(
        "  {} tenants as acknowledged and converged after {:?}",
        acknowledged.tenants.len(),
        started.elapsed()
    ));
    Ok(())
}

/// `dezky verify` finds the log dense, its chain unbroken, and every read model equal to a replay.
async fn verified(installation: &Installation) -> anyhow::Result<()> {
    let (code, printed, errors) = installation.run(&["verify", "--json"]).await?;
    if code != 0 {
        bail!("`dezky verify` found something: {printed}{errors}");
    }
    say("  dezky verify: clean");
    Ok(())
}

/// Exactly one space, group and domain per tenant, asked from the outside systems themselves.
async fn once_each(installation: &Installation, acknowledged: &Acknowledged) -> anyhow::Result<()> {
    let spaces = spaces(installation).await?;
    let groups = groups(installation).await?;
    let domains = domains(installation).await?;
    for (slug, tenant) in &acknowledged.tenants {
        let space = spaces.iter().filter(|mark| **mark == format!("dezky:{}", tenant.id)).count();
        let group = groups.iter().filter(|name| **name == format!("dezky-tenant-{slug}")).count();
        if space != 1 || group != 1 {
            bail!("{slug} has {space} spaces and {group} groups");
        }
        if let Some(domain) = &tenant.domain {
            let found = domains.iter().filter(|name| *name == domain).count();
            if found != 1 {
                bail!("{slug} has {found} mail domains");
            }
        }
    }
    say("  exactly one space, group and domain per tenant");
    Ok(())
}

async fn spaces(installation: &Installation) -> anyhow::Result<Vec<String>> {
    let url = format!(
        "{}/graph/v1.0/drives?$filter=driveType%20eq%20'project'",
        setting(installation, "OCIS_API_URL")?
    );
    let login = format!(
        "{}:{}",
        setting(installation, "DEZKY_OCIS_BASIC_USER")?,
        setting(installation, "DEZKY_OCIS_BASIC_PASSWORD")?
    );
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(login));
    let body = ask(client()?.get(url).header("Authorization", basic)).await?;
    Ok(texts(&body["value"], "description"))
}

async fn groups(installation: &Installation) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut page = 1;
    while page != 0 {
        let url = format!(
            "{}/api/v3/core/groups/?page={page}&page_size=100&include_users=false&ordering=name",
            setting(installation, "AUTHENTIK_API_URL")?
        );
        let body =
            ask(client()?.get(url).bearer_auth(setting(installation, "DEZKY_AUTHENTIK_TOKEN")?)).await?;
        names.extend(texts(&body["results"], "name"));
        page = body["pagination"]["next"].as_u64().unwrap_or_default();
    }
    Ok(names)
}

async fn domains(installation: &Installation) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    loop {
        let calls = json!({ "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": [
            ["x:Domain/query", { "position": names.len(), "limit": 500, "sort": [{ "property": "name", "isAscending": true }] }, "q"],
            ["x:Domain/get", { "#ids": { "resultOf": "q", "name": "x:Domain/query", "path": "/ids" }, "properties": ["id", "name"] }, "g"],
        ] });
        let url = format!("{}/jmap/", setting(installation, "STALWART_API_URL")?);
        let body =
            ask(client()?.post(url).bearer_auth(setting(installation, "DEZKY_STALWART_TOKEN")?).json(&calls))
                .await?;
        let page = texts(&body["methodResponses"][1][1]["list"], "name");
        if page.is_empty() {
            return Ok(names);
        }
        names.extend(page);
    }
}

fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder().timeout(Duration::from_secs(30)).build().context("make a client")
}

async fn ask(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let answer = request.send().await.context("ask an outside system")?;
    answer.error_for_status().context("ask an outside system")?.json().await.context("read its answer")
}

fn setting<'a>(installation: &'a Installation, name: &str) -> anyhow::Result<&'a str> {
    installation.setting(name).with_context(|| format!("{name} is set"))
}

fn texts(list: &Value, field: &str) -> Vec<String> {
    let all = list.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|item| item.get(field)?.as_str().map(str::to_owned)).collect()
}
