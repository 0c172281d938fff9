//! A whole platform in one test: the log, the read models, the reconciler, and three simulated systems over loopback.
//! Everything is stepped; the clock stands still until a test moves it.

use std::cell::Cell;
use std::sync::Arc;

use domain::acts::{AddMember, CreateTenant, Owner, PlanChoice, create_plan};
use domain::provisioning::{Provisioning, SystemStatus};
use domain::tenant::Tenant;
use domain::user::User;
use domain::{Act, Asked, One};
use event_store::{Config as StoreConfig, Db, DbUrl, EventStore, Outcome, Purpose, Request};
use projector::{Projector, Step, Views};
use reconciler::{
    AuthentikConfig, Config, Credentials, LossLimit, OcisConfig, Reconciler, Size, StalwartConfig, Subject,
    SystemMode, Waiting,
};
use schema::tenant::{HoldKind, HoldRef, MemberSource, Origin, VerifyMethod};
use schema::{
    Actor, ActorKind, Currency, Event, HoldId, PlanId, PriceId, ProvisioningEvent, Role, StreamId,
    SubscriptionId, System, TenantCommand, TenantId, Timestamp, UserCommand, UserId,
};
use simulators::authentik::{Authentik, Release};
use simulators::ocis::Ocis;
use simulators::stalwart::Stalwart;
use simulators::{Running, authentik, ocis, stalwart};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// Turns of the whole machine after which it must have come to rest.
const TURNS_MAX: usize = 60;
/// Who looked before the read models had caught up looks again within this.
const MOMENT_MILLIS: i64 = 250;
pub(crate) const INSTANCE: &str = "https://auth.test/application/o/portal/";

thread_local! {
    static NOW: Cell<i64> = const { Cell::new(1_800_000_000_000_000) };
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_micros(NOW.get()).unwrap()
}

fn now_there() -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(NOW.get()).unwrap()
}

/// Time passes.
pub(crate) fn pass_seconds(seconds: i64) {
    pass_millis(seconds * 1000);
}

/// A moment passes.
pub(crate) fn pass_millis(millis: i64) {
    NOW.set(NOW.get() + millis * 1000);
}

/// Which systems there are, and how the reconciler may act.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) modes: [SystemMode; 3],
    pub(crate) release: Release,
    pub(crate) hands: usize,
    pub(crate) trusts_addresses: bool,
    pub(crate) loss: LossLimit,
    pub(crate) jitter: fn(u64) -> u64,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            modes: [SystemMode::Enforce; 3],
            release: Release::R2026_5,
            hands: 4,
            trusts_addresses: true,
            loss: LossLimit::DEFAULT,
            jitter: |most| most,
        }
    }
}

pub(crate) struct World {
    pub(crate) store: EventStore,
    pub(crate) views: Views,
    pub(crate) reconciler: Reconciler,
    projector: Projector,
    pub(crate) authentik: Authentik,
    pub(crate) stalwart: Stalwart,
    pub(crate) ocis: Ocis,
    listening: [Option<Running>; 3],
    plan: PlanChoice,
    config: Config,
    _stop: DropGuard,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    pub(crate) async fn start_with(setup: Setup) -> Self {
        Self::start_on(&"sqlite::memory:".parse().unwrap(), setup).await
    }

    /// On a database of choice; log and views share a server.
    pub(crate) async fn start_on(url: &DbUrl, setup: Setup) -> Self {
        let store = EventStore::create(StoreConfig { url: url.clone(), clock: now }).await.unwrap();
        let views_db = Db::open(url, Purpose::Views).await.unwrap();
        event_store::migrate_views(&views_db, now()).await.unwrap();
        let views = Views::with(views_db).await.unwrap();
        let stop = CancellationToken::new();
        let (writer, ending) = (store.clone(), stop.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the drop of the world")]
        tokio::spawn(async move { writer.run(ending).await });

        let authentik = Authentik::new(authentik::Settings {
            token: "authentik-token".into(),
            release: setup.release,
            recovery_flow: None,
            now: now_there,
        });
        let stalwart = Stalwart::new(stalwart::Settings { token: "API_key".into(), admin: None });
        let ocis = Ocis::new(ocis::Settings {
            basic: None,
            client: Some(("reconciler".into(), "secret".into())),
            service_role: ocis::Role::Admin,
        });
        let listening = [
            Some(authentik.start(([127, 0, 0, 1], 0).into()).await.unwrap()),
            Some(stalwart.start(([127, 0, 0, 1], 0).into()).await.unwrap()),
            Some(ocis.start(([127, 0, 0, 1], 0).into()).await.unwrap()),
        ];
        let config = config(setup, &listening);
        let reconciler = Reconciler::new(config.clone(), store.clone(), views.clone()).unwrap();
        let projector = Projector::start(views.clone(), store.clone()).await.unwrap();
        let plan =
            PlanChoice { plan_id: id(PlanId::from_uuid), price_id: id(PriceId::from_uuid), quantity: 1 };
        let mut world = Self {
            store,
            views,
            reconciler,
            projector,
            authentik,
            stalwart,
            ocis,
            listening,
            plan,
            config,
            _stop: stop.drop_guard(),
        };
        let plan = create_plan::complimentary(plan.plan_id, plan.price_id, Currency("DKK".into())).unwrap();
        world.execute(plan).await;
        world.project().await;
        world.reconciler.catch_up().await.unwrap();
        world
    }

    /// A second process beside the first, on the same databases.
    pub(crate) fn second(&self) -> Reconciler {
        Reconciler::new(self.config.clone(), self.store.clone(), self.views.clone()).unwrap()
    }

    /// The reconciler's process dies and another one starts with the same databases.
    pub(crate) fn restart(&mut self) {
        self.reconciler =
            Reconciler::new(self.config.clone(), self.store.clone(), self.views.clone()).unwrap();
    }

    /// Another one starts, with so many writes a second to authentik.
    pub(crate) fn restart_throttled(&mut self, writes_per_second: u32) {
        if let Some(authentik) = &mut self.config.authentik {
            authentik.writes_per_second = writes_per_second;
        }
        self.restart();
    }

    pub(crate) async fn execute(&self, act: impl Act + 'static) -> Outcome {
        let asked =
            Asked { actor: Actor::service(ActorKind::Operator), now: now(), command_id: Uuid::new_v4() };
        self.store.execute(Arc::new(act), Request::new(asked)).await.unwrap()
    }

    /// A person who has signed in once.
    pub(crate) async fn person(&self, email: &str) -> UserId {
        let user = id(UserId::from_uuid);
        let command = UserCommand::RegisterFromSignIn {
            instance: "https://elsewhere.test/".into(),
            subject: email.into(),
            email: email.parse().unwrap(),
            name: Some("A Person".parse().unwrap()),
            audience: "dezky-portal".into(),
        };
        self.execute(One::<User> { stream: user.into(), command }).await;
        user
    }

    /// A tenant with its owner.
    pub(crate) async fn tenant(&self, slug: &str, owner: UserId) -> TenantId {
        self.tenant_on(self.plan, slug, owner).await
    }

    /// A plan without mail.
    pub(crate) async fn plan_without_mail(&self) -> PlanChoice {
        let plan =
            PlanChoice { plan_id: id(PlanId::from_uuid), price_id: id(PriceId::from_uuid), quantity: 1 };
        let mut act =
            create_plan::complimentary(plan.plan_id, plan.price_id, Currency("DKK".into())).unwrap();
        let schema::PlanCommand::Create { key, integrations, .. } = &mut act.command;
        *key = "files-only".parse().unwrap();
        integrations.stalwart = false;
        self.execute(act).await;
        plan
    }

    /// A tenant on a plan of its own.
    pub(crate) async fn tenant_on(&self, plan: PlanChoice, slug: &str, owner: UserId) -> TenantId {
        let tenant = id(TenantId::from_uuid);
        self.execute(CreateTenant {
            tenant_id: tenant,
            subscription_id: id(SubscriptionId::from_uuid),
            slug: slug.parse().unwrap(),
            name: format!("{slug} ApS").parse().unwrap(),
            plan,
            domains: vec![],
            billing_info: None,
            contact: None,
            locale: None,
            timezone: None,
            partner_id: None,
            owner: Owner::Creator(owner),
            origin: Origin::Operator,
            self_service: None,
        })
        .await;
        tenant
    }

    /// A tenant `acme` of anna@acme.test with the verified domain acme.test, everything at rest.
    pub(crate) async fn acme(&mut self) -> (TenantId, UserId) {
        let anna = self.person("anna@acme.test").await;
        let acme = self.tenant("acme", anna).await;
        self.verify_domain(acme, "acme.test").await;
        self.settle().await;
        (acme, anna)
    }

    pub(crate) async fn tell(&self, tenant: TenantId, command: TenantCommand) -> Outcome {
        self.execute(One::<Tenant> { stream: tenant.into(), command }).await
    }

    pub(crate) async fn verify_domain(&self, tenant: TenantId, name: &str) {
        let domain: schema::DomainName = name.parse().unwrap();
        self.tell(tenant, TenantCommand::ClaimDomain { domain: domain.clone() }).await;
        let command = TenantCommand::VerifyDomain { domain, method: VerifyMethod::Operator, evidence: None };
        self.tell(tenant, command).await;
    }

    pub(crate) async fn add_member(&self, tenant: TenantId, user_id: UserId) {
        let (role, source) = (Role::Member, MemberSource::Operator);
        self.execute(AddMember { tenant_id: tenant, user_id, role, source, seats: None }).await;
    }

    pub(crate) async fn suspend(&self, tenant: TenantId) {
        self.tell(
            tenant,
            TenantCommand::PlaceHold {
                hold_id: id(HoldId::from_uuid),
                kind: HoldKind::Operator,
                reason: None,
                customer_message: None,
                until: None,
            },
        )
        .await;
    }

    pub(crate) async fn resume(&self, tenant: TenantId) {
        let hold = HoldRef::Kind(HoldKind::Operator);
        self.tell(tenant, TenantCommand::ReleaseHold { hold, reason: None }).await;
    }

    /// Read models catch up with the log.
    pub(crate) async fn project(&mut self) {
        while self.projector.run_once().await.unwrap() == Step::Moved {}
    }

    /// One turn: read models, then whoever is due now. How many subjects were worked on.
    pub(crate) async fn turn(&mut self) -> usize {
        self.project().await;
        self.reconciler.catch_up().await.unwrap();
        self.reconciler.run_once().await.unwrap()
    }

    /// Turns until nothing is due now, or in the moment that read models may be behind, and the log is read to its end.
    pub(crate) async fn settle(&mut self) {
        for _ in 0..TURNS_MAX {
            let head = self.store.read_head().await.unwrap();
            let worked = self.turn().await;
            if worked == 0 && self.store.read_head().await.unwrap() == head {
                let waiting = self.reconciler.status().await.unwrap().waiting;
                let moment = now()..=now().plus_millis(MOMENT_MILLIS);
                let is_behind = |row: &Waiting| {
                    row.failures == 0 && moment.contains(&row.due_at) && row.state.as_deref() == Some("retry")
                };
                if !waiting.iter().any(is_behind) {
                    return;
                }
                pass_millis(MOMENT_MILLIS);
            }
        }
        panic!("the machine does not come to rest: {:?}", self.reconciler.status().await.unwrap());
    }

    /// Lets time pass in steps and works on whatever becomes due.
    pub(crate) async fn settle_for(&mut self, seconds: i64, step: i64) {
        for _ in 0..seconds / step {
            pass_seconds(step);
            self.settle().await;
        }
    }

    pub(crate) async fn stop_listening(&mut self, system: System) {
        if let Some(running) = self.listening[index(system)].take() {
            running.stop().await;
        }
    }

    /// The three words of a tenant's representation.
    pub(crate) async fn states(&self, tenant: TenantId) -> [SystemStatus; 3] {
        let mut states = Vec::new();
        for system in System::ALL {
            states.push(self.observed(tenant, system).await.status());
        }
        states.try_into().unwrap()
    }

    pub(crate) async fn observed(&self, tenant: TenantId, system: System) -> Provisioning {
        self.store.fold::<Provisioning>(&StreamId::provisioning(tenant, system)).await.unwrap().0
    }

    /// Whether doors asked shut were seen shut: identity, mail, files.
    pub(crate) async fn revoked(&self, tenant: TenantId) -> [bool; 3] {
        let mut revoked = Vec::new();
        for system in System::ALL {
            revoked.push(self.observed(tenant, system).await.access_revoked());
        }
        revoked.try_into().unwrap()
    }

    pub(crate) async fn state_of(&self, tenant: TenantId) -> Tenant {
        self.store.fold::<Tenant>(&tenant.into()).await.unwrap().0
    }

    /// The kinds of everything recorded about a tenant in one system.
    pub(crate) async fn kinds(&self, tenant: TenantId, system: System) -> Vec<&'static str> {
        self.events(tenant, system).await.iter().map(ProvisioningEvent::kind).collect()
    }

    pub(crate) async fn events(&self, tenant: TenantId, system: System) -> Vec<ProvisioningEvent> {
        let stream = StreamId::provisioning(tenant, system);
        let recorded = self.store.load(&stream).await.unwrap();
        let ours = |event| {
            if let Event::Provisioning(event) = event { Some(event) } else { None }
        };
        recorded.into_iter().filter_map(|recorded| ours(recorded.event)).collect()
    }

    /// Rows of attempts.
    pub(crate) async fn attempts(&self) -> u64 {
        let rows = self.views.db().query("select count(*) from attempts", &[]).await.unwrap();
        rows[0].count(0).unwrap()
    }

    pub(crate) async fn wake(&self, tenant: TenantId, system: System) {
        self.reconciler.wake(Subject::Tenant(tenant), &[system]).await.unwrap();
    }

    pub(crate) fn faults(&self, system: System) -> simulators::Faults {
        match system {
            System::Authentik => self.authentik.faults.clone(),
            System::Stalwart => self.stalwart.faults(),
            System::Ocis => self.ocis.faults.clone(),
        }
    }

    pub(crate) fn clear_requests(&self) {
        self.authentik.faults.clear_requests();
        self.stalwart.faults().clear_requests();
        self.ocis.faults.clear_requests();
    }
}

pub(crate) fn id<T>(from: fn(Uuid) -> T) -> T {
    from(Uuid::now_v7())
}

fn index(system: System) -> usize {
    System::ALL.iter().position(|one| *one == system).unwrap()
}

fn config(setup: Setup, listening: &[Option<Running>; 3]) -> Config {
    let url = |index: usize| listening[index].as_ref().unwrap().base_url();
    let mut config = Config::new(now);
    config.jitter = setup.jitter;
    config.loss = setup.loss;
    let size = |calls| Size { hands: setup.hands, calls };
    config.authentik = Some(AuthentikConfig {
        api_url: url(0),
        token: "authentik-token".into(),
        instance: INSTANCE.into(),
        trusts_addresses: setup.trusts_addresses,
        writes_per_second: 1_000_000,
        size: size(8),
        mode: setup.modes[0],
    });
    config.stalwart = Some(StalwartConfig {
        api_url: url(1),
        token: "API_key".into(),
        size: size(4),
        mode: setup.modes[1],
    });
    config.ocis = Some(OcisConfig {
        api_url: url(2),
        credentials: Credentials::ClientCredentials {
            token_url: format!("{}/application/o/token/", url(2)),
            client_id: "reconciler".into(),
            client_secret: "secret".into(),
            scope: "openid profile".into(),
        },
        size: size(8),
        mode: setup.modes[2],
    });
    config
}

/// What an administrator would do by hand.
impl World {
    /// One management call to the mail server; its answer.
    pub(crate) async fn mail_by_hand(&self, call: serde_json::Value) -> serde_json::Value {
        let url = format!("{}/jmap/", self.listening[1].as_ref().unwrap().base_url());
        let body = serde_json::json!({
            "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"],
            "methodCalls": [[call[0], call[1], "0"]],
        });
        let client = reqwest::Client::builder().build().unwrap();
        let answer = client.post(url).bearer_auth("API_key").json(&body).send().await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        answer["methodResponses"][0][1].clone()
    }

    /// The pk and attributes of a group, by its name.
    pub(crate) fn group(&self, name: &str) -> Option<(String, serde_json::Value)> {
        let path = format!("/api/v3/core/groups/?name={name}");
        let (_, page) = self.authentik.by_hand(&http::Method::GET, &path, serde_json::Value::Null);
        let found = page["results"].get(0)?;
        Some((found["pk"].as_str().unwrap().to_owned(), found["attributes"].clone()))
    }

    /// How many groups have a name.
    pub(crate) fn groups(&self, name: &str) -> usize {
        let path = format!("/api/v3/core/groups/?name={name}");
        let (_, page) = self.authentik.by_hand(&http::Method::GET, &path, serde_json::Value::Null);
        page["results"].as_array().map_or(0, Vec::len)
    }

    /// Changes something in authentik.
    pub(crate) fn identity_by_hand(&self, method: &http::Method, path: &str, body: serde_json::Value) {
        let (status, answer) = self.authentik.by_hand(method, &format!("/api/v3{path}"), body);
        assert!(status < 300, "{method} {path}: {status} {answer}");
    }

    /// Changes something in OCIS.
    pub(crate) fn files_by_hand(&self, method: &http::Method, path: &str, body: &serde_json::Value) {
        let (status, answer) = self.ocis.by_hand(method, path, body);
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
    }
}
