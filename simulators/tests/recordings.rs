//! Each simulator answers what the real system answered when it was recorded.
//!
//! `recordings/<system>/*.json` holds the scenarios; `replay` says how they are read and compared.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking there")]

#[path = "recordings/replay.rs"]
mod replay;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use replay::Upstream;
use simulators::authentik::{Authentik, Release, Settings};

/// The clock of every simulator here stands still.
fn now() -> jiff::Timestamp {
    jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1_800_000_000)
}

#[tokio::test]
async fn authentik_answers_as_recorded() {
    replay::replay("authentik", authentik).await;
}

async fn authentik() -> Upstream {
    let settings =
        Settings { token: "bootstrap-token".to_owned(), release: Release::R2026_5, recovery_flow: None, now };
    let running = Authentik::new(settings).start(([127, 0, 0, 1], 0).into()).await.unwrap();
    Upstream {
        base_url: running.base_url(),
        secrets: vec![("<BOOTSTRAP_TOKEN>", "bootstrap-token".to_owned())],
        id_keys: &["pk", "num_pk", "users", "user", "user_pk"],
        running,
    }
}

#[tokio::test]
async fn ocis_answers_as_recorded() {
    replay::replay("ocis", ocis).await;
}

async fn ocis() -> Upstream {
    let settings = simulators::ocis::Settings {
        basic: Some(("admin".to_owned(), "admin-secret".to_owned())),
        client: Some(("ocis-provisioner".to_owned(), "client-secret".to_owned())),
        service_role: simulators::ocis::Role::Admin,
    };
    let running = simulators::ocis::Ocis::new(settings).start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let basic = |name: &str| STANDARD.encode(format!("{name}:{name}-secret"));
    Upstream {
        base_url: running.base_url(),
        secrets: vec![
            ("<ADMIN>", basic("admin")),
            ("<SERVICE>", basic("tenant-provisioner")),
            ("<ALICE>", basic("alice")),
            ("<BOB>", basic("bob")),
            ("<ZOE>", basic("zoe")),
            ("<SERVICE_PASSWORD>", "tenant-provisioner-secret".to_owned()),
            ("<ALICE_PASSWORD>", "alice-secret".to_owned()),
            ("<BOB_PASSWORD>", "bob-secret".to_owned()),
            ("<ZOE_PASSWORD>", "zoe-secret".to_owned()),
            ("<CLIENT_SECRET>", "client-secret".to_owned()),
        ],
        id_keys: &["id"],
        running,
    }
}

#[tokio::test]
async fn stalwart_answers_as_recorded() {
    replay::replay("stalwart", stalwart).await;
}

async fn stalwart() -> Upstream {
    let settings = simulators::stalwart::Settings {
        token: "API_key_of_the_provisioner".to_owned(),
        admin: Some(("admin".to_owned(), "recovery-secret".to_owned())),
    };
    let running =
        simulators::stalwart::Stalwart::new(settings).start(([127, 0, 0, 1], 0).into()).await.unwrap();
    Upstream {
        base_url: running.base_url(),
        secrets: vec![
            ("<API_KEY>", "API_key_of_the_provisioner".to_owned()),
            ("<RECOVERY_ADMIN>", STANDARD.encode("admin:recovery-secret")),
        ],
        id_keys: &[],
        running,
    }
}
