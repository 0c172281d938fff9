//! What goes wrong during a run: everything here may happen to a real installation.

mod spells;

use std::collections::BTreeSet;
use std::rc::Rc;

use domain::provisioning::Provisioning;
use schema::{StreamId, System};

use simulators::stalwart::Delivery;

use crate::Database;
use crate::model::Model;
use crate::outside::{Backup, Ours};
use crate::process::{Process, Work};
use crate::world::World;
use spells::Spell;

/// Somebody who breaks things until the others have finished.
pub(crate) struct Trouble<'w> {
    pub(crate) world: &'w World,
    pub(crate) database: Database,
    pub(crate) rng: fastrand::Rng,
    /// Files that were written, with the space they lie in.
    pub(crate) written: Vec<(String, String)>,
    /// Addresses mail was accepted for, with how many messages.
    pub(crate) delivered: std::collections::BTreeMap<String, u64>,
    spells: Vec<Spell>,
    backups: Vec<Backup>,
}

impl<'w> Trouble<'w> {
    pub(crate) fn new(world: &'w World, database: Database, rng: fastrand::Rng) -> Self {
        Self {
            world,
            database,
            rng,
            written: Vec::new(),
            delivered: std::collections::BTreeMap::new(),
            spells: Vec::new(),
            backups: Vec::new(),
        }
    }

    /// How many processes there are at a time.
    pub(crate) fn places(&self) -> usize {
        match self.database {
            Database::Sqlite => 1,
            Database::Postgres => 2,
        }
    }

    /// Who makes a new process work. Where several share the outside, no time may pass within a step: a lease outlives
    /// whoever holds it only when they stand still for longer than it lasts.
    pub(crate) fn work(&mut self) -> Work {
        if self.places() == 1 && self.rng.bool() { Work::Looping } else { Work::Stepping }
    }

    /// Until it is dropped.
    pub(crate) async fn make(&mut self) {
        loop {
            let pause = self.rng.u64(1..3);
            self.world.more_answers(pause).await;
            self.spells_go_on().await;
            let what = self.one_thing().await;
            self.world.count(&format!("trouble {what}"));
        }
    }

    async fn one_thing(&mut self) -> &'static str {
        match self.rng.u8(..100) {
            0..12 => {
                let millis = match self.rng.u8(..10) {
                    0 => self.rng.i64(0..3 * 86_400_000),
                    1..4 => self.rng.i64(0..20 * 60_000),
                    _ => self.rng.i64(0..20_000),
                };
                self.world.pass(millis).await;
                "time"
            }
            12..15 => self.slow_down(),
            15..19 => self.lie(),
            19..30 => self.lose(),
            30..33 => self.world.outside.settle_stranger(&mut self.rng),
            33..45 => self.world.outside.break_something(&mut self.rng),
            45..49 => {
                self.world.outside.cut_a_create(&mut self.rng);
                "space half created"
            }
            49..53 => {
                self.world.outside.stumble(&mut self.rng);
                "write race in mail"
            }
            53..57 => self.meddle().await.unwrap_or("nothing to meddle with"),
            57 | 58 => self.scribble().await.unwrap_or("nothing to scribble on"),
            59 => {
                self.world.outside.change_entitlement(&mut self.rng);
                "entitlement changed"
            }
            60..64 => self.outage().await,
            64..76 => self.kill().await,
            76..80 => self.stop_projector().await,
            80..86 => self.rebuild().await,
            86..90 => self.sweep().await,
            90..96 => self.use_files().await,
            _ => self.send_mail(),
        }
    }

    /// Drift. What we have not heard the id of yet could not be told from a stranger's, so it is left alone.
    async fn meddle(&mut self) -> Option<&'static str> {
        let ours = self.world.outside.ours(&mut self.rng)?;
        let (tenant, system, id) = match &ours {
            Ours::Group { tenant, pk } => (tenant, System::Authentik, pk),
            Ours::Space { tenant, id } => (tenant, System::Ocis, id),
        };
        self.is_bound(tenant, system, id).await.then(|| self.world.outside.meddle(&ours, &mut self.rng))
    }

    /// The same, on whatever is recorded as somebody's.
    async fn scribble(&mut self) -> Option<&'static str> {
        let system = System::ALL[self.rng.usize(..3)];
        let store = self.anybody().store.clone();
        let mut bound = BTreeSet::new();
        for tenant in Model::of(&store).await.tenants.keys() {
            let stream = StreamId::provisioning(tenant.parse().ok()?, system);
            let (known, _) = store.fold::<Provisioning>(&stream).await.ok()?;
            bound.extend(known.bound().values().cloned());
        }
        self.world.outside.scribble(system, &bound, &mut self.rng)
    }

    /// Whether it is recorded as a tenant's.
    async fn is_bound(&mut self, tenant: &str, system: System, id: &str) -> bool {
        let Ok(tenant) = tenant.parse() else { return false };
        let stream = StreamId::provisioning(tenant, system);
        let known = self.anybody().store.fold::<Provisioning>(&stream).await;
        known.is_ok_and(|(known, _)| known.bound().values().any(|bound| bound == id))
    }

    async fn outage(&mut self) -> &'static str {
        let system = System::ALL[self.rng.usize(..3)];
        self.world.outside.stop(system).await;
        let answers = self.rng.u64(1..12);
        self.world.more_answers(answers).await;
        self.world.outside.listen(system).await;
        "outage"
    }

    /// A process dies in the middle of whatever it does, and another one takes its place.
    async fn kill(&mut self) -> &'static str {
        let place = self.rng.usize(..self.places());
        let Some(process) = self.world.at(place) else { return "nobody to kill" };
        process.fuse.light(self.rng.i64(1..400));
        process.fuse.blown().await;
        drop(process);
        self.world.bury(place).await;
        let work = self.work();
        self.world.start(place, work).await;
        "kill"
    }

    async fn stop_projector(&mut self) -> &'static str {
        let process = self.anybody();
        process.stop_projecting();
        let answers = self.rng.u64(1..4);
        self.world.more_answers(answers).await;
        process.project();
        "projector stopped"
    }

    /// A read model is made again under load, or swapped back; killed with its process it leaves nothing behind.
    async fn rebuild(&mut self) -> &'static str {
        let process = self.anybody();
        let model = projector::READ_MODELS[self.rng.usize(..projector::READ_MODELS.len())].name;
        let silent = |_| {};
        if self.rng.u8(..3) == 0 {
            let done = process.fuse.guard(projector::rollback(&process.views, &process.store, model)).await;
            return match done {
                Some(Ok(_)) => "rollback",
                Some(Err(_)) => "rollback refused",
                None => "rollback killed",
            };
        }
        let patience = if self.rng.bool() { self.rng.i64(1..60) } else { i64::MAX };
        let fuse = crate::fuse::Fuse::of(patience);
        let rebuilding = projector::replay(&process.views, &process.store, model, &silent);
        match process.fuse.guard(fuse.guard(rebuilding)).await.flatten() {
            Some(Ok(_)) => "rebuild",
            Some(Err(projector::ReplayError::Differs { first, .. })) => {
                panic!("seed {}: {model} differs from its rebuild: {first:?}", self.world.seed)
            }
            Some(Err(_)) => "rebuild given up",
            None => "rebuild killed",
        }
    }

    async fn sweep(&mut self) -> &'static str {
        let process = self.anybody();
        match process.fuse.guard(process.reconciler.sweep()).await {
            Some(Ok(_)) => "sweep",
            Some(Err(_)) => "sweep failed",
            None => "sweep killed",
        }
    }

    /// Somebody saves a file where anybody can: in the space that is shown to them.
    async fn use_files(&mut self) -> &'static str {
        let open = self.world.outside.ocis.spaces().into_iter().filter(|space| !space.disabled);
        let ours: Vec<_> = open
            .filter(|space| space.description.starts_with("dezky:ten_") && !space.members.is_empty())
            .collect();
        let Some(space) = self.rng.choice(ours) else { return "no space" };
        if !self.is_bound(space.description.trim_start_matches("dezky:"), System::Ocis, &space.id).await {
            return "no space";
        }
        let name = format!("file-{}.txt", self.written.len());
        match self.world.outside.ocis.write_file(&space.id, &name, name.as_bytes()) {
            Ok(_) => {
                self.written.push((space.id, name));
                "file written"
            }
            Err(_) => "file refused",
        }
    }

    /// Somebody writes to a customer.
    fn send_mail(&mut self) -> &'static str {
        let to = format!("p{0}@d{0}.test", self.rng.usize(..crate::people::CUSTOMERS));
        match self.world.outside.stalwart.deliver(&to) {
            Delivery::Accepted { .. } => {
                *self.delivered.entry(to).or_default() += 1;
                "mail accepted"
            }
            Delivery::Refused { .. } | Delivery::Bounced { .. } | Delivery::Deferred { .. } => "mail refused",
        }
    }

    fn anybody(&mut self) -> Rc<Process> {
        let place = self.rng.usize(..self.places());
        self.world.at(place).expect("a process at every place between two troubles")
    }
}
