//! What people see of the reconciler's work: short whatever there is, and never silent about what is not done.

use event_store::{Batch, Db, DbUrl, Expect, Purpose, Value as Cell};
use serde_json::{Value, json};
use test_process::Installation;

use crate::{create, installation, until, up};

/// More lines than that nobody reads.
const LINES_MAX: usize = 60;

/// An installation whose tables are there and in which nothing runs, and its rows beside the log.
async fn at_rest() -> (Installation, Db) {
    let installation = installation();
    let (code, _, errors) = installation.run(&["migrate"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let db = rows_of(&installation).await;
    (installation, db)
}

async fn rows_of(installation: &Installation) -> Db {
    let file = format!("{}/views.sqlite3", installation.setting("DEZKY_DATA").unwrap());
    Db::open(&DbUrl::sqlite(file), Purpose::Views).await.unwrap()
}

async fn put(db: &Db, table: &str, columns: &[&str], rows: Vec<Vec<Cell>>) {
    let mut batch = Batch::new();
    batch.insert_many(table, columns, rows);
    db.write(batch).await.unwrap();
}

async fn run(db: &Db, sql: &'static str) {
    let mut batch = Batch::new();
    batch.run(sql, vec![], Expect::Any);
    db.write(batch).await.unwrap();
}

async fn status(installation: &Installation) -> (String, Value) {
    let (code, text, errors) = installation.run(&["status"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let (code, printed, errors) = installation.run(&["status", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    (text, serde_json::from_str(&printed).unwrap())
}

#[tokio::test]
async fn status_is_short_however_much_waits() {
    let (installation, db) = at_rest().await;
    let waiting = (0..2_000_u128).map(|number| {
        let tenant = schema::TenantId::from_uuid(uuid::Uuid::from_u128(number));
        let cell = |text: &str| Cell::from(text);
        vec![
            tenant.to_string().into(),
            cell("stalwart"),
            Cell::from(1_u32),
            cell("2026-11-29T15:30:00.000000Z"),
            cell("blocked"),
            cell("Paused"),
        ]
    });
    let columns = ["subject", "system", "position", "due_at", "state", "reason"];
    put(&db, "due", &columns, waiting.collect()).await;
    let spaces = (0..300_u32).map(|number| {
        [
            "ocis",
            "space",
            &format!("space-{number}"),
            "ten_x",
            "unknown-owner",
            "2026-11-29T15:30:00.000000Z",
            "",
        ]
        .map(Cell::from)
        .to_vec()
    });
    let columns = ["system", "kind", "external_id", "owner", "why", "since", "seen_at"];
    put(&db, "leftovers", &columns, spaces.collect()).await;
    // What another build, or a person, may have left there.
    run(&db, "insert into due (subject, system, position, due_at) values ('nobody', 'calendar', 1, 'never')")
        .await;
    run(&db, "insert into modes (system, mode, since) values ('calendar', 'dreaming', 'never')").await;

    let (text, document) = status(&installation).await;
    assert!(text.lines().count() < LINES_MAX, "{text}");
    assert!(text.contains("2000 looks"), "{text}");
    assert!(text.contains("… and 1980 more"), "{text}");
    assert!(text.contains("300"), "{text}");
    let reconciler = &document["reconciler"];
    assert_eq!(reconciler["due"].as_array().unwrap().len(), 20, "{document}");
    assert_eq!(
        reconciler["dueCounts"],
        json!([{ "system": "stalwart", "state": "blocked", "reason": "Paused", "count": 2_000 }])
    );
    assert_eq!(reconciler["leftovers"]["total"], 300, "{document}");
    assert_eq!(reconciler["leftovers"]["first"].as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn what_ended_its_task_is_named_with_its_next_try() {
    let (installation, db) = at_rest().await;
    run(
        &db,
        "insert into due (subject, system, position, due_at, attempts, state, reason)
         values ('platform', 'authentik', 1, '2026-11-29T15:30:00.000000Z', 2, 'crashed', 'Waiting')",
    )
    .await;
    let (text, document) = status(&installation).await;
    assert!(
        text.contains("platform authentik: its last look crashed; next try at 2026-11-29T15:30"),
        "{text}"
    );
    assert_eq!(document["reconciler"]["crashed"]["total"], 1, "{document}");
}

#[tokio::test]
async fn a_loss_is_loud_and_an_operator_confirms_it() {
    let (installation, db) = at_rest().await;
    let (code, _, errors) = installation.run(&["confirm-loss", "authentik"]).await.unwrap();
    assert_eq!(code, 1);
    assert!(errors.contains("nothing is missing in authentik"), "{errors}");
    let (code, ..) = installation.run(&["confirm-loss", "calendar"]).await.unwrap();
    assert_eq!(code, 2, "there is no such system");

    run(
        &db,
        "insert into losses (system, why, since, missing, bound)
         values ('authentik', 'missing', '2026-11-29T14:00:00.000000Z', 37, 41)",
    )
    .await;
    let (text, document) = status(&installation).await;
    assert!(
        text.contains("authentik: 37 of 41 objects of ours are missing since 2026-11-29T14:00"),
        "{text}"
    );
    assert!(text.contains("dezky confirm-loss authentik"), "{text}");
    assert_eq!(document["reconciler"]["losses"][0]["confirmedAt"], Value::Null);

    for _ in 0..2 {
        let (code, printed, errors) = installation.run(&["confirm-loss", "authentik"]).await.unwrap();
        assert_eq!(code, 0, "{errors}");
        assert!(printed.contains("made again"), "{printed}");
    }
    let (text, document) = status(&installation).await;
    assert!(text.contains("confirmed"), "{text}");
    assert!(document["reconciler"]["losses"][0]["confirmedAt"].is_string(), "{document}");
}

fn condition<'a>(integration: &'a Value, kind: &str) -> &'a Value {
    let all = integration["conditions"].as_array().unwrap();
    all.iter().find(|condition| condition["type"] == kind).unwrap()
}

#[tokio::test]
async fn a_system_paused_by_setting_is_said_everywhere() {
    let mut installation = installation();
    installation.set("DEZKY_STALWART_MODE", "paused");
    let (_running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    until(&operator, "/tenants/acme", "had the rest in place", |tenant| {
        tenant["provisioningStatus"]["ocis"] == "ok"
    })
    .await;
    let tenant = operator.get("/tenants/acme").await.unwrap().body;
    assert_eq!(tenant["lifecycle"], "pending");
    assert_eq!(tenant["provisioning"]["paused"], json!(["stalwart"]));
    let shown = operator.get("/tenants/acme/provisioning").await.unwrap().body;
    assert_eq!(shown["paused"], json!(["stalwart"]));
    let mail = &shown["integrations"]["stalwart"];
    assert_eq!((&mail["mode"], &mail["state"]), (&json!("paused"), &json!("pending")));
    for (kind, status) in [("Paused", "True"), ("Ready", "False")] {
        let found = condition(mail, kind);
        assert_eq!((&found["status"], &found["reason"]), (&json!(status), &json!("Paused")), "{found}");
        assert!(found["message"].as_str().unwrap().contains("DEZKY_STALWART_MODE"), "{found}");
    }
    assert_eq!(shown["integrations"]["ocis"]["mode"], "enforce");
    let (text, document) = status(&installation).await;
    assert!(text.contains("stalwart is paused by DEZKY_STALWART_MODE"), "{text}");
    assert_eq!(document["reconciler"]["modes"]["stalwart"], "paused");
    let ready = operator.get("/readyz").await.unwrap();
    assert_eq!(ready.status, 200);
    assert_eq!(ready.body["reconciler"]["modes"], json!({ "stalwart": "paused" }));
}

#[tokio::test]
async fn a_system_that_is_only_observed_shows_what_would_be_done() {
    let mut installation = installation();
    installation.set("DEZKY_OCIS_MODE", "observe");
    let (_running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    until(&operator, "/tenants/acme/provisioning", "showed what differs", |shown| {
        shown["integrations"]["ocis"]["differences"]["count"].as_u64() > Some(0)
    })
    .await;
    let shown = operator.get("/tenants/acme/provisioning").await.unwrap().body;
    let files = &shown["integrations"]["ocis"];
    assert_eq!((&files["mode"], &shown["paused"]), (&json!("observe"), &json!([])));
    assert!(!files["differences"]["steps"].as_array().unwrap().is_empty(), "{files}");
    let ready = condition(files, "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Waiting")));
    assert!(ready["message"].as_str().unwrap().contains("DEZKY_OCIS_MODE"), "{ready}");
    let (text, _) = status(&installation).await;
    assert!(text.contains("ocis is only observed by DEZKY_OCIS_MODE"), "{text}");
    assert!(text.contains("what is there differs for"), "{text}");
}
