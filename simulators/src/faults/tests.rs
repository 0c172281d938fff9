//! Each effect as a client on a real connection sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use http::Method;
use serde_json::{Value, json};

use super::{Effect, Faults, Rule};
use crate::journal::{Kept, Rows, Tables};
use crate::serve::{Running, serve};

struct Nothing;

impl Tables for Nothing {
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Rows)> {
        Vec::new()
    }
}

struct Upstream {
    running: Running,
    effects: Arc<AtomicUsize>,
    client: reqwest::Client,
}

impl Upstream {
    async fn start() -> Self {
        let effects = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&effects);
        let routes = Router::new().route("/read", get(|| async { "read" })).route(
            "/write",
            post(move || async move {
                counted.fetch_add(1, Ordering::SeqCst);
                "written"
            }),
        );
        let faults = Faults::default();
        let served = crate::assemble(routes, &faults, &Kept::in_memory(Nothing));
        let running = serve(served, ([127, 0, 0, 1], 0).into(), faults).await.unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { running, effects, client }
    }

    async fn write(&self) -> reqwest::Result<reqwest::Response> {
        self.client.post(format!("{}/write", self.running.base_url())).body("x:Domain/set").send().await
    }

    fn effects(&self) -> usize {
        self.effects.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_reply_lost_after_the_effect_leaves_the_effect() {
    let upstream = Upstream::start().await;
    upstream.running.faults.add(Rule::once(Effect::LostReplyAfterEffect));
    assert!(upstream.write().await.is_err());
    assert_eq!(upstream.effects(), 1);
    assert_eq!(upstream.write().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_lost_before_the_effect_has_none() {
    let upstream = Upstream::start().await;
    upstream.running.faults.add(Rule::once(Effect::LostBeforeEffect));
    assert!(upstream.write().await.is_err());
    assert_eq!(upstream.effects(), 0);
}

#[tokio::test]
async fn refusals_carry_their_status_and_headers_and_no_effect() {
    let upstream = Upstream::start().await;
    let faults = &upstream.running.faults;
    faults.add(Rule::once(Effect::Status(503)));
    faults.add(Rule::once(Effect::EmptyMethodNotAllowed));
    faults.add(Rule::once(Effect::TooManyRequests { retry_after_s: 7 }));
    faults.add(Rule::once(Effect::Garbage));

    assert_eq!(upstream.write().await.unwrap().status(), 503);
    let empty = upstream.write().await.unwrap();
    assert_eq!(
        (empty.status().as_u16(), &empty.headers()["content-type"]),
        (405, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert_eq!(empty.text().await.unwrap(), "");
    let busy = upstream.write().await.unwrap();
    assert_eq!((busy.status().as_u16(), &busy.headers()["retry-after"]), (429, &"7".parse().unwrap()));
    assert!(upstream.write().await.unwrap().json::<Value>().await.is_err());
    assert_eq!(upstream.effects(), 0);
}

#[tokio::test]
async fn a_rule_applies_only_to_what_it_names_and_only_as_often_as_it_says() {
    let upstream = Upstream::start().await;
    let rule =
        Rule::times(1, Effect::Status(500)).method(&Method::POST).path("/wri").body("Domain/set").after(1);
    upstream.running.faults.add(rule);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(upstream.write().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 500, 200]);
}

#[tokio::test]
async fn latency_ends_when_the_simulator_is_stopped() {
    let upstream = Upstream::start().await;
    upstream.running.faults.add(Rule::always(Effect::Latency(Duration::from_hours(1))));
    let url = format!("{}/read", upstream.running.base_url());
    let client = upstream.client.clone();
    let ((), answered) = tokio::join!(
        async {
            while upstream.running.faults.requests().is_empty() {
                tokio::task::yield_now().await;
            }
            upstream.running.stop().await;
        },
        client.get(url).send()
    );
    assert!(answered.is_err());
}

#[tokio::test]
async fn faults_and_the_log_are_reachable_over_http() {
    let upstream = Upstream::start().await;
    let base = upstream.running.base_url();
    let rules = json!({ "rules": [
        { "method": "POST", "count": { "times": 1 }, "effect": { "status": 503 } },
        { "path": "/read", "count": "always", "effect": { "latency_ms": 1 } },
    ] });
    let put = upstream.client.put(format!("{base}/_simulator/faults")).json(&rules).send().await.unwrap();
    assert_eq!(put.status(), 204);
    assert_eq!(upstream.write().await.unwrap().status(), 503);
    let jmap = json!({ "methodCalls": [["x:Domain/query", {}, "0"]] });
    upstream.client.post(format!("{base}/read")).json(&jmap).send().await.unwrap();

    let log: Value = upstream
        .client
        .get(format!("{base}/_simulator/requests"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!((&log["reads"], &log["writes"]), (&json!(1), &json!(1)));
    assert_eq!(log["requests"][1]["calls"], json!(["x:Domain/query"]));
    upstream.client.delete(format!("{base}/_simulator/faults")).send().await.unwrap();
    assert!(upstream.running.faults.rules().is_empty());
}

#[tokio::test]
async fn only_loopback_is_bound() {
    let refused = serve(Router::new(), ([0, 0, 0, 0], 0).into(), Faults::default()).await.err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn who_comes_to_a_busy_server_waits_in_line() {
    let upstream = Upstream::start().await;
    let each = Duration::from_millis(40);
    upstream.running.faults.add(Rule::always(Effect::Busy(each)));
    let started = tokio::time::Instant::now();
    let (first, second, third) = tokio::join!(upstream.write(), upstream.write(), upstream.write());
    assert!([first, second, third].into_iter().all(|answer| answer.unwrap().status().is_success()));
    assert!(started.elapsed() >= each * 3, "{:?}", started.elapsed());
    assert_eq!(upstream.effects(), 3);
}
