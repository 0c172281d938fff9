//! An identity provider on loopback: one Ed25519 key, the documents clients read, and any token a test wants to see.

#![expect(clippy::expect_used, reason = "a test fails by panicking where something cannot be")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use command_api::Issuer;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The name of the one key.
pub const KEY_ID: &str = "test-key";
/// The installation all its issuers belong to.
pub const INSTANCE: &str = "test-idp";
const PORTAL: &str = "dezky-portal";

/// What the provider was asked, and whether it answers.
#[derive(Default)]
pub struct Counters {
    /// How often its keys were read.
    pub key_reads: AtomicUsize,
    /// Whether it answers nothing but errors.
    pub is_down: AtomicBool,
}

/// A running provider.
pub struct Idp {
    base: String,
    /// What it was asked.
    pub counters: Arc<Counters>,
    now_seconds: i64,
    private: Vec<u8>,
    public: String,
}

#[derive(Clone)]
struct Serving {
    base: String,
    public: String,
    counters: Arc<Counters>,
}

impl Idp {
    /// Listens until the runtime ends. Its tokens are made at `now_seconds`.
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    pub async fn start(now_seconds: i64) -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let private = pair.to_pkcs8v1().expect("a document").as_ref().to_vec();
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let counters = Arc::new(Counters::default());
        let serving = Serving { base: base.clone(), public: public.clone(), counters: Arc::clone(&counters) };
        let router = Router::new()
            .route("/application/o/{client}/.well-known/openid-configuration", get(discovery))
            .route("/application/o/{client}/jwks/", get(keys))
            .with_state(serving);
        tokio::spawn(async move {
            axum::serve(listener, router).await.expect("served");
        });
        Self { base, counters, now_seconds, private, public }
    }

    /// Its issuers, as the service is told about them.
    pub fn issuers(&self) -> Vec<Issuer> {
        [PORTAL, command_api::OPERATOR_AUDIENCE]
            .into_iter()
            .map(|client| Issuer {
                url: self.issuer(client),
                audiences: vec![client.to_owned()],
                instance: INSTANCE.to_owned(),
                keys_url: None,
            })
            .collect()
    }

    /// The issuer of one client's tokens.
    pub fn issuer(&self, client: &str) -> String {
        format!("{}/application/o/{client}/", self.base)
    }

    /// The public half of the key, as in a key set.
    pub fn public_key(&self) -> &str {
        &self.public
    }

    /// The claims of an ordinary token for somebody's portal or operator client.
    pub fn claims(&self, client: &str, email: &str) -> Value {
        json!({
            "iss": self.issuer(client), "aud": client, "sub": format!("sub-of-{email}"), "email": email,
            "email_verified": false, "name": name(email), "iat": self.now_seconds, "exp": self.now_seconds + 600,
        })
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        self.sign_with(&header, claims)
    }

    /// A token with these claims and this header.
    pub fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&self.private)).expect("a token")
    }

    /// A customer's ordinary token.
    pub fn portal(&self, email: &str) -> String {
        self.sign(&self.claims(PORTAL, email))
    }

    /// An operator's ordinary token.
    pub fn operator(&self, email: &str) -> String {
        self.sign(&self.claims(command_api::OPERATOR_AUDIENCE, email))
    }
}

fn name(email: &str) -> String {
    email.split('@').next().unwrap_or_default().replace('.', " ")
}

async fn discovery(
    State(serving): State<Serving>,
    Path(client): Path<String>,
) -> Result<Json<Value>, StatusCode> {
    serving.answer()?;
    let issuer = format!("{}/application/o/{client}/", serving.base);
    Ok(Json(json!({ "issuer": issuer, "jwks_uri": format!("{issuer}jwks/") })))
}

async fn keys(State(serving): State<Serving>) -> Result<Json<Value>, StatusCode> {
    serving.answer()?;
    serving.counters.key_reads.fetch_add(1, Ordering::SeqCst);
    let ours = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": serving.public });
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "secret", "k": serving.public });
    Ok(Json(json!({ "keys": [secret, ours, { "kty": "unheard-of" }] })))
}

impl Serving {
    fn answer(&self) -> Result<(), StatusCode> {
        if self.counters.is_down.load(Ordering::SeqCst) { Err(StatusCode::BAD_GATEWAY) } else { Ok(()) }
    }
}
