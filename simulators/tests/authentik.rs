//! What the authentik simulator promises beyond single recorded answers: doors that close, state that stays, faults.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking there")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use simulators::authentik::{Authentik, LoginRefused, Release, Settings};
use simulators::{Effect, Rule, Running};

const TOKEN: &str = "bootstrap-token";
const START_SECONDS: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(START_SECONDS).unwrap()
}

fn settings() -> Settings {
    Settings { token: TOKEN.to_owned(), release: Release::R2026_5, recovery_flow: None, now }
}

struct Client {
    authentik: Authentik,
    running: Running,
    http: reqwest::Client,
}

impl Client {
    async fn of(authentik: Authentik) -> Self {
        let running = authentik.start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { authentik, running, http }
    }

    async fn fresh() -> Self {
        Self::of(Authentik::new(settings())).await
    }

    async fn try_ask(&self, method: Method, path: &str, body: Value) -> reqwest::Result<(u16, Value)> {
        let url = format!("{}/api/v3{path}", self.running.base_url());
        let mut asking = self.http.request(method, url).bearer_auth(TOKEN);
        if !body.is_null() {
            asking = asking.json(&body);
        }
        let answer = asking.send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.try_ask(method, path, body).await.unwrap()
    }

    async fn user(&self, username: &str) -> i64 {
        let (status, user) =
            self.ask(Method::POST, "/core/users/", json!({ "username": username, "name": "" })).await;
        assert_eq!(status, 201, "{user}");
        user["pk"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn disabling_ends_sessions_and_tokens_and_shuts_the_login_until_it_is_lifted() {
    let client = Client::fresh().await;
    let pk = client.user("anna@acme.test").await;
    client.authentik.login("Anna@ACME.test").unwrap();
    let door = client.authentik.door("anna@acme.test").unwrap();
    assert_eq!((door.sessions, door.access_tokens, door.refresh_tokens), (1, 1, 1));

    client.ask(Method::PATCH, &format!("/core/users/{pk}/"), json!({ "is_active": false })).await;
    let door = client.authentik.door("anna@acme.test").unwrap();
    assert_eq!((door.active, door.sessions, door.access_tokens, door.refresh_tokens), (false, 0, 0, 0));
    assert_eq!(client.authentik.login("anna@acme.test"), Err(LoginRefused::Inactive));

    client.ask(Method::PATCH, &format!("/core/users/{pk}/"), json!({ "is_active": true })).await;
    assert!(client.authentik.login("anna@acme.test").is_ok());
}

#[tokio::test]
async fn ending_sessions_leaves_refresh_tokens_until_each_is_deleted() {
    let client = Client::fresh().await;
    let pk = client.user("anna").await;
    client.authentik.login("anna").unwrap();
    let path = format!("/core/authenticated_sessions/bulk_delete/?user_pks={pk}");
    assert_eq!(client.ask(Method::DELETE, &path, Value::Null).await, (200, json!({ "deleted": 1 })));
    let door = client.authentik.door("anna").unwrap();
    assert_eq!((door.sessions, door.access_tokens, door.refresh_tokens), (0, 0, 1));

    let (_, tokens) =
        client.ask(Method::GET, &format!("/oauth2/refresh_tokens/?user={pk}"), Value::Null).await;
    let token = tokens["results"][0]["pk"].as_i64().unwrap();
    let path = format!("/oauth2/refresh_tokens/{token}/");
    assert_eq!(client.ask(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(client.authentik.door("anna").unwrap().refresh_tokens, 0);
}

#[tokio::test]
async fn login_over_http_is_refused_to_the_inactive_and_the_unknown() {
    let client = Client::fresh().await;
    let pk = client.user("anna").await;
    client.ask(Method::PATCH, &format!("/core/users/{pk}/"), json!({ "is_active": false })).await;
    for (username, refused) in [("anna", "inactive"), ("nobody", "unknown")] {
        let url = format!("{}/_simulator/login", client.running.base_url());
        let answer = client.http.post(url).json(&json!({ "username": username })).send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "refused": refused }));
    }
}

#[tokio::test]
async fn a_lost_reply_leaves_the_group_and_the_retry_is_told_so() {
    let client = Client::fresh().await;
    client
        .running
        .faults
        .add(Rule::once(Effect::LostReplyAfterEffect).method(&Method::POST).path("/groups/"));
    let body = json!({ "name": "dezky-tenant-acme" });
    assert!(client.try_ask(Method::POST, "/core/groups/", body.clone()).await.is_err());

    let (_, page) = client.ask(Method::GET, "/core/groups/?name=dezky-tenant-acme", Value::Null).await;
    assert_eq!(page["pagination"]["count"], 1);
    let (status, error) = client.ask(Method::POST, "/core/groups/", body).await;
    assert_eq!((status, error), (400, json!({ "name": ["Group with this name already exists."] })));
    assert_eq!((client.running.faults.reads(), client.running.faults.writes()), (1, 2));
}

#[tokio::test]
async fn of_many_creates_at_once_one_succeeds() {
    let client = Client::fresh().await;
    let create = || client.ask(Method::POST, "/core/groups/", json!({ "name": "one" }));
    let answers = tokio::join!(create(), create(), create(), create());
    let mut statuses = [answers.0.0, answers.1.0, answers.2.0, answers.3.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400]);
}

#[tokio::test]
async fn stopping_and_starting_on_the_same_port_keeps_the_state() {
    let client = Client::fresh().await;
    client.user("anna").await;
    let (authentik, address) = (client.authentik.clone(), client.running.address);
    client.running.stop().await;
    assert!(client.http.get(format!("http://{address}/-/health/live/")).send().await.is_err());

    let running = authentik.start(address).await.unwrap();
    let client = Client { running, authentik, http: client.http };
    let (_, page) = client.ask(Method::GET, "/core/users/?username=anna", Value::Null).await;
    assert_eq!(page["pagination"]["count"], 1);
}

#[tokio::test]
async fn a_journal_survives_a_process_that_never_said_goodbye() {
    let path: PathBuf = std::env::temp_dir().join(format!("dezky-authentik-{}", std::process::id()));
    drop(std::fs::remove_file(&path));
    let before = Client::of(Authentik::persisted(settings(), path.clone()).unwrap()).await;
    let pk = before.user("anna").await;
    let (_, group) = before.ask(Method::POST, "/core/groups/", json!({ "name": "acme" })).await;
    let group = group["pk"].as_str().unwrap();
    before.ask(Method::POST, &format!("/core/groups/{group}/add_user/"), json!({ "pk": pk })).await;
    before.ask(Method::DELETE, "/core/users/3/", Value::Null).await;
    before.authentik.login("anna").unwrap();

    let after = Authentik::persisted(settings(), path.clone()).unwrap();
    assert_eq!(after.door("anna"), before.authentik.door("anna"));
    assert_eq!(after.save()["users"], before.authentik.save()["users"]);
    let next = Client::of(after).await.user("berta").await;
    assert!(next > pk, "a number is never given twice");
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn drift_by_hand_is_visible_and_leaves_no_trace_in_the_log() {
    let client = Client::fresh().await;
    let (status, group) =
        client.authentik.by_hand(&Method::POST, "/api/v3/core/groups/", json!({ "name": "drift" }));
    assert_eq!((status, &group["name"]), (201, &json!("drift")));
    assert!(client.running.faults.requests().is_empty());
    let (_, page) = client.ask(Method::GET, "/core/groups/?name=drift", Value::Null).await;
    assert_eq!(page["results"][0]["pk"], group["pk"]);
}

#[tokio::test]
async fn pages_hold_a_hundred_at_most_and_cover_everything_once() {
    let client = Client::fresh().await;
    for number in 0..223 {
        let body = json!({ "name": format!("tenant-{number:03}") });
        client.authentik.by_hand(&Method::POST, "/api/v3/core/groups/", body);
    }
    let (mut names, mut page) = (Vec::new(), 1);
    while page != 0 {
        let path = format!("/core/groups/?page_size=1000&include_users=false&ordering=name&page={page}");
        let (_, answer) = client.ask(Method::GET, &path, Value::Null).await;
        let results = answer["results"].as_array().unwrap();
        assert!(results.len() <= 100);
        names.extend(results.iter().map(|group| group["name"].as_str().unwrap().to_owned()));
        page = answer["pagination"]["next"].as_i64().unwrap();
    }
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((names.len(), &sorted), (225, &names));
}

#[tokio::test]
async fn users_changed_since_are_found_even_when_the_clock_stands_still() {
    let client = Client::fresh().await;
    let pk = client.user("anna").await;
    client.user("berta").await;
    let (_, last) =
        client.ask(Method::GET, "/core/users/?ordering=-last_updated&page_size=1", Value::Null).await;
    let since = last["results"][0]["last_updated"].as_str().unwrap().to_owned();
    client.ask(Method::PATCH, &format!("/core/users/{pk}/"), json!({})).await;
    let path = format!("/core/users/?last_updated__gt={since}");
    let (_, changed) = client.ask(Method::GET, &path, Value::Null).await;
    assert_eq!(
        (&changed["pagination"]["count"], &changed["results"][0]["username"]),
        (&json!(1), &json!("anna"))
    );
}

#[tokio::test]
async fn a_recovery_link_names_the_public_host_and_a_bad_duration_fails_like_a_server() {
    let settings = Settings { recovery_flow: Some("dezky-recovery".to_owned()), ..settings() };
    let client = Client::of(Authentik::new(settings)).await;
    let pk = client.user("anna").await;
    let url = format!("{}/api/v3/core/users/{pk}/recovery/", client.running.base_url());
    let asking = client.http.post(&url).bearer_auth(TOKEN).json(&json!({ "token_duration": "hours=24" }));
    let asking = asking.header("host", "auth.example").header("x-forwarded-proto", "https");
    let answer: Value = asking.send().await.unwrap().json().await.unwrap();
    let link = answer["link"].as_str().unwrap();
    assert!(link.starts_with("https://auth.example/if/flow/dezky-recovery/?flow_token="), "{link}");

    let asking = client.http.post(&url).bearer_auth(TOKEN).json(&json!({ "token_duration": "24h" }));
    let failed = asking.send().await.unwrap();
    assert_eq!(
        (failed.status().as_u16(), failed.headers()["content-type"].to_str().unwrap()),
        (405, "text/html; charset=utf-8")
    );
    assert_eq!(failed.text().await.unwrap(), "");
}

#[tokio::test]
async fn the_release_before_knows_one_parent_and_no_bulk_delete() {
    let client = Client::of(Authentik::new(Settings { release: Release::R2025_10, ..settings() })).await;
    let (_, group) = client.ask(Method::POST, "/core/groups/", json!({ "name": "acme" })).await;
    assert_eq!((group.get("parents"), group.get("parent")), (None, Some(&Value::Null)));
    let path = "/core/authenticated_sessions/bulk_delete/?user_pks=4";
    assert_eq!(client.ask(Method::DELETE, path, Value::Null).await.0, 404);
}

#[tokio::test]
async fn an_expiring_token_is_dead_after_half_an_hour_and_a_lasting_one_is_not() {
    static PASSED: AtomicI64 = AtomicI64::new(0);
    let now = || Timestamp::from_second(START_SECONDS + PASSED.load(Ordering::SeqCst)).unwrap();
    let client = Client::of(Authentik::new(Settings { now, ..settings() })).await;
    let mut keys = Vec::new();
    for (identifier, expiring) in [("expiring", true), ("lasting", false)] {
        let body = json!({ "identifier": identifier, "expiring": expiring });
        client.ask(Method::POST, "/core/tokens/", body).await;
        let (_, shown) =
            client.ask(Method::GET, &format!("/core/tokens/{identifier}/view_key/"), Value::Null).await;
        keys.push(shown["key"].as_str().unwrap().to_owned());
    }
    PASSED.store(31 * 60, Ordering::SeqCst);
    let mut statuses = Vec::new();
    for key in keys {
        let url = format!("{}/api/v3/core/users/me/", client.running.base_url());
        statuses.push(client.http.get(url).bearer_auth(key).send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [403, 200]);
}
