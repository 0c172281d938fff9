//! What the API says of the outside systems: which object, in whose words, when next; and who reads how much of it.

use event_store::{Batch, Expect, Value as Cell};
use schema::provisioning::{Counts, FailureClass, Mode, Reason, Resource, ResourceKind};
use schema::{ProvisioningCommand, System};
use serde_json::{Value, json};

use crate::house::House;

const NEXT: &str = "2026-11-29T15:30:00.000000Z";

async fn run(house: &House, sql: &'static str, params: Vec<Cell>) {
    let mut batch = Batch::new();
    batch.run(sql, params, Expect::Any);
    house.views.db().write(batch).await.expect("written");
}

/// The last attempt at a system failed on an object, and it is tried again at [`NEXT`].
async fn fails(house: &House, tenant: &str, system: System, resource: Resource) {
    let id = tenant.parse().expect("an id");
    let (mode, counts) = (Mode::Enforce, Counts::default());
    let spec =
        ProvisioningCommand::RecordSpec { spec_hash: "wanted".into(), mode, cause_position: 1, counts };
    house.report(id, system, spec).await;
    let (kind, key) = (resource.kind.as_str(), resource.key.clone());
    let failed = ProvisioningCommand::RecordFailed {
        generation: 1,
        class: FailureClass::Permanent,
        reason: Reason::QuotaExceeded,
        resource: Some(resource),
        consecutive: 1,
    };
    house.report(id, system, failed).await;
    let place = || vec![Cell::from(tenant), Cell::from(system.as_str())];
    run(
        house,
        "insert into due (subject, system, position, due_at, attempts, state, reason)
         values ($1, $2, 1, $3, 1, 'retry', 'QuotaExceeded')",
        [place(), vec![NEXT.into()]].concat(),
    )
    .await;
    run(
        house,
        "insert into attempts (subject, system, started_at, duration_ms, position, generation, steps, outcome,
                               class, reason, summary, resource_kind, resource_key, upstream)
         values ($1, $2, '2026-11-22T16:00:00.000000Z', 1, 1, 1, 0, 'failed', 'permanent', 'QuotaExceeded',
                 'no room', $3, $4, $5)",
        [place(), vec![kind.into(), key.into(), format!("overQuota {}", "x".repeat(900)).into()]].concat(),
    )
    .await;
}

fn of(kind: ResourceKind, key: &str) -> Resource {
    Resource { kind, key: key.to_owned() }
}

#[tokio::test]
async fn an_error_names_its_object_and_its_next_attempt_and_operators_read_the_rest() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let owner = house.member(&operator, "acme", "owner").await;
    let id = tenant["id"].as_str().expect("an id");
    fails(&house, id, System::Stalwart, of(ResourceKind::Domain, "acme.example")).await;
    let wanted =
        "The mail server has no room left: the domain acme.example; next attempt 2026-11-29T15:30:00Z";
    let one = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200).json;
    assert_eq!(one["provisioningErrors"]["stalwart"], wanted);
    let list = house.get("/tenants").by(&operator).fresh().send().await.expect(200).json;
    assert_eq!(list["data"][0]["provisioningErrors"]["stalwart"], wanted);

    let path = "/tenants/acme/provisioning";
    let full = house.get(path).by(&operator).fresh().send().await.expect(200).json;
    let error = &full["integrations"]["stalwart"]["lastError"];
    assert_eq!(error["message"], wanted);
    assert_eq!(error["resource"], json!({ "kind": "domain", "key": "acme.example" }));
    let upstream = error["upstream"].as_str().expect("its own words");
    assert!(upstream.starts_with("overQuota") && upstream.len() == 300, "{upstream}");

    for path in ["/tenants/acme", path, "/tenants", "/users/me"] {
        let reduced = house.get(path).by(&owner).fresh().send().await.expect(200);
        for secret in ["overQuota", "acme.example;", "no room"] {
            assert!(!reduced.text.contains(secret), "{path} shows {secret}: {}", reduced.text);
        }
    }
}

#[tokio::test]
async fn a_person_is_named_to_operators_and_to_nobody_else() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let owner = house.member(&operator, "acme", "owner").await;
    let member = house.member(&operator, "acme", "member").await;
    let me = house.get("/users/me").by(&member).send().await.expect(200).json;
    let user = me["id"].as_str().expect("an id");
    let id = tenant["id"].as_str().expect("an id");
    fails(&house, id, System::Stalwart, of(ResourceKind::Account, user)).await;
    fails(&house, id, System::Ocis, of(ResourceKind::Space, id)).await;
    let one = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200).json;
    let said = one["provisioningErrors"]["stalwart"].as_str().expect("a sentence");
    let name = me["name"].as_str().or(me["email"].as_str()).expect("somebody");
    assert!(said.contains(name), "{said}");
    let said = one["provisioningErrors"]["ocis"].as_str().expect("a sentence");
    assert!(said.contains("the tenant's space"), "{said}");
    let full = house.get("/tenants/acme/provisioning").by(&operator).fresh().send().await.expect(200).json;
    let said = full["integrations"]["stalwart"]["lastError"]["message"].as_str().expect("a sentence");
    assert!(said.contains(&format!("one person ({user})")), "{said}");
    let reduced = house.get("/tenants/acme").by(&owner).fresh().send().await.expect(200).json;
    assert_eq!(reduced["provisioningErrors"]["stalwart"], "mail is not ready yet");
}

#[tokio::test]
async fn readiness_says_how_the_reconciler_stands_and_stays_ready() {
    let (house, _) = House::with_operator().await;
    house.catch_up().await;
    for sql in [
        "insert into modes values ('stalwart', 'observe', '2026-11-29T14:00:00.000000Z')",
        "insert into modes values ('ocis', 'enforce', '2026-11-29T14:00:00.000000Z')",
        "insert into modes values ('calendar', 'dreaming', 'never')",
        "insert into left_alone values ('ocis', 'down', '2026-11-29T14:00:00.000000Z', '2026-11-29T14:01:00.000000Z')",
        "insert into losses values ('authentik', 'missing', '2026-11-29T14:00:00.000000Z', 37, 41, null)",
        "insert into due (subject, system, position, due_at, state)
         values ('platform', 'authentik', 1, '2026-11-29T14:00:00.000000Z', 'crashed')",
    ] {
        run(&house, sql, vec![]).await;
    }
    let ready = house.get("/readyz").send().await.expect(200).json;
    let at = "2026-11-29T14:00:00.000Z";
    assert_eq!(
        ready["reconciler"],
        json!({
            "modes": { "stalwart": "observe" },
            "leftAlone": [{ "system": "ocis", "why": "down", "since": at, "until": "2026-11-29T14:01:00.000Z" }],
            "losses": [{
                "system": "authentik", "why": "missing", "missing": 37, "bound": 41, "since": at, "confirmed": false,
            }],
            "crashed": 1,
        })
    );
}

#[tokio::test]
async fn what_is_paused_or_observed_is_said_and_customers_read_no_settings() {
    let (house, operator) = House::with_operator().await;
    let tenant = house.tenant(&operator, "acme").await;
    let owner = house.member(&operator, "acme", "owner").await;
    for sql in [
        "insert into modes values ('stalwart', 'paused', '2026-11-29T14:00:00.000000Z')",
        "insert into modes values ('ocis', 'observe', '2026-11-29T14:00:00.000000Z')",
    ] {
        run(&house, sql, vec![]).await;
    }
    run(
        &house,
        "insert into differences values ($1, 'ocis', '2026-11-29T14:00:00.000000Z', '[\"make the space\"]', 3)",
        vec![tenant["id"].as_str().expect("an id").into()],
    )
    .await;
    let path = "/tenants/acme/provisioning";
    let full = house.get(path).by(&operator).fresh().send().await.expect(200).json;
    assert_eq!(full["paused"], json!(["stalwart"]));
    let ocis = &full["integrations"]["ocis"];
    assert_eq!((&ocis["mode"], &ocis["differences"]["count"]), (&json!("observe"), &json!(3)));
    assert_eq!(ocis["differences"]["steps"], json!(["make the space"]));
    let said = ocis["differences"]["message"].as_str().expect("a sentence");
    assert!(said.contains("DEZKY_OCIS_MODE") && said.contains("3 changes"), "{said}");

    let reduced = house.get(path).by(&owner).fresh().send().await.expect(200);
    assert!(!reduced.text.contains("DEZKY_") && !reduced.text.contains("make the space"), "{}", reduced.text);
    assert_eq!(reduced.json["paused"], json!(["stalwart"]));
    let mail = &reduced.json["integrations"]["stalwart"];
    assert_eq!((&mail["mode"], &mail["differences"]), (&Value::Null, &Value::Null));
    for route in ["/tenants/acme", "/tenants?q=acme"] {
        let shown = house.get(route).by(&operator).fresh().send().await.expect(200).json;
        let shown = if shown["data"].is_array() { shown["data"][0].clone() } else { shown };
        assert_eq!(shown["provisioning"]["paused"], json!(["stalwart"]), "{route}");
    }
}

#[tokio::test]
async fn nobody_is_told_to_keep_what_changes_without_an_event() {
    let (house, operator) = House::with_operator().await;
    house.tenant(&operator, "acme").await;
    let first = house.get("/tenants/acme").by(&operator).fresh().send().await.expect(200);
    let tag = first.header("etag").to_owned();
    let again = |tag: String| house.get("/tenants/acme").by(&operator).header("if-none-match", &tag).send();
    again(tag.clone()).await.expect(304);
    run(&house, "insert into modes values ('stalwart', 'paused', '2026-11-29T14:00:00.000000Z')", vec![])
        .await;
    let paused = again(tag).await.expect(200);
    let tag = paused.header("etag").to_owned();
    again(tag.clone()).await.expect(200);
    run(&house, "update modes set mode = 'enforce'", vec![]).await;
    let freed = again(tag.clone()).await.expect(200);
    assert_eq!(freed.json["provisioning"]["paused"], json!([]));
    let name = json!({ "name": "Acme" });
    let patched =
        house.patch("/tenants/acme").by(&operator).header("if-match", &tag).json(&name).send().await;
    patched.expect(200);
}
