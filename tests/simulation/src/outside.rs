//! The three outside systems: state that outlives every process of ours, faults, changes by hand, and what people do there.

mod look;
mod losses;
mod rows;
mod strangers;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use http::Method;
use reconciler::{AuthentikConfig, Config, Credentials, OcisConfig, Size, StalwartConfig, SystemMode};
use schema::System;
use serde_json::{Value, json};
use simulators::authentik::{Authentik, Release};
use simulators::ocis::Ocis;
use simulators::stalwart::Stalwart;
use simulators::{Effect, Faults, Rule, Running, authentik, ocis, stalwart};

use crate::clock;

pub(crate) use look::Inventory;
pub(crate) use losses::{Backup, Part};
use strangers::Stranger;

const API_TOKEN: &str = "identity-token";
const MAIL_KEY: &str = "mail-key";
/// Longer than anything here waits: a system that does not answer holds whoever asked it until the run lets go.
const CALL_TIMEOUT: Duration = Duration::from_mins(10);
const FILES_LOGIN: (&str, &str) = ("service", "files-password");

/// Something of ours outside.
#[derive(Debug, Clone)]
pub(crate) enum Ours {
    Group { tenant: String, pk: String },
    Space { tenant: String, id: String },
}

/// The systems. Handles live as long as the run; listeners come and go.
pub(crate) struct Outside {
    pub(crate) authentik: Authentik,
    pub(crate) stalwart: Stalwart,
    pub(crate) ocis: Ocis,
    listening: RefCell<[Option<Running>; 3]>,
    addresses: [std::net::SocketAddr; 3],
    strangers: RefCell<Vec<Stranger>>,
    /// Whether an address in identity proves who somebody is.
    pub(crate) trusts_addresses: Cell<bool>,
}

impl Outside {
    pub(crate) async fn start() -> Self {
        let authentik = Authentik::new(identity_settings());
        let stalwart = Stalwart::new(stalwart::Settings { token: MAIL_KEY.into(), admin: None });
        let (user, password) = FILES_LOGIN;
        let ocis = Ocis::new(ocis::Settings {
            basic: Some((user.into(), password.into())),
            client: None,
            service_role: ocis::Role::Admin,
        });
        let any = ([127, 0, 0, 1], 0).into();
        let listening = [
            authentik.start(any).await.expect("a port"),
            stalwart.start(any).await.expect("a port"),
            ocis.start(any).await.expect("a port"),
        ];
        let addresses = [listening[0].address, listening[1].address, listening[2].address];
        Self {
            authentik,
            stalwart,
            ocis,
            listening: RefCell::new(listening.map(Some)),
            addresses,
            strangers: RefCell::default(),
            trusts_addresses: Cell::new(true),
        }
    }

    /// How the reconciler is told about them.
    pub(crate) fn config(&self) -> Config {
        let url = |index: usize| format!("http://{}", self.addresses[index]);
        let mode = SystemMode::Enforce;
        let (user, password) = FILES_LOGIN;
        let mut config = Config::new(clock::now);
        config.call_timeout = CALL_TIMEOUT;
        config.jitter = |most| most;
        config.authentik = Some(AuthentikConfig {
            api_url: url(0),
            token: API_TOKEN.into(),
            instance: "https://identity.test".into(),
            trusts_addresses: self.trusts_addresses.get(),
            writes_per_second: 1_000_000,
            size: Size::of_calls(8),
            mode,
        });
        config.stalwart =
            Some(StalwartConfig { api_url: url(1), token: MAIL_KEY.into(), size: Size::of_calls(4), mode });
        config.ocis = Some(OcisConfig {
            api_url: url(2),
            credentials: Credentials::Basic { user: user.into(), password: password.into() },
            size: Size::of_calls(8),
            mode,
        });
        config
    }

    fn faults(&self, system: System) -> Faults {
        match system {
            System::Authentik => self.authentik.faults.clone(),
            System::Stalwart => self.stalwart.faults(),
            System::Ocis => self.ocis.faults.clone(),
        }
    }

    /// One more fault somewhere; its name.
    pub(crate) fn break_something(&self, rng: &mut fastrand::Rng) -> &'static str {
        let system = System::ALL[rng.usize(..3)];
        let times = rng.u32(1..6);
        let (name, effect) = match rng.u8(..10) {
            0 => ("latency", Effect::Latency(Duration::from_millis(rng.u64(1..30)))),
            1 => ("500", Effect::Status(500)),
            2 => ("502", Effect::Status(502)),
            3 | 4 => ("503", Effect::Status(503)),
            5 => ("empty 405", Effect::EmptyMethodNotAllowed),
            6 => ("lost before effect", Effect::LostBeforeEffect),
            7 => ("429", Effect::TooManyRequests { retry_after_s: rng.u32(1..60) }),
            8 => ("garbage", Effect::Garbage),
            _ => ("lost reply", Effect::LostReplyAfterEffect),
        };
        let rule = Rule::times(times, effect).after(rng.u32(..8));
        // What changes something is where a lost answer hurts.
        let writes = match system {
            System::Authentik | System::Ocis => {
                let methods = [Method::POST, Method::PATCH, Method::DELETE];
                rule.clone().method(&methods[rng.usize(..methods.len())])
            }
            System::Stalwart => rule.clone().body("/set\""),
        };
        self.faults(system).add(if rng.bool() { writes } else { rule });
        name
    }

    /// A create of a space that is cut in the middle.
    pub(crate) fn cut_a_create(&self, rng: &mut fastrand::Rng) {
        let half =
            if rng.bool() { ocis::HalfCreated::WithoutPermissions } else { ocis::HalfCreated::Unlisted };
        self.ocis.set(ocis::Switch::HalfCreateNext(half));
    }

    /// The mail server loses a write race in the middle of a request.
    pub(crate) fn stumble(&self, rng: &mut fastrand::Rng) {
        let kinds = ["x:Domain/set", "x:Role/set", "x:Account/set"];
        self.stalwart.stumble(kinds[rng.usize(..kinds.len())], rng.usize(..3));
    }

    /// Every fault is over, and everybody listens.
    pub(crate) async fn heal(&self) {
        for system in System::ALL {
            self.faults(system).clear();
            self.listen(system).await;
        }
    }

    /// It no longer answers; its state stays.
    pub(crate) async fn stop(&self, system: System) {
        let running = self.listening.borrow_mut()[index(system)].take();
        if let Some(running) = running {
            running.stop().await;
        }
    }

    /// It answers again, where it did before.
    pub(crate) async fn listen(&self, system: System) {
        if self.listening.borrow()[index(system)].is_some() {
            return;
        }
        let address = self.addresses[index(system)];
        let running = match system {
            System::Authentik => self.authentik.start(address).await,
            System::Stalwart => self.stalwart.start(address).await,
            System::Ocis => self.ocis.start(address).await,
        };
        self.listening.borrow_mut()[index(system)] = Some(running.expect("the port it had before"));
    }

    /// Changes or asks something in authentik, past faults and network.
    pub(crate) fn identity(&self, method: &Method, path: &str, body: Value) -> (u16, Value) {
        self.authentik.by_hand(method, &format!("/api/v3{path}"), body)
    }

    /// Changes or asks something in OCIS, past faults and network.
    pub(crate) fn files(&self, method: &Method, path: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = self.ocis.by_hand(method, path, body);
        (status.as_u16(), answer)
    }

    /// Things of ours that somebody could change by hand: what kind, its id there, whose.
    pub(crate) fn ours(&self, rng: &mut fastrand::Rng) -> Option<Ours> {
        let groups = self.groups().into_iter();
        let groups = groups.filter_map(|group| Some(Ours::Group { tenant: group.tenant?, pk: group.pk }));
        let spaces = self.ocis.spaces().into_iter().filter(look::is_ours);
        let spaces = spaces.map(|space| Ours::Space {
            tenant: space.description.trim_start_matches("dezky:").to_owned(),
            id: space.id,
        });
        let all: Vec<Ours> = groups.chain(spaces).collect();
        rng.choice(all)
    }

    /// Somebody with too many rights changes something of ours by hand; what.
    pub(crate) fn meddle(&self, ours: &Ours, rng: &mut fastrand::Rng) -> &'static str {
        match ours {
            Ours::Group { pk, .. } => {
                let path = format!("/core/groups/{pk}/");
                match rng.u8(..3) {
                    0 => {
                        self.identity(&Method::DELETE, &path, Value::Null);
                        "group deleted"
                    }
                    1 => {
                        self.identity(&Method::PATCH, &path, json!({ "name": format!("renamed {pk}") }));
                        "group renamed"
                    }
                    _ => {
                        self.identity(&Method::PATCH, &path, json!({ "attributes": { "colour": "green" } }));
                        "mark of a group wiped"
                    }
                }
            }
            Ours::Space { id, .. } => {
                let path = format!("/graph/v1.0/drives/{id}");
                if rng.bool() {
                    let body = json!({ "name": "Renamed", "quota": { "total": 5_000_000 } });
                    self.files(&Method::PATCH, &path, &body);
                    "space renamed"
                } else {
                    self.files(&Method::DELETE, &path, &Value::Null);
                    "space disabled"
                }
            }
        }
    }

    /// Somebody lets a person in or out by hand.
    pub(crate) fn change_entitlement(&self, rng: &mut fastrand::Rng) -> Option<()> {
        let user = self.account(rng)?;
        let entitled = self.groups().into_iter().find(|group| group.name == "dezky-entitled")?;
        let verb = if rng.bool() { "add_user" } else { "remove_user" };
        let path = format!("/core/groups/{}/{verb}/", entitled.pk);
        self.identity(&Method::POST, &path, json!({ "pk": user }));
        Some(())
    }

    /// An account of ours in authentik.
    fn account(&self, rng: &mut fastrand::Rng) -> Option<i64> {
        let (_, page) = self.identity(&Method::GET, "/core/users/?page_size=100&path=dezky", Value::Null);
        let users: Vec<i64> =
            page["results"].as_array()?.iter().filter_map(|user| user["pk"].as_i64()).collect();
        users.get(rng.usize(..users.len().max(1))).copied()
    }
}

fn identity_settings() -> authentik::Settings {
    authentik::Settings {
        token: API_TOKEN.into(),
        release: Release::R2026_5,
        recovery_flow: None,
        now: clock::now_there,
    }
}

fn index(system: System) -> usize {
    System::ALL.iter().position(|one| *one == system).expect("one of all")
}
