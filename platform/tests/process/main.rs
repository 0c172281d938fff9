//! The binary as its users run it: started, asked over HTTP, killed, started again.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod lifecycle;
mod loss;
mod operations;
mod outside;
mod quiet;
mod roles;
mod shown;
mod size;
mod slow;
mod start;
mod story;
mod tenants;

use std::time::Duration;

use serde_json::{Value, json};
use test_process::{Answer, Api, Installation, Running};
use tokio::time::Instant;

const WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) fn installation() -> Installation {
    Installation::new(env!("CARGO_BIN_EXE_dezky")).expect("make an installation")
}

/// `dezky up` with simulators inside, and an operator.
pub(crate) async fn up(installation: &Installation) -> (Running, Api) {
    let mut running = installation.start(&["up"]).expect("start the platform");
    installation.ready(&mut running).await.expect("become ready");
    let operator = installation.client("operator", None).await.expect("make an operator token");
    // A first sign-in, as a portal would do it; with it the issuer's keys are known.
    assert_eq!(operator.get("/users/me").await.expect("sign in").status, 200);
    (running, operator)
}

/// Outside systems as a process of their own, and settings that name them.
pub(crate) async fn outside(installation: &mut Installation) -> Running {
    let mut running = installation.start(&["simulate"]).expect("start the simulators");
    let printed = running.prints("A token:").await.expect("say where they are");
    installation.take_exports(&printed);
    running
}

pub(crate) async fn create(api: &Api, slug: &str) -> Answer {
    let answer = api.post("/tenants", &json!({ "slug": slug, "name": slug })).await.expect("create a tenant");
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

/// Asks again until a condition holds; how long that took.
pub(crate) async fn until(api: &Api, path: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Duration {
    let started = Instant::now();
    loop {
        let answer = api.get(path).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == 200 && holds(&answer.body)) {
            return started.elapsed();
        }
        assert!(started.elapsed() < WITHIN, "{path} never {what}: {answer:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

pub(crate) async fn converged(api: &Api, slug: &str) -> Duration {
    until(api, &format!("/tenants/{slug}"), "converged", |tenant| {
        tenant["lifecycle"] == "active" && systems_are(&tenant["provisioningStatus"], &json!("ok"))
    })
    .await
}

pub(crate) fn systems_are(object: &Value, wanted: &Value) -> bool {
    ["authentik", "stalwart", "ocis"].iter().all(|system| object[system] == *wanted)
}
