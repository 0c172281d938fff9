//! What every role is made of: the log, the read models, and how each crate is told its part of the configuration.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use command_api::{Build, EmailTrust, Issuer};
use event_store::{Db, DbUrl, EventStore, Purpose};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use projector::Views;
use reconciler::{AuthentikConfig, Credentials, OcisConfig, Reconciler, StalwartConfig, SystemMode};

use crate::config::{Config, Mode, OcisLogin};
use crate::planner::Lent;
use crate::{clock, issuer};

/// At most one look for new signing keys per issuer in this time.
const KEY_REFRESH: Duration = Duration::from_secs(10);
/// Identities of the simulated identity system belong to it, whatever port it has today.
const SIMULATED_INSTANCE: &str = "simulated";

/// The opened databases.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) log: EventStore,
    pub(crate) views: Views,
}

/// Whether missing tables are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// They are: one process, or somebody asked for it.
    Make,
    /// They are not: `dezky migrate` does it, once, before roles start.
    Expect,
}

impl Parts {
    pub(crate) async fn open(config: &Config, tables: Tables) -> anyhow::Result<Self> {
        let (log_url, views_url) = urls(config)?;
        if tables == Tables::Expect {
            must_be_there(&log_url, "DEZKY_LOG_URL")?;
            must_be_there(&views_url, "DEZKY_VIEWS_URL")?;
        } else {
            if !log_url.is_postgres() || !views_url.is_postgres() {
                crate::config::make_data_folder(&config.data)?;
            }
            EventStore::migrate(&log_url, clock::now())
                .await
                .context("bring the log's tables up to date (DEZKY_LOG_URL)")?;
        }
        let log = EventStore::open(event_store::Config { url: log_url, clock: clock::now })
            .await
            .context("open the log (DEZKY_LOG_URL; `dezky migrate` makes its tables)")?;
        let db =
            Db::open(&views_url, Purpose::Views).await.context("open the read models (DEZKY_VIEWS_URL)")?;
        if tables == Tables::Make {
            event_store::migrate_views(&db, clock::now())
                .await
                .context("bring the tables of the read models up to date")?;
        }
        event_store::check_views(&db)
            .await
            .context("find the tables of the read models (`dezky migrate` makes them)")?;
        let views = Views::with(db).await.context("open the read models (DEZKY_VIEWS_URL)")?;
        must_belong_together(&log, &views, &views_url).await?;
        Ok(Self { log, views })
    }
}

/// A tool started in the wrong folder must not leave empty databases behind.
pub(crate) fn must_be_there(url: &DbUrl, setting: &str) -> anyhow::Result<()> {
    match url.file() {
        Some(file) if !file.exists() => bail!(
            "there is no database {} ({setting}, DEZKY_DATA): `dezky up` and `dezky migrate` make it; or is this \
             another folder than the platform's?",
            file.display()
        ),
        Some(_) | None => Ok(()),
    }
}

/// Read models ahead of their log are of another log, or of one that was restored since: they would mix two histories.
async fn must_belong_together(log: &EventStore, views: &Views, url: &DbUrl) -> anyhow::Result<()> {
    // In this order: a log that grows meanwhile only gets further ahead.
    let models = views.positions().await.context("read how far the read models are")?;
    let head = log.read_head().await.context("read the head of the log")?;
    let Some(ahead) = models.iter().find(|model| model.position > head) else { return Ok(()) };
    let remedy = match url.file() {
        Some(file) => format!("remove {0}, {0}-wal and {0}-shm", file.display()),
        None => "point DEZKY_VIEWS_URL to an empty database".to_owned(),
    };
    bail!(
        "the read model {} stands at position {} and the log ends at {head}: they are of different logs, or the log was \
         restored from an older backup. Nothing is kept in read models alone, they are filled again: {remedy}, and start again",
        ahead.name,
        ahead.position
    )
}

/// Both databases' addresses. What is wrong with one is said by the name of its setting, never by its text.
pub(crate) fn urls(config: &Config) -> anyhow::Result<(DbUrl, DbUrl)> {
    let read = |text: String, setting: &'static str| {
        let url: DbUrl = text.parse().context(setting)?;
        if url.is_in_memory() {
            bail!(
                "{setting}: a database in memory is gone with its first connection; name a file, sqlite:PATH"
            );
        }
        Ok(url)
    };
    Ok((read(config.log_url(), "DEZKY_LOG_URL")?, read(config.views_url(), "DEZKY_VIEWS_URL")?))
}

/// The one recorder of metrics in this process.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().context("install the recorder of metrics")
}

/// What the API is told.
pub(crate) fn api(
    config: &Config,
    listen: std::net::SocketAddr,
    development: Option<&str>,
) -> anyhow::Result<command_api::Config> {
    let mut hosts = config.hosts.clone();
    hosts.extend([
        listen.to_string(),
        format!("localhost:{}", listen.port()),
        format!("127.0.0.1:{}", listen.port()),
    ]);
    let bootstrap = config.bootstrap_admin_email.as_deref().map(str::parse).transpose();
    Ok(command_api::Config {
        metrics_listen: config.metrics_listen,
        issuers: issuers(config, development)?,
        hosts,
        email_trust: if config.trust_idp_email { EmailTrust::Always } else { EmailTrust::WhenVerified },
        bootstrap_admin_email: bootstrap.context("DEZKY_BOOTSTRAP_ADMIN_EMAIL")?,
        default_plan: config.default_plan.parse().context("DEZKY_DEFAULT_PLAN")?,
        platform_zones: config.platform_zones.clone(),
        extra_authorities: config.extra_authorities.clone(),
        key_refresh: KEY_REFRESH,
        build: Build {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: option_env!("DEZKY_COMMIT").map(str::to_owned),
        },
        metrics: metrics()?,
        clock: clock::now,
    })
}

fn issuers(config: &Config, development: Option<&str>) -> anyhow::Result<Vec<Issuer>> {
    let mut issuers = Vec::new();
    for url in &config.issuers {
        let mut audiences = Issuer::own_audiences(url, &config.audiences);
        let mapped =
            config.audience_issuers.iter().filter(|(_, of)| of == url).map(|(audience, _)| audience.clone());
        audiences.extend(mapped);
        if audiences.is_empty() {
            bail!(
                "AUTHENTIK_ISSUER: {url} is the issuer of no audience in AUTHENTIK_AUDIENCE; its address must end in \
                 /application/o/<audience>/, or DEZKY_AUDIENCE_ISSUERS must name it"
            );
        }
        let is_development = development.is_some_and(|base| url.starts_with(base));
        let instance = if is_development { issuer::INSTANCE.to_owned() } else { origin(url) };
        issuers.push(Issuer { url: url.clone(), audiences, instance, keys_url: None });
    }
    Ok(issuers)
}

/// Scheme, host and port: all issuers of one authentik share it.
fn origin(url: &str) -> String {
    let host = url.find("://").map_or(0, |at| at + 3);
    url.get(host..)
        .and_then(|rest| rest.find('/'))
        .map_or(url, |end| url.get(..host + end).unwrap_or(url))
        .to_owned()
}

/// What the reconciler is told.
pub(crate) fn reconciling(config: &Config, is_simulated: impl Fn(&str) -> bool) -> reconciler::Config {
    let mut told = reconciler::Config::new(clock::now);
    told.call_timeout = config.call_timeout;
    told.door_wait = config.door_wait;
    told.loss = config.loss;
    told.extra_authorities.clone_from(&config.extra_authorities);
    told.authentik = config.authentik.as_ref().map(|upstream| AuthentikConfig {
        api_url: upstream.url.clone(),
        token: upstream.login.clone(),
        instance: match &config.authentik_instance {
            Some(instance) => instance.clone(),
            None if is_simulated("authentik") => SIMULATED_INSTANCE.to_owned(),
            None => origin(&upstream.url),
        },
        trusts_addresses: config.trust_idp_email,
        writes_per_second: config.authentik_writes_per_second,
        size: config.authentik_size,
        mode: mode(config.authentik_mode),
    });
    told.stalwart = config.stalwart.as_ref().map(|upstream| StalwartConfig {
        api_url: upstream.url.clone(),
        token: upstream.login.clone(),
        size: config.stalwart_size,
        mode: mode(config.stalwart_mode),
    });
    told.ocis = config.ocis.as_ref().map(|upstream| OcisConfig {
        api_url: upstream.url.clone(),
        credentials: credentials(&upstream.login),
        size: config.ocis_size,
        mode: mode(config.ocis_mode),
    });
    told
}

fn credentials(login: &OcisLogin) -> Credentials {
    match login.clone() {
        OcisLogin::Basic { user, password } => Credentials::Basic { user, password },
        OcisLogin::Client { token_url, id, secret, scope } => {
            Credentials::ClientCredentials { token_url, client_id: id, client_secret: secret, scope }
        }
    }
}

const fn mode(mode: Mode) -> SystemMode {
    match mode {
        Mode::Enforce => SystemMode::Enforce,
        Mode::Observe => SystemMode::Observe,
        Mode::Paused => SystemMode::Paused,
        Mode::Disabled => SystemMode::Disabled,
    }
}

/// The reconciler as the API knows it.
pub(crate) fn lend(reconciler: &Reconciler, views: &Views) -> Arc<Lent> {
    Arc::new(Lent { reconciler: reconciler.clone(), views: views.clone() })
}
