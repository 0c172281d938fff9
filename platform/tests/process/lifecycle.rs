//! Starting beside another process, stopping, and folders that do not belong together.

use std::time::Duration;

use test_postgres::TestPostgres;
use test_process::free_address;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{create, installation, up};

#[tokio::test]
async fn a_second_up_on_a_data_folder_is_refused_and_harms_nothing() {
    let mut installation = installation();
    let (_running, operator) = up(&installation).await;
    let there = installation.setting("DEZKY_LISTEN").unwrap().to_owned();
    installation.set("DEZKY_LISTEN", free_address().unwrap().to_string());
    let (code, printed, errors) = installation.run(&["up"]).await.unwrap();
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(errors.contains("DEZKY_DATA") && errors.contains("another"), "{errors}");
    installation.set("DEZKY_LISTEN", there);
    assert_eq!(operator.get("/users/me").await.unwrap().status, 200);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_before_anything_is_promised() {
    let here = installation();
    let (_running, _) = up(&here).await;
    let mut elsewhere = installation();
    elsewhere.set("DEZKY_LISTEN", here.setting("DEZKY_LISTEN").unwrap());
    let (code, printed, errors) = elsewhere.run(&["up"]).await.unwrap();
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(errors.contains("DEZKY_LISTEN") && errors.contains("in use"), "{errors}");
}

#[tokio::test]
async fn a_stop_is_polite_and_does_not_wait_for_a_request_that_never_ends() {
    let installation = installation();
    let (mut running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    let mut idle = TcpStream::connect(installation.address().unwrap()).await.unwrap();
    idle.write_all(b"GET /health HT").await.unwrap();
    running.terminate().unwrap();
    let code = timeout(Duration::from_mins(1), running.ended()).await.expect("it ends").unwrap();
    assert_eq!(code, Some(0), "{}", running.printed().unwrap());
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap_or_default(), 0);

    let (_running, operator) = up(&installation).await;
    assert_eq!(operator.get("/tenants/acme").await.unwrap().status, 200);
}

#[tokio::test]
async fn read_models_of_another_log_are_refused_with_the_remedy() {
    let installation = installation();
    let (running, operator) = up(&installation).await;
    create(&operator, "acme").await;
    let backup = installation.folder().join("copy.backup").display().to_string();
    let (code, _, errors) = installation.run(&["backup", &backup]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    running.kill().await.unwrap();
    let data = installation.folder().join("data");
    let remove = |database: &str| {
        for file in ["", "-wal", "-shm"] {
            // Only what a kill left there.
            let _ = std::fs::remove_file(data.join(format!("{database}{file}")));
        }
    };
    remove("log.sqlite3");

    let (code, printed, errors) = installation.run(&["up"]).await.unwrap();
    assert_eq!((code, printed.as_str()), (1, ""));
    assert!(errors.contains("views.sqlite3") && errors.contains("ends at 0"), "{errors}");
    let (code, _, errors) = installation.run(&["restore", &backup]).await.unwrap();
    assert_eq!(code, 1);
    assert!(errors.contains("DEZKY_VIEWS_URL"), "{errors}");

    remove("views.sqlite3");
    let (code, _, errors) = installation.run(&["restore", &backup]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let (_running, operator) = up(&installation).await;
    assert_eq!(operator.get("/tenants/acme").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_backup_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let installation = installation();
    let (_running, _) = up(&installation).await;
    let file = installation.folder().join("copy.backup");
    let (code, _, errors) = installation.run(&["backup", &file.display().to_string()]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    let data = std::fs::metadata(installation.folder().join("data")).unwrap();
    assert_eq!(data.permissions().mode() & 0o077, 0);
    let (code, _, errors) = installation.run(&["backup", "missing-folder/copy.backup"]).await.unwrap();
    assert_eq!(code, 1);
    assert!(errors.contains("missing-folder"), "{errors}");
}

#[tokio::test]
async fn several_projectors_and_reconcilers_share_the_work() {
    let Some(database) = TestPostgres::database().await else { return };
    let mut installation = installation();
    let _outside = crate::outside(&mut installation).await;
    installation.set("DEZKY_LOG_URL", database);
    let (code, _, errors) = installation.run(&["migrate"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    let first = [installation.start(&["projector"]).unwrap(), installation.start(&["reconciler"]).unwrap()];
    let _second = [installation.start(&["projector"]).unwrap(), installation.start(&["reconciler"]).unwrap()];
    let mut api = installation.start(&["command-api"]).unwrap();
    installation.ready(&mut api).await.unwrap();
    let operator = installation.client("operator", None).await.unwrap();
    assert_eq!(operator.get("/users/me").await.unwrap().status, 200);
    for number in 0..6 {
        create(&operator, &format!("tenant-{number}")).await;
    }
    for one in first {
        one.kill().await.unwrap();
    }
    for number in 0..6 {
        crate::converged(&operator, &format!("tenant-{number}")).await;
    }
    let (code, printed, _) = installation.run(&["verify", "--json"]).await.unwrap();
    assert_eq!(code, 0, "{printed}");
}
