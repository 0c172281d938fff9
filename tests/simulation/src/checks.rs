//! What must be true at rest.

mod outside;
mod pages;

use crate::history::{Effect, Heard, Told};
use crate::model::Model;
use crate::people::Person;
use crate::rest::Rest;
use crate::trouble::Trouble;
use crate::world::World;

/// Everything, in the order a person would look.
pub(crate) async fn all(rest: &Rest<'_>, trouble: &Trouble<'_>, people: &mut [Person<'_>]) -> Model {
    let seed = rest.world.seed;
    log_and_read_models(rest).await;
    let model = Model::of(&rest.process.store).await;
    assert!(model.broken.is_empty(), "seed {seed}: {:#?}", model.broken);
    commands_once(rest, &model);
    if trouble.places() == 1 {
        rights_end_at_once(rest, &model);
    }
    pages::all(rest, &model, people).await;
    outside::all(rest, &model, trouble).await;
    nothing_crashed(rest).await;
    model
}

/// The log is sound, and every read model is what the log says.
async fn log_and_read_models(rest: &Rest<'_>) {
    let seed = rest.world.seed;
    let report = rest.process.store.verify().await.expect("a report");
    assert!(report.is_sound(), "seed {seed}: {report:#?}");
    rest.process.catch_up().await;
    for report in projector::verify(&rest.process.views, &rest.process.store).await.expect("a report") {
        assert!(report.is_equal(), "seed {seed}: {report:#?}");
        assert_eq!(report.parked_streams, 0, "seed {seed}: {} has parked streams", report.model);
    }
}

/// No look ended the task it ran in, and nothing is left of a loss.
async fn nothing_crashed(rest: &Rest<'_>) {
    let status = rest.process.reconciler.status().await.expect("a status");
    assert!(status.crashed.is_empty(), "seed {}: {:#?}", rest.world.seed, status.crashed);
    assert!(status.losses.is_empty(), "seed {}: {:#?}", rest.world.seed, status.losses);
}

/// What the doors outside are like.
pub(crate) async fn doors(rest: &Rest<'_>, model: &Model) {
    outside::doors(rest, model).await;
}

/// What belongs to others is as they left it.
pub(crate) fn strangers(world: &World) {
    let harm = world.outside.harm_to_strangers(world.outside.trusts_addresses.get());
    assert!(harm.is_empty(), "seed {}: {harm:#?}", world.seed);
}

/// Every acknowledged command is there once, every refused one not at all, and what was expected was so.
fn commands_once(rest: &Rest<'_>, model: &Model) {
    let seed = rest.world.seed;
    let history = rest.world.history.borrow();
    for Told { command, heard, .. } in &history.commands {
        let traces = model.traces.get(&command.request_id).map(Vec::as_slice).unwrap_or_default();
        assert!(traces.len() <= 1, "seed {seed}: recorded twice: {command:?} {traces:?}");
        let trace = traces.first();
        match heard {
            Heard::Answered(answer) => {
                if command.effect == Effect::Certain {
                    assert!(
                        trace.is_some(),
                        "seed {seed}: acknowledged and not there: {command:?} {answer:?}"
                    );
                }
                if let Some(trace) = trace {
                    assert_eq!(answer.position, Some(trace.last), "seed {seed}: {command:?} {trace:?}");
                    let tenant = answer.json["id"].as_str().unwrap_or_default();
                    let first = trace.first_versions.get(&format!("tenant-{tenant}"));
                    if let (Some(expected), Some(first)) = (command.expected, first) {
                        assert_eq!(*first, expected + 1, "seed {seed}: {command:?} came too late");
                    }
                }
            }
            Heard::Refused => assert!(trace.is_none(), "seed {seed}: refused and there: {command:?}"),
            Heard::Nothing => {}
        }
    }
    for request in &history.rehearsed {
        assert!(
            !model.traces.contains_key(request),
            "seed {seed}: a rehearsal left something behind: {request}"
        );
    }
}

/// What began after a revocation was acknowledged is not done. In another process it may take a moment.
fn rights_end_at_once(rest: &Rest<'_>, model: &Model) {
    let history = rest.world.history.borrow();
    let find = |request: &str| history.commands.iter().find(|told| told.command.request_id == request);
    for (done, revocation) in &model.after_revocation {
        let (Some(done), Some(revocation)) = (find(done), find(revocation)) else { continue };
        // An answer given again was recorded by an earlier try.
        let is_new = matches!(&done.heard, Heard::Answered(answer) if !answer.replayed);
        let is_known = matches!(revocation.heard, Heard::Answered(_));
        let is_late = is_new && is_known && done.began > revocation.ended;
        assert!(!is_late, "seed {}: {done:?} after {revocation:?}", rest.world.seed);
    }
}

/// The same key says the same, long afterwards.
pub(crate) async fn keys_answer_again(rest: &Rest<'_>, people: &mut [Person<'_>]) {
    let keyed: Vec<_> = {
        let history = rest.world.history.borrow();
        let answered = history.commands.iter().filter_map(|Told { command, heard, .. }| match heard {
            Heard::Answered(answer) if command.key.is_some() => Some((command.clone(), answer.clone())),
            Heard::Answered(_) | Heard::Refused | Heard::Nothing => None,
        });
        answered.collect()
    };
    for (command, answer) in &keyed {
        let caller = &mut people[command.caller].caller;
        if caller.rng.u8(..3) == 0 {
            caller.must_hear_again(command, answer).await;
        }
    }
}
