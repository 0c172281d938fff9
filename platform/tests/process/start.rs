//! What the platform refuses at start, and what the refusal says.

use crate::installation;

async fn refusal(settings: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut installation = installation();
    for (name, value) in settings {
        installation.set(name, *value);
    }
    let (code, printed, errors) = installation.run(arguments).await.unwrap();
    assert_ne!(code, 0, "must be refused, but printed: {printed}");
    errors
}

#[tokio::test]
async fn a_typing_mistake_in_a_setting_is_named() {
    assert!(refusal(&[("DEZKY_LISTN", "127.0.0.1:1")], &["up"]).await.contains("DEZKY_LISTN"));
}

#[tokio::test]
async fn development_parts_do_not_face_a_network() {
    let said = refusal(&[("DEZKY_LISTEN", "0.0.0.0:0")], &["up"]).await;
    assert!(said.contains("DEZKY_LISTEN") && said.contains("--i-know-this-is-insecure"), "{said}");
    let said = refusal(&[("DEZKY_SIMULATOR_OCIS_LISTEN", "0.0.0.0:0")], &["up"]).await;
    assert!(said.contains("loopback"), "{said}");
}

#[tokio::test]
async fn a_role_alone_needs_real_settings() {
    let said = refusal(&[], &["command-api"]).await;
    assert!(said.contains("AUTHENTIK_ISSUER"), "{said}");
    let said = refusal(&[], &["reconciler"]).await;
    assert!(said.contains("AUTHENTIK_API_URL"), "{said}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named_without_its_password() {
    let said = refusal(&[("DEZKY_LOG_URL", "postgres://dezky:hunter2@127.0.0.1:1/dezky")], &["up"]).await;
    assert!(said.contains("DEZKY_LOG_URL") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_token_is_for_the_development_issuer_only() {
    let said = refusal(
        &[("AUTHENTIK_ISSUER", "https://auth.example/application/o/dezky-operator/")],
        &["token", "operator"],
    )
    .await;
    assert!(said.contains("AUTHENTIK_ISSUER"), "{said}");
}

#[tokio::test]
async fn help_teaches() {
    let (code, printed, _) = installation().run(&["--help"]).await.unwrap();
    assert_eq!(code, 0);
    for word in [
        "up",
        "command-api",
        "projector",
        "reconciler",
        "replay",
        "rollback",
        "verify",
        "plan",
        "status",
        "migrate",
        "token",
        "backup",
        "restore",
    ] {
        assert!(printed.contains(word), "{word}");
    }
}
