//! Development parts of `dezky up`: which are on, where they listen, and that they never face a network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::config::Config;

/// The first operator when the development issuer is on.
pub(crate) const ADMIN_EMAIL: &str = "admin@dezky.local";

const ADDRESSES_FILE: &str = "development.json";
const ISSUER_PORT: u16 = 3100;
const AUTHENTIK_PORT: u16 = 3101;
const STALWART_PORT: u16 = 3102;
const OCIS_PORT: u16 = 3103;

/// Where the development parts of this data folder listen; kept, so that a restart finds them where they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) issuer: SocketAddr,
    pub(crate) authentik: SocketAddr,
    pub(crate) stalwart: SocketAddr,
    pub(crate) ocis: SocketAddr,
}

impl Addresses {
    /// Settings first, then what the last start used, then the usual port, then any free one.
    pub(crate) async fn choose(config: &Config) -> anyhow::Result<Self> {
        let last = Self::last(&config.data)?;
        let [authentik, stalwart, ocis] = config.simulator_listen;
        let chosen = Self {
            issuer: pick(config.issuer_listen, last.map(|last| last.issuer), ISSUER_PORT).await?,
            authentik: pick(authentik, last.map(|last| last.authentik), AUTHENTIK_PORT).await?,
            stalwart: pick(stalwart, last.map(|last| last.stalwart), STALWART_PORT).await?,
            ocis: pick(ocis, last.map(|last| last.ocis), OCIS_PORT).await?,
        };
        let path = file(&config.data);
        let text = serde_json::to_string_pretty(&chosen).context("encode the development addresses")?;
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(chosen)
    }

    /// What the last start in this data folder used.
    pub(crate) fn last(data: &Path) -> anyhow::Result<Option<Self>> {
        let path = file(data);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let parsed = serde_json::from_str(&text);
        parsed.map(Some).with_context(|| format!("{} is damaged; remove it and start again", path.display()))
    }

    /// Where the development issuer is, for a token made without a running platform.
    pub(crate) fn issuer(config: &Config) -> anyhow::Result<SocketAddr> {
        let last = Self::last(&config.data)?.map(|last| last.issuer);
        Ok(config.issuer_listen.or(last).unwrap_or_else(|| loopback(ISSUER_PORT)))
    }
}

fn file(data: &Path) -> PathBuf {
    data.join(ADDRESSES_FILE)
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

async fn pick(set: Option<SocketAddr>, last: Option<SocketAddr>, usual: u16) -> anyhow::Result<SocketAddr> {
    if let Some(set) = set {
        return Ok(set);
    }
    for candidate in [last, Some(loopback(usual)), Some(loopback(0))].into_iter().flatten() {
        if let Ok(listener) = TcpListener::bind(candidate).await {
            return listener.local_addr().context("read a loopback address");
        }
    }
    bail!("no loopback port is free for the development parts")
}

/// Development parts answer to anybody who reaches them: they stay on this machine unless somebody insists.
pub(crate) fn refuse_network(
    listen: SocketAddr,
    others: &[SocketAddr],
    insist: Insist,
) -> anyhow::Result<()> {
    if insist == Insist::Yes
        || (listen.ip().is_loopback() && others.iter().all(|other| other.ip().is_loopback()))
    {
        return Ok(());
    }
    bail!(
        "the development issuer or a simulator would run beside the public address {listen} (DEZKY_LISTEN). Set \
         AUTHENTIK_ISSUER, AUTHENTIK_API_URL, STALWART_API_URL and OCIS_API_URL to real systems, set DEZKY_LISTEN to a \
         loopback address, or pass --i-know-this-is-insecure"
    )
}

/// Whether somebody insisted on exposing development parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insist {
    Yes,
    No,
}
