//! Somebody who sends requests: loses patience, asks again with the same key, and checks what comes back.

use axum::body::Body;
use axum::http::Request;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::fuse::Fuse;
use crate::history::{Answer, Command, Effect, Heard, Shown};
use crate::world::World;

/// So often a command with a key is sent before that is a finding.
const TRIES_MAX: usize = 500;
/// Turns of everybody else between two tries.
const TURNS_BETWEEN: usize = 200;

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Operator,
    Customer,
}

/// Somebody with a token.
pub(crate) struct Caller<'w> {
    pub(crate) world: &'w World,
    pub(crate) number: usize,
    pub(crate) kind: Kind,
    pub(crate) email: String,
    pub(crate) rng: fastrand::Rng,
    token: String,
}

impl<'w> Caller<'w> {
    pub(crate) fn new(world: &'w World, number: usize, kind: Kind, email: &str, rng: fastrand::Rng) -> Self {
        let client = match kind {
            Kind::Operator => command_api::OPERATOR_AUDIENCE,
            Kind::Customer => "dezky-portal",
        };
        let mut claims = world.idp.claims(client, email);
        claims["exp"] = json!(crate::clock::START_SECONDS + 10 * 365 * 86_400);
        let token = world.idp.sign(&claims);
        Self { world, number, kind, email: email.to_owned(), rng, token }
    }

    /// A command that has not been sent yet.
    pub(crate) fn command(&mut self, method: Method, path: &str, body: Value, effect: Effect) -> Command {
        let request_id = self.world.history.borrow_mut().next_request(self.world.seed);
        let key = (self.rng.u8(..10) < 7).then(|| format!("key-{request_id}"));
        Command {
            request_id,
            caller: self.number,
            method,
            path: path.to_owned(),
            body,
            key,
            expected: None,
            effect,
        }
    }

    /// Sends a command until it is answered, if it has a key; once, if it has none. Everything is remembered.
    pub(crate) async fn give(&mut self, command: Command) -> Option<Answer> {
        let (heard, began) = self.until_heard(&command).await;
        self.world.count(&format!("command {}", verb(&command)));
        let answer = match &heard {
            Heard::Answered(answer) => Some(answer.clone()),
            Heard::Refused | Heard::Nothing => None,
        };
        self.world.history.borrow_mut().tell(command.clone(), heard, began);
        self.world.note_answer();
        if let Some(answer) = answer.clone()
            && command.key.is_some()
        {
            match self.rng.u8(..8) {
                0 => self.must_hear_again(&command, &answer).await,
                1 => self.must_not_reuse(&command).await,
                _ => {}
            }
        }
        answer
    }

    /// What is heard, and when it was sent for the last time.
    async fn until_heard(&mut self, command: &Command) -> (Heard, u64) {
        for _ in 0..TRIES_MAX {
            let began = self.world.history.borrow_mut().moment();
            let twice = command.key.is_some() && self.rng.u8(..12) == 0;
            let answer = if twice { self.send_twice(command).await } else { self.send(command).await };
            let Some(answer) = answer else {
                self.world.count("no answer");
                if command.key.is_none() {
                    return (Heard::Nothing, began);
                }
                continue;
            };
            if answer.is_success() {
                return (Heard::Answered(answer), began);
            }
            self.world.count(&format!("refused {}", answer.code()));
            let is_odd = answer.status >= 500 && answer.status != 503;
            assert!(!is_odd, "seed {}: {command:?} was answered {answer:?}", self.world.seed);
            if answer.json["retryable"] != json!(true) {
                return (Heard::Refused, began);
            }
            if command.key.is_none() {
                // What could not be said with certainty stays open.
                return (if answer.status == 503 { Heard::Nothing } else { Heard::Refused }, began);
            }
            for _ in 0..TURNS_BETWEEN {
                tokio::task::yield_now().await;
            }
        }
        panic!("seed {}: {command:?} was never answered", self.world.seed);
    }

    /// Two copies at once: at most one is new, and both say the same or that the other is on its way.
    async fn send_twice(&mut self, command: &Command) -> Option<Answer> {
        self.world.count("sent twice at once");
        let first = self.world.somebody(&mut self.rng).await;
        let second = self.world.somebody(&mut self.rng).await;
        let patience = Fuse::new();
        let (one, other) = futures::join!(
            first.answer(self.request(command), &patience),
            second.answer(self.request(command), &patience),
        );
        let (one, other) = (read(one).await, read(other).await);
        if let (Some(one), Some(other)) = (&one, &other)
            && one.is_success()
            && other.is_success()
        {
            assert!(
                one.replayed || other.replayed,
                "seed {}: both copies of {command:?} are new",
                self.world.seed
            );
            assert_eq!((one.status, &one.json), (other.status, &other.json), "{command:?}");
        }
        one.filter(Answer::is_success).or(other)
    }

    async fn send(&mut self, command: &Command) -> Option<Answer> {
        let process = self.world.somebody(&mut self.rng).await;
        let patience = if !self.world.is_unhurried() && self.rng.u8(..12) == 0 {
            Fuse::of(self.rng.i64(1..40))
        } else {
            Fuse::new()
        };
        let answer = process.answer(self.request(command), &patience).await;
        read(answer).await
    }

    /// The same request with the same key, after it was answered.
    pub(crate) async fn must_hear_again(&mut self, command: &Command, first: &Answer) {
        for _ in 0..TRIES_MAX {
            let Some(again) = self.send(command).await else { continue };
            if again.status == 503 || again.code() == "idempotency-in-flight" {
                tokio::task::yield_now().await;
                continue;
            }
            if matches!(
                again.code(),
                "not-a-platform-admin"
                    | "tenant-suspended"
                    | "tenant-terminating"
                    | "role-insufficient"
                    | "tenant-not-found"
            ) {
                return; // rights are looked at first
            }
            let seen = (again.status, &again.json, again.replayed, again.position);
            let wanted = (first.status, &first.json, true, first.position);
            assert_eq!(seen, wanted, "seed {}: {command:?} was answered otherwise", self.world.seed);
            self.world.count("replayed");
            return;
        }
        panic!("seed {}: {command:?} was never answered again", self.world.seed);
    }

    /// Another request with the same key.
    async fn must_not_reuse(&mut self, command: &Command) {
        if command.method == Method::DELETE || !command.body.is_object() {
            return;
        }
        let mut other = command.clone();
        other.body["reason"] = json!("a different request");
        let Some(answer) = self.send(&other).await else { return };
        let is_expected = matches!(
            answer.code(),
            "idempotency-key-reused"
                | "not-a-platform-admin"
                | "tenant-suspended"
                | "tenant-terminating"
                | "role-insufficient"
                | "tenant-not-found"
                | "idempotency-in-flight"
        ) || answer.status == 503;
        assert!(is_expected, "seed {}: a used key was accepted for {other:?}: {answer:?}", self.world.seed);
        self.world.count("key reused");
    }

    /// A question. Nothing when nobody answers, or the read models are behind.
    pub(crate) async fn ask(&mut self, path: &str) -> Option<Answer> {
        self.ask_not_before(path, None).await
    }

    pub(crate) async fn ask_not_before(&mut self, path: &str, position: Option<u64>) -> Option<Answer> {
        let request_id = self.world.history.borrow_mut().next_request(self.world.seed);
        let process = self.world.somebody(&mut self.rng).await;
        let mut request = self.start(&Method::GET, path, &request_id);
        if let Some(position) = position {
            request = request.header("dezky-min-position", position.to_string());
        }
        let request = request.body(Body::empty()).expect("a request");
        let answer = read(process.answer(request, &Fuse::new()).await).await?;
        let is_odd = answer.status >= 500 && answer.status != 503;
        assert!(!is_odd, "seed {}: GET {path} was answered {answer:?}", self.world.seed);
        if answer.status == 503 {
            self.world.count(&format!("refused {}", answer.code()));
            return None;
        }
        if self.kind == Kind::Customer && answer.is_success() {
            self.remember_shown(path, &answer.json, process.store.read_head().await.ok()?);
        }
        Some(answer)
    }

    fn remember_shown(&self, path: &str, json: &Value, head: u64) {
        let mut tenants = std::collections::BTreeSet::new();
        collect_tenants(json, &mut tenants);
        let mut history = self.world.history.borrow_mut();
        for tenant in tenants {
            history.shown.push(Shown { caller: self.number, tenant, head, path: path.to_owned() });
        }
    }

    fn request(&self, command: &Command) -> Request<Body> {
        let mut request = self.start(&command.method, &command.path, &command.request_id);
        if let Some(key) = &command.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(version) = command.expected {
            request = request.header("if-match", format!("\"v{version}\""));
        }
        let body = if command.body.is_null() { Body::empty() } else { Body::from(command.body.to_string()) };
        request.header("content-type", "application/json").body(body).expect("a request")
    }

    fn start(&self, method: &Method, path: &str, request_id: &str) -> axum::http::request::Builder {
        Request::builder()
            .method(method.clone())
            .uri(path)
            .header("host", "localhost:3001")
            .header("x-request-id", request_id)
            .header("authorization", format!("Bearer {}", self.token))
    }
}

async fn read(response: Option<axum::response::Response>) -> Option<Answer> {
    let (parts, body) = response?.into_parts();
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (position, etag) = (text("dezky-position").and_then(|position| position.parse().ok()), text("etag"));
    let replayed = text("idempotency-replayed").is_some();
    let bytes = body.collect().await.expect("a body").to_bytes();
    let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Some(Answer { status: parts.status.as_u16(), position, etag, replayed, json })
}

/// Every id of a tenant that stands anywhere in an answer.
fn collect_tenants(json: &Value, into: &mut std::collections::BTreeSet<String>) {
    match json {
        Value::String(text) if text.starts_with("ten_") => drop(into.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| collect_tenants(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| collect_tenants(field, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What kind of command it is, without names.
fn verb(command: &Command) -> String {
    let plain: Vec<&str> = command
        .path
        .split(['/', '?'])
        .enumerate()
        .filter(|(index, part)| *index != 2 && !part.is_empty() && !part.contains(['=', '.', '_']))
        .map(|(_, part)| part)
        .collect();
    format!("{} {}", command.method, plain.join("/"))
}
