//! Each simulator answers what the real system answered when it was recorded.
//!
//! `recordings/<system>/*.json` holds the scenarios; `replay` says how they are read and compared.

#[path = "recordings/replay.rs"]
mod replay;

use replay::Upstream;

/// The clock of every simulator here stands still.
fn now() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000)
}

#[tokio::test]
async fn authentik_answers_as_recorded() {
    replay::replay("authentik", authentik).await;
}

async fn authentik() -> Upstream {
    let settings = simulators::authentik::Settings {
        token: "bootstrap-token".to_owned(),
        now,
    };
    let running = simulators::authentik::Authentik::new(settings)
        .start(([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    Upstream {
        base_url: running.base_url(),
        secrets: vec![("<BOOTSTRAP_TOKEN>", "bootstrap-token".to_owned())],
        id_keys: &["pk", "num_pk", "users", "user", "user_pk"],
        running,
    }
}
