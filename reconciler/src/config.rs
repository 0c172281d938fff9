//! What the reconciler is told: where the systems are, how it may act there, and its limits.

use std::time::Duration;

use schema::Timestamp;

use crate::ocis::Credentials;

/// How long one call may take; the mail server answers slowly when its store does.
pub const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// How long the identity door waits for mail and files: one broken system must not lock everybody out.
pub const DOOR_WAIT_DEFAULT: Duration = Duration::from_mins(5);
/// Writes to authentik per second, sustained: each costs its worker five tasks.
pub const AUTHENTIK_WRITES_PER_SECOND_DEFAULT: u32 = 3;
/// Tenants worked on at a time; the mail server takes four requests of one account at once.
pub const WORKERS_DEFAULT: usize = 4;

/// How we may act in a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemMode {
    /// Make it right.
    Enforce,
    /// Look and say what would be done.
    Observe,
    /// Leave it alone for now; what is asked waits.
    Paused,
    /// It is no part of this installation.
    Disabled,
}

impl SystemMode {
    /// The word used in settings and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }
}

/// authentik.
#[derive(Clone)]
pub struct AuthentikConfig {
    /// Where it listens, without `/api/v3`.
    pub api_url: String,
    /// An API token.
    pub token: String,
    /// The name of this installation in identities: the same word the API uses for its issuer.
    pub instance: String,
    /// Writes per second, sustained.
    pub writes_per_second: u32,
    /// How we may act.
    pub mode: SystemMode,
}

/// Stalwart.
#[derive(Clone)]
pub struct StalwartConfig {
    /// Where it listens, without `/jmap`.
    pub api_url: String,
    /// An API key.
    pub token: String,
    /// How we may act.
    pub mode: SystemMode,
}

/// OCIS.
#[derive(Clone)]
pub struct OcisConfig {
    /// Where it listens, without `/graph`.
    pub api_url: String,
    /// Who we are there.
    pub credentials: Credentials,
    /// How we may act.
    pub mode: SystemMode,
}

/// Everything the reconciler is told. A system that is absent counts as disabled.
#[derive(Clone)]
pub struct Config {
    /// Identity.
    pub authentik: Option<AuthentikConfig>,
    /// Mail.
    pub stalwart: Option<StalwartConfig>,
    /// Files.
    pub ocis: Option<OcisConfig>,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// How long the identity door waits for mail and files.
    pub door_wait: Duration,
    /// Certificate authorities trusted beside the machine's own, as PEM; empty when there are none.
    pub extra_authorities: Vec<u8>,
    /// Tenants worked on at a time.
    pub workers: usize,
    /// The time.
    pub clock: fn() -> Timestamp,
    /// A number from 0 up to the given one: spreads what would otherwise come at once.
    pub jitter: fn(u64) -> u64,
}

impl Config {
    /// No system, the default limits.
    pub fn new(clock: fn() -> Timestamp) -> Self {
        Self {
            authentik: None,
            stalwart: None,
            ocis: None,
            call_timeout: CALL_TIMEOUT_DEFAULT,
            door_wait: DOOR_WAIT_DEFAULT,
            extra_authorities: Vec::new(),
            workers: WORKERS_DEFAULT,
            clock,
            jitter: |most| fastrand::u64(0..=most),
        }
    }
}
