//! Everything of one run: the databases, the outside systems, the identity provider, and the processes that come and go.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use domain::acts::create_plan::complimentary;
use domain::{Act, Asked};
use event_store::{DbUrl, Request};
use schema::{Actor, ActorKind, Currency, PlanId, PriceId};
use test_identity::Idp;
use tokio::sync::{RwLock, watch};
use uuid::Uuid;

use crate::history::History;
use crate::outside::Outside;
use crate::process::{Given, Process, Work};
use crate::{Database, clock};

/// Everything of one run.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) outside: Outside,
    pub(crate) idp: Idp,
    pub(crate) history: RefCell<History>,
    /// What happened how often, for the report.
    pub(crate) tally: RefCell<BTreeMap<String, u64>>,
    log: DbUrl,
    views: DbUrl,
    processes: RefCell<Vec<Option<Rc<Process>>>>,
    /// Moves when a process comes up.
    up: watch::Sender<u64>,
    /// Commands answered so far.
    answered: watch::Sender<u64>,
    time: Arc<RwLock<()>>,
    unhurried: Cell<bool>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Nothing when there is no Postgres here.
    pub(crate) async fn new(seed: u64, database: Database, rng: &mut fastrand::Rng) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("dezky-simulation-").tempdir().expect("a folder");
        let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        let (log, views) = match database {
            Database::Sqlite => (file("log.sqlite3"), file("views.sqlite3")),
            Database::Postgres => {
                let url = test_postgres::TestPostgres::database().await?;
                (url.clone(), url)
            }
        };
        let outside = Outside::start().await;
        outside.trusts_addresses.set(rng.bool());
        outside.settle_strangers(rng);
        Some(Self {
            seed,
            outside,
            // Tokens live as long as the run, whatever its clock does.
            idp: Idp::start(clock::START_SECONDS).await,
            history: RefCell::default(),
            tally: RefCell::default(),
            log: log.parse().expect("a url"),
            views: views.parse().expect("a url"),
            processes: RefCell::default(),
            up: watch::Sender::new(0),
            answered: watch::Sender::new(0),
            time: Arc::default(),
            unhurried: Cell::new(false),
            _folder: folder,
        })
    }

    /// One more process, in the place of one that is gone or beside the others.
    pub(crate) async fn start(&self, place: usize, work: Work) -> Rc<Process> {
        let process = Process::start(Given {
            log: &self.log,
            views: &self.views,
            idp: &self.idp,
            outside: self.outside.config(),
            time: Arc::clone(&self.time),
            work,
        })
        .await;
        let process = Rc::new(process);
        let mut processes = self.processes.borrow_mut();
        while processes.len() <= place {
            processes.push(None);
        }
        processes[place] = Some(Rc::clone(&process));
        drop(processes);
        self.up.send_modify(|times| *times += 1);
        process
    }

    /// The first process of all makes what must exist before the first command.
    pub(crate) async fn seed_plan(&self, process: &Process) {
        let (plan, price) = (PlanId::from_uuid(Uuid::now_v7()), PriceId::from_uuid(Uuid::now_v7()));
        let act = complimentary(plan, price, Currency("DKK".to_owned())).expect("a plan");
        let asked =
            Asked { actor: Actor::service(ActorKind::System), now: clock::now(), command_id: Uuid::now_v7() };
        let act: Arc<dyn Act> = Arc::new(act);
        process.store.execute(act, Request::new(asked)).await.expect("accepted");
    }

    /// It is dead when this returns.
    pub(crate) async fn bury(&self, place: usize) {
        let process = self.processes.borrow_mut().get_mut(place).and_then(Option::take);
        if let Some(process) = process {
            process.bury().await;
        }
    }

    pub(crate) fn at(&self, place: usize) -> Option<Rc<Process>> {
        self.processes.borrow().get(place).cloned().flatten()
    }

    /// Some process that is up, waiting for one if there is none.
    pub(crate) async fn somebody(&self, rng: &mut fastrand::Rng) -> Rc<Process> {
        let mut up = self.up.subscribe();
        loop {
            let alive: Vec<_> = self
                .processes
                .borrow()
                .iter()
                .flatten()
                .filter(|one| !one.fuse.is_blown())
                .cloned()
                .collect();
            if let Some(process) = rng.choice(alive) {
                return process;
            }
            up.changed().await.expect("the world is still there");
        }
    }

    pub(crate) fn count(&self, what: &str) {
        *self.tally.borrow_mut().entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn note_answer(&self) {
        self.answered.send_modify(|times| *times += 1);
    }

    /// Until so many more commands have been answered.
    pub(crate) async fn more_answers(&self, count: u64) {
        let mut answered = self.answered.subscribe();
        let wanted = *answered.borrow() + count;
        answered.wait_for(|times| *times >= wanted).await.expect("the world is still there");
    }

    /// Time passes, between two steps of whoever works outside.
    pub(crate) async fn pass(&self, millis: i64) {
        let _nobody_works = self.time.write().await;
        clock::pass_millis(millis);
    }

    /// Whether callers still lose their patience.
    pub(crate) fn is_unhurried(&self) -> bool {
        self.unhurried.get()
    }

    /// From now on every caller waits for its answer.
    pub(crate) fn be_unhurried(&self) {
        self.unhurried.set(true);
    }
}
