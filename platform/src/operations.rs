//! What operators run beside the platform: migrate, plan, status, the first administrator.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use event_store::EventStore;
use reconciler::{Reconciler, SystemPlan};
use schema::TenantId;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::parts::{Parts, Tables, reconciling, urls};
use crate::roles::{Together, writer};
use crate::simulate::Development;
use crate::{boot, cli, clock, print};

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

impl From<bool> for Form {
    fn from(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

pub(crate) fn show(form: Form, document: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    match form {
        Form::Json => print(&format!("{document:#}\n")),
        Form::Text => print(&text()),
    }
}

/// `dezky migrate`.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let (log_url, views_url) = urls(config)?;
    if !log_url.is_postgres() || !views_url.is_postgres() {
        crate::config::make_data_folder(&config.data)?;
    }
    let mut applied = EventStore::migrate(&log_url, clock::now())
        .await
        .context("bring the log's tables up to date (DEZKY_LOG_URL)")?;
    let views = event_store::Db::open(&views_url, event_store::Purpose::Views)
        .await
        .context("open the read models (DEZKY_VIEWS_URL)")?;
    applied.extend(
        event_store::migrate_views(&views, clock::now())
            .await
            .context("bring the tables of the read models up to date")?,
    );
    if applied.is_empty() {
        return print("everything was up to date\n");
    }
    print(&format!("applied {}\n", applied.join("\napplied ")))
}

/// `dezky plan <tenant>`. Exit code 1 when a system could not be looked at.
pub(crate) async fn plan(config: &Config, asked: &cli::Plan) -> anyhow::Result<ExitCode> {
    // What the running platform simulates is asked where it is.
    let (config, simulated) = Development::already_running(config)?;
    let parts = Parts::open(&config, Tables::Expect).await?;
    let told = reconciling(&config, |system| simulated.contains(&system));
    let reconciler =
        Reconciler::new(told, parts.log, parts.views).context("prepare the calls to the outside systems")?;
    let plans = match asked.tenant.parse::<TenantId>() {
        Ok(id) => reconciler.plan_of(id).await,
        Err(_) => reconciler.plan_tenant(&asked.tenant).await,
    };
    let Some(plans) = plans.context("look at the tenant")? else {
        bail!("there is no tenant {}", asked.tenant)
    };
    let by_system: serde_json::Map<String, Value> = plans
        .iter()
        .map(|plan| serde_json::to_value(plan).map(|value| (plan.system.to_string(), value)))
        .collect::<Result<_, _>>()
        .context("encode the plan")?;
    show(asked.json.into(), &json!({ "tenant": asked.tenant, "systems": by_system }), || plan_text(&plans))?;
    let all_seen = plans.iter().all(|plan| plan.failed.is_none());
    Ok(if all_seen { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn plan_text(plans: &[SystemPlan]) -> String {
    let mut text = String::new();
    for plan in plans {
        let state = match (&plan.failed, plan.steps.is_empty(), plan.waits) {
            (Some(why), _, _) => format!("could not be looked at: {why}"),
            (None, true, false) => "nothing to do".to_owned(),
            (None, true, true) => "waits for other systems before its door opens".to_owned(),
            (None, false, _) => format!("{} steps", plan.steps.len()),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} ({}): {state}", plan.system, plan.mode);
        for line in plan
            .steps
            .iter()
            .map(|step| format!("  - {step}"))
            .chain(plan.refused.iter().map(|why| format!("  ! {why}")))
        {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// `dezky admin bootstrap`.
pub(crate) async fn bootstrap_admin(config: &Config, email: &str) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    let stop = CancellationToken::new();
    let mut together = Together::new(&stop);
    writer(&mut together, &parts);
    let done = boot::bootstrap_admin(&parts.log, email).await;
    stop.cancel();
    together.wait().await?;
    done?;
    print("they are the first platform administrator; operator-scoped tokens of theirs work from now on\n")
}
