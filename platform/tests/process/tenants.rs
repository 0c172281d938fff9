//! Tenants with domains and members, and what stands in the simulated systems for them.

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use test_process::{Answer, Api, Installation, Simulator};
use tokio::time::Instant;

use crate::{LOOK_EVERY, WITHIN};

/// Requests under way while many of a kind are sent.
const AT_ONCE: usize = 8;

/// The three simulators of an installation.
pub(crate) struct Outside {
    pub(crate) authentik: Simulator,
    pub(crate) stalwart: Simulator,
    pub(crate) ocis: Simulator,
}

impl Outside {
    pub(crate) fn of(installation: &Installation) -> Self {
        let named = |system| installation.simulator(system).unwrap();
        Self { authentik: named("AUTHENTIK"), stalwart: named("STALWART"), ocis: named("OCIS") }
    }

    /// How many members made by [`people`] have a mailbox.
    pub(crate) async fn mailboxes(&self) -> usize {
        count(&self.stalwart, "Account", |row| is_of_a_member(&row["name"])).await
    }

    pub(crate) async fn spaces(&self) -> usize {
        self.ocis.rows("spaces").await.unwrap().len()
    }

    pub(crate) async fn open_spaces(&self) -> usize {
        count(&self.ocis, "spaces", |row| row["disabled"] != true).await
    }

    /// How many members made by [`people`] the entitlement group lets in.
    pub(crate) async fn entitled(&self) -> usize {
        let groups = self.authentik.rows("groups").await.unwrap();
        let entitled = groups.iter().find(|(_, row)| row["name"] == "dezky-entitled");
        let inside = entitled.and_then(|(_, row)| row["users"].as_array()).cloned().unwrap_or_default();
        let users = self.authentik.rows("users").await.unwrap();
        users.iter().filter(|(pk, row)| is_of_a_member(&row["username"]) && inside.contains(pk)).count()
    }

    /// How many tenants have their group.
    pub(crate) async fn tenant_groups(&self) -> usize {
        let is_ours =
            |row: &Value| row["name"].as_str().is_some_and(|name| name.starts_with("dezky-tenant-"));
        count(&self.authentik, "groups", is_ours).await
    }

    /// How many roles of tenants let nobody in.
    pub(crate) async fn shut_roles(&self) -> usize {
        let is_shut = |row: &Value| row["disabledPermissions"].as_object().is_some_and(|set| !set.is_empty());
        count(&self.stalwart, "Role", is_shut).await
    }
}

pub(crate) async fn count(simulator: &Simulator, table: &str, which: impl Fn(&Value) -> bool) -> usize {
    simulator.rows(table).await.unwrap().iter().filter(|(_, row)| which(row)).count()
}

/// Whether a name is one that [`people`] gives.
pub(crate) fn is_of_a_member(name: &Value) -> bool {
    name.as_str().is_some_and(|name| name.starts_with("member-"))
}

/// Looks again until a number is as wanted.
pub(crate) async fn becomes(what: &str, wanted: usize, number: impl AsyncFn() -> usize) {
    let started = Instant::now();
    loop {
        let found = number().await;
        if found == wanted {
            return;
        }
        assert!(started.elapsed() < WITHIN, "{what}: {found}, and never {wanted}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A tenant with an owner and a verified domain of its own name.
pub(crate) async fn tenant(operator: &Api, slug: &str) {
    let domain = format!("{slug}.test");
    let owner = json!({ "email": format!("owner@{domain}") });
    let body = json!({ "slug": slug, "name": slug, "domains": [domain], "owner": owner });
    let made = operator.post("/tenants", &body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    verify(operator, slug, &domain).await;
}

pub(crate) async fn verify(operator: &Api, slug: &str, domain: &str) {
    let path = format!("/tenants/{slug}/domains/{domain}/verify");
    let verified = operator.post(&path, &json!({ "method": "operator" })).await.unwrap();
    assert_eq!(verified.status, 200, "{}", verified.body);
}

pub(crate) async fn suspend(operator: &Api, slug: &str) {
    let path = format!("/tenants/{slug}/suspend");
    let suspended = operator.post(&path, &json!({ "reason": "Owner asked for a pause" })).await.unwrap();
    assert_eq!(suspended.status, 200, "{}", suspended.body);
}

/// So many people with an address in the tenant's domain, who have signed in once.
pub(crate) async fn people(installation: &Installation, slug: &str, count: usize) -> Vec<String> {
    let emails = (0..count).map(|number| format!("member-{number}@{slug}.test"));
    let signing_in = emails.map(|email| async move {
        let person = installation.person(&email).unwrap();
        patiently(200, async || person.get("/users/me").await).await;
        email
    });
    stream::iter(signing_in).buffer_unordered(AT_ONCE).collect().await
}

/// Makes all of them members, several at a time.
pub(crate) async fn add_members(operator: &Api, slug: &str, emails: &[String]) {
    let path = format!("/tenants/{slug}/users");
    let adding = emails.iter().map(|email| {
        let (path, body) = (&path, json!({ "email": email, "role": "member" }));
        async move { patiently(201, async || operator.post(path, &body).await).await }
    });
    stream::iter(adding.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Read models of a machine under load may be behind: who is told to try again does.
async fn patiently(wanted: u16, ask: impl AsyncFn() -> Result<Answer, reqwest::Error>) {
    let started = Instant::now();
    loop {
        let answer = ask().await.unwrap();
        if answer.status == wanted {
            return;
        }
        let is_over = answer.body["retryable"] != true || started.elapsed() > WITHIN;
        assert!(!is_over, "{} {}", answer.status, answer.body);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
