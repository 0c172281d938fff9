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

#[tokio::test]
async fn half_a_configuration_is_not_simulated() {
    for (name, value, missing) in [
        ("DEZKY_STALWART_TOKEN", "x", "STALWART_API_URL"),
        ("DEZKY_OCIS_BASIC_USER", "admin", "OCIS_API_URL"),
        ("DEZKY_AUTHENTIK_INSTANCE", "https://id", "AUTHENTIK_API_URL"),
        ("DEZKY_AUDIENCE_ISSUERS", "a=https://id/", "AUTHENTIK_ISSUER"),
    ] {
        let said = refusal(&[(name, value)], &["up"]).await;
        assert!(said.contains(name) && said.contains(missing), "{said}");
    }
}

#[tokio::test]
async fn a_plan_nobody_has_made_is_refused_at_start() {
    let said = refusal(&[("DEZKY_DEFAULT_PLAN", "gold")], &["up"]).await;
    assert!(said.contains("DEZKY_DEFAULT_PLAN") && said.contains("complimentary"), "{said}");
}

#[tokio::test]
async fn a_file_without_certificates_and_a_zone_that_is_none_are_refused() {
    let said = refusal(&[("DEZKY_EXTRA_CA_CERTS", "/etc/hostname")], &["up"]).await;
    assert!(said.contains("DEZKY_EXTRA_CA_CERTS") && said.contains("BEGIN CERTIFICATE"), "{said}");
    let said = refusal(&[("DEZKY_PLATFORM_ZONES", "not a zone")], &["up"]).await;
    assert!(said.contains("DEZKY_PLATFORM_ZONES") && said.contains("not a zone"), "{said}");
}

#[tokio::test]
async fn a_log_in_memory_is_refused() {
    let said = refusal(&[("DEZKY_LOG_URL", "sqlite::memory:")], &["up"]).await;
    assert!(said.contains("DEZKY_LOG_URL") && said.contains("memory"), "{said}");
}

#[tokio::test]
async fn roles_of_their_own_need_a_database_to_share() {
    let said = refusal(&[], &["projector"]).await;
    assert!(said.contains("DEZKY_LOG_URL") && said.contains("dezky up"), "{said}");
}

#[tokio::test]
async fn a_tool_in_the_wrong_folder_leaves_nothing_behind() {
    let installation = installation();
    for arguments in
        [&["status"][..], &["verify"], &["replay", "tenants"], &["plan", "acme"], &["backup", "x"]]
    {
        let (code, printed, errors) = installation.run(arguments).await.unwrap();
        assert_eq!((code, printed.as_str()), (1, ""), "{arguments:?}");
        assert!(errors.contains("log.sqlite3") && errors.contains("dezky up"), "{errors}");
    }
    assert_eq!(std::fs::read_dir(installation.folder()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_token_made_before_the_first_start_says_so_beside_it() {
    let installation = installation();
    let (code, token, errors) = installation.run(&["token", "operator"]).await.unwrap();
    assert_eq!((code, token.trim().split('.').count()), (0, 3));
    assert!(errors.contains("works once"), "{errors}");
}
