//! The development issuer: a key in the data folder, its public half over loopback HTTP, and tokens on the command line.
//!
//! It imitates the addresses authentik uses, so that the API checks its tokens by the same rules as real ones.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::extract::{Path as Segment, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schema::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

const KEY_FILE: &str = "development-issuer.pk8";
const KEY_ID: &str = "dezky-development";
/// Long enough for a day of trying things out.
const TOKEN_SECONDS: i64 = 12 * 60 * 60;

/// What every development identity belongs to, whatever port the issuer has today.
pub(crate) const INSTANCE: &str = "development";

/// For whom a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Audience {
    /// Our staff.
    Operator,
    /// Customers.
    Portal,
}

impl Audience {
    pub(crate) const fn client(self) -> &'static str {
        match self {
            Self::Operator => "dezky-operator",
            Self::Portal => "dezky-portal",
        }
    }

    /// Whose token it is when nobody says.
    pub(crate) const fn default_email(self) -> &'static str {
        match self {
            Self::Operator => crate::development::ADMIN_EMAIL,
            Self::Portal => "customer@dezky.local",
        }
    }
}

/// A signing key that stays in the data folder, so that tokens outlive a restart.
#[derive(Clone)]
pub(crate) struct Issuer {
    private: Arc<Vec<u8>>,
    public: String,
}

impl Issuer {
    /// Reads the key, or makes one.
    pub(crate) fn open(data: &Path) -> anyhow::Result<Self> {
        crate::config::make_data_folder(data)?;
        let path = data.join(KEY_FILE);
        if !path.exists() {
            let pair = Ed25519KeyPair::generate().map_err(|_| anyhow!("make a development key"))?;
            let document = pair.to_pkcs8v1().map_err(|_| anyhow!("encode the development key"))?;
            write_private(&path, document.as_ref())?;
        }
        let private = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private)
            .map_err(|_| anyhow!("{} is not a development key; remove it and start again", path.display()))?;
        Ok(Self { public: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()), private: Arc::new(private) })
    }

    /// A token as authentik would issue it for this person.
    pub(crate) fn token(
        &self,
        base: &str,
        audience: Audience,
        email: &str,
        now: Timestamp,
    ) -> anyhow::Result<String> {
        let issued = now.as_micros() / 1_000_000;
        let client = audience.client();
        let claims = json!({
            "iss": issuer_url(base, client), "aud": client, "azp": client, "sub": subject(email), "email": email,
            "email_verified": false, "name": name(email), "preferred_username": email, "scope": "openid profile email",
            "iat": issued, "auth_time": issued, "exp": issued + TOKEN_SECONDS, "jti": Uuid::now_v7().to_string(),
        });
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        header.kid = Some(KEY_ID.into());
        let key = jsonwebtoken::EncodingKey::from_ed_der(&self.private);
        jsonwebtoken::encode(&header, &claims, &key).context("sign a development token")
    }

    /// Discovery and keys, under authentik's paths.
    pub(crate) fn router(&self, base: String) -> Router {
        Router::new()
            .route("/application/o/{client}/.well-known/openid-configuration", get(discovery))
            .route("/application/o/{client}/jwks/", get(keys))
            .with_state(Serving { issuer: self.clone(), base })
    }
}

#[derive(Clone)]
struct Serving {
    issuer: Issuer,
    base: String,
}

async fn discovery(
    State(serving): State<Serving>,
    Segment(client): Segment<String>,
) -> Result<Json<Value>, StatusCode> {
    known(&client)?;
    let issuer = issuer_url(&serving.base, &client);
    let jwks = format!("{issuer}jwks/");
    Ok(Json(
        json!({ "issuer": issuer, "jwks_uri": jwks, "id_token_signing_alg_values_supported": ["EdDSA"] }),
    ))
}

async fn keys(
    State(serving): State<Serving>,
    Segment(client): Segment<String>,
) -> Result<Json<Value>, StatusCode> {
    known(&client)?;
    let public = &serving.issuer.public;
    Ok(Json(
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": public }] }),
    ))
}

fn known(client: &str) -> Result<(), StatusCode> {
    let ours = [Audience::Operator, Audience::Portal].iter().any(|audience| audience.client() == client);
    if ours { Ok(()) } else { Err(StatusCode::NOT_FOUND) }
}

/// The issuer address of one client: authentik's form.
pub(crate) fn issuer_url(base: &str, client: &str) -> String {
    format!("{base}/application/o/{client}/")
}

/// The base address for a socket.
pub(crate) fn base_url(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// The same person has the same subject on every machine and every day.
pub(crate) fn subject(email: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("mailto:{}", email.to_lowercase()).as_bytes()).to_string()
}

/// `ada.holm@…` → `Ada Holm`.
pub(crate) fn name(email: &str) -> String {
    let local = email.split('@').next().unwrap_or(email);
    let words = local.split(['.', '_', '-', '+']).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect::<String>())
            .unwrap_or_default()
    };
    words.map(capital).collect::<Vec<_>>().join(" ")
}

fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("create {}", path.display()))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).with_context(|| format!("write {}", path.display()))
}
