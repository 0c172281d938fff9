//! What runs by the clock. The only user of the scheduler; running a job twice is harmless.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use event_store::EventStore;
use event_store::guard::caught;
use projector::Retried;
use reconciler::Reconciler;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::clock;
use crate::parts::Parts;

/// Ten per cent to either side, so that several processes do not sweep at the same moment.
const JITTER: std::ops::Range<f64> = 0.9..1.1;
const FIRST_SWEEP: Duration = Duration::from_secs(10);
const PRUNE_EVERY: Duration = Duration::from_hours(1);
const RETRY_EVERY: Duration = Duration::from_mins(5);
/// Seconds, minutes, hours: every night, when nobody is busy.
const CHAIN_CHECK: &str = "0 20 3 * * *";
const RECOUNT: &str = "0 40 3 * * *";

/// Starts the drift sweep, pruning, retries of what is parked, and the nightly proofs of log and read models.
pub(crate) async fn start(
    reconciler: Reconciler,
    parts: &Parts,
    sweep: Duration,
) -> anyhow::Result<JobScheduler> {
    let scheduler = JobScheduler::new().await.context("make the scheduler")?;
    let every = whole_seconds(sweep.mul_f64(JITTER.start + fastrand::f64() * (JITTER.end - JITTER.start)));
    // A sweep that takes longer than its interval is not joined by a second one.
    let running = Arc::new(Mutex::new(()));
    let pruned = (reconciler.clone(), parts.clone());
    let sweep = move || {
        let (reconciler, running) = (reconciler.clone(), running.clone());
        async move {
            let Ok(_alone) = running.try_lock() else { return };
            guarded("sweep", sweep_once(&reconciler)).await;
        }
    };
    let first = sweep.clone();
    let sweeping = Job::new_repeated_async(every, move |_, _| Box::pin(sweep()));
    // What changed while nothing ran here, settings included, is found soon after the start.
    let starting = Job::new_one_shot_async(FIRST_SWEEP, move |_, _| Box::pin(first()));
    let pruning = Job::new_repeated_async(PRUNE_EVERY, move |_, _| {
        let (reconciler, parts) = pruned.clone();
        Box::pin(async move { guarded("prune", prune(&reconciler, &parts)).await })
    });
    let (retried, checked, recounted) = (parts.clone(), parts.log.clone(), parts.clone());
    let retrying = Job::new_repeated_async(RETRY_EVERY, move |_, _| {
        let parts = retried.clone();
        Box::pin(async move { guarded("retry what is parked", retry_parked(&parts)).await })
    });
    let checking = Job::new_async(CHAIN_CHECK, move |_, _| {
        let log = checked.clone();
        Box::pin(async move { guarded("check the log", check_chain(&log)).await })
    });
    let recounting = Job::new_async(RECOUNT, move |_, _| {
        let parts = recounted.clone();
        Box::pin(async move { guarded("count again", recount(&parts)).await })
    });
    for job in [starting, sweeping, pruning, retrying, checking, recounting] {
        scheduler.add(job.context("describe a job")?).await.context("add a job")?;
    }
    scheduler.start().await.context("start the scheduler")?;
    Ok(scheduler)
}

/// The scheduler counts whole seconds, and repeats nothing that has none.
fn whole_seconds(every: Duration) -> Duration {
    Duration::from_secs(every.as_secs().max(1))
}

/// A job that panics ends itself: the clock goes on, and the same job comes again.
async fn guarded(job: &'static str, work: impl Future<Output = ()>) {
    if let Err(panicked) = caught(work).await {
        drop(panicked.told("run a job", job));
    }
}

async fn sweep_once(reconciler: &Reconciler) {
    // What it found it says itself, and databases that are away are said once for everybody.
    if let Err(error) = reconciler.sweep().await
        && !error.is_of_the_database()
    {
        tracing::warn!(error = &error as &dyn std::error::Error, "drift sweep failed; the next one comes");
    }
}

async fn prune(reconciler: &Reconciler, parts: &Parts) {
    if let Err(error) = parts.log.prune(clock::now()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "old idempotency keys stay for now");
    }
    if let Err(error) = reconciler.prune().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "old attempts stay for now");
    }
    match parts.views.drop_retired(clock::now()).await {
        Ok(dropped) => {
            for (model, copy) in dropped {
                tracing::info!(model, copy, "a copy that was live until a rebuild is dropped");
            }
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "old copies stay for now");
        }
    }
}

async fn retry_parked(parts: &Parts) {
    match projector::retry_due(&parts.views, &parts.log, clock::now()).await {
        Ok(done) => {
            for (parked, became) in done {
                let (model, stream) = (parked.model, parked.stream);
                match became {
                    Retried::Drained { events } => {
                        tracing::info!(model, stream, events, "a parked stream is followed again");
                    }
                    Retried::StillParked { error } => {
                        tracing::warn!(model, stream, why = error, "a parked stream stays parked");
                    }
                    Retried::NotParked => {}
                }
            }
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "parked streams were not tried again");
        }
    }
}

/// Counters take deltas, so once a night every row is counted again from the log.
async fn recount(parts: &Parts) {
    match projector::verify(&parts.views, &parts.log).await {
        Ok(reports) => {
            for report in reports.iter().filter(|report| !report.is_equal()) {
                tracing::error!(
                    model = report.model,
                    position = report.position,
                    differences = report.difference_count,
                    "a read model differs from the log: `dezky verify` lists where, `dezky replay` makes it again"
                );
            }
            let differing = reports.iter().filter(|report| !report.is_equal()).count();
            tracing::info!(models = reports.len(), differing, "every read model was counted again");
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the read models could not be counted again"
            );
        }
    }
}

async fn check_chain(log: &EventStore) {
    match log.verify().await {
        Ok(report) if report.is_sound() => tracing::info!("the log is dense and its chain unbroken"),
        Ok(report) => {
            tracing::error!(?report, "the log does not prove itself: look at it before anything else");
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the log's chain could not be checked");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_comes_again() {
        for _ in 0..2 {
            guarded("break", async { panic!("a bug of ours") }).await;
        }
    }
}
