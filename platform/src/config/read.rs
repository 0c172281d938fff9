//! One reader per kind of value; each error names the setting and the remedy.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use reconciler::Size;

use super::{FILE_SUFFIX, LogFormat, Mode, OcisLogin, Upstream, known};

/// Hands or calls of one system at most.
const SIZE_MAX: u32 = 256;
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// The settings that were found.
pub(super) struct Read<'a>(pub(super) &'a BTreeMap<&'static str, String>);

impl Read<'_> {
    pub(super) fn optional(&self, name: &'static str) -> Option<String> {
        debug_assert!(known(name).is_some(), "every setting that is read stands in the list");
        self.0.get(name).cloned()
    }

    pub(super) fn text(&self, name: &'static str, default: &str) -> String {
        self.optional(name).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn list(&self, name: &'static str, default: &str) -> Vec<String> {
        self.text(name, default)
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn pairs(&self, name: &'static str) -> anyhow::Result<Vec<(String, String)>> {
        self.list(name, "")
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((left, right)) => Ok((left.trim().to_owned(), right.trim().to_owned())),
                None => Err(anyhow!("{name} must be audience=issuer pairs separated by commas")),
            })
            .collect()
    }

    pub(super) fn address(&self, name: &'static str) -> anyhow::Result<Option<SocketAddr>> {
        self.optional(name)
            .map(|text| {
                text.parse().map_err(|_| anyhow!("{name} must be an address and port such as 127.0.0.1:3001"))
            })
            .transpose()
    }

    /// The certificates in the file a setting names; empty when it names none.
    pub(super) fn certificates(&self, name: &'static str) -> anyhow::Result<Vec<u8>> {
        let Some(path) = self.optional(name) else { return Ok(Vec::new()) };
        let text =
            std::fs::read_to_string(path).with_context(|| format!("read the file that {name} names"))?;
        if !text.contains(CERTIFICATE) {
            bail!(
                "{name} names a file without a certificate; it must hold PEM, which begins with {CERTIFICATE}"
            );
        }
        Ok(text.into_bytes())
    }

    /// Domain names as they are compared with those tenants claim.
    pub(super) fn zones(&self, name: &'static str, default: &str) -> anyhow::Result<Vec<String>> {
        self.list(name, default)
            .iter()
            .map(|zone| match zone.parse::<schema::DomainName>() {
                Ok(zone) => Ok(zone.to_string()),
                Err(error) => bail!("{name}: {zone} {error}"),
            })
            .collect()
    }

    pub(super) fn truth(&self, name: &'static str) -> anyhow::Result<bool> {
        match self.text(name, "true").as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => bail!("{name} must be true or false"),
        }
    }

    pub(super) fn mode(&self, name: &'static str) -> anyhow::Result<Mode> {
        match self.text(name, "enforce").as_str() {
            "enforce" => Ok(Mode::Enforce),
            "observe" => Ok(Mode::Observe),
            "paused" => Ok(Mode::Paused),
            "disabled" => Ok(Mode::Disabled),
            _ => bail!("{name} must be enforce, observe, paused or disabled"),
        }
    }

    pub(super) fn log_format(&self) -> anyhow::Result<LogFormat> {
        match self.text("DEZKY_LOG_FORMAT", "text").as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => bail!("DEZKY_LOG_FORMAT must be text or json"),
        }
    }

    pub(super) fn number(
        &self,
        name: &'static str,
        default: u32,
        least: u32,
        most: u32,
    ) -> anyhow::Result<u32> {
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

    /// How much of a system is used at a time: its hands and its calls.
    pub(super) fn size(&self, names: [&'static str; 2], calls: usize) -> anyhow::Result<Size> {
        let [hands_name, calls_name] = names;
        let default = Size::of_calls(calls);
        let read = |name, default: usize| {
            let default = u32::try_from(default).unwrap_or(SIZE_MAX);
            self.number(name, default, 1, SIZE_MAX).map(|number| usize::try_from(number).unwrap_or(1))
        };
        Ok(Size { hands: read(hands_name, default.hands)?, calls: read(calls_name, default.calls)? })
    }

    pub(super) fn seconds(&self, name: &'static str, default: u32, least: u32) -> anyhow::Result<Duration> {
        self.number(name, default, least, 86_400).map(|seconds| Duration::from_secs(seconds.into()))
    }

    pub(super) fn needed(&self, name: &'static str, because: &'static str) -> anyhow::Result<String> {
        self.optional(name)
            .ok_or_else(|| anyhow!("{because} is set, so {name} (or {name}{FILE_SUFFIX}) must be set too"))
    }

    pub(super) fn upstream<Login>(
        &self,
        name: &'static str,
        alone: &[&'static str],
        login: impl Fn(&Self) -> anyhow::Result<Login>,
    ) -> anyhow::Result<Option<Upstream<Login>>> {
        let Some(url) = self.optional(name) else {
            return self.refuse_without(name, alone).map(|()| None);
        };
        web_address(name, &url)?;
        Ok(Some(Upstream { url: url.trim_end_matches('/').to_owned(), login: login(self)? }))
    }

    /// Half a configuration would quietly be simulated.
    fn refuse_without(&self, name: &'static str, alone: &[&'static str]) -> anyhow::Result<()> {
        match alone.iter().find(|alone| self.optional(alone).is_some()) {
            Some(alone) => bail!("{alone} is set, so {name} must be set too"),
            None => Ok(()),
        }
    }

    pub(super) fn ocis_login(&self) -> anyhow::Result<OcisLogin> {
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

pub(super) fn web_address(name: &str, text: &str) -> anyhow::Result<()> {
    if text.starts_with("https://") || text.starts_with("http://") {
        Ok(())
    } else {
        bail!("{name} must start with https:// or http://")
    }
}
