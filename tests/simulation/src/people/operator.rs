//! What operators do.

use http::Method;
use serde_json::{Value, json};

use super::{CUSTOMERS, DOMAINS, OPERATORS, PARTNERS, Person, domain, email, partner, slug};
use crate::clock;
use crate::history::{Answer, Command, Effect};

const GET_PATHS: [&str; 5] = ["/provisioning", "/users", "/domains", "/audit", "/holds"];

impl Person<'_> {
    pub(super) async fn operate(&mut self) {
        match self.caller.rng.u8(..100) {
            0..18 => self.create().await,
            18..28 => self.on_tenant("suspend", hold).await,
            28..40 => self.on_tenant("resume", reason).await,
            40..46 => self.on_tenant("terminate", termination).await,
            46..53 => self.on_tenant("restore", reason).await,
            53..60 => self.patch().await,
            60..71 => self.domain().await,
            71..78 => self.add_member().await,
            78..88 => self.partner().await,
            88..91 => {
                let whom = self.caller.rng.usize(1..OPERATORS);
                if self.caller.rng.bool() { self.grant(whom).await } else { self.revoke(whom).await }
            }
            91..93 => self.rehearse().await,
            93..95 => self.release_named_hold().await,
            _ => self.look().await,
        }
    }

    async fn post(&mut self, path: &str, body: Value, effect: Effect) -> Option<Answer> {
        let command = self.caller.command(Method::POST, path, body, effect);
        self.caller.give(command).await
    }

    async fn create(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let rng = &mut self.caller.rng;
        let mut body = json!({ "slug": slug, "name": format!("{slug} ApS") });
        if rng.bool() {
            body["owner"] = json!({ "email": email(rng.usize(..CUSTOMERS)), "name": "An Owner" });
        }
        if rng.u8(..4) == 0 {
            body["partnerId"] = json!(partner(rng));
        }
        if rng.u8(..3) == 0 {
            body["domains"] = json!([domain(rng.usize(..DOMAINS))]);
        }
        if let Some(answer) = self.post("/tenants", body, Effect::Certain).await {
            self.remember(&slug, &answer);
        }
    }

    /// One of the verbs, sometimes on a version that was seen long ago.
    async fn on_tenant(&mut self, verb: &str, body: fn(&mut fastrand::Rng, &str) -> Value) {
        let slug = slug(&mut self.caller.rng);
        let body = body(&mut self.caller.rng, &slug);
        let path = format!("/tenants/{slug}/{verb}");
        let mut command = self.caller.command(Method::POST, &path, body, Effect::Possible);
        self.expect_known(&slug, &mut command);
        if let Some(answer) = self.caller.give(command).await {
            self.remember(&slug, &answer);
            self.must_read_own_write(&slug, &answer).await;
        }
    }

    /// `If-Match` with whatever version is remembered.
    fn expect_known(&mut self, slug: &str, command: &mut Command) {
        if self.caller.rng.u8(..4) == 0 {
            command.expected = self.versions.get(slug).copied();
        }
    }

    fn remember(&mut self, slug: &str, answer: &Answer) {
        if let Some(version) = answer.json["version"].as_u64() {
            self.versions.insert(slug.to_owned(), version);
        }
    }

    /// A look that waits for the position of an answer shows what was answered, or something newer.
    async fn must_read_own_write(&mut self, slug: &str, written: &Answer) {
        if self.caller.rng.u8(..3) != 0 {
            return;
        }
        let path = format!("/tenants/{slug}");
        let Some(seen) = self.caller.ask_not_before(&path, written.position).await else { return };
        if seen.status != 200 {
            return; // no administrator any more
        }
        let (before, after) = (written.json["version"].as_u64(), seen.json["version"].as_u64());
        assert!(after >= before, "seed {}: {path} shows {after:?} after {before:?}", self.caller.world.seed);
        if before == after {
            let fields =
                ["id", "slug", "name", "status", "lifecycle", "domains", "holds", "termination", "partnerId"];
            for field in fields {
                assert_eq!(
                    seen.json[field], written.json[field],
                    "seed {}: {field} of {path} was answered otherwise",
                    self.caller.world.seed
                );
            }
        }
    }

    async fn patch(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let name = format!("{slug} {}", self.caller.rng.u32(..));
        let rng = &mut self.caller.rng;
        let body = match rng.u8(..6) {
            0 => json!({ "partnerId": null }),
            1 => json!({ "name": name, "partnerId": partner(rng) }),
            2 => json!({ "domains": [domain(rng.usize(..DOMAINS)), domain(rng.usize(..DOMAINS))] }),
            3 => json!({ "contact": { "name": name }, "locale": "da-DK" }),
            _ => json!({ "name": name }),
        };
        let mut command =
            self.caller.command(Method::PATCH, &format!("/tenants/{slug}"), body, Effect::Possible);
        self.expect_known(&slug, &mut command);
        if let Some(answer) = self.caller.give(command).await {
            self.remember(&slug, &answer);
            self.must_read_own_write(&slug, &answer).await;
        }
    }

    async fn domain(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let name = domain(self.caller.rng.usize(..DOMAINS));
        let path = format!("/tenants/{slug}/domains");
        match self.caller.rng.u8(..7) {
            0 => drop(self.post(&path, json!({ "domain": name }), Effect::Possible).await),
            1 => {
                let command = self.caller.command(
                    Method::DELETE,
                    &format!("{path}/{name}"),
                    Value::Null,
                    Effect::Possible,
                );
                self.caller.give(command).await;
            }
            2 => {
                let path = format!("{path}/{name}/make-primary");
                self.post(&path, json!({}), Effect::Possible).await;
            }
            _ => {
                self.post(&path, json!({ "domain": name }), Effect::Possible).await;
                let path = format!("{path}/{name}/verify");
                self.post(&path, json!({ "method": "operator" }), Effect::Possible).await;
            }
        }
    }

    async fn add_member(&mut self) {
        let path = format!("/tenants/{}/users", slug(&mut self.caller.rng));
        let rng = &mut self.caller.rng;
        let role = ["owner", "admin", "billing", "member"][rng.usize(..4)];
        let body = json!({ "email": email(rng.usize(..CUSTOMERS)), "role": role });
        self.post(&path, body, Effect::Possible).await;
    }

    async fn partner(&mut self) {
        let partner = partner(&mut self.caller.rng);
        let slug = slug(&mut self.caller.rng);
        let path = format!("/partners/{partner}");
        match self.caller.rng.u8(..10) {
            0..3 => {
                let body = json!({ "slug": partner, "name": format!("{partner} A/S"), "marginPct": 12.5 });
                self.post("/partners", body, Effect::Certain).await;
            }
            3 => {
                let body = json!({ "name": format!("{partner} {}", self.caller.rng.u32(..)) });
                let command = self.caller.command(Method::PATCH, &path, body, Effect::Certain);
                self.caller.give(command).await;
            }
            4 => {
                let body = json!({ "marginPct": self.caller.rng.u8(..100) });
                let command = self.caller.command(Method::PATCH, &path, body, Effect::Possible);
                self.caller.give(command).await;
            }
            5..8 => {
                let path = format!("{path}/tenants");
                self.post(&path, json!({ "tenant": slug }), Effect::Possible).await;
            }
            8 => {
                let path = format!("{path}/tenants/{slug}");
                let command = self.caller.command(Method::DELETE, &path, Value::Null, Effect::Possible);
                self.caller.give(command).await;
            }
            _ => drop(
                self.post(&format!("{path}/terminate"), json!({ "reason": "over" }), Effect::Possible).await,
            ),
        }
    }

    pub(super) async fn grant(&mut self, whom: usize) {
        let Some(Some(id)) = self.operators.get(whom).cloned() else { return };
        let path = format!("/users/{id}/platform-admin");
        self.post(&path, json!({ "reason": "they help" }), Effect::Possible).await;
    }

    async fn revoke(&mut self, whom: usize) {
        let Some(Some(id)) = self.operators.get(whom).cloned() else { return };
        let path = format!("/users/{id}/platform-admin?reason=enough");
        let command = self.caller.command(Method::DELETE, &path, Value::Null, Effect::Possible);
        self.caller.give(command).await;
    }

    /// Nothing is appended by a rehearsal, whatever comes of it.
    async fn rehearse(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let path = format!("/tenants/{slug}/suspend?validate_only=true");
        let mut command = self.caller.command(Method::POST, &path, json!({}), Effect::Possible);
        command.key = None;
        let request_id = command.request_id.clone();
        self.caller.give(command).await;
        let mut history = self.caller.world.history.borrow_mut();
        history.commands.retain(|told| told.command.request_id != request_id);
        history.rehearsed.push(request_id);
    }

    async fn release_named_hold(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let Some(seen) = self.caller.ask(&format!("/tenants/{slug}")).await else { return };
        let Some(hold) = seen.json["holds"][0]["id"].as_str().map(str::to_owned) else { return };
        let path = format!("/tenants/{slug}/holds/{hold}");
        let command = self.caller.command(Method::DELETE, &path, Value::Null, Effect::Possible);
        self.caller.give(command).await;
    }

    async fn look(&mut self) {
        let slug = slug(&mut self.caller.rng);
        let path = match self.caller.rng.u8(..5) {
            0 => "/tenants?include=facets&status=pending,active,suspended,terminating,terminated".to_owned(),
            1 => "/partners".to_owned(),
            2 => format!("/partners/partner-{}/tenants", self.caller.rng.usize(..PARTNERS)),
            3 => format!("/tenants/{slug}"),
            _ => format!("/tenants/{slug}{}", GET_PATHS[self.caller.rng.usize(..GET_PATHS.len())]),
        };
        self.caller.ask(&path).await;
    }
}

fn hold(rng: &mut fastrand::Rng, _slug: &str) -> Value {
    let mut body = json!({ "reason": "a reason", "customerMessage": "We are sorry" });
    if rng.u8(..3) == 0 {
        body["until"] = json!(clock::now().plus_seconds(rng.i64(60..20 * 86_400)).to_string());
    }
    body
}

fn reason(_rng: &mut fastrand::Rng, _slug: &str) -> Value {
    json!({ "reason": "a reason" })
}

fn termination(rng: &mut fastrand::Rng, slug: &str) -> Value {
    let days = [0, 1, 5, 30][rng.usize(..4)];
    match rng.u8(..4) {
        0 => json!({ "graceDays": days, "confirm": "something else" }),
        1 => json!({ "graceDays": days, "confirm": slug }),
        _ => json!({ "graceDays": days }),
    }
}
