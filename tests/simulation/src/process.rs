//! One process of the platform: everything it has in memory, and the tasks that die with it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use command_api::{App, Build, Planned, Planner, Steps};
use event_store::{Db, DbUrl, EventStore, Purpose};
use projector::Views;
use reconciler::{Reconciler, Subject, WorkError};
use schema::{Event, StreamId, System, TenantId};
use test_identity::Idp;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::fuse::Fuse;

/// Who becomes the first administrator.
pub(crate) const FIRST_ADMIN: &str = "op0@dezky.example";

/// What a process is started with.
pub(crate) struct Given<'a> {
    pub(crate) log: &'a DbUrl,
    pub(crate) views: &'a DbUrl,
    pub(crate) idp: &'a Idp,
    pub(crate) outside: reconciler::Config,
    /// Held by whoever works outside: time does not pass within one step of theirs.
    pub(crate) time: Arc<RwLock<()>>,
    pub(crate) work: Work,
}

/// Who makes the background work go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Its own loops, as in production.
    Looping,
    /// Its own loops, and the reconciler step by step, so that no time passes within a step.
    Stepping,
    /// Nobody: the run steps it.
    ByHand,
}

/// A running process. It ends when its fuse does, wherever its tasks are.
pub(crate) struct Process {
    pub(crate) fuse: Fuse,
    pub(crate) store: EventStore,
    pub(crate) views: Views,
    pub(crate) reconciler: Reconciler,
    router: Router,
    projecting: std::cell::RefCell<CancellationToken>,
    tasks: std::cell::RefCell<JoinSet<()>>,
}

impl Process {
    pub(crate) async fn start(given: Given<'_>) -> Self {
        let fuse = Fuse::new();
        let url = given.log.clone();
        let store =
            EventStore::create(event_store::Config { url, clock: clock::now }).await.expect("open the log");
        let db = Db::open(given.views, Purpose::Views).await.expect("open the views");
        event_store::migrate_views(&db, clock::now()).await.expect("tables of the views");
        let views = Views::with(db).await.expect("open the read models");
        let reconciler = Reconciler::new(given.outside.clone(), store.clone(), views.clone())
            .expect("clients for the outside");
        let app =
            App::new(config(given.idp), store.clone(), views.clone(), Arc::new(Lent(reconciler.clone())))
                .expect("an app");
        let process = Self {
            fuse,
            store: store.clone(),
            views,
            reconciler: reconciler.clone(),
            router: command_api::router(app.clone()),
            projecting: std::cell::RefCell::default(),
            tasks: std::cell::RefCell::default(),
        };
        let never = CancellationToken::new();
        let (writer, ending) = (store.clone(), never.clone());
        process.spawn(async move { writer.run(ending).await.expect("the log runs") });
        let ending = never.clone();
        process.spawn(async move { app.follow(&ending).await.expect("the cache follows") });
        match given.work {
            Work::ByHand => {}
            Work::Looping => {
                process.project();
                process.spawn(async move { reconciler.run(never).await.expect("the reconciler runs") });
            }
            Work::Stepping => {
                process.project();
                process.spawn(step_on(reconciler, store, given.time));
            }
        }
        process
    }

    /// Read models follow the log from now on.
    pub(crate) fn project(&self) {
        let stop = CancellationToken::new();
        self.projecting.replace(stop.clone());
        let (views, store) = (self.views.clone(), self.store.clone());
        self.spawn(async move { projector::run(views, store, stop).await.expect("the projector runs") });
    }

    /// Read models stand still from now on.
    pub(crate) fn stop_projecting(&self) {
        self.projecting.borrow().cancel();
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let fuse = self.fuse.clone();
        self.tasks.borrow_mut().spawn(async move {
            fuse.guard(work).await;
        });
    }

    /// What a request is answered; nothing when the process dies first, or the caller's patience does.
    pub(crate) async fn answer(
        &self,
        request: axum::http::Request<axum::body::Body>,
        patience: &Fuse,
    ) -> Option<axum::response::Response> {
        let answering = tower::ServiceExt::oneshot(self.router.clone(), request);
        self.fuse.guard(patience.guard(answering)).await.flatten().map(|answer| answer.expect("an answer"))
    }

    /// Its death. When this returns its tasks are gone; a task of its own that failed is a finding.
    pub(crate) async fn bury(&self) {
        self.fuse.blow();
        let mut tasks = self.tasks.take();
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a task of a process ends without a panic");
        }
    }

    /// Waits until every read model has reached the end of the log.
    pub(crate) async fn catch_up(&self) {
        let head = self.store.read_head().await.expect("a head");
        for model in projector::READ_MODELS {
            self.views.wait_for(model, head, Duration::from_mins(2)).await.expect("caught up");
        }
    }
}

/// The reconciler's work, one step after the other.
async fn step_on(reconciler: Reconciler, store: EventStore, time: Arc<RwLock<()>>) {
    let mut follower = store.follow(store.head());
    loop {
        let stands_still = time.read().await;
        let worked = async {
            reconciler.catch_up().await?;
            Ok::<_, WorkError>(reconciler.fire_timers().await? + reconciler.run_once().await?)
        };
        let worked = worked.await.unwrap_or_default();
        if worked == 0 {
            // In production every few seconds.
            drop(reconciler.watch_losses().await);
        }
        drop(stands_still);
        if worked == 0 {
            // News, or rows that others asked for and time made due.
            let news = tokio::time::timeout(Duration::from_millis(20), follower.next(1000));
            if let Ok(Err(error)) = news.await {
                panic!("follow the log: {error}");
            }
        }
        tokio::task::yield_now().await;
    }
}

fn config(idp: &Idp) -> command_api::Config {
    command_api::Config {
        metrics_listen: None,
        issuers: idp.issuers(),
        hosts: vec!["localhost:3001".into()],
        email_trust: command_api::EmailTrust::Always,
        bootstrap_admin_email: Some(FIRST_ADMIN.parse().expect("an address")),
        default_plan: "complimentary".parse().expect("a slug"),
        platform_zones: vec!["dezky.local".into()],
        extra_authorities: Vec::new(),
        key_refresh: Duration::from_secs(10),
        build: Build { version: "0.0.0-simulated".into(), commit: None },
        metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
        clock: clock::now,
    }
}

/// The reconciler, as the API knows it. What would be done is asked elsewhere.
struct Lent(Reconciler);

impl Planner for Lent {
    fn plan(&self, _tenant: TenantId, _news: Vec<(StreamId, Event)>) -> Planned<'_, Steps> {
        Box::pin(async { Ok(Steps::new()) })
    }

    fn reconcile(&self, tenant: TenantId, systems: Vec<System>) -> Planned<'_, ()> {
        Box::pin(async move { Ok(self.0.wake(Subject::Tenant(tenant), &systems).await?) })
    }

    fn is_settled(&self, tenant: TenantId, systems: Vec<System>, position: u64) -> Planned<'_, bool> {
        Box::pin(async move { Ok(self.0.is_settled(Subject::Tenant(tenant), &systems, position).await?) })
    }
}
