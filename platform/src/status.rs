//! `dezky status` and `dezky parked`: how far everything is, and what waits for a person.

use std::fmt::Write as _;

use anyhow::Context as _;
use projector::{ModelStatus, ParkedStream, Retried};
use reconciler::{Reconciler, Status};
use schema::StreamId;
use serde_json::{Value, json};

use crate::config::Config;
use crate::operations::{Form, show};
use crate::parts::{Parts, Tables, reconciling};
use crate::{cli, clock, print};

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

impl Found {
    fn document(&self) -> Value {
        let models = self.models.iter().map(|model| {
            json!({
                "name": model.name, "definition": model.definition, "copy": model.copy, "live": model.is_live,
                "state": model.state, "position": model.position, "lag": self.head.saturating_sub(model.position),
                "parkedStreams": model.parked_streams, "note": model.note,
            })
        });
        let due = self.work.waiting.iter().map(|row| {
            json!({
                "subject": row.subject.to_string(), "system": row.system, "dueAt": row.due_at.to_api(),
                "failures": row.failures, "state": row.state, "reason": row.reason,
            })
        });
        let left_alone = self.work.left_alone.iter().map(|left| {
            json!({
                "system": left.system, "why": left.why, "since": left.since.to_api(), "until": left.until.to_api(),
            })
        });
        json!({
            "head": self.head,
            "readModels": models.collect::<Vec<_>>(),
            "parked": self.parked.iter().map(parked_document).collect::<Vec<_>>(),
            "reconciler": {
                "position": self.work.position,
                "leftAlone": left_alone.collect::<Vec<_>>(),
                "due": due.collect::<Vec<_>>(),
            },
        })
    }

    /// Writing to a String cannot fail.
    fn text(&self) -> String {
        let mut text = format!("log            head {}\n", self.head);
        for model in &self.models {
            let lag = self.head.saturating_sub(model.position);
            let note = model.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
            let _ = writeln!(
                text,
                "{:<14} v{} {} at {}, {lag} behind, {} streams parked{note}",
                model.name, model.copy, model.state, model.position, model.parked_streams
            );
        }
        text.push_str(&parked_text(&self.parked));
        let work = &self.work;
        let _ = writeln!(text, "reconciler     at {}, {} looks due", work.position, work.waiting.len());
        for left in &work.left_alone {
            let _ = writeln!(
                text,
                "  {} is left alone since {} ({}), next probe at {}",
                left.system,
                left.since.to_api(),
                left.why,
                left.until.to_api()
            );
        }
        for row in &work.waiting {
            let why = row.reason.as_deref().unwrap_or("fresh");
            let _ = writeln!(
                text,
                "  {} {} at {}: {why}, {} failures",
                row.subject,
                row.system,
                row.due_at.to_api(),
                row.failures
            );
        }
        text
    }
}

fn parked_document(parked: &ParkedStream) -> Value {
    json!({
        "readModel": parked.model, "stream": parked.stream, "position": parked.position, "error": parked.error,
        "events": parked.events, "attempts": parked.attempts, "nextTry": parked.next_try.map(schema::Timestamp::to_api),
    })
}

fn parked_text(all: &[ParkedStream]) -> String {
    let mut text = String::new();
    for parked in all {
        let next = parked.next_try.map_or_else(|| "soon".to_owned(), |next| format!("at {}", next.to_api()));
        let _ = writeln!(
            text,
            "parked         {} {} at {}: {}; {} events wait, {} retries failed, next {next}",
            parked.model, parked.stream, parked.position, parked.error, parked.events, parked.attempts
        );
    }
    text
}

/// `dezky parked`.
pub(crate) async fn parked(config: &Config, asked: &cli::Parked) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    match &asked.what {
        Some(cli::ParkedWhat::Retry { read_model, stream }) => retry(&parts, read_model, stream).await,
        None => {
            let all = parts.views.parked().await.context("read what is parked")?;
            let document = json!({ "parked": all.iter().map(parked_document).collect::<Vec<_>>() });
            show(asked.json.into(), &document, || match all.as_slice() {
                [] => "nothing is parked\n".to_owned(),
                all => parked_text(all),
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
