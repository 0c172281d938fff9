//! The house under test: everything a process of the service has, and requests as sentences.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use command_api::{App, Build, Config, EmailTrust};
use domain::acts::create_plan::complimentary;
use domain::{Act, Asked};
use event_store::{Db, DbUrl, EventStore, Outcome, Purpose};
use http_body_util::BodyExt as _;
use projector::{READ_MODELS, Views};
use schema::{Actor, ActorKind, Currency, PlanId, PriceId, Timestamp};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::provider::Provider;
use test_identity::Idp;

/// The moment at which every test happens: 2026-11-22T16:30:00Z.
pub(crate) const NOW_SECONDS: i64 = 1_795_365_000;
pub(crate) const ADMIN: &str = "ronja@dezky.example";

fn clock() -> Timestamp {
    Timestamp::from_micros(NOW_SECONDS * 1_000_000).expect("a moment")
}

#[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
pub(crate) fn spawn(work: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(work);
}

pub(crate) struct House {
    pub(crate) idp: Arc<Idp>,
    pub(crate) store: EventStore,
    pub(crate) views: Views,
    pub(crate) provider: Arc<Provider>,
    router: Router,
    projector: CancellationToken,
    log: CancellationToken,
    _stop: tokio_util::sync::DropGuard,
}

impl House {
    /// With everything running, the plan `complimentary`, and nobody known.
    pub(crate) async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub(crate) async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start("sqlite::memory:", Arc::new(Idp::start(NOW_SECONDS).await), change).await
    }

    /// A process over a log that may have been used before; its read models are new.
    pub(crate) async fn start(log: &str, idp: Arc<Idp>, change: impl FnOnce(&mut Config)) -> Self {
        let url: DbUrl = log.parse().expect("a url");
        let store = EventStore::create(event_store::Config { url, clock }).await.expect("a log");
        let url: DbUrl = "sqlite::memory:".parse().expect("a url");
        let db = Db::open(&url, Purpose::Views).await.expect("a database");
        event_store::migrate_views(&db, clock()).await.expect("tables");
        let views = Views::with(db).await.expect("read models");
        let provider = Arc::new(Provider::default());
        let mut config = config(&idp);
        change(&mut config);
        let app = App::new(config, store.clone(), views.clone(), provider.clone()).expect("an app");
        let stop = CancellationToken::new();
        let (projector, log) = (stop.child_token(), stop.child_token());
        let (writer, ending) = (store.clone(), log.clone());
        spawn(async move { writer.run(ending).await.expect("the log runs") });
        let (read, rows, ending) = (store.clone(), views.clone(), projector.clone());
        spawn(async move {
            projector::run(rows, read, ending).await.expect("the projector runs");
        });
        let (follower, ending) = (app.clone(), stop.clone());
        spawn(async move { follower.follow(&ending).await.expect("the cache follows") });
        let router = command_api::router(app);
        let house = Self { idp, store, views, provider, router, projector, log, _stop: stop.drop_guard() };
        if house.store.read_head().await.expect("a head") == 0 {
            let (plan, price) = (PlanId::from_uuid(Uuid::now_v7()), PriceId::from_uuid(Uuid::now_v7()));
            house.act(complimentary(plan, price, Currency("DKK".to_owned())).expect("a plan")).await;
        }
        house
    }

    /// With an administrator who has signed in; their token.
    pub(crate) async fn with_operator() -> (Self, String) {
        Self::with_operator_and(|_| {}).await
    }

    pub(crate) async fn with_operator_and(change: impl FnOnce(&mut Config)) -> (Self, String) {
        let house = Self::open_with(|config| {
            config.bootstrap_admin_email = Some(ADMIN.parse().expect("an address"));
            change(config);
        })
        .await;
        let token = house.idp.operator(ADMIN);
        house.get("/users/me").by(&token).send().await.expect(200);
        (house, token)
    }

    /// Somebody who has signed in to the portal; their token.
    pub(crate) async fn customer(&self, email: &str) -> String {
        let token = self.idp.portal(email);
        self.get("/users/me").by(&token).send().await.expect(200);
        token
    }

    /// A tenant made by an operator and, if wanted, put in place outside.
    pub(crate) async fn tenant(&self, operator: &str, slug: &str) -> Value {
        let body = json!({ "name": slug.to_uppercase(), "slug": slug });
        self.post("/tenants").by(operator).json(&body).send().await.expect(201).json
    }

    /// Makes somebody a member at once; their token.
    pub(crate) async fn member(&self, operator: &str, slug: &str, role: &str) -> String {
        let email = format!("{role}@{slug}.example");
        let token = self.customer(&email).await;
        let body = json!({ "email": email, "role": role });
        self.post(&format!("/tenants/{slug}/users")).by(operator).json(&body).send().await.expect(201);
        token
    }

    /// A decision of the system's own, past HTTP.
    pub(crate) async fn act(&self, act: impl Act + 'static) -> Outcome {
        self.store.execute(Arc::new(act), event_store::Request::new(Self::asked())).await.expect("accepted")
    }

    pub(crate) fn asked() -> Asked {
        Asked { actor: Actor::service(ActorKind::System), now: clock(), command_id: Uuid::now_v7() }
    }

    /// The read models stand still from now on.
    pub(crate) async fn stop_projector(&self) {
        self.catch_up().await;
        self.projector.cancel();
    }

    /// The writer of the log ends, as if its process were being killed.
    pub(crate) fn stop_log(&self) {
        self.log.cancel();
    }

    /// Waits until every read model has reached the end of the log.
    pub(crate) async fn catch_up(&self) {
        let head = self.store.read_head().await.expect("a head");
        for model in READ_MODELS {
            self.views.wait_for(model, head, Duration::from_secs(20)).await.expect("caught up");
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call<'_> {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("localhost:3001"));
        Call { house: self, method, path: path.to_owned(), headers, body: Vec::new() }
    }
}

fn config(idp: &Idp) -> Config {
    Config {
        metrics_listen: None,
        issuers: idp.issuers(),
        hosts: vec!["api.dezky.local".into(), "localhost:3001".into()],
        email_trust: EmailTrust::Always,
        bootstrap_admin_email: None,
        default_plan: "complimentary".parse().expect("a slug"),
        platform_zones: vec!["dezky.local".into()],
        extra_authorities: Vec::new(),
        key_refresh: Duration::from_secs(10),
        build: Build { version: "0.0.0-test".into(), commit: None },
        metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
        clock,
    }
}

/// A request that is being put together.
pub(crate) struct Call<'house> {
    house: &'house House,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Call<'_> {
    pub(crate) fn by(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn header(self, name: &'static str, value: &str) -> Self {
        self.bytes(name, value.as_bytes())
    }

    pub(crate) fn bytes(mut self, name: &'static str, value: &[u8]) -> Self {
        self.headers.insert(name, HeaderValue::from_bytes(value).expect("a header"));
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw("application/json", body.to_string().as_bytes())
    }

    pub(crate) fn raw(mut self, kind: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("content-type", kind)
    }

    /// Not before everything that stands in the log now.
    pub(crate) fn fresh(self) -> Self {
        let head = self.house.store.head().to_string();
        self.header("dezky-min-position", &head).header("prefer", "wait=10")
    }

    pub(crate) async fn send(self) -> Answer {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        let response = self.house.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let text = body.collect().await.expect("a body").to_bytes();
        let json = serde_json::from_slice(&text).unwrap_or(Value::Null);
        Answer {
            status: parts.status,
            headers: parts.headers,
            json,
            text: String::from_utf8_lossy(&text).into_owned(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// A problem with this status and code.
    #[track_caller]
    pub(crate) fn refused(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json["status"], status);
        assert_eq!(answer.json["type"], format!("urn:dezky:problem:{code}"));
        answer
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn position(&self) -> u64 {
        self.header("dezky-position").parse().expect("a position")
    }

    /// `errors[]` as pointer and code.
    pub(crate) fn errors(&self) -> Vec<(&str, &str)> {
        let errors = self.json["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors
            .iter()
            .map(|error| {
                (error["pointer"].as_str().unwrap_or_default(), error["code"].as_str().unwrap_or_default())
            })
            .collect()
    }
}
