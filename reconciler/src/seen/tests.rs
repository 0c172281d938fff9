//! The rows beside the log, on both databases.

use event_store::{Db, DbUrl, Purpose, migrate_views};
use schema::{System, TenantId, Timestamp};
use uuid::Uuid;

use crate::config::SystemMode;
use crate::differences::DifferenceRows;
use crate::due::DueRows;
use crate::leftovers::{Leftover, LeftoverRows, LeftoverWhy};
use crate::losses::{InstallationRows, LossRows, LossWhy};
use crate::modes::ModeRows;
use crate::subject::Subject;

fn minute(number: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(60 * number)
}

async fn databases() -> Vec<Db> {
    let mut urls: Vec<DbUrl> = vec!["sqlite::memory:".parse().unwrap()];
    urls.extend(test_postgres::TestPostgres::database().await.map(|url| url.parse().unwrap()));
    let mut open = Vec::new();
    for url in urls {
        let db = Db::open(&url, Purpose::Views).await.unwrap();
        migrate_views(&db, minute(0)).await.unwrap();
        open.push(db);
    }
    open
}

fn tenant(number: u128) -> Subject {
    Subject::Tenant(TenantId::from_uuid(Uuid::from_u128(number)))
}

/// A row with a word nobody knows, as a newer build may leave behind.
async fn by_hand(db: &Db, sql: &'static str) {
    let mut batch = event_store::Batch::new();
    batch.run(sql, vec![], event_store::Expect::Any);
    db.write(batch).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mode_that_is_noted_again_keeps_its_time() {
    for db in databases().await {
        let rows = ModeRows::new(db.clone());
        let first = [(System::Ocis, SystemMode::Enforce), (System::Stalwart, SystemMode::Paused)];
        rows.note_all(&first, minute(1)).await.unwrap();
        let second = [(System::Ocis, SystemMode::Observe), (System::Stalwart, SystemMode::Paused)];
        rows.note_all(&second, minute(2)).await.unwrap();
        by_hand(&db, "insert into modes (system, mode, since) values ('calendar', 'dreaming', 'never')")
            .await;
        let seen: Vec<_> =
            rows.list().await.unwrap().iter().map(|found| (found.system, found.mode, found.since)).collect();
        let wanted = [
            (System::Ocis, SystemMode::Observe, minute(2)),
            (System::Stalwart, SystemMode::Paused, minute(1)),
        ];
        assert_eq!(seen, wanted);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn differences_keep_the_first_sentences_and_count_all() {
    for db in databases().await {
        let rows = DifferenceRows::new(db.clone());
        let many: Vec<String> = (0..30).map(|number| format!("{number}{}", "ø".repeat(300))).collect();
        rows.note(tenant(1), System::Ocis, &["make a space".to_owned()], minute(1)).await.unwrap();
        rows.note(tenant(1), System::Ocis, &many, minute(2)).await.unwrap();
        rows.note(tenant(2), System::Ocis, &many, minute(2)).await.unwrap();
        rows.note(tenant(2), System::Stalwart, &[], minute(2)).await.unwrap();
        let kept = "select steps, count, at from differences where subject = $1";
        let found = db.query(kept, &[tenant(1).to_string().into()]).await.unwrap();
        let steps: Vec<String> = serde_json::from_str(found[0].text(0).unwrap()).unwrap();
        assert_eq!((found[0].count(1).unwrap(), steps.len()), (30, 20));
        assert_eq!(found[0].text(2).unwrap(), minute(2).to_string());
        assert!(steps.iter().all(|step| step.chars().count() == 200));
        assert_eq!(rows.count_by_system().await.unwrap(), [(System::Ocis, 2)]);
        rows.forget(tenant(1), System::Ocis).await.unwrap();
        assert!(db.query(kept, &[tenant(1).to_string().into()]).await.unwrap().is_empty());
        assert_eq!(rows.count_by_system().await.unwrap(), [(System::Ocis, 1)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_keeps_its_first_time_and_its_confirmation_until_its_reason_changes() {
    for db in databases().await {
        let rows = LossRows::new(db);
        let system = System::Authentik;
        assert!(!rows.confirm(system, minute(1)).await.unwrap(), "there is nothing to confirm");
        rows.note(system, LossWhy::Missing, (37, 41), minute(1)).await.unwrap();
        assert!(rows.confirm(system, minute(2)).await.unwrap());
        assert!(rows.confirm(system, minute(3)).await.unwrap(), "twice is as good as once");
        rows.note(system, LossWhy::Missing, (30, 41), minute(4)).await.unwrap();
        let loss = rows.of(system).await.unwrap().unwrap();
        assert_eq!((loss.missing, loss.bound, loss.since), (30, 41, minute(1)));
        assert_eq!(loss.confirmed_at, Some(minute(2)));
        rows.note(system, LossWhy::AnotherInstallation, (41, 41), minute(5)).await.unwrap();
        let loss = rows.of(system).await.unwrap().unwrap();
        assert_eq!((loss.why, loss.since), (LossWhy::AnotherInstallation, minute(5)));
        assert_eq!(loss.confirmed_at, None, "nobody was asked about this");
        rows.forget(system).await.unwrap();
        assert_eq!(rows.list().await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_is_remembered() {
    for db in databases().await {
        let rows = InstallationRows::new(db);
        assert_eq!(rows.of(System::Ocis).await.unwrap(), None);
        rows.note(System::Ocis, "one", minute(1)).await.unwrap();
        rows.note(System::Ocis, "another", minute(2)).await.unwrap();
        assert_eq!(rows.of(System::Ocis).await.unwrap().as_deref(), Some("another"));
    }
}

fn space(id: &str, owner: &str, why: LeftoverWhy) -> Leftover {
    let (kind, external_id, owner) = ("space".to_owned(), id.to_owned(), owner.to_owned());
    Leftover { system: System::Ocis, kind, external_id, owner, why }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leftovers_are_what_the_last_sweep_saw_and_keep_what_is_known_of_them() {
    for db in databases().await {
        let rows = LeftoverRows::new(db.clone());
        let (kept, gone) = (space("a", "ten_1", LeftoverWhy::Twin), space("b", "ten_2", LeftoverWhy::Twin));
        rows.replace(System::Ocis, &[kept.clone(), gone, kept.clone()], minute(1)).await.unwrap();
        let fresh = space("c", "ten_9", LeftoverWhy::UnknownOwner);
        // At the same moment as the first: what counts is what was seen, not when.
        rows.replace(System::Ocis, &[kept.clone(), fresh.clone()], minute(1)).await.unwrap();
        rows.replace(System::Authentik, &[], minute(3)).await.unwrap();
        by_hand(
            &db,
            "insert into leftovers (system, kind, external_id, owner, why, since, seen_at)
                      values ('ocis', 'space', 'odd', 'ten_1', 'because', 'x', 'x')",
        )
        .await;
        let listed: Vec<_> = rows.list(20).await.unwrap().into_iter().map(|found| found.leftover).collect();
        assert_eq!(listed, [kept, fresh]);
        assert_eq!(rows.list(1).await.unwrap().len(), 1);
        let of_owner = rows.of_owner(System::Ocis, "ten_1").await.unwrap();
        let [one] = of_owner.as_slice() else { panic!("{of_owner:?}") };
        assert_eq!(one.since, minute(1));
        let counts: Vec<_> =
            rows.counts().await.unwrap().into_iter().map(|found| (found.why, found.count)).collect();
        assert_eq!(counts, [(LeftoverWhy::Twin, 1), (LeftoverWhy::UnknownOwner, 1)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_rows_are_counted_and_only_the_first_are_listed() {
    for db in databases().await {
        let rows = DueRows::new(db.clone());
        let wanted = (0..200).map(|number| ((tenant(number), System::Ocis), crate::due::Haste::Usual));
        rows.ask(wanted, 1, minute(1)).await.unwrap();
        by_hand(&db, "update due set state = 'blocked', reason = 'Paused' where subject < 'ten_00000000000000000000000003'")
            .await;
        let counts = rows.counts().await.unwrap();
        assert_eq!(counts.iter().map(|found| found.count).sum::<u64>(), 200);
        assert_eq!(counts.len(), 2, "{counts:?}");
        assert_eq!(rows.list(50).await.unwrap().len(), 50);
    }
}
