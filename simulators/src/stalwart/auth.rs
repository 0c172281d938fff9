//! Who calls: an API key, an account with its password, or the recovery administrator.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use jiff::Timestamp;

use super::Settings;
use super::id::{Id, RECOVERY_ADMIN};
use super::index::{self, listed, names_in, text_of};
use super::kind::Kind;
use super::permissions::{self, Permissions};
use super::seed;
use super::shelf::Object;
use super::state::State;

/// The addresses a key may be limited to that loopback is inside of.
const LOOPBACK: [&str; 6] = ["127.0.0.1", "127.0.0.1/32", "127.0.0.0/8", "::1", "0.0.0.0/0", "::/0"];

/// An authenticated caller.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) account: Id,
    pub(crate) name: String,
    pub(crate) permissions: Permissions,
}

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    /// With the challenge that invites to try again.
    Unauthorized,
    /// An expired key gets no challenge.
    Expired,
    Forbidden,
}

pub(crate) fn caller(state: &State, settings: &Settings, headers: &HeaderMap) -> Result<Caller, Denied> {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match given.split_once(' ') {
        Some(("Bearer", token)) => bearer(state, settings, token.trim()),
        Some(("Basic", encoded)) => basic(state, settings, encoded.trim()),
        Some(_) | None => Err(Denied::Unauthorized),
    }
}

fn bearer(state: &State, settings: &Settings, token: &str) -> Result<Caller, Denied> {
    if token == settings.token {
        let account = seed::SERVICE_ACCOUNT;
        return Ok(Caller { account, name: name_of(state, account), permissions: Permissions::All });
    }
    let id = state.shelf(Kind::Account).having(&index::bearer(token)).next().ok_or(Denied::Unauthorized)?;
    let account = state.object(Kind::Account, id).ok_or(Denied::Unauthorized)?;
    let key = listed(account, "credentials")
        .find(|credential| text_of(credential, "secret") == Some(token))
        .ok_or(Denied::Unauthorized)?;
    if has_expired(state, key) {
        return Err(Denied::Expired);
    }
    let mut limits = names_in(key, "allowedIps").peekable();
    if limits.peek().is_some() && !limits.any(|range| LOOPBACK.contains(&range)) {
        return Err(Denied::Forbidden);
    }
    admit(state, id, Permissions::Only(permissions::of_key(state, account, key)))
}

fn has_expired(state: &State, key: &Object) -> bool {
    let expires = text_of(key, "expiresAt").and_then(|text| text.parse::<Timestamp>().ok());
    expires.is_some_and(|expires| expires.as_second() <= i64::try_from(state.now()).unwrap_or(i64::MAX))
}

fn basic(state: &State, settings: &Settings, encoded: &str) -> Result<Caller, Denied> {
    let decoded = STANDARD.decode(encoded).map_err(|_| Denied::Unauthorized)?;
    let decoded = String::from_utf8(decoded).map_err(|_| Denied::Unauthorized)?;
    let (name, password) = decoded.split_once(':').ok_or(Denied::Unauthorized)?;
    if settings.admin.as_ref().is_some_and(|(admin, secret)| admin == name && secret == password) {
        return Ok(Caller { account: RECOVERY_ADMIN, name: name.to_owned(), permissions: Permissions::All });
    }
    let (id, account) =
        super::mail::account_at(state, &qualified(state, name)).ok_or(Denied::Unauthorized)?;
    let known = listed(account, "credentials").any(|credential| {
        text_of(credential, "@type") == Some("Password") && text_of(credential, "secret") == Some(password)
    });
    if !known {
        return Err(Denied::Unauthorized);
    }
    admit(state, id, Permissions::Only(permissions::of_account(state, account)))
}

/// A bare local part belongs to the default domain.
fn qualified(state: &State, name: &str) -> String {
    if name.contains('@') {
        return name.to_owned();
    }
    let settings = state.singleton(Kind::SystemSettings);
    let default = settings.and_then(|settings| text_of(settings, "defaultDomainId"));
    let domain =
        default.and_then(|id| state.named(Kind::Domain, id)).and_then(|domain| text_of(domain, "name"));
    format!("{name}@{}", domain.unwrap_or_default())
}

fn admit(state: &State, account: Id, permissions: Permissions) -> Result<Caller, Denied> {
    if permissions.allow("authenticate") {
        Ok(Caller { account, name: name_of(state, account), permissions })
    } else {
        Err(Denied::Forbidden)
    }
}

fn name_of(state: &State, account: Id) -> String {
    state.object(Kind::Account, account).and_then(|account| state.email_address(account)).unwrap_or_default()
}
