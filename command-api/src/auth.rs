//! Who is asking: from a bearer token to a checked identity. Knows signatures, issuers, audiences and times; no rule.

mod keys;

use axum::http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, Validation, decode, decode_header};
use schema::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::config::{EmailTrust, Issuer, OPERATOR_AUDIENCE};
use crate::error::ApiError;
use crate::problem::Code;

pub use keys::KeyClientError;
pub(crate) use keys::KeyRing;

/// A token counts this many seconds before and after its time.
const LEEWAY_SECONDS: i64 = 60;
const TOKEN_LENGTH_MAX: usize = 12 * 1024;
const SUBJECT_LENGTH_MAX: usize = 255;
const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// What a valid token says about its bearer. Identity only: rights are never read from a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The installation of the identity provider.
    pub instance: String,
    /// Who, there.
    pub subject: String,
    /// The audiences that count.
    pub audiences: Vec<String>,
    /// The address, as the token has it.
    pub email: Option<String>,
    /// Whether the address may link this identity to somebody we know by it.
    pub email_is_trusted: bool,
    /// The name.
    pub name: Option<String>,
}

impl Identity {
    /// Whether the token was made for the operators' own client.
    pub(crate) fn is_operator_scoped(&self) -> bool {
        self.audiences.iter().any(|audience| audience == OPERATOR_AUDIENCE)
    }

    /// The audience to record with events: the strongest one.
    pub(crate) fn audience(&self) -> Option<String> {
        let operator = self.audiences.iter().find(|audience| *audience == OPERATOR_AUDIENCE);
        operator.or(self.audiences.first()).cloned()
    }
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default)]
    aud: Audiences,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<bool>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    azp: Option<IgnoredAny>,
    #[serde(default)]
    scope: Option<IgnoredAny>,
    #[serde(default)]
    nonce: Option<IgnoredAny>,
    #[serde(default)]
    at_hash: Option<IgnoredAny>,
    #[serde(default)]
    auth_time: Option<IgnoredAny>,
    #[serde(default)]
    sid: Option<IgnoredAny>,
}

impl Claims {
    /// Whether this tells a portal who signed in, and lets nobody into an API. authentik signs both with the same header
    /// and claims, except that an id token names no authorised party and no scope (recorded contract of authentik, §6.3).
    const fn is_id_token(&self) -> bool {
        let for_an_api = self.azp.is_some() || self.scope.is_some();
        let from_a_sign_in =
            self.nonce.is_some() || self.at_hash.is_some() || self.auth_time.is_some() || self.sid.is_some();
        from_a_sign_in && !for_an_api
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Default for Audiences {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Audiences {
    fn list(&self) -> &[String] {
        match self {
            Self::One(audience) => std::slice::from_ref(audience),
            Self::Many(audiences) => audiences,
        }
    }
}

#[derive(Deserialize)]
struct Unchecked {
    iss: String,
}

/// The identity behind a request's token, or 401.
pub(crate) async fn identify(
    headers: &HeaderMap,
    keys: &KeyRing,
    trust: EmailTrust,
    now: Timestamp,
) -> Result<Identity, ApiError> {
    let token = bearer(headers)?;
    let kid = key_id(token)?;
    let unchecked: Unchecked = unchecked_claims(token)?;
    let Some(issuer) = keys.issuer(&unchecked.iss) else {
        tracing::info!(issuer = %printable(&unchecked.iss), "a token came from an issuer that is not configured");
        return Err(invalid());
    };
    let key = keys.find(issuer, &kid).await?;
    let mut validation = Validation::new(key.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_aud = false;
    let claims = decode::<Claims>(token, &key.key, &validation).map_err(|_| invalid())?.claims;
    accept(claims, issuer, trust, now)
}

fn accept(claims: Claims, issuer: &Issuer, trust: EmailTrust, now: Timestamp) -> Result<Identity, ApiError> {
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a double exactly")]
    let seconds = (now.as_micros() / 1_000_000) as f64;
    #[expect(clippy::cast_precision_loss, reason = "sixty fits a double")]
    let leeway = LEEWAY_SECONDS as f64;
    if !(claims.exp.is_finite() && seconds <= claims.exp + leeway) {
        return Err(ApiError::refused(Code::TokenExpired, "The token has expired"));
    }
    if claims.nbf.is_some_and(|nbf| !(nbf.is_finite() && nbf - leeway <= seconds)) {
        return Err(invalid());
    }
    let counts = |audience: &&String| issuer.audiences.contains(audience);
    let audiences: Vec<String> = claims.aud.list().iter().filter(counts).cloned().collect();
    let subject_fits = (1..=SUBJECT_LENGTH_MAX).contains(&claims.sub.len());
    if claims.iss != issuer.url || audiences.is_empty() || !subject_fits || claims.is_id_token() {
        return Err(invalid());
    }
    Ok(Identity {
        instance: issuer.instance.clone(),
        subject: claims.sub,
        audiences,
        email: claims.email,
        email_is_trusted: match trust {
            EmailTrust::Always => true,
            EmailTrust::WhenVerified => claims.email_verified == Some(true),
        },
        name: claims.name,
    })
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Err(ApiError::refused(Code::TokenMissing, "Send a bearer token"));
    };
    let text = value.to_str().map_err(|_| invalid())?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim();
    if values.next().is_some() || token.len() > TOKEN_LENGTH_MAX {
        return Err(invalid());
    }
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(ApiError::refused(Code::TokenMissing, "Send a bearer token"));
    }
    Ok(token)
}

fn key_id(token: &str) -> Result<String, ApiError> {
    let header = decode_header(token).map_err(|_| invalid())?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(invalid());
    }
    header.kid.filter(|kid| !kid.is_empty()).ok_or_else(invalid)
}

/// The issuer as the token states it: only to know whose keys prove the statement.
fn unchecked_claims(token: &str) -> Result<Unchecked, ApiError> {
    jsonwebtoken::dangerous::insecure_decode::<Unchecked>(token)
        .map(|data| data.claims)
        .map_err(|_| invalid())
}

fn invalid() -> ApiError {
    ApiError::refused(Code::TokenInvalid, "The token is not valid here")
}

fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(200).collect()
}
