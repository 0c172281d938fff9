//! What the service is told at start. Read from the environment by the binary, never here.

use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use schema::{Email, Slug, Timestamp};

/// The audience of the operators' own client.
pub const OPERATOR_AUDIENCE: &str = "dezky-operator";

/// Everything the service is told.
#[derive(Clone)]
pub struct Config {
    /// An address of its own for `/metrics`, which is then not served beside the API.
    pub metrics_listen: Option<SocketAddr>,
    /// Who may say who somebody is.
    pub issuers: Vec<Issuer>,
    /// Values of `Host` that are meant for us, for example `api.dezky.local`.
    pub hosts: Vec<String>,
    /// Whether an address in a token counts as verified.
    pub email_trust: EmailTrust,
    /// Who becomes the first administrator, by address.
    pub bootstrap_admin_email: Option<Email>,
    /// The plan of a tenant that names none.
    pub default_plan: Slug,
    /// Domains of the platform itself, which no tenant may claim.
    pub platform_zones: Vec<String>,
    /// Certificate authorities trusted beside the machine's own, as PEM; empty when there are none.
    pub extra_authorities: Vec<u8>,
    /// At most one look for new signing keys per issuer in this time.
    pub key_refresh: Duration,
    /// What is running.
    pub build: Build,
    /// Renders what `metrics` recorded in this process.
    pub metrics: PrometheusHandle,
    /// The only clock.
    pub clock: fn() -> Timestamp,
}

/// Somebody who signs tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// `iss`, exactly as it stands in tokens.
    pub url: String,
    /// The audiences that count when this issuer signed.
    pub audiences: Vec<String>,
    /// The installation of the identity provider: all its issuers share one set of subjects.
    pub instance: String,
    /// Where its keys are; found by discovery when absent.
    pub keys_url: Option<String>,
}

impl Issuer {
    /// The audiences of a list that count for an issuer by its address: `…/application/o/<audience>/`.
    pub fn own_audiences(url: &str, audiences: &[String]) -> Vec<String> {
        let own =
            |audience: &&String| url.trim_end_matches('/').ends_with(&format!("/application/o/{audience}"));
        audiences.iter().filter(own).cloned().collect()
    }
}

/// Whether an address in a token counts as verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailTrust {
    /// Always: accounts are made by operators and the platform only.
    Always,
    /// Only when the token says `email_verified`.
    WhenVerified,
}

/// What is running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The version of the release.
    pub version: String,
    /// The commit it was built from, if known.
    pub commit: Option<String>,
}
