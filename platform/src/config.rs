//! The only reader of the environment and of `dezky.toml`. Every error names the setting and the remedy.

mod read;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reconciler::{AUTHENTIK_CALLS_DEFAULT, LossLimit, OCIS_CALLS_DEFAULT, STALWART_CALLS_DEFAULT, Size};

use crate::settings::{FORMER, SETTINGS, Secrecy};
use read::{Read, web_address};

/// The data folder when nobody names one.
pub(crate) const DATA: &str = "./dezky-data";
const FILE: &str = "dezky.toml";
const FILE_SUFFIX: &str = "_FILE";
const OUR_PREFIX: &str = "DEZKY_";
/// The pool's own lines repeat, per connection, what we say once.
const DEFAULT_LOG: &str = "info,tokio_cron_scheduler=warn,deadpool=error";
/// What says nothing without the address of its system.
const AUTHENTIK_ALONE: &[&str] = &["DEZKY_AUTHENTIK_TOKEN", "DEZKY_AUTHENTIK_INSTANCE"];
const STALWART_ALONE: &[&str] = &["DEZKY_STALWART_TOKEN"];
const OCIS_ALONE: &[&str] = &[
    "DEZKY_OCIS_TOKEN_URL",
    "DEZKY_OCIS_CLIENT_ID",
    "DEZKY_OCIS_CLIENT_SECRET",
    "DEZKY_OCIS_BASIC_USER",
    "DEZKY_OCIS_BASIC_PASSWORD",
];
/// So fast that it is no throttle.
pub(crate) const WRITES_PER_SECOND_MAX: u32 = 1000;

/// What an outside system may be asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforce,
    Observe,
    Paused,
    Disabled,
}

/// How we prove ourselves to OCIS.
#[derive(Clone)]
pub(crate) enum OcisLogin {
    Client { token_url: String, id: String, secret: String, scope: String },
    Basic { user: String, password: String },
}

/// An outside system that is configured.
#[derive(Clone)]
pub(crate) struct Upstream<Login> {
    pub(crate) url: String,
    pub(crate) login: Login,
}

/// All settings, read and checked.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) hosts: Vec<String>,
    pub(crate) data: PathBuf,
    pub(crate) log_url: Option<String>,
    pub(crate) views_url: Option<String>,
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) audience_issuers: Vec<(String, String)>,
    pub(crate) trust_idp_email: bool,
    pub(crate) bootstrap_admin_email: Option<String>,
    pub(crate) default_plan: String,
    pub(crate) platform_zones: Vec<String>,
    pub(crate) authentik: Option<Upstream<String>>,
    pub(crate) authentik_instance: Option<String>,
    pub(crate) authentik_mode: Mode,
    pub(crate) authentik_size: Size,
    pub(crate) authentik_writes_per_second: u32,
    pub(crate) stalwart: Option<Upstream<String>>,
    pub(crate) stalwart_mode: Mode,
    pub(crate) stalwart_size: Size,
    pub(crate) ocis: Option<Upstream<OcisLogin>>,
    pub(crate) ocis_mode: Mode,
    pub(crate) ocis_size: Size,
    pub(crate) loss: LossLimit,
    pub(crate) sweep: Duration,
    pub(crate) door_wait: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) extra_authorities: Vec<u8>,
    pub(crate) issuer_listen: Option<SocketAddr>,
    pub(crate) simulator_listen: [Option<SocketAddr>; 3],
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// Reads `dezky.toml` in the current folder, if there is one, and the environment over it.
#[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
pub(crate) fn read() -> anyhow::Result<Config> {
    let file = Path::new(FILE);
    let text = if file.exists() {
        Some(std::fs::read_to_string(file).with_context(|| format!("read {FILE}"))?)
    } else {
        None
    };
    parse(&gather(std::env::vars(), text.as_deref())?)
}

/// Merges both sources into one map of known settings.
fn gather(
    environment: impl Iterator<Item = (String, String)>,
    file: Option<&str>,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let mut values = BTreeMap::new();
    if let Some(text) = file {
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| anyhow!("{FILE}: {}", error.message()))?;
        for (key, value) in table {
            let setting = known(&key)
                .ok_or_else(|| anyhow!("{FILE}: there is no setting {key}; README.md lists them all"))?;
            if setting.secrecy == Secrecy::Secret {
                bail!(
                    "{FILE}: {key} may hold a secret; set it in the environment, or {key}{FILE_SUFFIX} to a file holding it"
                );
            }
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(truth) => truth.to_string(),
                toml::Value::Float(_)
                | toml::Value::Datetime(_)
                | toml::Value::Array(_)
                | toml::Value::Table(_) => {
                    bail!("{FILE}: {key} must be a text, a whole number or true/false")
                }
            };
            values.insert(setting.name, text);
        }
    }
    let environment: BTreeMap<String, String> = environment.collect();
    for (name, value) in &environment {
        if let Some((_, hint)) = FORMER.iter().find(|(former, _)| former == name) {
            bail!("{name} is no longer a setting: {hint}");
        }
        let Some(setting) = known(name) else {
            refuse_unknown(name, &environment)?;
            continue;
        };
        // An empty variable is how compose files say "not set".
        if !value.is_empty() {
            values.insert(setting.name, value.clone());
        }
    }
    for setting in SETTINGS.iter().filter(|setting| setting.secrecy == Secrecy::Secret) {
        let name = format!("{}{FILE_SUFFIX}", setting.name);
        let Some(path) = environment.get(&name).filter(|path| !path.is_empty()) else { continue };
        if environment.get(setting.name).is_some_and(|value| !value.is_empty()) {
            bail!("{} and {name} are both set; keep one", setting.name);
        }
        let secret =
            std::fs::read_to_string(path).with_context(|| format!("read the file that {name} names"))?;
        values.insert(setting.name, secret.trim().to_owned());
    }
    Ok(values)
}

fn known(name: &str) -> Option<&'static crate::settings::Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// A variable with our prefix that is no setting is a typing mistake, and would silently do nothing.
fn refuse_unknown(name: &str, environment: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let is_file_of_secret = name
        .strip_suffix(FILE_SUFFIX)
        .and_then(known)
        .is_some_and(|setting| setting.secrecy == Secrecy::Secret);
    // Variables of the test suite are not settings of the platform.
    if !name.starts_with(OUR_PREFIX) || is_file_of_secret || name.starts_with("DEZKY_TEST_") {
        return Ok(());
    }
    debug_assert!(environment.contains_key(name), "only names of the environment are checked");
    bail!("there is no setting {name}; README.md lists them all")
}

fn parse(values: &BTreeMap<&'static str, String>) -> anyhow::Result<Config> {
    let read = Read(values);
    let authentik = read.upstream("AUTHENTIK_API_URL", AUTHENTIK_ALONE, |read| {
        read.needed("DEZKY_AUTHENTIK_TOKEN", "AUTHENTIK_API_URL")
    })?;
    let stalwart = read.upstream("STALWART_API_URL", STALWART_ALONE, |read| {
        read.needed("DEZKY_STALWART_TOKEN", "STALWART_API_URL")
    })?;
    let ocis = read.upstream("OCIS_API_URL", OCIS_ALONE, Read::ocis_login)?;
    let issuers = read.list("AUTHENTIK_ISSUER", "");
    for issuer in &issuers {
        web_address("AUTHENTIK_ISSUER", issuer)?;
    }
    let audience_issuers = read.pairs("DEZKY_AUDIENCE_ISSUERS")?;
    if let Some((_, issuer)) = audience_issuers.iter().find(|(_, issuer)| !issuers.contains(issuer)) {
        bail!("DEZKY_AUDIENCE_ISSUERS names {issuer}, which is not in AUTHENTIK_ISSUER");
    }
    Ok(Config {
        listen: read.address("DEZKY_LISTEN")?,
        metrics_listen: read.address("DEZKY_METRICS_LISTEN")?,
        hosts: read.list("DEZKY_HOSTS", "api.dezky.local,platform-api:3001,localhost:3001"),
        data: PathBuf::from(read.text("DEZKY_DATA", DATA)),
        log_url: read.optional("DEZKY_LOG_URL"),
        views_url: read.optional("DEZKY_VIEWS_URL"),
        issuers,
        audiences: read.list("AUTHENTIK_AUDIENCE", "dezky-portal,dezky-operator"),
        audience_issuers,
        trust_idp_email: read.truth("DEZKY_TRUST_IDP_EMAIL")?,
        bootstrap_admin_email: read.optional("DEZKY_BOOTSTRAP_ADMIN_EMAIL"),
        default_plan: read.text("DEZKY_DEFAULT_PLAN", "complimentary"),
        platform_zones: read.zones("DEZKY_PLATFORM_ZONES", "dezky.local")?,
        authentik,
        authentik_instance: read.optional("DEZKY_AUTHENTIK_INSTANCE"),
        authentik_mode: read.mode("DEZKY_AUTHENTIK_MODE")?,
        authentik_size: read
            .size(["DEZKY_AUTHENTIK_HANDS", "DEZKY_AUTHENTIK_CALLS"], AUTHENTIK_CALLS_DEFAULT)?,
        authentik_writes_per_second: read.number(
            "DEZKY_AUTHENTIK_WRITES_PER_SECOND",
            3,
            1,
            WRITES_PER_SECOND_MAX,
        )?,
        stalwart,
        stalwart_mode: read.mode("DEZKY_STALWART_MODE")?,
        stalwart_size: read.size(["DEZKY_STALWART_HANDS", "DEZKY_STALWART_CALLS"], STALWART_CALLS_DEFAULT)?,
        ocis,
        ocis_mode: read.mode("DEZKY_OCIS_MODE")?,
        ocis_size: read.size(["DEZKY_OCIS_HANDS", "DEZKY_OCIS_CALLS"], OCIS_CALLS_DEFAULT)?,
        loss: LossLimit {
            percent: read.number("DEZKY_LOSS_PERCENT", LossLimit::DEFAULT.percent, 1, 100)?,
            at_least: read.number("DEZKY_LOSS_AT_LEAST", LossLimit::DEFAULT.at_least, 1, 1_000_000)?,
        },
        sweep: read.seconds("DEZKY_SWEEP_SECONDS", 1800, 1)?,
        door_wait: read.seconds("DEZKY_DOOR_WAIT_SECONDS", 300, 0)?,
        call_timeout: read.seconds("DEZKY_CALL_TIMEOUT_SECONDS", 30, 1)?,
        extra_authorities: read.certificates("DEZKY_EXTRA_CA_CERTS")?,
        issuer_listen: read.address("DEZKY_ISSUER_LISTEN")?,
        simulator_listen: [
            read.address("DEZKY_SIMULATOR_AUTHENTIK_LISTEN")?,
            read.address("DEZKY_SIMULATOR_STALWART_LISTEN")?,
            read.address("DEZKY_SIMULATOR_OCIS_LISTEN")?,
        ],
        log: read.text("DEZKY_LOG", DEFAULT_LOG),
        log_format: read.log_format()?,
    })
}

/// Makes the folder of embedded databases and development keys, unless it is there.
pub(crate) fn make_data_folder(data: &Path) -> anyhow::Result<()> {
    // Keys and people's data lie there: it is nobody else's. A folder that is there stays as it is.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data)
        .with_context(|| format!("create the folder {} (DEZKY_DATA)", data.display()))
}

impl Config {
    /// Where the log is.
    pub(crate) fn log_url(&self) -> String {
        self.log_url.clone().unwrap_or_else(|| self.sqlite("log.sqlite3"))
    }

    /// Where the read models are: the log's Postgres, or a second file, so that rebuilds never block appends.
    pub(crate) fn views_url(&self) -> String {
        let beside = || {
            let log = self.log_url();
            if log.starts_with("postgres") { log } else { self.sqlite("views.sqlite3") }
        };
        self.views_url.clone().unwrap_or_else(beside)
    }

    fn sqlite(&self, file: &str) -> String {
        format!("sqlite:{}", self.data.join(file).display())
    }
}

#[cfg(test)]
mod tests;
