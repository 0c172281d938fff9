//! An identity provider on loopback: one Ed25519 key, the documents clients read, and any token a test wants to see.

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

use crate::house::NOW_SECONDS;

pub(crate) const KEY_ID: &str = "test-key";
pub(crate) const INSTANCE: &str = "test-idp";
const PORTAL: &str = "dezky-portal";

/// What the provider was asked, and whether it answers.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) key_reads: AtomicUsize,
    pub(crate) is_down: AtomicBool,
}

/// A running provider.
pub(crate) struct Idp {
    pub(crate) base: String,
    pub(crate) counters: Arc<Counters>,
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
    pub(crate) async fn start() -> Self {
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
        crate::house::spawn(async move {
            axum::serve(listener, router).await.expect("served");
        });
        Self { base, counters, private, public }
    }

    pub(crate) fn issuers(&self) -> Vec<Issuer> {
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

    pub(crate) fn issuer(&self, client: &str) -> String {
        format!("{}/application/o/{client}/", self.base)
    }

    pub(crate) fn public_key(&self) -> &str {
        &self.public
    }

    /// The claims of an ordinary token for somebody's portal or operator client.
    pub(crate) fn claims(&self, client: &str, email: &str) -> Value {
        json!({
            "iss": self.issuer(client), "aud": client, "sub": format!("sub-of-{email}"), "email": email,
            "email_verified": false, "name": name(email), "iat": NOW_SECONDS, "exp": NOW_SECONDS + 600,
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(KEY_ID.to_owned());
        self.sign_with(&header, claims)
    }

    pub(crate) fn sign_with(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_ed_der(&self.private)).expect("a token")
    }

    pub(crate) fn portal(&self, email: &str) -> String {
        self.sign(&self.claims(PORTAL, email))
    }

    pub(crate) fn operator(&self, email: &str) -> String {
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
