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
/// Tenants worked on at a time in one system.
pub const HANDS_DEFAULT: usize = 4;
/// Calls to authentik at a time: with eight it writes half as much again as with one, and no more with sixteen.
pub const AUTHENTIK_CALLS_DEFAULT: usize = 8;
/// Requests to Stalwart at a time: more than four of one account are refused.
pub const STALWART_CALLS_DEFAULT: usize = 4;
/// Calls to OCIS at a time: with eight it makes twice as many spaces as with one.
pub const OCIS_CALLS_DEFAULT: usize = 8;

/// How much of what we made in a system may be missing at once and still be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossLimit {
    /// Of everything we know there.
    pub percent: u32,
    /// And so many objects in any case.
    pub at_least: u32,
}

impl LossLimit {
    /// One in ten, and five in any case: a deletion by hand is made good, a system that was restored or swapped is not.
    pub const DEFAULT: Self = Self { percent: 10, at_least: 5 };

    /// Whether so many missing ones of so many are too many.
    pub fn is_exceeded(self, missing: u64, of: u64) -> bool {
        missing > u64::from(self.at_least)
            && missing.saturating_mul(100) > of.saturating_mul(u64::from(self.percent))
    }
}

/// How much of a system is used at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Tenants worked on; doors that shut have as many hands again.
    pub hands: usize,
    /// Calls under way, in this process.
    pub calls: usize,
}

impl Size {
    /// The default number of hands, and so many calls.
    pub const fn of_calls(calls: usize) -> Self {
        Self { hands: HANDS_DEFAULT, calls }
    }
}

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
    /// Whether an address there proves who somebody is: only then is an account adopted by its address.
    pub trusts_addresses: bool,
    /// Writes per second, sustained.
    pub writes_per_second: u32,
    /// How much of it is used at a time.
    pub size: Size,
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
    /// How much of it is used at a time.
    pub size: Size,
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
    /// How much of it is used at a time.
    pub size: Size,
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
    /// How much may be missing at once.
    pub loss: LossLimit,
    /// Certificate authorities trusted beside the machine's own, as PEM; empty when there are none.
    pub extra_authorities: Vec<u8>,
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
            loss: LossLimit::DEFAULT,
            extra_authorities: Vec::new(),
            clock,
            jitter: |most| fastrand::u64(0..=most),
        }
    }
}
