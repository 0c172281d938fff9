//! The three simulators in this process, as slow as the systems they stand for.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use schema::System;
use simulators::authentik::{Authentik, Release};
use simulators::ocis::{Ocis, Role};
use simulators::stalwart::{self, Stalwart};
use simulators::{Effect, Faults, Rule, Running};
use test_process::Installation;

use super::doors::Tenant;

const TOKEN: &str = "simulated";
const USER: &str = "admin";

/// What [`Upstreams::as_recorded`] does, in words.
pub(super) const MODEL: &str = "  authentik: user PATCH 105 ms and create 151 ms of which 62 ms one after the other (16 a second at most), other \
writes 76 ms of which 52 ms one after the other (19 a second), reads 36 ms, a page of members 231 ms\n  Stalwart: 0.4 ms \
a request, reload of its settings 18 ms\n  OCIS: reads 6 ms, writes 10 ms, list of spaces 90 ms";

/// Simulators whose state and faults are at hand.
pub(super) struct Upstreams {
    pub(super) authentik: Authentik,
    pub(super) stalwart: Stalwart,
    pub(super) ocis: Ocis,
    running: [Running; 3],
}

/// What a system was asked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Calls {
    pub(super) reads: u64,
    pub(super) writes: u64,
}

impl Upstreams {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let settings = simulators::authentik::Settings {
            token: TOKEN.to_owned(),
            release: Release::R2026_5,
            recovery_flow: None,
            now: jiff::Timestamp::now,
        };
        let authentik = Authentik::new(settings);
        let stalwart = Stalwart::new(stalwart::Settings { token: TOKEN.to_owned(), admin: None });
        let ocis = Ocis::new(simulators::ocis::Settings {
            basic: Some((USER.to_owned(), TOKEN.to_owned())),
            client: None,
            service_role: Role::Admin,
        });
        let here = ([127, 0, 0, 1], 0).into();
        let running = [
            authentik.start(here).await.context("start authentik")?,
            stalwart.start(here).await.context("start Stalwart")?,
            ocis.start(here).await.context("start OCIS")?,
        ];
        Ok(Self { authentik, stalwart, ocis, running })
    }

    /// Names the simulators in an installation's settings.
    pub(super) fn settings(&self, installation: &mut Installation) {
        let [authentik, stalwart, ocis] = &self.running;
        installation.set("AUTHENTIK_API_URL", authentik.base_url());
        installation.set("DEZKY_AUTHENTIK_TOKEN", TOKEN);
        installation.set("STALWART_API_URL", stalwart.base_url());
        installation.set("DEZKY_STALWART_TOKEN", TOKEN);
        installation.set("OCIS_API_URL", ocis.base_url());
        installation.set("DEZKY_OCIS_BASIC_USER", USER);
        installation.set("DEZKY_OCIS_BASIC_PASSWORD", TOKEN);
    }

    fn faults(&self, system: System) -> &Faults {
        let [authentik, stalwart, ocis] = &self.running;
        match system {
            System::Authentik => &authentik.faults,
            System::Stalwart => &stalwart.faults,
            System::Ocis => &ocis.faults,
        }
    }

    /// As quick as they are.
    pub(super) fn quick(&self) {
        for system in System::ALL {
            self.faults(system).clear();
        }
    }

    /// As slow as they were recorded, that many times quicker.
    pub(super) fn as_recorded(&self, scale: u32) {
        let micros = |micros| Duration::from_micros(micros) / scale;
        let takes = |method: &Method, path: &str, time| {
            Rule::always(Effect::Latency(micros(time))).method(method).path(path)
        };
        let occupies = |method: &Method, path: &str, time| {
            Rule::always(Effect::Busy(micros(time))).method(method).path(path)
        };
        let mut rules = vec![
            takes(&Method::GET, "/", 36_000),
            takes(&Method::GET, "groups_by_pk=", 195_000),
            takes(&Method::PATCH, "/core/users/", 43_000),
            occupies(&Method::PATCH, "/core/users/", 62_000),
            takes(&Method::POST, "/core/users/", 89_000),
            occupies(&Method::POST, "/core/users/", 62_000),
        ];
        for (method, path) in
            [(Method::POST, "/core/groups/"), (Method::PATCH, "/core/groups/"), (Method::DELETE, "/")]
        {
            rules.extend([takes(&method, path, 24_000), occupies(&method, path, 52_000)]);
        }
        self.faults(System::Authentik).replace(rules);
        self.faults(System::Stalwart).replace(vec![
            Rule::always(Effect::Latency(micros(400))),
            Rule::always(Effect::Latency(micros(17_600))).body("ReloadSettings"),
        ]);
        let mut rules = vec![takes(&Method::GET, "/", 6_000), takes(&Method::GET, "drives?", 84_000)];
        rules.extend([Method::POST, Method::PATCH, Method::DELETE].map(|method| takes(&method, "/", 10_000)));
        self.faults(System::Ocis).replace(rules);
    }

    /// One of them takes so long for every answer.
    pub(super) fn slow(&self, system: System, answer: Duration) {
        self.faults(system).replace(vec![Rule::always(Effect::Latency(answer))]);
    }

    /// A session and tokens for everybody, so that there is something to end.
    pub(super) fn sign_in(&self, tenant: &Tenant) -> anyhow::Result<()> {
        for email in &tenant.emails {
            self.authentik.login(email).map_err(|refused| anyhow::anyhow!("sign in: {refused:?}"))?;
        }
        Ok(())
    }

    /// What each was asked since the last [`Upstreams::forget_calls`].
    pub(super) fn calls(&self) -> Vec<Calls> {
        let of = |system| {
            let faults = self.faults(system);
            Calls { reads: faults.reads(), writes: faults.writes() }
        };
        System::ALL.map(of).to_vec()
    }

    pub(super) fn forget_calls(&self) {
        for system in System::ALL {
            self.faults(system).clear_requests();
        }
    }
}
