//! Coming to rest: faults are over, one process is left, and everything converges in a bounded number of passes.

use std::rc::Rc;

use crate::clock;
use crate::process::Process;
use crate::world::World;

/// Passes after which everything must have converged.
const PASSES_MAX: usize = 150;
/// Longest step of time while something waits for its next try.
const STEP_MILLIS_MAX: i64 = 10 * 60_000;

/// One process, stepped by the run.
pub(crate) struct Rest<'w> {
    pub(crate) world: &'w World,
    pub(crate) process: Rc<Process>,
    pub(crate) passes: usize,
}

impl Rest<'_> {
    /// Until nobody waits for a look, and nothing is news.
    pub(crate) async fn converge(&mut self) {
        for _ in 0..PASSES_MAX {
            self.passes += 1;
            let before = self.head().await;
            let worked = self.pass().await;
            if worked > 0 || self.head().await != before {
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

    /// Read models, timers, and whoever is due now.
    async fn pass(&self) -> usize {
        self.process.catch_up().await;
        let reconciler = &self.process.reconciler;
        reconciler.catch_up().await.expect("the log is taken in");
        let fired = reconciler.fire_timers().await.expect("timers fire");
        self.process.catch_up().await;
        reconciler.catch_up().await.expect("the log is taken in");
        fired + reconciler.run_once().await.expect("whoever is due is looked at")
    }

    /// Sweeps until a sweep finds nothing, which must be soon.
    pub(crate) async fn sweep_clean(&mut self) {
        for _ in 0..4 {
            self.process.catch_up().await;
            let report = self.process.reconciler.sweep().await.expect("a sweep");
            assert!(report.unread.is_empty(), "seed {}: {report:?}", self.world.seed);
            if report.differing.is_empty() {
                assert!(report.orphans.is_empty(), "seed {}: {report:#?}", self.world.seed);
                return;
            }
            self.converge().await;
        }
        let report = self.process.reconciler.sweep().await.expect("a sweep");
        panic!("seed {}: sweeps find something again and again: {report:#?}", self.world.seed);
    }

    async fn head(&self) -> u64 {
        self.process.store.read_head().await.expect("a head")
    }
}
