//! What tenants of all sizes cost, counted at a simulated mail server, and how writes that go together fail.

use std::time::Duration;

use schema::provisioning::{FailureClass, Reason};
use serde_json::{Value, json};
use simulators::stalwart::{Login, Settings, Stalwart as Server};
use simulators::{Effect, Rule, Running};

use super::super::client::Change;
use super::*;
use crate::call::Line;
use crate::integration::{Asked, Attempt, Creating, Gate, Last, Settled, converge};

const SIZES: [usize; 4] = [1, 10, 150, 500];

/// A mail server, and what is known of it.
pub(super) struct Mail {
    pub(super) server: Server,
    pub(super) system: Stalwart,
    pub(super) known: BTreeMap<Resource, String>,
    pub(super) running: Running,
}

impl Mail {
    pub(super) async fn start() -> Self {
        let server =
            Server::new(Settings { token: "API_key".into(), admin: Some(("admin".into(), "secret".into())) });
        let running = server.start(([127, 0, 0, 1], 0).into()).await.unwrap();
        let system = Stalwart::new(client(&running, "API_key"));
        Self { server, system, known: BTreeMap::new(), running }
    }

    pub(super) fn desired(&self, spec: &Spec) -> Desired<Spec> {
        let asked = if spec.switch == Switch::Shut { Asked::Shut } else { Asked::Nothing };
        Desired {
            spec: spec.clone(),
            known: self.known.clone(),
            gate: Gate::Open,
            asked,
            last: Last::Open,
            creating: Creating::Allowed,
            leftovers: BTreeSet::new(),
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
        let faults = self.server.faults();
        faults.clear_requests();
        let attempt = self.attempt(spec).await;
        assert!(matches!(attempt.outcome, Ok(Settled::Level)), "{:?}", attempt.outcome);
        (faults.reads(), faults.writes())
    }

    /// Something made there by somebody else; its id.
    pub(super) async fn by_hand(&self, kind: &str, object: Value) -> String {
        let url = format!("{}/jmap/", self.running.base_url());
        let body = json!({
            "using": ["urn:stalwart:jmap"],
            "methodCalls": [[format!("x:{kind}/set"), { "create": { "n": object } }, "0"]],
        });
        let http = reqwest::Client::builder().build().unwrap();
        let answer = http.post(url).bearer_auth("API_key").json(&body).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let id = answer["methodResponses"][0][1]["created"]["n"]["id"].as_str();
        id.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub(super) async fn change_by_hand(&self, kind: &str, id: &str, patch: Value) {
        let change = Change::Update(id.to_owned(), patch);
        self.system.client.change(kind, &[&change]).await.unwrap().remove(0).unwrap();
    }

    pub(super) async fn read(&self, kind: &'static str, id: &str) -> Value {
        let ask = super::super::client::Ask::One { kind, id: id.to_owned(), properties: &[] };
        let mut object = self.system.client.read(&[ask]).await.unwrap().remove(0).remove(0);
        // Its keys come by themselves, after a while.
        object.as_object_mut().unwrap().remove("dnsZoneFile");
        object
    }
}

fn client(running: &Running, token: &str) -> Client {
    let line =
        Line::new(System::Stalwart, &running.base_url(), Duration::from_secs(30), &[], Lane::new(4, None))
            .unwrap();
    Client::new(line, token.to_owned())
}

pub(super) fn members(count: usize, switch: Switch) -> Spec {
    let mailbox = |number: usize| AccountSpec {
        domain: "acme.test".into(),
        ..mailbox(number as u128, &format!("m{number}"))
    };
    Spec { switch, domains: set(&["acme.test"]), accounts: (0..count).map(mailbox).collect(), ..spec() }
}

fn is_allowed(login: &Login) -> bool {
    *login == Login::Allowed
}

#[tokio::test]
async fn a_tenant_costs_requests_by_the_hundred_mailboxes_and_its_door_one_write() {
    for count in SIZES {
        let mut mail = Mail::start().await;
        let more_pages = count as u64 / 500;
        let provisioned = mail.level(&members(count, Switch::Open)).await;
        assert_eq!(provisioned, (5 + more_pages, 2 + count.div_ceil(100) as u64), "provision {count}");
        assert!(is_allowed(&mail.server.login("m0@acme.test")));
        for switch in [Switch::Shut, Switch::Open] {
            let spec = members(count, switch);
            assert_eq!(mail.level(&spec).await, (2 * (1 + more_pages), 1), "{switch:?} {count}");
            assert_eq!(is_allowed(&mail.server.login("m0@acme.test")), switch == Switch::Open);
            assert_eq!(mail.level(&spec).await, (1 + more_pages, 0), "rest {count}");
        }
    }
}

#[tokio::test]
async fn one_read_stands_before_the_switch_that_shuts() {
    let mut mail = Mail::start().await;
    mail.level(&members(30, Switch::Open)).await;
    mail.level(&members(30, Switch::Shut)).await;
    let calls: Vec<bool> = mail.server.faults().requests().iter().map(|seen| seen.write).collect();
    assert_eq!(calls, [false, true, false]);
}

#[tokio::test]
async fn every_object_that_is_refused_is_named_and_the_others_are_made() {
    let mut mail = Mail::start().await;
    let mut spec = members(30, Switch::Open);
    spec.domains.insert("acme.example".into());
    spec.accounts[7].local = "a..b".into();
    let attempt = mail.attempt(&spec).await;
    let error = attempt.outcome.unwrap_err();
    assert_eq!((error.class, error.reason), (FailureClass::Permanent, Reason::ValidationRejected));
    assert_eq!(error.resource, Some(domain_resource("acme.example")), "what concerns all comes first");
    assert_eq!(error.upstream.as_deref(), Some("invalidPatch: Invalid domain name (name)"));
    assert_eq!(error.summary, "stalwart: create Domain: refused as invalid");
    assert_eq!(mail.known.len(), 1 + 1 + 29, "the role, the other domain, the other mailboxes");

    spec.domains.remove("acme.example");
    let error = mail.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!(error.resource, Some(spec.accounts[7].resource()));
    assert!(error.is_of_a_person());
    assert!(error.upstream.is_some_and(|words| words.starts_with("invalidPatch")));
}

#[tokio::test]
async fn after_a_method_error_nothing_is_believed_and_the_next_look_finds_what_was_made() {
    let mut mail = Mail::start().await;
    let spec = members(30, Switch::Open);
    mail.server.stumble("x:Account/set", 12);
    let error = mail.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!((error.class, error.resource), (FailureClass::Unknown, None));
    let calls: Vec<String> =
        mail.server.faults().requests().into_iter().flat_map(|seen| seen.calls).collect();
    assert_eq!(calls.last().map(String::as_str), Some("x:Action/set"), "caches of absent names are stale");
    mail.level(&spec).await;
    assert_eq!(mail.known.len(), 2 + 30);
}

#[tokio::test]
async fn a_lost_answer_to_many_is_made_good_without_doing_anything_twice() {
    let mut mail = Mail::start().await;
    let spec = members(150, Switch::Open);
    let lost = Rule::once(Effect::LostReplyAfterEffect).body("x:Account/set");
    mail.server.faults().add(lost);
    let error = mail.attempt(&spec).await.outcome.unwrap_err();
    assert_eq!(error.class, FailureClass::Unknown);
    mail.level(&spec).await;
    assert_eq!(mail.known.len(), 2 + 150);
}

#[tokio::test]
async fn an_object_that_the_answer_leaves_out_was_not_written() {
    let mail = Mail::start().await;
    let changes = [Change::Destroy("!".into()), Change::Destroy("zz".into())];
    let outcomes = mail.system.client.change("Role", &[&changes[0], &changes[1]]).await.unwrap();
    assert_eq!(outcomes[0].as_ref().unwrap_err().reason, Reason::ValidationRejected);
    assert!(outcomes[1].is_ok(), "gone is as good as destroyed");
}

#[tokio::test]
async fn steps_of_one_stage_never_change_one_object_twice() {
    let mut spec = members(3, Switch::Shut);
    spec.accounts[0].switch = Switch::Shut;
    let mut observed = level();
    observed.accounts.get_mut("d1").unwrap().push(AccountSeen {
        role_ids: None,
        quota: None,
        ..account("a2", "m0")
    });
    let mut seen = BTreeSet::new();
    for step in plan::plan(&spec, &observed).steps {
        let about = format!("{:?}", Stalwart::about(&spec, &observed, &step));
        assert!(seen.insert((step.stage(), step.path(), about)), "{step}");
    }
}

#[tokio::test]
async fn an_installation_is_known_by_the_account_we_are() {
    let mail = Mail::start().await;
    let before = mail.system.client.fingerprint().await.unwrap();
    assert!(before.is_some());
    let again = mail.server.start(([127, 0, 0, 1], 0).into()).await.unwrap();
    assert_eq!(client(&again, "API_key").fingerprint().await.unwrap(), before, "a restart changes nothing");
    mail.server.install_anew().unwrap();
    let after = mail.system.client.fingerprint().await.unwrap();
    assert!(after.is_some() && after != before, "{after:?}");
}
