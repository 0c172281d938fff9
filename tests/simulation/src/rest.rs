//! Coming to rest: faults are over, one process is left, and everything converges in a bounded number of passes.

use std::rc::Rc;

use reconciler::SweepReport;
use schema::System;

use crate::clock;
use crate::process::Process;
use crate::world::World;

/// Passes after which everything must have converged, however many people a tenant has: a pass takes all of them, and
/// what is missing is looked at twice.
const PASSES_MAX: usize = 150;
/// Sweeps after which one must find nothing.
const SWEEPS_MAX: usize = 6;
/// Longest step of time while something waits for its next try.
const STEP_MILLIS_MAX: i64 = 10 * 60_000;

/// One process, stepped by the run.
pub(crate) struct Rest<'w> {
    pub(crate) world: &'w World,
    pub(crate) process: Rc<Process>,
    pub(crate) passes: usize,
}

impl Rest<'_> {
    /// Until nobody waits for a look, and nothing is news. The operator confirms what is lost.
    pub(crate) async fn converge(&mut self) {
        for _ in 0..PASSES_MAX {
            let before = self.head().await;
            let worked = self.pass().await;
            if worked > 0 || self.head().await != before || self.confirm_losses().await {
                continue;
            }
            let status = self.process.reconciler.status().await.expect("a status");
            let Some(next) = status.waiting.iter().map(|row| row.due_at).min() else { return };
            let millis = next.millis_since(clock::now()).clamp(1_000, STEP_MILLIS_MAX);
            self.world.pass(millis).await;
        }
        let status = self.process.reconciler.status().await.expect("a status");
        panic!("seed {}: not converged after {PASSES_MAX} passes: {status:#?}", self.world.seed);
    }

    /// So many passes, with time between them, whatever comes of it.
    pub(crate) async fn some_passes(&mut self, count: usize, millis: i64) {
        for _ in 0..count {
            self.pass().await;
            self.world.pass(millis).await;
        }
    }

    /// Read models, timers, and whoever is due now.
    pub(crate) async fn pass(&mut self) -> usize {
        self.passes += 1;
        self.process.catch_up().await;
        let reconciler = &self.process.reconciler;
        reconciler.catch_up().await.expect("the log is taken in");
        let fired = reconciler.fire_timers().await.expect("timers fire");
        self.process.catch_up().await;
        reconciler.catch_up().await.expect("the log is taken in");
        reconciler.watch_losses().await.expect("losses are looked at");
        fired + reconciler.run_once().await.expect("whoever is due is looked at")
    }

    /// Whether there was a loss to confirm.
    pub(crate) async fn confirm_losses(&self) -> bool {
        let reconciler = &self.process.reconciler;
        let losses = reconciler.status().await.expect("a status").losses;
        let open: Vec<_> = losses.into_iter().filter(|loss| loss.confirmed_at.is_none()).collect();
        for loss in &open {
            reconciler.confirm_loss(loss.system).await.expect("a confirmation");
            self.world.count("loss confirmed at rest");
        }
        !open.is_empty()
    }

    /// Whether nothing may be made in a system now.
    pub(crate) async fn is_lost(&self, system: System) -> bool {
        let losses = self.process.reconciler.status().await.expect("a status").losses;
        losses.iter().any(|loss| loss.system == system && loss.confirmed_at.is_none())
    }

    /// Sweeps until a sweep finds nothing, which must be soon.
    pub(crate) async fn sweep_clean(&mut self) {
        for _ in 0..SWEEPS_MAX {
            let report = self.sweep().await;
            assert!(report.unread.is_empty(), "seed {}: {report:?}", self.world.seed);
            let is_lost = self.confirm_losses().await;
            let of_ours = report.orphans.iter().filter(|one| !self.world.outside.is_put_there(one)).count();
            if report.differing.is_empty() && of_ours == 0 && !is_lost {
                let status = self.process.reconciler.status().await.expect("a status");
                assert_eq!(
                    status.leftovers.len(),
                    report.orphans.len(),
                    "seed {}: {status:#?}",
                    self.world.seed
                );
                return;
            }
            self.converge().await;
        }
        let report = self.sweep().await;
        panic!("seed {}: sweeps find something again and again: {report:#?}", self.world.seed);
    }

    pub(crate) async fn sweep(&self) -> SweepReport {
        self.process.catch_up().await;
        self.process.reconciler.sweep().await.expect("a sweep")
    }

    async fn head(&self) -> u64 {
        self.process.store.read_head().await.expect("a head")
    }
}
