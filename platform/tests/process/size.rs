//! Tenants of many people: whatever their number, it ends no process and stops no neighbour.

use futures::future::join_all;
use serde_json::json;
use test_postgres::TestPostgres;
use test_process::{Installation, Running};

use crate::tenants::{Outside, add_members, becomes, is_of_a_member, people, tenant};
use crate::{converged, installation, until, up};

/// More than any bound on the events of one commit.
const MANY: usize = 65;
/// And more than twice as many.
const VERY_MANY: usize = 150;

/// On the embedded database, or on Postgres where there is one.
async fn on(postgres: Postgres) -> Option<Installation> {
    let mut installation = installation();
    if let Postgres::Shared = postgres {
        installation.set("DEZKY_LOG_URL", TestPostgres::database().await?);
    }
    Some(installation)
}

#[derive(Clone, Copy)]
enum Postgres {
    Shared,
    None,
}

/// It runs, and what crashed is nobody.
async fn is_alive(running: &Running, operator: &test_process::Api) {
    let ready = operator.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert_eq!(ready.body["reconciler"]["crashed"], 0, "{}", ready.body);
    let printed = running.printed().unwrap();
    assert!(!printed.contains("panicked"), "{printed}");
}

/// Killed and started again it serves at once, and there is nothing left to do.
async fn starts_again(installation: &Installation, running: Running) {
    running.kill().await.unwrap();
    let (running, operator) = up(installation).await;
    converged(&operator, "acme").await;
    is_alive(&running, &operator).await;
}

#[tokio::test]
async fn a_crowd_signs_in_at_once_and_nobody_is_told_to_come_back() {
    let installation = installation();
    let (running, _operator) = up(&installation).await;
    let people = (0..40).map(|number| installation.person(&format!("person-{number}@example.com")).unwrap());
    let people: Vec<_> = people.collect();
    let answers = join_all(people.iter().map(|person| person.get("/users/me"))).await;
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert!(!running.printed().unwrap().contains("wait for a free reader"));
}

async fn added_while_mail_is_away(postgres: Postgres) {
    let Some(installation) = on(postgres).await else { return };
    let (running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    tenant(&operator, "acme").await;
    converged(&operator, "acme").await;
    let people = people(&installation, "acme", MANY).await;

    outside.stalwart.faults(&[json!({ "count": "always", "effect": { "status": 503 } })]).await.unwrap();
    add_members(&operator, "acme", &people).await;
    until(&operator, "/tenants/acme", "missed the mail server", |tenant| {
        tenant["provisioningStatus"]["stalwart"] != "ok"
    })
    .await;
    outside.stalwart.faults(&[]).await.unwrap();
    becomes("mailboxes", MANY, || outside.mailboxes()).await;
    converged(&operator, "acme").await;
    is_alive(&running, &operator).await;
    starts_again(&installation, running).await;
}

#[tokio::test]
async fn members_added_while_mail_is_away_get_their_mailboxes_when_it_is_back() {
    added_while_mail_is_away(Postgres::None).await;
}

#[tokio::test]
async fn members_added_while_mail_is_away_get_their_mailboxes_on_postgres_too() {
    added_while_mail_is_away(Postgres::Shared).await;
}

async fn added_at_once(postgres: Postgres) {
    let Some(installation) = on(postgres).await else { return };
    let (running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    tenant(&operator, "acme").await;
    let people = people(&installation, "acme", VERY_MANY).await;
    add_members(&operator, "acme", &people).await;
    becomes("mailboxes", VERY_MANY, || outside.mailboxes()).await;
    becomes("entitled people", VERY_MANY, || outside.entitled()).await;
    converged(&operator, "acme").await;
    is_alive(&running, &operator).await;
    starts_again(&installation, running).await;
}

#[tokio::test]
async fn as_many_members_as_like_are_added_at_once() {
    added_at_once(Postgres::None).await;
}

#[tokio::test]
async fn as_many_members_as_like_are_added_at_once_on_postgres_too() {
    added_at_once(Postgres::Shared).await;
}

async fn vanish(postgres: Postgres) {
    let Some(mut installation) = on(postgres).await else { return };
    installation.set("DEZKY_SWEEP_SECONDS", "1");
    let (running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    tenant(&operator, "acme").await;
    let people = people(&installation, "acme", MANY).await;
    add_members(&operator, "acme", &people).await;
    becomes("mailboxes", MANY, || outside.mailboxes()).await;
    becomes("entitled people", MANY, || outside.entitled()).await;
    converged(&operator, "acme").await;

    let (stalwart, authentik) = (&outside.stalwart, &outside.authentik);
    let lost = stalwart.lose("Account", |row| is_of_a_member(&row["name"])).await.unwrap();
    assert_eq!(lost, MANY);
    let lost = authentik.lose("users", |row| is_of_a_member(&row["username"])).await.unwrap();
    assert_eq!(lost, MANY);
    until(&operator, "/readyz", "said that two systems lost what we made", |ready| {
        ready["reconciler"]["losses"].as_array().is_some_and(|losses| losses.len() == 2)
    })
    .await;
    is_alive(&running, &operator).await;
    assert_eq!(outside.mailboxes().await, 0, "nothing is made before somebody confirms it");
    for system in ["stalwart", "authentik"] {
        let (code, _, errors) = installation.run(&["confirm-loss", system]).await.unwrap();
        assert_eq!(code, 0, "{errors}");
    }
    becomes("mailboxes", MANY, || outside.mailboxes()).await;
    becomes("entitled people", MANY, || outside.entitled()).await;
    converged(&operator, "acme").await;
    is_alive(&running, &operator).await;
    starts_again(&installation, running).await;
}

#[tokio::test]
async fn as_many_mailboxes_and_accounts_as_like_vanish_and_come_back_when_an_operator_confirms_it() {
    vanish(Postgres::None).await;
}

#[tokio::test]
async fn as_many_mailboxes_and_accounts_as_like_vanish_and_come_back_on_postgres_too() {
    vanish(Postgres::Shared).await;
}
