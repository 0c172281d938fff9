//! `dezky replay`, `rollback` and `verify`: read models made again, and the proof that nothing differs.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use event_store::LogReport;
use projector::{ModelReport, Progress, Proof};
use serde_json::{Value, json};

use crate::config::Config;
use crate::operations::{Form, show};
use crate::parts::{Parts, Tables};
use crate::print;

/// `dezky replay <read model>`.
pub(crate) async fn replay(config: &Config, model: &str) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    let say = |progress: Progress| tracing::info!(model, ?progress, "replaying");
    let done = projector::replay(&parts.views, &parts.log, model, &say)
        .await
        .with_context(|| format!("replay {model}; the live read model is as it was"))?;
    let proof = match done.proof {
        Proof::Equal => "every row was compared and equal",
        Proof::OtherDefinition => "its definition is new, so there was nothing to compare with",
    };
    print(&format!(
        "{model} was made again: copy {} with {} rows is live since position {}; {proof}. `dezky rollback {model}` swaps back\n",
        done.copy, done.rows, done.position
    ))
}

/// `dezky rollback <read model>`.
pub(crate) async fn rollback(config: &Config, model: &str) -> anyhow::Result<()> {
    let parts = Parts::open(config, Tables::Expect).await?;
    let (copy, position) = projector::rollback(&parts.views, &parts.log, model)
        .await
        .with_context(|| format!("roll {model} back; the live read model is as it was"))?;
    print(&format!("{model}: copy {copy} is live again since position {position}\n"))
}

/// `dezky verify`. Exit code 1 when anything differs.
pub(crate) async fn verify(config: &Config, form: Form) -> anyhow::Result<ExitCode> {
    let parts = Parts::open(config, Tables::Expect).await?;
    let log = parts.log.verify().await.context("check the log")?;
    let models =
        projector::verify(&parts.views, &parts.log).await.context("replay the read models in memory")?;
    let is_clean = log.is_sound() && models.iter().all(|model| model.is_equal() && model.parked_streams == 0);
    show(form, &document(is_clean, &log, &models), || text(is_clean, &log, &models))?;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn document(is_clean: bool, log: &LogReport, models: &[ModelReport]) -> Value {
    let problems: Vec<Value> = log
        .problems
        .iter()
        .map(|problem| json!({ "position": problem.position, "what": problem.what }))
        .collect();
    let read_models: Vec<Value> = models
        .iter()
        .map(|model| {
            json!({
                "name": model.model, "position": model.position, "equal": model.is_equal(), "rowsLive": model.rows_live,
                "rowsReplayed": model.rows_replayed, "parkedStreams": model.parked_streams,
                "differences": model.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "clean": is_clean,
        "log": {
            "head": log.head, "events": log.events, "commits": log.commits, "chain": log.chain, "dense": log.is_sound(),
            "problems": problems,
        },
        "readModels": read_models,
    })
}

fn text(is_clean: bool, log: &LogReport, models: &[ModelReport]) -> String {
    let mut text =
        format!("log: {} events in {} commits up to position {}\n", log.events, log.commits, log.head);
    for problem in &log.problems {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  position {}: {}", problem.position, problem.what);
    }
    for model in models {
        let verdict = if model.is_equal() { "equal to a replay" } else { "DIFFERS from a replay" };
        let parked = model.parked_streams;
        let _ = writeln!(
            text,
            "{}: {} rows at {}, {verdict}, {parked} streams parked",
            model.model, model.rows_live, model.position
        );
        for difference in &model.differences {
            let _ = writeln!(text, "  {difference}");
        }
    }
    text.push_str(if is_clean { "clean: nothing differs\n" } else { "NOT clean\n" });
    text
}
