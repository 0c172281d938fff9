//! What the simulated mail server does beyond the recordings: mail, sign-in, paging, restarts.

#![expect(clippy::unwrap_used, reason = "a test says what failed by panicking there")]

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use simulators::stalwart::{Delivery, Login, Settings, Stalwart, Submission};
use simulators::{Effect, Rule, Running};

const TOKEN: &str = "API_key_of_the_provisioner";

fn settings() -> Settings {
    Settings { token: TOKEN.to_owned(), admin: None }
}

/// A started server and a client of it.
struct Server {
    handle: Stalwart,
    running: Running,
    client: reqwest::Client,
}

impl Server {
    async fn start() -> Self {
        Self::of(Stalwart::new(settings())).await
    }

    async fn of(handle: Stalwart) -> Self {
        let running = handle.start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().unwrap();
        Self { handle, running, client }
    }

    async fn post(&self, body: String) -> reqwest::Result<reqwest::Response> {
        let url = format!("{}/jmap/", self.running.base_url());
        let request = self.client.post(url).bearer_auth(TOKEN);
        request.header("content-type", "application/json").body(body).send().await
    }

    /// The answers of all calls: method and body.
    async fn calls(&self, calls: Value) -> Vec<(String, Value)> {
        let body = json!({ "using": ["urn:stalwart:jmap"], "methodCalls": calls }).to_string();
        let answer: Value = self.post(body).await.unwrap().json().await.unwrap();
        let responses = answer["methodResponses"].as_array().unwrap_or_else(|| panic!("{answer}"));
        responses.iter().map(|one| (one[0].as_str().unwrap().to_owned(), one[1].clone())).collect()
    }

    async fn call(&self, method: &str, arguments: Value) -> Value {
        self.calls(json!([[method, arguments, "0"]])).await.remove(0).1
    }

    /// A domain with keys made by hand; its id.
    async fn domain(&self, name: &str) -> String {
        let domain = json!({ "name": name, "dkimManagement": { "@type": "Manual" } });
        self.create("x:Domain/set", domain).await
    }

    async fn create(&self, method: &str, object: Value) -> String {
        let answer = self.call(method, json!({ "create": { "x": object } })).await;
        answer["created"]["x"]["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn user(&self, name: &str, domain: &str) -> String {
        self.create("x:Account/set", json!({ "@type": "User", "name": name, "domainId": domain })).await
    }

    async fn act(&self, action: &str) {
        let answer = self.call("x:Action/set", json!({ "create": { "a": { "@type": action } } })).await;
        assert!(answer["created"]["a"]["id"].is_string(), "{answer}");
    }

    /// The RCPT gate of the recipe, with an empty list.
    async fn gate(&self) {
        let script = json!({
            "name": "gate", "isActive": true,
            "contents": "require [\"reject\"];\nreject \"451 4.7.1 Suspended\";\n",
        });
        self.create("x:SieveSystemScript/set", script).await;
        let choice = json!({
            "match": { "0": { "if": "key_exists('refused', rcpt_domain)", "then": "'gate'" } }, "else": "false",
        });
        let update = json!({ "update": { "singleton": { "script": choice } } });
        self.call("x:MtaStageRcpt/set", update).await;
        self.act("ReloadSettings").await;
    }

    async fn refuse(&self, domain: &str) -> String {
        let key = json!({ "namespace": "refused", "key": domain, "isGlobPattern": false });
        self.create("x:MemoryLookupKey/set", key).await
    }

    async fn ids(&self, query: Value) -> Vec<String> {
        let answer = self.call("x:Domain/query", query).await;
        serde_json::from_value(answer["ids"].clone()).unwrap()
    }
}

fn refused(answer: &str) -> Delivery {
    Delivery::Refused { answer: answer.to_owned() }
}

fn accepted(accounts: &[&str]) -> Delivery {
    Delivery::Accepted { accounts: accounts.iter().map(|id| (*id).to_owned()).collect() }
}

fn fresh_path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("dezky-stalwart-{name}-{}", std::process::id()));
    drop(std::fs::remove_file(&path));
    path
}

fn open(path: &Path) -> Stalwart {
    Stalwart::persisted(settings(), path.to_owned()).unwrap()
}

#[tokio::test]
async fn mail_is_stored_for_a_mailbox_and_refused_without_one() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let ann = server.user("ann", &domain).await;
    assert_eq!(server.handle.deliver("Ann@ACME.test"), accepted(&[&ann]));
    assert_eq!(server.handle.deliver("ann+news@acme.test"), accepted(&[&ann]));
    assert_eq!(server.handle.messages("ann@acme.test"), Some(2));
    let missing = "550 5.1.2 Mailbox does not exist.";
    assert_eq!(server.handle.deliver("ben@acme.test"), refused(missing));
    assert_eq!(server.handle.deliver("ann@elsewhere.test"), refused("550 5.1.2 Relay not allowed."));
}

#[tokio::test]
async fn a_domain_switched_off_goes_on_as_before() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let ann = server.user("ann", &domain).await;
    let off = json!({ "update": { &domain: { "isEnabled": false } } });
    server.call("x:Domain/set", off).await;
    assert_eq!(server.handle.deliver("ann@acme.test"), accepted(&[&ann]));
    assert_eq!(server.handle.login("ann@acme.test"), Login::Allowed);
}

#[tokio::test]
async fn the_gate_closes_a_domain_only_after_the_lookup_keys_were_reloaded() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let alias = json!({ "update": { &domain: { "aliases/acme-alias.test": true } } });
    server.call("x:Domain/set", alias).await;
    let ann = server.user("ann", &domain).await;
    server.gate().await;
    let key = server.refuse("acme.test").await;
    assert_eq!(server.handle.deliver("ann@acme.test"), accepted(&[&ann]));
    server.act("ReloadLookupStores").await;
    assert_eq!(server.handle.deliver("ann@acme.test"), refused("451 4.7.1 Suspended"));
    assert_eq!(server.handle.deliver("nobody@acme.test"), refused("451 4.7.1 Suspended"));
    assert_eq!(server.handle.deliver("ann@acme-alias.test"), accepted(&[&ann]));
    server.call("x:MemoryLookupKey/set", json!({ "destroy": [key] })).await;
    assert_eq!(server.handle.deliver("ann@acme.test"), refused("451 4.7.1 Suspended"));
    server.act("ReloadLookupStores").await;
    assert_eq!(server.handle.deliver("ann@acme.test"), accepted(&[&ann]));
}

#[tokio::test]
async fn a_pattern_closes_every_domain_it_matches() {
    let server = Server::start().await;
    let domain = server.domain("shop.acme.test").await;
    server.user("ann", &domain).await;
    server.gate().await;
    let key = json!({ "namespace": "refused", "key": "*.acme.test", "isGlobPattern": true });
    server.create("x:MemoryLookupKey/set", key).await;
    server.act("ReloadLookupStores").await;
    assert_eq!(server.handle.deliver("ann@shop.acme.test"), refused("451 4.7.1 Suspended"));
    assert_eq!(server.handle.deliver("ann@acme.test"), refused("550 5.1.2 Relay not allowed."));
}

#[tokio::test]
async fn a_role_shuts_the_door_for_all_who_have_it_and_mail_still_arrives() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let role = json!({ "description": "dezky acme", "roleIds": { "b": true } });
    let role = server.create("x:Role/set", role).await;
    let ann = json!({
        "@type": "User", "name": "ann", "domainId": domain,
        "roles": { "@type": "Custom", "roleIds": { &role: true } },
    });
    let ann = server.create("x:Account/set", ann).await;
    server.user("outside", &domain).await;
    assert_eq!(server.handle.submit("ann@acme.test"), Submission::Accepted);

    let closed = json!({ "authenticate": true, "emailSend": true });
    let update = json!({ "update": { &role: { "disabledPermissions": closed } } });
    server.call("x:Role/set", update).await;
    assert!(matches!(server.handle.login("ann@acme.test"), Login::Refused { .. }));
    assert!(matches!(server.handle.submit("ann@acme.test"), Submission::Refused { .. }));
    assert_eq!(server.handle.deliver("ann@acme.test"), accepted(&[&ann]));
    assert_eq!(server.handle.login("outside@acme.test"), Login::Allowed);

    let deaf = json!({ "update": { &role: { "disabledPermissions/emailReceive": true } } });
    server.call("x:Role/set", deaf).await;
    assert!(matches!(server.handle.deliver("ann@acme.test"), Delivery::Bounced { .. }));

    let open = json!({ "update": { &role: { "disabledPermissions": {} } } });
    server.call("x:Role/set", open).await;
    assert_eq!(server.handle.login("ann@acme.test"), Login::Allowed);
    assert_eq!(server.handle.messages("ann@acme.test"), Some(1));
}

#[tokio::test]
async fn disabled_wins_over_enabled_wherever_it_was_said() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let ann = server.user("ann", &domain).await;
    let permissions = json!({
        "@type": "Merge", "enabledPermissions": { "authenticate": true },
        "disabledPermissions": { "authenticate": true },
    });
    let update = json!({ "update": { &ann: { "permissions": permissions } } });
    server.call("x:Account/set", update).await;
    assert!(matches!(server.handle.login("ann@acme.test"), Login::Refused { .. }));

    let base = json!({ "description": "base", "roleIds": { "b": true }, "disabledPermissions": { "emailSend": true } });
    let base = server.create("x:Role/set", base).await;
    let heir = json!({ "description": "heir", "roleIds": { &base: true }, "enabledPermissions": { "emailSend": true } });
    let heir = server.create("x:Role/set", heir).await;
    let roles = json!({ "@type": "Custom", "roleIds": { heir: true } });
    let update = json!({ "update": { &ann: { "permissions": { "@type": "Inherit" }, "roles": roles } } });
    server.call("x:Account/set", update).await;
    assert_eq!(server.handle.login("ann@acme.test"), Login::Allowed);
    assert!(matches!(server.handle.submit("ann@acme.test"), Submission::Refused { .. }));
}

#[tokio::test]
async fn an_address_looked_up_too_early_stays_unknown_after_a_method_error() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let missing = refused("550 5.1.2 Mailbox does not exist.");
    assert_eq!(server.handle.deliver("one@acme.test"), missing);
    let one = json!({ "@type": "User", "name": "one", "domainId": domain });
    let roles = json!({ "@type": "Custom", "roleIds": { "zzzz": true } });
    let two = json!({ "@type": "User", "name": "two", "domainId": domain, "roles": roles });
    let error = server.call("x:Account/set", json!({ "create": { "a": one, "b": two } })).await;
    assert_eq!(error["type"], "serverUnavailable");
    assert_eq!(server.handle.deliver("one@acme.test"), missing);
    server.act("InvalidateNegativeCaches").await;
    assert!(matches!(server.handle.deliver("one@acme.test"), Delivery::Accepted { .. }));
}

#[tokio::test]
async fn a_list_reaches_its_local_members_and_a_full_mailbox_waits() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let ann = server.user("ann", &domain).await;
    let small =
        json!({ "@type": "User", "name": "small", "domainId": domain, "quotas": { "maxDiskQuota": 500 } });
    server.create("x:Account/set", small).await;
    assert!(matches!(server.handle.deliver("small@acme.test"), Delivery::Deferred { .. }));
    let recipients = json!({ "ann@acme.test": true, "small@acme.test": true, "ext@elsewhere.test": true });
    let list = json!({ "name": "all", "domainId": domain, "recipients": recipients });
    server.create("x:MailingList/set", list).await;
    assert_eq!(server.handle.deliver("all@acme.test"), accepted(&[&ann]));
}

#[tokio::test]
async fn the_control_routes_say_the_same_as_the_handle() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    let ann = server.user("ann", &domain).await;
    let base = server.running.base_url();
    let questions = [
        ("deliver", json!({ "to": "ann@acme.test" }), json!({ "outcome": "accepted", "accounts": [ann] })),
        ("login", json!({ "address": "ann@acme.test" }), json!({ "outcome": "allowed" })),
        ("submit", json!({ "from": "ann@acme.test" }), json!({ "outcome": "accepted" })),
        (
            "deliver",
            json!({ "to": "ben@acme.test" }),
            json!({ "outcome": "refused", "answer": "550 5.1.2 Mailbox does not exist." }),
        ),
    ];
    for (route, question, expected) in questions {
        let request = server.client.post(format!("{base}/_simulator/{route}")).json(&question);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer, expected, "{route} {question}");
    }
}

#[tokio::test]
async fn keys_of_a_new_domain_are_pending_first_and_there_soon() {
    let server = Server::start().await;
    let domain = server.create("x:Domain/set", json!({ "name": "acme.test" })).await;
    let tasks = server.call("x:Task/get", json!({ "ids": null })).await;
    assert_eq!(tasks["list"][0]["@type"], "DkimManagement");
    assert_eq!(tasks["list"][0]["domainId"], json!(domain));
    let keys = server.call("x:DkimSignature/query", json!({ "filter": { "domainId": domain } })).await;
    assert_eq!(keys["ids"].as_array().unwrap().len(), 2);
    let tasks = server.call("x:Task/get", json!({ "ids": null })).await;
    assert_eq!(tasks["list"], json!([]));
    let destroyed = server.call("x:Domain/set", json!({ "destroy": [domain] })).await;
    let linked = &destroyed["notDestroyed"][&domain]["linkedObjects"];
    assert_eq!(linked.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn objects_are_made_in_the_order_they_are_written_in() {
    let server = Server::start().await;
    let body = r#"{"using":["urn:stalwart:jmap"],"methodCalls":[["x:Role/set",
        {"create":{"z":{"description":"first"},"a":{"description":"second"},"m":{"description":"third"}}},"0"]]}"#;
    let answer: Value = server.post(body.to_owned()).await.unwrap().json().await.unwrap();
    let created = &answer["methodResponses"][0][1]["created"];
    assert_eq!((&created["z"]["id"], &created["a"]["id"]), (&json!("f"), &json!("g")));
    assert_eq!(created["m"]["id"], "h");
}

#[tokio::test]
async fn what_the_server_itself_needs_is_protected() {
    let server = Server::start().await;
    let answer = server.call("x:Domain/set", json!({ "destroy": ["b"] })).await;
    assert_eq!(answer["notDestroyed"]["b"]["type"], "objectIsLinked");
    let answer = server.call("x:Role/set", json!({ "destroy": ["b"] })).await;
    let linked = &answer["notDestroyed"]["b"]["linkedObjects"];
    assert_eq!(linked, &json!([{ "object": "Authentication", "id": "singleton" }]));
    let settings = server.call("x:Authentication/get", json!({ "ids": ["singleton"] })).await;
    assert_eq!(settings["list"][0]["defaultUserRoleIds"], json!({ "b": true }));
}

/// 620 domains, and the one of the server.
async fn crowded() -> Server {
    let server = Server::start().await;
    for first in [0, 310] {
        let create: serde_json::Map<String, Value> = (first..first + 310)
            .map(|number| {
                let domain = json!({ "name": format!("page{number:04}.test"), "dkimManagement": { "@type": "Manual" } });
                (format!("d{number:04}"), domain)
            })
            .collect();
        let answer = server.call("x:Domain/set", json!({ "create": create })).await;
        assert_eq!(answer["created"].as_object().unwrap().len(), 310);
    }
    server
}

#[tokio::test]
async fn the_default_sort_skips_objects_between_pages_and_a_named_one_does_not() {
    let server = crowded().await;
    let mut by_default = server.ids(json!({ "position": 0, "limit": 500 })).await;
    by_default.extend(server.ids(json!({ "position": 500, "limit": 500 })).await);
    assert_eq!(by_default.len(), 621);
    by_default.sort();
    by_default.dedup();
    assert_eq!(by_default.len(), 500);

    let by_name = json!([{ "property": "name", "isAscending": true }]);
    let mut pages = server.ids(json!({ "position": 0, "limit": 500, "sort": by_name })).await;
    pages.extend(server.ids(json!({ "position": 500, "limit": 500, "sort": by_name })).await);
    pages.sort();
    pages.dedup();
    assert_eq!(pages.len(), 621);
}

#[tokio::test]
async fn an_anchor_means_after_without_a_total_and_at_with_one() {
    let server = crowded().await;
    let by_id = json!([{ "property": "id", "isAscending": true }]);
    let all = server.ids(json!({ "sort": by_id })).await;
    let after = json!({ "sort": by_id, "anchor": all[200], "limit": 3 });
    assert_eq!(server.ids(after).await, all[201..204]);
    let at = json!({ "sort": by_id, "anchor": all[200], "limit": 3, "calculateTotal": true });
    let answer = server.call("x:Domain/query", at).await;
    assert_eq!(answer["ids"], json!(all[200..203]));
    assert_eq!((&answer["position"], &answer["total"]), (&json!(200), &json!(621)));
    assert_eq!(answer["limit"], 3);
    assert_eq!(server.ids(json!({ "anchor": "zzzz", "limit": 10 })).await, Vec::<String>::new());
}

#[tokio::test]
async fn more_than_five_hundred_are_cut_without_a_sign_or_refused() {
    let server = crowded().await;
    let everything = server.call("x:Domain/get", json!({ "ids": null, "properties": ["id"] })).await;
    assert_eq!(everything["list"].as_array().unwrap().len(), 500);
    let ids = json!({ "resultOf": "q", "name": "x:Domain/query", "path": "/ids" });
    let calls = json!([["x:Domain/query", {}, "q"], ["x:Domain/get", { "#ids": ids }, "g"]]);
    let answers = server.calls(calls).await;
    assert_eq!(answers[0].1["ids"].as_array().unwrap().len(), 621);
    assert_eq!((answers[1].0.as_str(), &answers[1].1["type"]), ("error", &json!("requestTooLarge")));
    let create: serde_json::Map<String, Value> =
        (0..501).map(|number| (format!("d{number}"), json!({ "name": "x.test" }))).collect();
    let answer = server.call("x:Domain/set", json!({ "create": create })).await;
    assert_eq!(answer["type"], "requestTooLarge");
}

#[tokio::test]
async fn a_request_of_more_than_ten_megabytes_is_refused() {
    let server = Server::start().await;
    let answer = server.post(" ".repeat(10_000_001)).await.unwrap();
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["type"], &body["limit"]),
        (&json!("urn:ietf:params:jmap:error:limit"), &json!("maxSizeRequest"))
    );
}

#[tokio::test]
async fn an_object_too_large_is_refused() {
    let server = Server::start().await;
    let domain = json!({ "name": "acme.test", "description": "x".repeat(400_000) });
    let answer = server.call("x:Domain/set", json!({ "create": { "t": domain } })).await;
    assert_eq!(answer["notCreated"]["t"]["type"], "validationFailed");
}

#[tokio::test]
async fn results_are_followed_into_lists() {
    let server = Server::start().await;
    let domain = server.domain("acme.test").await;
    server.user("ann", &domain).await;
    let filter = json!({ "domainId": domain });
    let accounts = json!({ "resultOf": "q", "name": "x:Account/query", "path": "/ids" });
    let domains = json!({ "resultOf": "a", "name": "x:Account/get", "path": "/list/*/domainId" });
    let calls = json!([
        ["x:Account/query", { "filter": filter }, "q"],
        ["x:Account/get", { "#ids": accounts, "properties": ["domainId"] }, "a"],
        ["x:Domain/get", { "#ids": domains, "properties": ["name"] }, "d"],
    ]);
    let answers = server.calls(calls).await;
    assert_eq!(answers[2].1["list"], json!([{ "id": domain, "name": "acme.test" }]));
}

#[tokio::test]
async fn a_lost_reply_leaves_the_object_behind() {
    let server = Server::start().await;
    let once = Rule::once(Effect::LostReplyAfterEffect).body("x:Domain/set");
    server.running.faults.add(once);
    let create = json!({ "create": { "d": { "name": "acme.test" } } });
    let body = json!({ "using": [], "methodCalls": [["x:Domain/set", create, "0"]] });
    assert!(server.post(body.to_string()).await.is_err());
    let answer = server.call("x:Domain/set", create).await;
    assert_eq!(answer["notCreated"]["d"]["type"], "primaryKeyViolation");
    assert_eq!(answer["notCreated"]["d"]["objectId"]["object"], "Domain");
}

#[tokio::test]
async fn stopping_the_listener_loses_nothing() {
    let server = Server::start().await;
    server.domain("acme.test").await;
    let handle = server.handle.clone();
    server.running.stop().await;
    let server = Server::of(handle).await;
    assert_eq!(server.ids(json!({ "filter": { "name": "acme.test" } })).await.len(), 1);
}

#[tokio::test]
async fn a_journal_brings_back_objects_look_ups_and_loaded_keys() {
    let path = fresh_path("journal");
    let server = Server::of(open(&path)).await;
    let domain = server.domain("acme.test").await;
    let ann = server.user("ann", &domain).await;
    server.gate().await;
    server.refuse("closed.test").await;
    server.act("ReloadLookupStores").await;
    server.handle.deliver("ann@acme.test");
    server.running.stop().await;

    let server = Server::of(open(&path)).await;
    let found = server.ids(json!({ "filter": { "name": "acme.test" } })).await;
    assert_eq!(found, vec![domain.clone()]);
    assert_eq!(server.handle.messages("ann@acme.test"), Some(1));
    assert_eq!(server.handle.deliver("x@closed.test"), refused("451 4.7.1 Suspended"));
    let next = server.user("ben", &domain).await;
    assert_ne!(next, ann);
    let twice = json!({ "create": { "d": { "name": "acme.test" } } });
    let answer = server.call("x:Domain/set", twice).await;
    assert_eq!(answer["notCreated"]["d"]["type"], "primaryKeyViolation");
    drop(std::fs::remove_file(&path));
}

#[tokio::test]
async fn a_lost_race_keeps_what_came_before_it() {
    let server = Server::start().await;
    server.handle.stumble("x:Domain/set", 1);
    let create = json!({ "create": { "a": { "name": "one.test" }, "b": { "name": "two.test" } } });
    let error = server.call("x:Domain/set", create.clone()).await;
    assert_eq!(error["type"], "serverUnavailable");
    assert_eq!(server.ids(json!({ "filter": { "name": "one.test" } })).await.len(), 1);
    assert_eq!(server.ids(json!({ "filter": { "name": "two.test" } })).await.len(), 0);
    let again = server.call("x:Domain/set", create).await;
    assert_eq!(again["notCreated"]["a"]["type"], "primaryKeyViolation");
    assert!(again["created"]["b"]["id"].is_string());
    server.handle.stumble("x:Domain/set", 1);
    let error = server.call("x:Domain/set", json!({ "create": { "c": { "name": "three.test" } } })).await;
    assert_eq!(error["type"], "serverUnavailable");
    assert_eq!(server.ids(json!({ "filter": { "name": "three.test" } })).await.len(), 1);
}
