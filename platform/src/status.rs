//! `dezky status` and `dezky parked`: how far everything is, and what waits for a person.

mod document;
mod text;

use anyhow::Context as _;
use projector::{ModelStatus, ParkedStream, Retried};
use reconciler::{Reconciler, Status, WaitingCount};
use schema::{StreamId, System};
use serde_json::json;

use crate::config::Config;
use crate::operations::{Form, show};
use crate::parts::{Parts, Tables, reconciling};
use crate::{cli, clock, print};

/// Rows shown of each list, however long it is: what matters is how many there are, and the first of them.
const SHOWN_MAX: usize = 20;

/// What there is to say.
struct Found {
    head: u64,
    models: Vec<ModelStatus>,
    parked: Vec<ParkedStream>,
    work: Status,
}

/// `dezky status`.
pub(crate) async fn status(config: &Config, form: Form) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    let head = parts.log.read_head().await.context("read the head of the log")?;
    let models = parts.views.positions().await.context("read how far the read models are")?;
    let parked = parts.views.parked().await.context("read what is parked")?;
    let told = reconciling(config, |_| false);
    let reconciler = Reconciler::new(told, parts.log, parts.views).context("prepare to look at the work")?;
    let work = reconciler.status().await.context("read what is due")?;
    let found = Found { head, models, parked, work };
    show(form, &found.document(), || found.text())
}

/// So many of a kind.
pub(crate) fn total(counts: &[WaitingCount]) -> u64 {
    counts.iter().map(|found| found.count).sum()
}

/// So many in one state.
fn count_of(counts: &[WaitingCount], state: &str) -> u64 {
    counts.iter().filter(|found| found.state.as_deref() == Some(state)).map(|found| found.count).sum()
}

/// Says how many of a list are not shown.
fn more(all: u64, indent: &str) -> String {
    match all.saturating_sub(SHOWN_MAX as u64) {
        0 => String::new(),
        rest => format!("{indent}… and {rest} more\n"),
    }
}

/// The setting that says how the reconciler may act in a system.
fn mode_setting(system: System) -> String {
    format!("DEZKY_{}_MODE", system.as_str().to_uppercase())
}

/// `dezky confirm-loss`.
pub(crate) async fn confirm_loss(config: &Config, system: System) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    let told = reconciling(config, |_| false);
    let reconciler = Reconciler::new(told, parts.log, parts.views).context("prepare to look at the work")?;
    match reconciler.confirm_loss(system).await.context("confirm what is missing")? {
        Some(loss) => print(&text::confirmed(&loss)),
        None => anyhow::bail!(
            "nothing is missing in {system} that would have to be confirmed; `dezky status` shows what is"
        ),
    }
}

/// `dezky parked`.
pub(crate) async fn parked(config: &Config, asked: &cli::Parked) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    match &asked.what {
        Some(cli::ParkedWhat::Retry { read_model, stream }) => retry(&parts, read_model, stream).await,
        None => {
            let all = parts.views.parked().await.context("read what is parked")?;
            let document = json!({ "parked": all.iter().map(document::parked).collect::<Vec<_>>() });
            show(asked.json.into(), &document, || match all.as_slice() {
                [] => "nothing is parked\n".to_owned(),
                all => text::parked(all),
            })
        }
    }
}

async fn retry(parts: &Parts, model: &str, stream: &str) -> anyhow::Result<()> {
    let stream = StreamId::from_log(stream);
    let done = projector::retry(&parts.views, &parts.log, model, &stream, clock::now()).await;
    match done.with_context(|| format!("retry {stream} for {model}"))? {
        Retried::Drained { events } => {
            print(&format!("{model}: {events} events of {stream} are in; it is followed again\n"))
        }
        Retried::StillParked { error } => {
            anyhow::bail!("{model} still cannot digest {stream}: {error}")
        }
        Retried::NotParked => print(&format!("{model}: {stream} is not parked\n")),
    }
}
