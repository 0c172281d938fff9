//! What runs by the clock. The only user of the scheduler; running a job twice is harmless.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use event_store::EventStore;
use reconciler::Reconciler;
use tokio::sync::Mutex;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::clock;

/// Ten per cent to either side, so that several processes do not sweep at the same moment.
const JITTER: std::ops::Range<f64> = 0.9..1.1;
const FIRST_SWEEP: Duration = Duration::from_secs(10);
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// Seconds, minutes, hours: every night, when nobody is busy.
const CHAIN_CHECK: &str = "0 20 3 * * *";

/// Starts the drift sweep, pruning, and the nightly proof of the log's chain.
pub(crate) async fn start(
    reconciler: Reconciler,
    log: EventStore,
    sweep: Duration,
) -> anyhow::Result<JobScheduler> {
    let scheduler = JobScheduler::new().await.context("make the scheduler")?;
    let every = sweep.mul_f64(JITTER.start + fastrand::f64() * (JITTER.end - JITTER.start));
    // A sweep that takes longer than its interval is not joined by a second one.
    let running = Arc::new(Mutex::new(()));
    let pruned = (reconciler.clone(), log.clone());
    let sweep = move || {
        let (reconciler, running) = (reconciler.clone(), running.clone());
        async move {
            let Ok(_alone) = running.try_lock() else { return };
            sweep_once(&reconciler).await;
        }
    };
    let first = sweep.clone();
    let sweeping = Job::new_repeated_async(every, move |_, _| Box::pin(sweep()));
    // What changed while nothing ran here, settings included, is found soon after the start.
    let starting = Job::new_one_shot_async(FIRST_SWEEP, move |_, _| Box::pin(first()));
    let pruning = Job::new_repeated_async(PRUNE_EVERY, move |_, _| {
        let (reconciler, log) = pruned.clone();
        Box::pin(async move { prune(&reconciler, &log).await })
    });
    let checking = Job::new_async(CHAIN_CHECK, move |_, _| {
        let log = log.clone();
        Box::pin(async move { check_chain(&log).await })
    });
    for job in [starting, sweeping, pruning, checking] {
        scheduler.add(job.context("describe a job")?).await.context("add a job")?;
    }
    scheduler.start().await.context("start the scheduler")?;
    Ok(scheduler)
}

async fn sweep_once(reconciler: &Reconciler) {
    // What it found it says itself.
    if let Err(error) = reconciler.sweep().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "drift sweep failed; the next one comes");
    }
}

async fn prune(reconciler: &Reconciler, log: &EventStore) {
    if let Err(error) = log.prune(clock::now()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "old idempotency keys stay for now");
    }
    if let Err(error) = reconciler.prune().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "old attempts stay for now");
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
