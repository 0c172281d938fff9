//! The development parts as servers: the token issuer, and a simulator for each system that is not configured.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Mode, OcisLogin, Upstream};
use crate::development::{Addresses, Insist, refuse_network};
use crate::issuer::{Audience, Issuer, base_url, issuer_url};
use crate::lock::{Alone, Held, hold};
use crate::{clock, issuer};

/// What the simulators accept. They listen on loopback only, and what they protect is simulated.
const TOKEN: &str = "simulated";
const OCIS_USER: &str = "admin";
const OCIS_PASSWORD: &str = "admin";

/// Development parts that run, and a configuration that names them.
pub(crate) struct Development {
    /// The configuration with every gap filled.
    pub(crate) config: Config,
    /// The issuer's address, when it runs.
    pub(crate) issuer: Option<String>,
    /// System and address of each simulator that runs.
    pub(crate) simulated: Vec<(&'static str, String)>,
    running: Vec<simulators::Running>,
    /// Addresses and journals in the data folder are theirs alone.
    alone: Option<Held>,
}

impl Development {
    /// Whether anything here would be dangerous on a network.
    pub(crate) fn is_on(config: &Config) -> bool {
        config.issuers.is_empty() || Self::stands_in(config).into_iter().any(|missing| missing)
    }

    /// For which systems a simulator stands in: authentik, Stalwart, OCIS.
    fn stands_in(config: &Config) -> [bool; 3] {
        [
            config.authentik.is_none() && config.authentik_mode != Mode::Disabled,
            config.stalwart.is_none() && config.stalwart_mode != Mode::Disabled,
            config.ocis.is_none() && config.ocis_mode != Mode::Disabled,
        ]
    }

    /// Starts what is not configured.
    pub(crate) async fn start(
        config: &Config,
        listen: SocketAddr,
        insist: Insist,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut development = Self {
            config: config.clone(),
            issuer: None,
            simulated: Vec::new(),
            running: Vec::new(),
            alone: None,
        };
        if !Self::is_on(config) {
            return Ok(development);
        }
        development.alone = Some(hold(&config.data, Alone::Development)?);
        let addresses = Addresses::choose(config).await?;
        let Addresses { issuer, authentik, stalwart, ocis } = addresses;
        refuse_network(listen, &[issuer, authentik, stalwart, ocis], insist)?;
        if config.issuers.is_empty() {
            development.start_issuer(addresses.issuer, stop).await?;
        }
        development.start_simulators(addresses).await?;
        Ok(development)
    }

    /// The configuration with every gap filled by what a running `dezky up` in this data folder simulates.
    pub(crate) fn already_running(config: &Config) -> anyhow::Result<(Config, Vec<&'static str>)> {
        let mut config = config.clone();
        let mut simulated = Vec::new();
        let Some(addresses) = Addresses::last(&config.data)? else { return Ok((config, simulated)) };
        let [authentik, stalwart, ocis] = Self::stands_in(&config);
        if authentik {
            config.authentik = Some(Upstream { url: base_url(addresses.authentik), login: TOKEN.into() });
            simulated.push("authentik");
        }
        if stalwart {
            config.stalwart = Some(Upstream { url: base_url(addresses.stalwart), login: TOKEN.into() });
            simulated.push("stalwart");
        }
        if ocis {
            config.ocis = Some(Upstream { url: base_url(addresses.ocis), login: ocis_login() });
            simulated.push("ocis");
        }
        Ok((config, simulated))
    }

    async fn start_issuer(&mut self, listen: SocketAddr, stop: &CancellationToken) -> anyhow::Result<()> {
        let base = base_url(listen);
        let issuer = Issuer::open(&self.config.data)?;
        let listener = TcpListener::bind(listen).await.with_context(|| {
            format!("listen on {listen} for the development issuer (DEZKY_ISSUER_LISTEN)")
        })?;
        let router = issuer.router(base.clone());
        let stopped = stop.clone().cancelled_owned();
        #[expect(clippy::disallowed_methods, reason = "ends with `stop`, which the caller holds")]
        tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stopped).await });
        tracing::warn!(address = %base, "a development token issuer runs: whoever reaches it or the data folder is an operator");
        self.config.issuers = [Audience::Operator, Audience::Portal]
            .map(|audience| issuer_url(&base, audience.client()))
            .to_vec();
        self.config.bootstrap_admin_email.get_or_insert_with(|| crate::development::ADMIN_EMAIL.to_owned());
        self.issuer = Some(base);
        Ok(())
    }

    async fn start_simulators(&mut self, addresses: Addresses) -> anyhow::Result<()> {
        let data = self.config.data.clone();
        let [authentik, stalwart, ocis] = Self::stands_in(&self.config);
        if authentik {
            let settings = simulators::authentik::Settings {
                token: TOKEN.into(),
                release: simulators::authentik::Release::R2026_5,
                recovery_flow: None,
                now: clock::plain_now,
            };
            let simulator =
                simulators::authentik::Authentik::persisted(settings, journal(&data, "authentik"))
                    .context("read the simulated authentik's journal")?;
            let url = self.serve("authentik", simulator.start(addresses.authentik).await)?;
            self.config.authentik = Some(Upstream { url, login: TOKEN.into() });
            // Nothing behind the simulator queues tasks, so nothing is spared by waiting.
            self.config.authentik_writes_per_second = crate::config::WRITES_PER_SECOND_MAX;
        }
        if stalwart {
            let settings = simulators::stalwart::Settings { token: TOKEN.into(), admin: None };
            let simulator = simulators::stalwart::Stalwart::persisted(settings, journal(&data, "stalwart"))
                .context("read the simulated Stalwart's journal")?;
            let url = self.serve("stalwart", simulator.start(addresses.stalwart).await)?;
            self.config.stalwart = Some(Upstream { url, login: TOKEN.into() });
        }
        if ocis {
            let settings = simulators::ocis::Settings {
                basic: Some((OCIS_USER.into(), OCIS_PASSWORD.into())),
                client: None,
                service_role: simulators::ocis::Role::Admin,
            };
            let simulator = simulators::ocis::Ocis::persisted(settings, journal(&data, "ocis"))
                .context("read the simulated OCIS's journal")?;
            let url = self.serve("ocis", simulator.start(addresses.ocis).await)?;
            self.config.ocis = Some(Upstream { url, login: ocis_login() });
        }
        Ok(())
    }

    fn serve(
        &mut self,
        system: &'static str,
        started: std::io::Result<simulators::Running>,
    ) -> anyhow::Result<String> {
        let running = started.with_context(|| {
            format!("start the simulated {system} (DEZKY_SIMULATOR_{}_LISTEN)", system.to_uppercase())
        })?;
        let url = running.base_url();
        tracing::warn!(system, address = %url, "not configured: a simulator stands in, nothing real is provisioned");
        self.simulated.push((system, url.clone()));
        self.running.push(running);
        Ok(url)
    }

    /// Stops the simulators; the issuer ends with its token.
    pub(crate) async fn stop(self) {
        for running in self.running {
            running.stop().await;
        }
        drop(self.alone);
    }
}

fn ocis_login() -> OcisLogin {
    OcisLogin::Basic { user: OCIS_USER.into(), password: OCIS_PASSWORD.into() }
}

fn journal(data: &Path, system: &str) -> std::path::PathBuf {
    data.join(format!("simulated-{system}.jsonl"))
}

/// `dezky simulate`: the development parts alone, and the settings that point other processes at them.
pub(crate) async fn run(config: &Config, stop: CancellationToken) -> anyhow::Result<()> {
    // Nothing of the API runs here: the development parts' own addresses are all there is to protect.
    let alone = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    // Started again in a shell that exported its own settings, it must not take itself for real systems.
    let unset = Config { issuers: Vec::new(), authentik: None, stalwart: None, ocis: None, ..config.clone() };
    let development = Development::start(&unset, alone, Insist::No, &stop).await?;
    let mut exports = Vec::new();
    let mut export = |name: &str, value: &str| exports.push(format!("export {name}={value}"));
    if development.issuer.is_some() {
        export("AUTHENTIK_ISSUER", &development.config.issuers.join(","));
        export("DEZKY_BOOTSTRAP_ADMIN_EMAIL", crate::development::ADMIN_EMAIL);
    }
    for (system, url) in &development.simulated {
        match *system {
            "authentik" => {
                export("AUTHENTIK_API_URL", url);
                export("DEZKY_AUTHENTIK_TOKEN", TOKEN);
                export(
                    "DEZKY_AUTHENTIK_WRITES_PER_SECOND",
                    &crate::config::WRITES_PER_SECOND_MAX.to_string(),
                );
            }
            "stalwart" => {
                export("STALWART_API_URL", url);
                export("DEZKY_STALWART_TOKEN", TOKEN);
            }
            _ => {
                export("OCIS_API_URL", url);
                export("DEZKY_OCIS_BASIC_USER", OCIS_USER);
                export("DEZKY_OCIS_BASIC_PASSWORD", OCIS_PASSWORD);
            }
        }
    }
    crate::print(&format!(
        "Development parts are up. Settings for the other roles:\n\n{}\n\nA token: dezky token operator\n",
        exports.join("\n")
    ))?;
    stop.cancelled().await;
    development.stop().await;
    Ok(())
}

/// `dezky token`: a token of the development issuer, made from the key in the data folder.
pub(crate) fn token(config: &Config, asked: &crate::cli::Token) -> anyhow::Result<String> {
    let listen = match asked.issuer {
        Some(address) => address,
        None => Addresses::issuer(config)?,
    };
    if asked.issuer.is_none() && Addresses::last(&config.data)?.is_none() {
        tracing::warn!(
            data = %config.data.display(),
            "no development issuer has run in this data folder (DEZKY_DATA); the token works once one does"
        );
    }
    let base = base_url(listen);
    let foreign = config.issuers.iter().any(|url| !url.starts_with(&base));
    if foreign {
        anyhow::bail!(
            "AUTHENTIK_ISSUER names a real issuer; `dezky token` is for the development issuer only. Sign in there, or \
             unset AUTHENTIK_ISSUER"
        );
    }
    let email = asked.email.clone().unwrap_or_else(|| asked.audience.default_email().to_owned());
    let email: schema::Email = email.parse().context("--email")?;
    issuer::Issuer::open(&config.data)?.token(&base, asked.audience, email.as_str(), clock::now())
}
