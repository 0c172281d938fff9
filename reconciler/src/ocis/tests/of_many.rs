//! What tenants of all sizes cost, counted at a simulated file server, and how people join a group together.

use std::time::Duration;

use http::Method;
use schema::provisioning::Reason;
use serde_json::{Value, json};
use simulators::ocis::{Ocis as Server, Role, Settings, Switch};
use simulators::{Effect, Rule, Running};

use super::super::credentials::Pass;
use super::*;
use crate::call::Line;
use crate::integration::{Attempt, Settled, converge};

const SIZES: [usize; 4] = [1, 10, 150, 500];

/// A file server, and what is known of it.
pub(super) struct Files {
    pub(super) server: Server,
    pub(super) system: Ocis,
    pub(super) known: BTreeMap<Resource, String>,
    pub(super) leftovers: BTreeSet<String>,
    _running: Running,
}

impl Files {
    pub(super) async fn start() -> Self {
        let server = Server::new(Settings {
            basic: Some(("admin".into(), "secret".into())),
            client: None,
            service_role: Role::Admin,
        });
        let running = server.start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let line =
            Line::new(System::Ocis, &running.base_url(), Duration::from_secs(30), &[], Lane::new(8, None))
                .unwrap();
        let pass = Pass::new(Credentials::Basic { user: "admin".into(), password: "secret".into() });
        let system = Ocis::new(Client::new(line, pass));
        Self { server, system, known: BTreeMap::new(), leftovers: BTreeSet::new(), _running: running }
    }

    pub(super) fn desired(&self, spec: &Spec) -> Desired<Spec> {
        Desired {
            spec: spec.clone(),
            known: self.known.clone(),
            gate: Gate::Open,
            asked: if spec.space == Space::Disabled { Asked::Shut } else { Asked::Nothing },
            last: Last::Open,
            creating: Creating::Allowed,
            leftovers: self.leftovers.clone(),
        }
    }

    pub(super) async fn attempt(&mut self, spec: &Spec) -> Attempt {
        let attempt = converge(&self.system, &self.desired(spec)).await;
        if let Some(seen) = &attempt.seen {
            self.known = seen.objects.clone();
        }
        attempt
    }

    /// Makes it so; how many requests that took, reads and writes.
    pub(super) async fn level(&mut self, spec: &Spec) -> (u64, u64) {
        self.server.faults.clear_requests();
        let attempt = self.attempt(spec).await;
        assert!(matches!(attempt.outcome, Ok(Settled::Level)), "{:?}", attempt.outcome);
        (self.server.faults.reads(), self.server.faults.writes())
    }

    pub(super) fn by_hand(&self, method: &Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.server.by_hand(method, path, body);
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    pub(super) fn account(&self, name: &str) -> String {
        let body = json!({ "onPremisesSamAccountName": name, "displayName": name });
        self.by_hand(&Method::POST, "/graph/v1.0/users", &body)["id"].as_str().unwrap().to_owned()
    }

    fn members(&self, group: &str) -> usize {
        let path = format!("/graph/v1.0/groups/{group}/members");
        self.by_hand(&Method::GET, &path, &json!(null)).as_array().unwrap().len()
    }
}

pub(super) fn members(count: usize, space: Space) -> Spec {
    let person = |number: usize| PersonSpec {
        user_id: user(number as u128),
        username: format!("m{number}@acme.test"),
        membership: Belongs::Inside,
        proven: Proven::Yes,
    };
    Spec { people: (0..count).map(person).collect(), ..spec(space) }
}

#[tokio::test]
async fn a_tenant_whose_people_never_came_costs_the_same_whatever_its_size() {
    for count in SIZES {
        let mut files = Files::start().await;
        // A handful is looked for one by one, more in one list.
        let absent = if count > 5 { 1 } else { count as u64 };
        assert_eq!(files.level(&members(count, Space::Open)).await, (7 + 2 * absent, 3), "provision {count}");
        let shut = members(count, Space::Disabled);
        assert_eq!(files.level(&shut).await, (4 + absent, 1), "suspend {count}");
        assert_eq!(files.level(&shut).await, (2 + absent, 0), "rest {count}");
        assert_eq!(files.level(&members(count, Space::Open)).await, (4 + 2 * absent, 1), "resume {count}");
    }
}

#[tokio::test]
async fn people_who_are_there_join_twenty_at_a_time() {
    for count in SIZES {
        let mut files = Files::start().await;
        for number in 0..count {
            files.account(&format!("m{number}@acme.test"));
        }
        let absent = if count > 5 { 1 } else { count as u64 };
        let writes = 3 + count.div_ceil(20) as u64;
        assert_eq!(
            files.level(&members(count, Space::Open)).await,
            (7 + absent, writes),
            "provision {count}"
        );
        assert_eq!(files.members("dezky-tenant-acme"), count);
        assert_eq!(files.level(&members(count, Space::Disabled)).await, (4, 1), "suspend {count}");
        assert_eq!(files.level(&members(count, Space::Open)).await, (4, 1), "resume {count}");
    }
}

#[tokio::test]
async fn the_space_and_the_group_alone_are_read_before_a_space_is_shut() {
    let mut files = Files::start().await;
    files.level(&members(30, Space::Open)).await;
    files.level(&members(30, Space::Disabled)).await;
    let calls: Vec<bool> = files.server.faults.requests().iter().map(|seen| seen.write).collect();
    assert_eq!(calls, [false, false, true, false, false, false]);
}

#[tokio::test]
async fn one_who_cannot_join_keeps_no_other_out() {
    let mut files = Files::start().await;
    for number in 0..30 {
        files.account(&format!("m{number}@acme.test"));
    }
    let refused = Rule::once(Effect::Status(400)).method(&Method::PATCH).path("/groups/");
    files.server.faults.add(refused);
    files.server.faults.add(Rule::once(Effect::Status(400)).method(&Method::POST).path("/members/"));
    files.level(&members(30, Space::Open)).await;
    assert_eq!(files.members("dezky-tenant-acme"), 30);
}

#[tokio::test]
async fn a_refusal_names_its_object_and_keeps_the_servers_words() {
    let mut files = Files::start().await;
    files.server.set(Switch::QuotaMax(Some(1_000)));
    let spec = members(3, Space::Open);
    let error = files.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!(error.resource, Some(spec.space_resource()));
    assert!(error.upstream.as_ref().is_some_and(|words| words.contains(": ")), "{error:?}");
    assert!(!error.summary.contains("quota is"), "{}", error.summary);
    let (status, _) =
        files.server.by_hand(&Method::GET, "/graph/v1.0/groups/dezky-tenant-acme", &json!(null));
    assert!(status.is_success(), "the group is made all the same");
}

#[tokio::test]
async fn a_group_of_our_name_is_adopted_only_with_nobody_but_our_own_in_it() {
    let group = |files: &Files| {
        let body = json!({ "displayName": "dezky-tenant-acme" });
        let made = files.by_hand(&Method::POST, "/graph/v1.0/groups", &body);
        made["id"].as_str().unwrap().to_owned()
    };
    let join = |files: &Files, group: &str, user: &str| {
        let body = json!({ "@odata.id": format!("http://localhost/graph/v1.0/users/{user}") });
        files.by_hand(&Method::POST, &format!("/graph/v1.0/groups/{group}/members/$ref"), &body);
    };
    let spec = members(2, Space::Open);

    let mut files = Files::start().await;
    let empty = group(&files);
    files.level(&spec).await;
    assert_eq!(files.known[&spec.group_resource()], empty, "an empty one holds nobody else");

    let mut files = Files::start().await;
    let ours = group(&files);
    join(&files, &ours, &files.account("M0@Acme.Test"));
    files.level(&spec).await;
    assert_eq!(files.known[&spec.group_resource()], ours, "names are compared without their case");

    let mut files = Files::start().await;
    let theirs = group(&files);
    join(&files, &theirs, &files.account("stranger@elsewhere.test"));
    files.account("m0@acme.test");
    let error = files.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!((error.reason, error.resource), (Reason::OwnedByAnother, Some(spec.group_resource())));
    assert_eq!(files.members(&theirs), 1);
    assert!(files.server.spaces().iter().all(|space| space.members.len() == 1), "no grant");
}

#[tokio::test]
async fn a_space_that_was_marked_as_another_tenants_is_no_longer_ours() {
    let mut files = Files::start().await;
    let spec = members(2, Space::Open);
    files.level(&spec).await;
    let space = files.known[&spec.space_resource()].clone();
    let theirs = json!({ "description": "for dezky:ten_00000000000000000000000000", "name": "Theirs" });
    files.by_hand(&Method::PATCH, &format!("/graph/v1.0/drives/{space}"), &theirs);
    let before = files.server.spaces();
    let desired = Desired { last: Last::Missing, ..files.desired(&spec) };
    let attempt = converge(&files.system, &desired).await;
    assert!(matches!(attempt.outcome, Ok(Settled::Level)), "{:?}", attempt.outcome);
    assert_eq!(
        files.server.spaces().iter().find(|one| one.id == space),
        before.iter().find(|one| one.id == space)
    );
    assert_eq!(files.server.spaces().len(), 2);
}

#[tokio::test]
async fn a_revoked_token_is_fetched_once_by_many_calls_at_the_same_time() {
    let server = Server::new(Settings {
        basic: None,
        client: Some(("reconciler".into(), "secret".into())),
        service_role: Role::Admin,
    });
    let running = server.start(([127, 0, 0, 1], 0).into()).await.unwrap();
    let line = Line::new(System::Ocis, &running.base_url(), Duration::from_secs(30), &[], Lane::new(8, None))
        .unwrap();
    let pass = Pass::new(Credentials::ClientCredentials {
        token_url: format!("{}/application/o/token/", running.base_url()),
        client_id: "reconciler".into(),
        client_secret: "secret".into(),
        scope: "openid".into(),
    });
    let client = Client::new(line, pass);
    client.me().await.unwrap();
    server.set(Switch::RevokeTokens);
    server.faults.clear_requests();
    let answers = futures::future::join_all((0..8).map(|_| client.groups())).await;
    assert!(answers.iter().all(Result::is_ok));
    let fetched = server.faults.requests().iter().filter(|seen| seen.path.contains("/token/")).count();
    assert_eq!(fetched, 1);
}

#[tokio::test]
async fn an_installation_is_known_by_our_own_id() {
    let files = Files::start().await;
    let client = files.system.client();
    let before = client.fingerprint().await.unwrap();
    assert!(before.is_some());
    assert_eq!(client.fingerprint().await.unwrap(), before);
    assert_eq!(client.me().await.ok(), before);
    files.server.install_anew().unwrap();
    let after = client.fingerprint().await.unwrap();
    assert_ne!(after, before);
    // Else we would never again be Manager of a space.
    assert_eq!(client.me().await.ok(), after);
}
