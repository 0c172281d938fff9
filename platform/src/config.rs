//! The only reader of the environment and of `dezky.toml`. Every error names the setting and the remedy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use crate::settings::{FORMER, SETTINGS, Secrecy};

const FILE: &str = "dezky.toml";
const FILE_SUFFIX: &str = "_FILE";
const OUR_PREFIX: &str = "DEZKY_";
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
    pub(crate) authentik_writes_per_second: u32,
    pub(crate) stalwart: Option<Upstream<String>>,
    pub(crate) stalwart_mode: Mode,
    pub(crate) ocis: Option<Upstream<OcisLogin>>,
    pub(crate) ocis_mode: Mode,
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
    let authentik =
        read.upstream("AUTHENTIK_API_URL", |read| read.needed("DEZKY_AUTHENTIK_TOKEN", "AUTHENTIK_API_URL"))?;
    let stalwart =
        read.upstream("STALWART_API_URL", |read| read.needed("DEZKY_STALWART_TOKEN", "STALWART_API_URL"))?;
    let ocis = read.upstream("OCIS_API_URL", Read::ocis_login)?;
    let issuers = read.list("AUTHENTIK_ISSUER", "");
    for issuer in &issuers {
        web_address("AUTHENTIK_ISSUER", issuer)?;
    }
    Ok(Config {
        listen: read.address("DEZKY_LISTEN")?,
        metrics_listen: read.address("DEZKY_METRICS_LISTEN")?,
        hosts: read.list("DEZKY_HOSTS", "api.dezky.local,platform-api:3001,localhost:3001"),
        data: PathBuf::from(read.text("DEZKY_DATA", "./dezky-data")),
        log_url: read.optional("DEZKY_LOG_URL"),
        views_url: read.optional("DEZKY_VIEWS_URL"),
        issuers,
        audiences: read.list("AUTHENTIK_AUDIENCE", "dezky-portal,dezky-operator"),
        audience_issuers: read.pairs("DEZKY_AUDIENCE_ISSUERS")?,
        trust_idp_email: read.truth("DEZKY_TRUST_IDP_EMAIL")?,
        bootstrap_admin_email: read.optional("DEZKY_BOOTSTRAP_ADMIN_EMAIL"),
        default_plan: read.text("DEZKY_DEFAULT_PLAN", "complimentary"),
        platform_zones: read.list("DEZKY_PLATFORM_ZONES", "dezky.local"),
        authentik,
        authentik_instance: read.optional("DEZKY_AUTHENTIK_INSTANCE"),
        authentik_mode: read.mode("DEZKY_AUTHENTIK_MODE")?,
        authentik_writes_per_second: read.number(
            "DEZKY_AUTHENTIK_WRITES_PER_SECOND",
            3,
            1,
            WRITES_PER_SECOND_MAX,
        )?,
        stalwart,
        stalwart_mode: read.mode("DEZKY_STALWART_MODE")?,
        ocis,
        ocis_mode: read.mode("DEZKY_OCIS_MODE")?,
        sweep: read.seconds("DEZKY_SWEEP_SECONDS", 1800, 1)?,
        door_wait: read.seconds("DEZKY_DOOR_WAIT_SECONDS", 300, 0)?,
        call_timeout: read.seconds("DEZKY_CALL_TIMEOUT_SECONDS", 30, 1)?,
        extra_authorities: read.file("DEZKY_EXTRA_CA_CERTS")?,
        issuer_listen: read.address("DEZKY_ISSUER_LISTEN")?,
        simulator_listen: [
            read.address("DEZKY_SIMULATOR_AUTHENTIK_LISTEN")?,
            read.address("DEZKY_SIMULATOR_STALWART_LISTEN")?,
            read.address("DEZKY_SIMULATOR_OCIS_LISTEN")?,
        ],
        log: read.text("DEZKY_LOG", "info,tokio_cron_scheduler=warn"),
        log_format: read.log_format()?,
    })
}

/// One reader per kind of value; each error names the setting.
struct Read<'a>(&'a BTreeMap<&'static str, String>);

impl Read<'_> {
    fn optional(&self, name: &'static str) -> Option<String> {
        debug_assert!(known(name).is_some(), "every setting that is read stands in the list");
        self.0.get(name).cloned()
    }

    fn text(&self, name: &'static str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    fn list(&self, name: &'static str, default: &str) -> Vec<String> {
        self.text(name, default)
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn pairs(&self, name: &'static str) -> anyhow::Result<Vec<(String, String)>> {
        self.list(name, "")
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((left, right)) => Ok((left.trim().to_owned(), right.trim().to_owned())),
                None => Err(anyhow!("{name} must be audience=issuer pairs separated by commas")),
            })
            .collect()
    }

    fn address(&self, name: &'static str) -> anyhow::Result<Option<SocketAddr>> {
        self.optional(name)
            .map(|text| {
                text.parse().map_err(|_| anyhow!("{name} must be an address and port such as 127.0.0.1:3001"))
            })
            .transpose()
    }

    /// The content of the file a setting names; empty when it names none.
    fn file(&self, name: &'static str) -> anyhow::Result<Vec<u8>> {
        let read = self
            .optional(name)
            .map(|path| std::fs::read(path).with_context(|| format!("read the file that {name} names")));
        Ok(read.transpose()?.unwrap_or_default())
    }

    fn truth(&self, name: &'static str) -> anyhow::Result<bool> {
        match self.text(name, "true").as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => bail!("{name} must be true or false"),
        }
    }

    fn mode(&self, name: &'static str) -> anyhow::Result<Mode> {
        match self.text(name, "enforce").as_str() {
            "enforce" => Ok(Mode::Enforce),
            "observe" => Ok(Mode::Observe),
            "paused" => Ok(Mode::Paused),
            "disabled" => Ok(Mode::Disabled),
            _ => bail!("{name} must be enforce, observe, paused or disabled"),
        }
    }

    fn log_format(&self) -> anyhow::Result<LogFormat> {
        match self.text("DEZKY_LOG_FORMAT", "text").as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => bail!("DEZKY_LOG_FORMAT must be text or json"),
        }
    }

    fn number(&self, name: &'static str, default: u32, least: u32, most: u32) -> anyhow::Result<u32> {
        let number = match self.optional(name) {
            None => default,
            Some(text) => text.parse().map_err(|_| anyhow!("{name} must be a whole number"))?,
        };
        if (least..=most).contains(&number) {
            Ok(number)
        } else {
            bail!("{name} must be between {least} and {most}")
        }
    }

    fn seconds(&self, name: &'static str, default: u32, least: u32) -> anyhow::Result<Duration> {
        self.number(name, default, least, 86_400).map(|seconds| Duration::from_secs(seconds.into()))
    }

    fn needed(&self, name: &'static str, because: &'static str) -> anyhow::Result<String> {
        self.optional(name)
            .ok_or_else(|| anyhow!("{because} is set, so {name} (or {name}{FILE_SUFFIX}) must be set too"))
    }

    fn upstream<Login>(
        &self,
        name: &'static str,
        login: impl Fn(&Self) -> anyhow::Result<Login>,
    ) -> anyhow::Result<Option<Upstream<Login>>> {
        let Some(url) = self.optional(name) else { return Ok(None) };
        web_address(name, &url)?;
        Ok(Some(Upstream { url: url.trim_end_matches('/').to_owned(), login: login(self)? }))
    }

    fn ocis_login(&self) -> anyhow::Result<OcisLogin> {
        let because = "DEZKY_OCIS_TOKEN_URL";
        match (self.optional(because), self.optional("DEZKY_OCIS_BASIC_USER")) {
            (Some(token_url), None) => {
                web_address(because, &token_url)?;
                Ok(OcisLogin::Client {
                    token_url,
                    id: self.needed("DEZKY_OCIS_CLIENT_ID", because)?,
                    secret: self.needed("DEZKY_OCIS_CLIENT_SECRET", because)?,
                    scope: self.text("DEZKY_OCIS_SCOPE", "openid profile entitlements"),
                })
            }
            (None, Some(user)) => {
                let password = self.needed("DEZKY_OCIS_BASIC_PASSWORD", "DEZKY_OCIS_BASIC_USER")?;
                Ok(OcisLogin::Basic { user, password })
            }
            (None, None) => {
                bail!("OCIS_API_URL is set, so DEZKY_OCIS_TOKEN_URL or DEZKY_OCIS_BASIC_USER must be set too")
            }
            (Some(_), Some(_)) => {
                bail!("DEZKY_OCIS_TOKEN_URL and DEZKY_OCIS_BASIC_USER are both set; keep one")
            }
        }
    }
}

fn web_address(name: &str, text: &str) -> anyhow::Result<()> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(())
    } else {
        bail!("{name} must start with https:// or http://")
    }
}

/// Makes the folder of embedded databases and development keys, unless it is there.
pub(crate) fn make_data_folder(data: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data)
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
