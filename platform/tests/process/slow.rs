//! A system that answers slowly holds up nobody but itself, and doors go before bulk inside one system.

use serde_json::{Value, json};
use test_process::{Request, Simulator};

use crate::tenants::{Outside, add_members, becomes, count, people, suspend, tenant, verify};
use crate::{converged, installation, outside, until, up};

/// Longer than any of these tests takes with the other systems alone, and shorter than a call may take.
const SLOWLY_MILLIS: u64 = 25_000;
const NEW: usize = 8;
const SUSPENDED: usize = 24;

async fn slow_down(simulator: &Simulator, method: Option<&str>, millis: u64) {
    let mut rule = json!({ "count": "always", "effect": { "latency_ms": millis } });
    if let Some(method) = method {
        rule["method"] = json!(method);
    }
    simulator.faults(&[rule]).await.unwrap();
}

#[tokio::test]
async fn new_tenants_get_group_and_space_before_a_slow_mail_server_has_made_anything() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    tenant(&operator, "first").await;
    converged(&operator, "first").await;
    converged(&operator, "dezky").await;
    let (groups, spaces) = (outside.tenant_groups().await, outside.spaces().await);
    let made = || count(&outside.stalwart, "Domain", |row| row["description"].is_string());
    let before = made().await;

    slow_down(&outside.stalwart, None, SLOWLY_MILLIS).await;
    for number in 0..NEW {
        tenant(&operator, &format!("tenant-{number}")).await;
    }
    becomes("groups", groups + NEW, || outside.tenant_groups()).await;
    becomes("spaces", spaces + NEW, || outside.spaces()).await;
    assert_eq!(made().await, before, "mail was as quick as the others: the test shows nothing");
}

#[tokio::test]
async fn suspended_tenants_are_shut_in_identity_and_files_before_a_slow_mail_server_has_shut_anybody() {
    let installation = installation();
    let (running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    converged(&operator, "dezky").await;
    let ours = outside.open_spaces().await;
    for number in 0..SUSPENDED {
        tenant(&operator, &format!("tenant-{number}")).await;
    }
    for number in 0..SUSPENDED {
        let slug = format!("tenant-{number}");
        add_members(&operator, &slug, &people(&installation, &slug, 1).await).await;
    }
    for number in 0..SUSPENDED {
        converged(&operator, &format!("tenant-{number}")).await;
    }
    becomes("people let in", SUSPENDED, || outside.entitled()).await;
    assert_eq!(outside.shut_roles().await, 0);

    slow_down(&outside.stalwart, None, SLOWLY_MILLIS).await;
    for number in 0..SUSPENDED {
        suspend(&operator, &format!("tenant-{number}")).await;
    }
    becomes("people let in", 0, || outside.entitled()).await;
    becomes("open spaces", ours, || outside.open_spaces()).await;
    assert_eq!(outside.shut_roles().await, 0, "mail was as quick as the others: the test shows nothing");
    let printed = running.printed().unwrap();
    assert!(!printed.contains("our own databases do not answer"), "passes wait for each other");
}

#[tokio::test]
async fn a_domain_verified_while_its_tenant_is_in_hand_at_a_slow_mail_server_is_made_there() {
    let installation = installation();
    let (_running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    tenant(&operator, "acme").await;
    converged(&operator, "acme").await;
    let claimed = |domain| json!({ "domain": domain });
    for domain in ["second.test", "third.test"] {
        let answer = operator.post("/tenants/acme/domains", &claimed(domain)).await.unwrap();
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    outside.stalwart.forget_requests().await.unwrap();
    slow_down(&outside.stalwart, None, 700).await;
    verify(&operator, "acme", "second.test").await;
    becomes("requests of a pass under way", 1, async || {
        usize::from(!outside.stalwart.requests().await.unwrap().is_empty())
    })
    .await;
    verify(&operator, "acme", "third.test").await;
    becomes("domains", 3, || {
        count(&outside.stalwart, "Domain", |row| {
            ["acme.test", "second.test", "third.test"].iter().any(|name| row["name"] == *name)
        })
    })
    .await;
}

/// What one person and one group were asked for.
struct Victim {
    group: String,
    user: String,
}

impl Victim {
    async fn of(authentik: &Simulator, slug: &str) -> Self {
        let key_of = |rows: Vec<(Value, Value)>, field: &str, wanted: String| {
            let row = rows.into_iter().find(|(_, row)| row[field] == wanted);
            row.unwrap_or_else(|| panic!("{wanted} is there")).0
        };
        let groups = authentik.rows("groups").await.unwrap();
        let users = authentik.rows("users").await.unwrap();
        Self {
            group: key_of(groups, "name", format!("dezky-tenant-{slug}")).as_str().unwrap().to_owned(),
            user: key_of(users, "username", format!("member-0@{slug}.test")).to_string(),
        }
    }

    /// Taking somebody out of a group is a part of nothing else here.
    fn is_meant(&self, request: &Request) -> bool {
        let path = &request.path;
        path.contains(&self.group)
            || path.contains(&format!("/users/{}/", self.user))
            || path.contains(&format!("user_pks={}", self.user))
            || path.ends_with("/remove_user/")
    }
}

#[tokio::test]
async fn no_bulk_write_begins_in_a_slow_identity_system_while_a_door_is_being_shut() {
    let mut installation = installation();
    let _outside = outside(&mut installation).await;
    installation.set("DEZKY_AUTHENTIK_WRITES_PER_SECOND", "3");
    let (_running, operator) = up(&installation).await;
    let outside = Outside::of(&installation);
    tenant(&operator, "acme").await;
    add_members(&operator, "acme", &people(&installation, "acme", 1).await).await;
    becomes("people let in", 1, || outside.entitled()).await;
    converged(&operator, "acme").await;
    let victim = Victim::of(&outside.authentik, "acme").await;
    let bulk = |seen: &[Request]| seen.iter().filter(|one| one.is_write && !victim.is_meant(one)).count();

    let rules = ["POST", "PATCH", "DELETE"]
        .map(|method| json!({ "method": method, "count": "always", "effect": { "latency_ms": 800 } }));
    outside.authentik.faults(&rules).await.unwrap();
    for number in 0..20 {
        tenant(&operator, &format!("tenant-{number}")).await;
    }
    let seen = async || outside.authentik.requests().await.unwrap();
    becomes("a bulk under way", 1, async || usize::from(bulk(&seen().await) > 12)).await;
    outside.authentik.forget_requests().await.unwrap();
    suspend(&operator, "acme").await;
    until(&operator, "/tenants/acme", "was shut in identity", |tenant| {
        tenant["provisioning"]["accessRevoked"]["authentik"] == true
    })
    .await;

    let asked = seen().await;
    let closing = |one: &Request| one.is_write && victim.is_meant(one);
    let first = asked.iter().position(closing).expect("a write that shuts");
    let last = asked.iter().rposition(closing).expect("a write that shuts");
    let between = &asked[first..=last];
    assert_eq!(bulk(between), 0, "{between:#?}");
    outside.authentik.forget_requests().await.unwrap();
    becomes("bulk that goes on", 1, async || usize::from(bulk(&seen().await) > 0)).await;
}
