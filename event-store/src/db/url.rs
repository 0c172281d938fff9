//! Where a database is. Never shows a password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where a database is: `sqlite:PATH`, `sqlite::memory:` (a new, empty one at every opening), `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct DbUrl(pub(crate) Place);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    File(PathBuf),
    Memory,
    Postgres(Box<Server>),
}

/// A Postgres server and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) config: tokio_postgres::Config,
    pub(crate) tls: Tls,
    /// A file of certificate authorities to trust instead of the machine's.
    pub(crate) authorities: Option<PathBuf>,
}

/// What `sslmode` asks for. Where TLS is spoken, the certificate is always checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tls {
    Off,
    IfOffered,
    Always,
}

/// Why a text is not the address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbUrlError {
    /// Not one of the known forms.
    #[error("a database is sqlite:PATH, sqlite::memory: or postgres://…")]
    Unknown,
    /// The part after `postgres://`. The text may hold a password, so it is not repeated.
    #[error("the Postgres address cannot be read")]
    Postgres,
    /// An unknown `sslmode`.
    #[error("sslmode is disable, prefer, require, verify-ca or verify-full")]
    SslMode,
}

impl DbUrl {
    /// A database file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Place::File(path.into()))
    }

    /// The file of an embedded database.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Place::File(path) => Some(path),
            Place::Memory | Place::Postgres(_) => None,
        }
    }

    /// Whether every opening makes a new database.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.0, Place::Memory)
    }

    /// Whether this is a Postgres server, which several processes may share across machines.
    pub fn is_postgres(&self) -> bool {
        matches!(self.0, Place::Postgres(_))
    }
}

impl FromStr for DbUrl {
    type Err = DbUrlError;

    fn from_str(text: &str) -> Result<Self, DbUrlError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return match path {
                "" => Err(DbUrlError::Unknown),
                ":memory:" => Ok(Self(Place::Memory)),
                path => Ok(Self(Place::File(path.strip_prefix("//").unwrap_or(path).into()))),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return server(text).map(|server| Self(Place::Postgres(Box::new(server))));
        }
        Err(DbUrlError::Unknown)
    }
}

/// The driver does not know `verify-full` and `sslrootcert`, so those two are taken out before it reads the rest.
fn server(text: &str) -> Result<Server, DbUrlError> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let mut rest = Vec::new();
    let mut mode = None;
    let mut authorities = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", path)) => authorities = Some(PathBuf::from(path)),
            _ => rest.push(pair),
        }
    }
    let mut config: tokio_postgres::Config =
        format!("{base}?{}", rest.join("&")).parse().map_err(|_| DbUrlError::Postgres)?;
    if config.get_hosts().is_empty() {
        return Err(DbUrlError::Postgres);
    }
    let tls = match mode {
        None if is_local(&config) => Tls::Off,
        None | Some("prefer" | "allow") => Tls::IfOffered,
        Some("disable") => Tls::Off,
        Some("require" | "verify-ca" | "verify-full") => Tls::Always,
        Some(_) => return Err(DbUrlError::SslMode),
    };
    config.ssl_mode(match tls {
        Tls::Off => tokio_postgres::config::SslMode::Disable,
        Tls::IfOffered => tokio_postgres::config::SslMode::Prefer,
        Tls::Always => tokio_postgres::config::SslMode::Require,
    });
    Ok(Server { config, tls, authorities })
}

fn is_local(config: &tokio_postgres::Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        #[cfg(unix)]
        tokio_postgres::config::Host::Unix(_) => true,
    })
}

impl fmt::Display for DbUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::File(path) => write!(out, "sqlite:{}", path.display()),
            Place::Memory => out.write_str("sqlite::memory:"),
            Place::Postgres(server) => show(server, out),
        }
    }
}

fn show(server: &Server, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    out.write_str("postgres://")?;
    for host in server.config.get_hosts().iter().take(1) {
        match host {
            tokio_postgres::config::Host::Tcp(name) => out.write_str(name)?,
            #[cfg(unix)]
            tokio_postgres::config::Host::Unix(path) => write!(out, "{}", path.display())?,
        }
    }
    if let Some(port) = server.config.get_ports().first() {
        write!(out, ":{port}")?;
    }
    write!(out, "/{}", server.config.get_dbname().unwrap_or_default())
}

impl fmt::Debug for DbUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests;
