//! Much of what we made is gone at once: the system was restored, reset or swapped, or it lies.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use test_process::{Api, Installation, Running};

use crate::tenants::{Outside, becomes, suspend};
use crate::{converged, create, installation, outside, until, up};

const TENANTS: usize = 12;
const LOUD: &str = "too much of what we made is missing";

/// The platform with so many tenants in place, and nothing made of later ones but by a sweep every second.
async fn in_place(installation: &mut Installation) -> (Running, Api, Outside) {
    installation.set("DEZKY_SWEEP_SECONDS", "1");
    let (running, operator) = up(installation).await;
    for number in 0..TENANTS {
        create(&operator, &format!("tenant-{number}")).await;
    }
    for number in 0..TENANTS {
        converged(&operator, &format!("tenant-{number}")).await;
    }
    converged(&operator, "dezky").await;
    (running, operator, Outside::of(installation))
}

async fn is_lost(operator: &Api, why: &str) -> Value {
    let mut found = Value::Null;
    until(operator, "/readyz", "said what is lost", |ready| {
        let losses = ready["reconciler"]["losses"].as_array();
        losses.is_some_and(|losses| losses.len() == 1 && losses[0]["why"] == why)
    })
    .await;
    let ready = operator.get("/readyz").await.unwrap();
    assert_eq!((ready.status, &ready.body["status"]), (200, &json!("ready")), "{}", ready.body);
    found.clone_from(&ready.body["reconciler"]["losses"][0]);
    assert_eq!((&found["system"], &found["confirmed"]), (&json!("ocis"), &json!(false)), "{found}");
    found
}

async fn metric(installation: &Installation, line: &str) -> bool {
    let url = format!("http://{}/metrics", installation.address().unwrap());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    text.lines().any(|found| found == line)
}

async fn status(installation: &Installation) -> String {
    let (code, text, errors) = installation.run(&["status"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    text
}

/// Spaces by whose they are: one each, or somebody has two.
async fn owners(outside: &Outside) -> (usize, BTreeSet<String>) {
    let spaces = outside.ocis.rows("spaces").await.unwrap();
    let owners = spaces.iter().map(|(_, row)| row["description"].as_str().unwrap_or_default().to_owned());
    (spaces.len(), owners.collect())
}

#[tokio::test]
async fn while_a_list_of_spaces_lies_nothing_is_made_doors_shut_and_afterwards_it_goes_on_by_itself() {
    let mut installation = installation();
    let (running, operator, outside) = in_place(&mut installation).await;
    let spaces = outside.spaces().await;

    let lie = json!({ "method": "GET", "path": "drives?", "count": "always", "effect": "nothing_there" });
    outside.ocis.faults(&[lie]).await.unwrap();
    let found = is_lost(&operator, "missing").await;
    assert_eq!(found["missing"], spaces, "{found}");
    create(&operator, "later").await;
    suspend(&operator, "tenant-0").await;
    becomes("open spaces", spaces - 1, || outside.open_spaces()).await;
    until(&operator, "/tenants/later", "had its group", |tenant| {
        tenant["provisioningStatus"]["authentik"] == "ok"
    })
    .await;
    let text = status(&installation).await;
    assert!(text.contains("dezky confirm-loss ocis"), "{text}");
    assert!(metric(&installation, r#"dezky_creating_stopped{system="ocis"} 1"#).await);
    assert_eq!(outside.spaces().await, spaces, "nothing is made meanwhile");

    outside.ocis.faults(&[]).await.unwrap();
    converged(&operator, "later").await;
    let (count, owners) = owners(&outside).await;
    assert_eq!((count, owners.len()), (spaces + 1, spaces + 1), "{owners:?}");
    assert!(metric(&installation, r#"dezky_creating_stopped{system="ocis"} 0"#).await);
    let printed = running.printed().unwrap();
    let loud: Vec<&str> = printed.lines().filter(|line| line.contains(LOUD)).collect();
    assert!(loud.len() == 1 && loud[0].contains("ERROR"), "{loud:#?}");
}

#[tokio::test]
async fn spaces_that_were_wiped_are_made_again_once_each_when_an_operator_says_so() {
    let mut installation = installation();
    let (running, operator, outside) = in_place(&mut installation).await;
    let (spaces, before) = owners(&outside).await;

    assert_eq!(outside.ocis.lose("spaces", |_| true).await.unwrap(), spaces);
    is_lost(&operator, "missing").await;
    let made = outside.ocis.rows("spaces").await.unwrap();
    assert!(made.is_empty(), "nothing is made before somebody confirms it: {made:#?}");
    let (code, printed, errors) = installation.run(&["confirm-loss", "ocis"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    assert!(printed.contains("made again"), "{printed}");
    becomes("spaces", spaces, || outside.spaces()).await;
    until(&operator, "/readyz", "forgot the loss", |ready| ready["reconciler"]["losses"] == json!([])).await;
    for number in 0..TENANTS {
        converged(&operator, &format!("tenant-{number}")).await;
    }
    let (count, after) = owners(&outside).await;
    assert_eq!((count, after), (spaces, before));
    let printed = running.printed().unwrap();
    assert_eq!(printed.lines().filter(|line| line.contains(LOUD)).count(), 1);
}

#[tokio::test]
async fn another_installation_of_the_file_server_is_noticed_before_anything_is_made_in_it() {
    let mut installation = installation();
    let ours = outside(&mut installation).await;
    let (_running, operator, outside_of) = in_place(&mut installation).await;
    let spaces = outside_of.spaces().await;

    ours.kill().await.unwrap();
    std::fs::remove_file(installation.folder().join("data/simulated-ocis.jsonl")).unwrap();
    let _theirs = outside(&mut installation).await;
    is_lost(&operator, "another-installation").await;
    assert_eq!(outside_of.spaces().await, 0, "nothing is made in an installation we do not know");
    assert!(status(&installation).await.contains("another installation"));
    let (code, _, errors) = installation.run(&["confirm-loss", "ocis"]).await.unwrap();
    assert_eq!(code, 0, "{errors}");
    becomes("spaces", spaces, || outside_of.spaces()).await;
}
