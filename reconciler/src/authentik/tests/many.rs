//! How many calls a tenant of many people costs, against the simulated server.

use std::net::Ipv4Addr;
use std::time::Duration;

use simulators::authentik::{Authentik as Simulator, Release, Settings};

use super::*;
use crate::call::Line;
use crate::integration::{Last, Settled, converge};

struct There {
    simulator: Simulator,
    _running: simulators::Running,
    authentik: Authentik,
}

async fn there() -> There {
    let simulator = Simulator::new(Settings {
        token: "t".into(),
        release: Release::R2026_5,
        recovery_flow: None,
        now: || jiff::Timestamp::UNIX_EPOCH,
    });
    let running = simulator.start((Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
    let line =
        Line::new(System::Authentik, &running.base_url(), Duration::from_secs(30), &[], Lane::new(8, None))
            .unwrap();
    let authentik = Authentik::new(Client::new(line, "t".into()), "here".into(), true);
    There { simulator, _running: running, authentik }
}

/// One attempt: how it ended, and what it took.
async fn attempt(there: &There, desired: &mut Desired<Spec>) -> (Settled, u64, u64) {
    there.simulator.faults.clear_requests();
    let attempt = converge(&there.authentik, desired).await;
    desired.known = attempt.seen.unwrap().objects;
    let faults = &there.simulator.faults;
    (attempt.outcome.unwrap(), faults.reads(), faults.writes())
}

/// What one look reads at most: groups, members or their marks, strangers.
fn look(people: u64) -> u64 {
    5 + 2 * people.div_ceil(100) + people.div_ceil(60)
}

async fn calls(people: u64) {
    let everybody = || (1..=people).map(|number| person(number.into()));
    let there = there().await;
    let mut wanted = desired(everybody().collect());
    wanted.gate = Gate::Waiting;
    let (settled, reads, writes) = attempt(&there, &mut wanted).await;
    assert_eq!((settled, writes), (Settled::Waiting, people + 2), "each account is one write");
    assert!(reads <= 2 * look(people), "{reads}");

    wanted.gate = Gate::Open;
    let (settled, reads, writes) = attempt(&there, &mut wanted).await;
    assert_eq!((settled, writes), (Settled::Level, 2 * people), "entitled and enabled");
    assert!(reads <= 2 * look(people), "{reads}");

    // The first stays enabled, as an owner would.
    let held = (1..=people).map(|number| PersonSpec {
        account: if number == 1 { super::super::Account::Enabled } else { super::super::Account::Disabled },
        ..out(number.into(), 40)
    });
    let known = wanted.known;
    let mut shut = Desired { known: known.clone(), asked: Asked::Shut, ..desired(held.collect()) };
    let (settled, reads, writes) = attempt(&there, &mut shut).await;
    assert_eq!((settled, writes), (Settled::Level, people.div_ceil(100) + 2 * people + 1));
    assert!(reads <= 2 * look(people), "{reads}");

    let mut back = Desired { known, last: Last::Level, ..desired(everybody().collect()) };
    let (settled, reads, writes) = attempt(&there, &mut back).await;
    assert_eq!((settled, writes), (Settled::Level, 2 * people - 1));
    assert!(reads <= 2 * look(people), "{reads}");
}

#[tokio::test]
async fn calls_of_one_person() {
    calls(1).await;
}

#[tokio::test]
async fn calls_of_ten_people() {
    calls(10).await;
}

#[tokio::test]
async fn calls_of_a_hundred_and_fifty_people() {
    calls(150).await;
}

#[tokio::test]
async fn calls_of_five_hundred_people() {
    calls(500).await;
}

#[tokio::test]
async fn with_an_open_gate_everybody_is_one_write() {
    let there = there().await;
    let mut wanted = desired((1..=150).map(person).collect());
    let (settled, reads, writes) = attempt(&there, &mut wanted).await;
    assert_eq!((settled, writes), (Settled::Level, 152));
    assert!(reads <= 2 * look(150), "{reads}");
    assert_eq!(there.simulator.door("p150@acme.dk").unwrap().groups, [ENTITLED_GROUP, "dezky-tenant-acme"]);
}

#[tokio::test]
async fn twins_that_a_sweep_found_are_removed_when_they_are_empty() {
    let there = there().await;
    let mut wanted = desired(vec![person(1)]);
    attempt(&there, &mut wanted).await;
    let twin = |name: &str, users: Value| {
        let body = json!({ "name": name, "attributes": { "dezky": owner().mark() }, "users": users });
        let (status, made) = there.simulator.by_hand(&http::Method::POST, "/api/v3/core/groups/", body);
        assert_eq!(status, 201, "{made}");
        made["pk"].as_str().unwrap().to_owned()
    };
    let member = there.simulator.door("p1@acme.dk").unwrap().user;
    let (empty, used) = (twin("empty", json!([])), twin("used", json!([member])));
    wanted.leftovers = BTreeSet::from([empty.clone(), used.clone()]);
    let (settled, _, writes) = attempt(&there, &mut wanted).await;
    assert_eq!((settled, writes), (Settled::Level, 1));
    let is_there = |pk: &str| {
        let path = format!("/api/v3/core/groups/{pk}/");
        there.simulator.by_hand(&http::Method::GET, &path, Value::Null).0 == 200
    };
    assert_eq!((is_there(&empty), is_there(&used)), (false, true));
}

#[tokio::test]
async fn another_installation_has_another_fingerprint() {
    let there = there().await;
    let before = there.authentik.client().fingerprint().await.unwrap();
    assert!(before.is_some());
    assert_eq!(there.authentik.client().fingerprint().await.unwrap(), before);
    there.simulator.swap();
    let after = there.authentik.client().fingerprint().await.unwrap();
    assert!(after.is_some() && after != before);
}

#[tokio::test]
async fn a_refused_value_names_its_person_and_stops_nobody_else() {
    let there = there().await;
    let odd = PersonSpec { username: "no address".into(), ..person(2) };
    let wanted = desired(vec![person(1), odd, person(3)]);
    let error = converge(&there.authentik, &wanted).await.outcome.unwrap_err();
    assert!(error.is_of_a_person());
    assert_eq!(error.resource.map(|resource| resource.key), Some(user(2).to_string()));
    assert_eq!(error.upstream.as_deref(), Some("email: Enter a valid email address."));
    assert!(there.simulator.door("p1@acme.dk").is_some() && there.simulator.door("p3@acme.dk").is_some());
}
