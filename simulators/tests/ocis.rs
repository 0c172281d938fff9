//! What the simulated OCIS does beyond single recorded requests: across restarts, crashes, suspensions and logins.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use http::{Method, StatusCode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use simulators::ocis::{HalfCreated, Login, Ocis, Role, Settings, Switch};
use simulators::{Effect, Rule, Running};

const EDITOR: &str = "58c63c02-1d89-4572-916a-870abc5a1b7d";
const PROJECTS: &str = "$filter=driveType%20eq%20'project'";

fn settings(service_role: Role) -> Settings {
    Settings {
        basic: Some(("provisioner".to_owned(), "basic-secret".to_owned())),
        client: Some(("ocis-provisioner".to_owned(), "client-secret".to_owned())),
        service_role,
    }
}

/// A started simulator and a client of it.
struct Stage {
    ocis: Ocis,
    running: Running,
    client: reqwest::Client,
}

impl Stage {
    async fn with(ocis: Ocis) -> Self {
        let running = ocis.start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_secs(20)).build().unwrap();
        Self { ocis, running, client }
    }

    async fn new(service_role: Role) -> Self {
        Self::with(Ocis::new(settings(service_role))).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.running.base_url()))
    }

    fn as_service(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).basic_auth("provisioner", Some("basic-secret"))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        answered(self.as_service(Method::GET, path)).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        answered(self.as_service(method, path).json(&body)).await
    }

    async fn space(&self, name: &str) -> String {
        let (status, drive) = self.send(Method::POST, "/graph/v1.0/drives", json!({ "name": name })).await;
        assert_eq!(status, StatusCode::CREATED, "{drive}");
        text(&drive, "/id")
    }

    async fn group(&self, name: &str) -> String {
        let (status, group) =
            self.send(Method::POST, "/graph/v1.0/groups", json!({ "displayName": name })).await;
        assert_eq!(status, StatusCode::CREATED, "{group}");
        text(&group, "/id")
    }

    async fn invite(&self, space: &str, group: &str) -> StatusCode {
        let recipient = json!({ "objectId": group, "@libre.graph.recipient.type": "group" });
        let body = json!({ "recipients": [recipient], "roles": [EDITOR] });
        self.send(Method::POST, &format!("/graph/v1beta1/drives/{space}/root/invite"), body).await.0
    }

    async fn disable(&self, space: &str) {
        let (status, _) = answered(self.as_service(Method::DELETE, &drive(space))).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }

    async fn restore(&self, space: &str) {
        let request = self.as_service(Method::PATCH, &drive(space)).header("restore", "true");
        assert_eq!(answered(request.json(&json!({}))).await.0, StatusCode::OK);
    }

    async fn token(&self, secret: &str) -> (StatusCode, Value) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "ocis-provisioner"),
            ("client_secret", secret),
            ("scope", "openid profile"),
        ];
        answered(self.request(Method::POST, "/application/o/token/").form(&form)).await
    }
}

fn drive(id: &str) -> String {
    format!("/graph/v1.0/drives/{id}")
}

async fn answered(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn text(body: &Value, pointer: &str) -> String {
    let found = body.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no text at {pointer} in {body}")).to_owned()
}

fn person(username: &str, groups: &[&str]) -> Login {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Login { username: username.to_owned(), groups, ..Login::default() }
}

#[tokio::test]
async fn a_token_of_the_client_lets_the_service_account_in_until_it_is_revoked() {
    let stage = Stage::new(Role::SpaceAdmin).await;
    let (status, granted) = stage.token("client-secret").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(granted["token_type"], "Bearer");
    assert!(granted["expires_in"].as_u64().unwrap() > 0);
    let me = |token: String| stage.request(Method::GET, "/graph/v1.0/me").bearer_auth(token);
    let token = text(&granted, "/access_token");
    let (status, account) = answered(me(token.clone())).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(account["onPremisesSamAccountName"], "ak-ocis-client_credentials");

    stage.ocis.set(Switch::RevokeTokens);

    assert_eq!(answered(me(token)).await, (StatusCode::UNAUTHORIZED, json!("")));
    let again = text(&stage.token("client-secret").await.1, "/access_token");
    assert_eq!(answered(me(again)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_client_with_a_wrong_secret_gets_no_token() {
    let stage = Stage::new(Role::SpaceAdmin).await;
    let (status, refused) = stage.token("guessed").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(refused["error"], "invalid_grant");
}

#[tokio::test]
async fn a_space_admin_creates_spaces_and_no_groups() {
    let stage = Stage::new(Role::SpaceAdmin).await;
    let id = stage.space("Acme").await;
    let spaces = stage.ocis.spaces();
    assert_eq!(spaces.len(), 1);
    assert_eq!(spaces[0].id, id);
    assert_eq!((spaces[0].members[0].name.as_str(), spaces[0].members[0].role), ("provisioner", "manager"));
    let (status, _) = stage.send(Method::POST, "/graph/v1.0/groups", json!({ "displayName": "acme" })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_request_id_that_was_sent_is_in_the_answer_and_in_the_error() {
    let stage = Stage::new(Role::Admin).await;
    let request = stage.as_service(Method::GET, &drive("nothing")).header("x-request-id", "mine-42");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.headers()["x-request-id"], "mine-42");
    let error: Value = answer.json().await.unwrap();
    assert_eq!(error["error"]["innererror"]["request-id"], "mine-42");
}

#[tokio::test]
async fn a_disabled_space_keeps_its_files_to_itself_and_gives_them_back_when_restored() {
    let stage = Stage::new(Role::Admin).await;
    let id = stage.space("Acme").await;
    assert_eq!(stage.ocis.write_file(&id, "plan.txt", b"first"), Ok(StatusCode::CREATED));
    assert_eq!(stage.ocis.write_file(&id, "plan.txt", b"the plan"), Ok(StatusCode::NO_CONTENT));

    stage.disable(&id).await;
    assert_eq!(stage.ocis.read_file(&id, "plan.txt"), Err(StatusCode::NOT_FOUND));
    assert_eq!(stage.ocis.write_file(&id, "new.txt", b"no"), Err(StatusCode::CONFLICT));

    stage.restore(&id).await;
    assert_eq!(stage.ocis.read_file(&id, "plan.txt").unwrap(), "the plan");
    assert_eq!(stage.get(&drive(&id)).await.1["quota"]["used"], 8);

    stage.disable(&id).await;
    let purge = stage.as_service(Method::DELETE, &drive(&id)).header("purge", "T");
    assert_eq!(answered(purge).await.0, StatusCode::NO_CONTENT);
    assert_eq!(stage.ocis.read_file(&id, "plan.txt"), Err(StatusCode::NOT_FOUND));
}

#[tokio::test]
async fn files_go_over_the_control_routes_too() {
    let stage = Stage::new(Role::Admin).await;
    let id = stage.space("Acme").await;
    let path = format!("/_simulator/files/{id}/plan.txt");
    let put = stage.request(Method::PUT, &path).body("the plan");
    assert_eq!(answered(put).await.0, StatusCode::CREATED);
    assert_eq!(answered(stage.request(Method::GET, &path)).await, (StatusCode::OK, json!("the plan")));
    stage.disable(&id).await;
    assert_eq!(answered(stage.request(Method::GET, &path)).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_patch_without_changes_moves_the_etag_and_a_suspension_does_not() {
    let stage = Stage::new(Role::Admin).await;
    let id = stage.space("Acme").await;
    let before = stage.get(&drive(&id)).await.1;
    let patched = stage.send(Method::PATCH, &drive(&id), json!({})).await.1;
    assert_ne!(patched["root"]["eTag"], before["root"]["eTag"]);
    assert_ne!(patched["lastModifiedDateTime"], before["lastModifiedDateTime"]);
    stage.disable(&id).await;
    let disabled = stage.get(&drive(&id)).await.1;
    assert_eq!(disabled["root"]["eTag"], patched["root"]["eTag"]);
    assert_eq!(disabled["root"]["deleted"]["state"], "trashed");
}

#[tokio::test]
async fn the_claim_of_a_login_decides_who_is_in_which_group() {
    let stage = Stage::new(Role::Admin).await;
    let space = stage.space("Acme").await;
    let group = stage.group("dezky-tenant-acme").await;
    assert_eq!(stage.invite(&space, &group).await, StatusCode::OK);

    let dave = stage.ocis.login(&person("dave", &["dezky-tenant-acme", "elsewhere"])).unwrap();
    assert_eq!(dave.spaces, [space.as_str()]);
    let members = stage.get("/graph/v1.0/groups/dezky-tenant-acme?$expand=members").await.1;
    assert_eq!(members["members"][0]["onPremisesSamAccountName"], "dave");
    let mine = stage.request(Method::GET, "/graph/v1.0/me/drives").bearer_auth(&dave.token);
    let kinds = answered(mine).await.1["value"].as_array().unwrap().len();
    assert_eq!(kinds, 3, "the space, the personal one and the shares");

    let later = stage.ocis.login(&person("dave", &[])).unwrap();
    assert_eq!((later.id, later.spaces, later.groups), (dave.id, vec![], vec![]));
    assert_eq!(stage.get("/graph/v1.0/groups/elsewhere").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_member_added_by_hand_is_gone_after_the_next_login() {
    let stage = Stage::new(Role::Admin).await;
    let group = stage.group("dezky-tenant-acme").await;
    let erin = stage.ocis.login(&person("erin", &[])).unwrap().id;
    let reference = json!({ "@odata.id": format!("http://anywhere/graph/v1.0/users/{erin}") });
    let path = format!("/graph/v1.0/groups/{group}/members/$ref");
    assert_eq!(stage.ocis.by_hand(&Method::POST, &path, &reference).0, StatusCode::NO_CONTENT);
    assert!(stage.ocis.login(&person("erin", &[])).unwrap().groups.is_empty());
}

#[tokio::test]
async fn a_disabled_account_does_not_get_in() {
    let stage = Stage::new(Role::Admin).await;
    let dave = stage.ocis.login(&person("dave", &[])).unwrap();
    let path = format!("/graph/v1.0/users/{}", dave.id);
    assert_eq!(stage.send(Method::PATCH, &path, json!({ "accountEnabled": false })).await.0, StatusCode::OK);
    assert!(stage.ocis.login(&person("dave", &[])).is_none());
    let me = stage.request(Method::GET, "/graph/v1.0/me").bearer_auth(&dave.token);
    assert_eq!(answered(me).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_create_killed_halfway_leaves_a_space_nobody_is_a_member_of() {
    let stage = Stage::new(Role::Admin).await;
    let group = stage.group("dezky-tenant-acme").await;
    stage.ocis.set(Switch::HalfCreateNext(HalfCreated::WithoutPermissions));
    let create = stage.as_service(Method::POST, "/graph/v1.0/drives").json(&json!({ "name": "Acme" }));
    assert!(create.send().await.is_err());

    let listed = stage.get(&format!("/graph/v1beta1/drives?{PROJECTS}")).await.1;
    assert_eq!(listed["value"][0]["name"], "Acme");
    assert_eq!(listed["value"][0]["root"].get("permissions"), None);
    let id = text(&listed, "/value/0/id");
    assert_eq!(stage.invite(&id, &group).await, StatusCode::NOT_FOUND);

    let whole = stage.space("Acme").await;
    assert_eq!(stage.invite(&whole, &group).await, StatusCode::OK);
}

#[tokio::test]
async fn a_create_killed_earlier_leaves_a_space_that_is_in_no_list() {
    let stage = Stage::new(Role::Admin).await;
    stage.ocis.set(Switch::HalfCreateNext(HalfCreated::Unlisted));
    let create = stage.as_service(Method::POST, "/graph/v1.0/drives").json(&json!({ "name": "Acme" }));
    assert!(create.send().await.is_err());
    let listed = stage.get(&format!("/graph/v1.0/drives?{PROJECTS}")).await.1;
    assert_eq!(listed, json!({ "value": [] }));
    let id = &stage.ocis.spaces()[0].id;
    assert_eq!(stage.get(&drive(id)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_leaves_a_whole_space() {
    let stage = Stage::new(Role::Admin).await;
    stage.ocis.faults.add(Rule::once(Effect::LostReplyAfterEffect).method(&Method::POST).path("/drives"));
    let create = stage.as_service(Method::POST, "/graph/v1.0/drives").json(&json!({ "name": "Acme" }));
    assert!(create.send().await.is_err());
    assert_eq!(stage.ocis.spaces()[0].members.len(), 1);
}

#[tokio::test]
async fn more_spaces_than_fit_a_message_break_lists_and_the_quotas_of_a_space_admin() {
    let stage = Stage::new(Role::SpaceAdmin).await;
    let id = stage.space("Acme").await;
    stage.space("Globex").await;
    stage.ocis.set(Switch::ListedMax(Some(1)));

    let (status, error) = stage.get(&format!("/graph/v1.0/drives?{PROJECTS}")).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text(&error, "/error/message").contains("ResourceExhausted"));
    assert_eq!(stage.get(&drive(&id)).await.0, StatusCode::OK);
    let quota = json!({ "quota": { "total": 1000 } });
    assert_eq!(stage.send(Method::PATCH, &drive(&id), quota.clone()).await.0, StatusCode::FORBIDDEN);

    stage.ocis.set(Switch::ListedMax(None));
    assert_eq!(stage.send(Method::PATCH, &drive(&id), quota).await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_of_many_concurrent_creates_of_a_group_wins() {
    let stage = Stage::new(Role::Admin).await;
    let create = || stage.send(Method::POST, "/graph/v1.0/groups", json!({ "displayName": "acme" }));
    let (first, second, third) = tokio::join!(create(), create(), create());
    let mut statuses = [first.0, second.0, third.0];
    statuses.sort();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT, StatusCode::CONFLICT]);
}

#[tokio::test]
async fn what_was_created_is_still_there_after_a_stop_and_a_start() {
    let stage = Stage::new(Role::Admin).await;
    let id = stage.space("Acme").await;
    let ocis = stage.ocis.clone();
    stage.running.stop().await;
    let stage = Stage::with(ocis).await;
    assert_eq!(stage.get(&drive(&id)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_was_created_is_still_there_for_another_process() {
    let name = format!("ocis-simulator-{}.jsonl", uuid::Uuid::new_v4());
    let path = std::env::temp_dir().join(name);
    let stage = Stage::with(Ocis::persisted(settings(Role::Admin), path.clone()).unwrap()).await;
    let id = stage.space("Acme").await;
    let group = stage.group("dezky-tenant-acme").await;
    assert_eq!(stage.invite(&id, &group).await, StatusCode::OK);
    stage.ocis.write_file(&id, "plan.txt", b"the plan").unwrap();
    let spaces = stage.ocis.spaces();
    stage.running.stop().await;

    let stage = Stage::with(Ocis::persisted(settings(Role::Admin), path.clone()).unwrap()).await;
    assert_eq!(stage.ocis.spaces(), spaces);
    assert_eq!(stage.ocis.read_file(&id, "plan.txt").unwrap(), "the plan");
    assert_ne!(stage.space("Globex").await, id);
    assert_eq!(stage.invite(&id, &group).await, StatusCode::CONFLICT);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn the_whole_state_can_be_put_back() {
    let stage = Stage::new(Role::Admin).await;
    let id = stage.space("Acme").await;
    let saved = stage.ocis.save();
    stage.disable(&id).await;
    stage.ocis.load(&saved).unwrap();
    assert!(!stage.ocis.spaces()[0].disabled);
}
