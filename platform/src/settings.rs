//! Every setting of the platform: its name, its default and its meaning. The README's table is checked against this list.

/// Whether a setting may stand in `dezky.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// It may.
    Plain,
    /// Only in the environment, or in a file named by `<NAME>_FILE`.
    Secret,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// The environment variable, and the key in `dezky.toml`.
    pub(crate) name: &'static str,
    /// What holds when it is absent, in words.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds the README to this list"))]
    pub(crate) default: &'static str,
    /// What it is for.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds the README to this list"))]
    pub(crate) meaning: &'static str,
    /// Where it may stand.
    pub(crate) secrecy: Secrecy,
}

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, meaning, secrecy: Secrecy::Plain }
}

const fn secret(name: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default: "–", meaning, secrecy: Secrecy::Secret }
}

/// All settings, in the order the README shows them.
pub(crate) const SETTINGS: &[Setting] = &[
    plain(
        "DEZKY_LISTEN",
        "`127.0.0.1:3001` with development parts, else `0.0.0.0:3001`",
        "address of the HTTP API",
    ),
    plain("DEZKY_METRICS_LISTEN", "– (`/metrics` on the API's address)", "address of `/metrics` alone"),
    plain(
        "DEZKY_HOSTS",
        "`api.dezky.local`, `platform-api:3001`, `localhost:3001`, the listen address",
        "`Host` values the API answers to, comma-separated",
    ),
    plain("DEZKY_DATA", "`./dezky-data`", "folder of the embedded databases and development keys"),
    secret(
        "DEZKY_LOG_URL",
        "the log: `sqlite:<path>` or `postgres://…`; default `sqlite:<DEZKY_DATA>/log.sqlite3`",
    ),
    secret(
        "DEZKY_VIEWS_URL",
        "the read models; default the same Postgres, or `sqlite:<DEZKY_DATA>/views.sqlite3`",
    ),
    plain(
        "AUTHENTIK_ISSUER",
        "– (`dezky up`: the development issuer)",
        "token issuers, comma-separated, each ending in `/application/o/<client>/`",
    ),
    plain(
        "AUTHENTIK_AUDIENCE",
        "`dezky-portal,dezky-operator`",
        "token audiences, comma-separated; an audience counts only with its own issuer",
    ),
    plain(
        "DEZKY_AUDIENCE_ISSUERS",
        "–",
        "`audience=issuer` pairs, comma-separated, for issuers whose address does not end in the audience",
    ),
    plain(
        "DEZKY_TRUST_IDP_EMAIL",
        "`true`",
        "whether an address in the identity system proves who somebody is, in tokens and for accounts found there; `false` where people can enrol themselves or change it",
    ),
    plain(
        "DEZKY_BOOTSTRAP_ADMIN_EMAIL",
        "– (`admin@dezky.local` with the development issuer)",
        "who becomes the first platform administrator on an operator sign-in",
    ),
    plain("DEZKY_DEFAULT_PLAN", "`complimentary`", "plan of a tenant created without one"),
    plain("DEZKY_PLATFORM_ZONES", "`dezky.local`", "our own DNS zones, which no tenant may claim"),
    plain("AUTHENTIK_API_URL", "– (`dezky up`: simulator)", "identity: address of authentik"),
    secret("DEZKY_AUTHENTIK_TOKEN", "identity: API token"),
    plain(
        "DEZKY_AUTHENTIK_INSTANCE",
        "scheme and host of `AUTHENTIK_API_URL`",
        "identity: scheme and host of the issuers this authentik speaks for, when its API has another address",
    ),
    plain("DEZKY_AUTHENTIK_MODE", "`enforce`", "identity: `enforce`, `observe`, `paused` or `disabled`"),
    plain(
        "DEZKY_AUTHENTIK_WRITES_PER_SECOND",
        "`3`",
        "identity: sustained writes per second (authentik queues five tasks for each)",
    ),
    plain(
        "DEZKY_AUTHENTIK_HANDS",
        "`4`",
        "identity: tenants worked on at a time; what shuts doors has as many again",
    ),
    plain("DEZKY_AUTHENTIK_CALLS", "`8`", "identity: calls at a time, of each process"),
    plain("STALWART_API_URL", "– (`dezky up`: simulator)", "mail: address of Stalwart"),
    secret("DEZKY_STALWART_TOKEN", "mail: API key"),
    plain("DEZKY_STALWART_MODE", "`enforce`", "mail: as above"),
    plain("DEZKY_STALWART_HANDS", "`4`", "mail: as above"),
    plain(
        "DEZKY_STALWART_CALLS",
        "`4`",
        "mail: as above; more than four of one account are refused unless it is exempt",
    ),
    plain("OCIS_API_URL", "– (`dezky up`: simulator)", "files: address of ownCloud Infinite Scale"),
    plain("DEZKY_OCIS_TOKEN_URL", "–", "files: token endpoint for client credentials"),
    plain("DEZKY_OCIS_CLIENT_ID", "–", "files: client id"),
    secret("DEZKY_OCIS_CLIENT_SECRET", "files: client secret"),
    plain("DEZKY_OCIS_SCOPE", "`openid profile entitlements`", "files: scopes asked for"),
    plain("DEZKY_OCIS_BASIC_USER", "–", "files: user for basic authentication instead"),
    secret("DEZKY_OCIS_BASIC_PASSWORD", "files: its password"),
    plain("DEZKY_OCIS_MODE", "`enforce`", "files: as above"),
    plain("DEZKY_OCIS_HANDS", "`4`", "files: as above"),
    plain("DEZKY_OCIS_CALLS", "`8`", "files: as above"),
    plain(
        "DEZKY_LOSS_PERCENT",
        "`10`",
        "when more than this share of what we made in a system is missing at once, nothing is made there until it is back or `dezky confirm-loss`",
    ),
    plain("DEZKY_LOSS_AT_LEAST", "`5`", "and at least this many objects"),
    plain("DEZKY_SWEEP_SECONDS", "`1800`", "time between two full drift sweeps, ± 10 %"),
    plain(
        "DEZKY_DOOR_WAIT_SECONDS",
        "`300`",
        "how long the identity door waits for mail and files when it opens",
    ),
    plain("DEZKY_CALL_TIMEOUT_SECONDS", "`30`", "longest time for one call to an outside system"),
    plain("DEZKY_EXTRA_CA_CERTS", "–", "PEM file with further certificate authorities; development only"),
    plain(
        "DEZKY_ISSUER_LISTEN",
        "`127.0.0.1:3100`, another port when taken",
        "`dezky up`: development issuer",
    ),
    plain(
        "DEZKY_SIMULATOR_AUTHENTIK_LISTEN",
        "`127.0.0.1:3101`, another port when taken",
        "`dezky up`: simulated authentik",
    ),
    plain(
        "DEZKY_SIMULATOR_STALWART_LISTEN",
        "`127.0.0.1:3102`, another port when taken",
        "`dezky up`: simulated Stalwart",
    ),
    plain(
        "DEZKY_SIMULATOR_OCIS_LISTEN",
        "`127.0.0.1:3103`, another port when taken",
        "`dezky up`: simulated OCIS",
    ),
    plain(
        "DEZKY_LOG",
        "`info,tokio_cron_scheduler=warn,deadpool=error`",
        "what is printed: a `tracing` filter",
    ),
    plain("DEZKY_LOG_FORMAT", "`text`", "`text` or `json`"),
];

/// Names of an earlier service, refused with a hint instead of ignored.
pub(crate) const FORMER: &[(&str, &str)] = &[
    ("PROVISIONING_INTERNAL_URL", "it is now PLATFORM_API_INTERNAL_URL, a setting of the portals"),
    ("MONGODB_URI", "there is no MongoDB any more; the log is set by DEZKY_LOG_URL"),
];
