//! Signing keys of the issuers: kept while the issuer is away, looked up again only for an unknown key, one look at a time.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use event_store::trouble::{Trouble, chain};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::invalid;
use crate::config::Issuer;
use crate::error::ApiError;
use crate::problem::{Code, Problem};

const CALL_TIMEOUT: Duration = Duration::from_secs(3);
const DOCUMENT_SIZE_MAX: usize = 1024 * 1024;
const KEYS_MAX: usize = 100;
/// After a failed look the next one may come sooner: people cannot sign in meanwhile.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A key and the one algorithm it is used with.
pub(crate) struct Key {
    /// Proves signatures.
    pub key: DecodingKey,
    /// With this algorithm only.
    pub algorithm: Algorithm,
}

type Keys = BTreeMap<String, Arc<Key>>;

/// The keys of every issuer.
pub(crate) struct KeyRing {
    rings: Vec<Ring>,
    http: reqwest::Client,
    refresh: Duration,
}

struct Ring {
    issuer: Issuer,
    keys: RwLock<Arc<Keys>>,
    looking: tokio::sync::Mutex<Looking>,
}

/// One look at a time, and not too often.
#[derive(Default)]
struct Looking {
    next: Option<Instant>,
    trouble: Trouble,
}

type Failure = Box<dyn Error + Send + Sync>;

/// No HTTP client for signing keys could be made.
#[derive(Debug, thiserror::Error)]
#[error("make the client that reads signing keys")]
pub struct KeyClientError(#[source] reqwest::Error);

impl KeyRing {
    /// Empty rings: keys are looked up when the first token comes.
    pub(crate) fn new(
        issuers: &[Issuer],
        refresh: Duration,
        extra_authorities: &[u8],
    ) -> Result<Self, KeyClientError> {
        let http = reqwest::Client::builder()
            .timeout(CALL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .tls_certs_merge(
                reqwest::Certificate::from_pem_bundle(extra_authorities).map_err(KeyClientError)?,
            )
            .build()
            .map_err(KeyClientError)?;
        let ring = |issuer: &Issuer| Ring {
            issuer: issuer.clone(),
            keys: RwLock::default(),
            looking: tokio::sync::Mutex::default(),
        };
        Ok(Self { rings: issuers.iter().map(ring).collect(), http, refresh })
    }

    /// The issuer with this address.
    pub(crate) fn issuer(&self, url: &str) -> Option<&Issuer> {
        self.rings.iter().map(|ring| &ring.issuer).find(|issuer| issuer.url == url)
    }

    /// A key of an issuer. An unknown one leads to one look per interval, whoever and however many ask.
    pub(crate) async fn find(&self, issuer: &Issuer, kid: &str) -> Result<Arc<Key>, ApiError> {
        let Some(ring) = self.rings.iter().find(|ring| ring.issuer.url == issuer.url) else {
            return Err(invalid());
        };
        if let Some(key) = ring.known(kid) {
            return Ok(key);
        }
        let mut looking = ring.looking.lock().await;
        if let Some(key) = ring.known(kid) {
            return Ok(key);
        }
        if looking.next.is_some_and(|next| Instant::now() < next) {
            return Err(ring.unknown());
        }
        match self.look(&ring.issuer).await {
            Ok(keys) => {
                looking.next = Some(Instant::now() + self.refresh);
                looking.trouble.tell_works("signing keys can be looked up");
                metrics::counter!("dezky_key_lookups_total", "outcome" => "ok").increment(1);
                *ring.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
            }
            Err(error) => {
                looking.next = Some(Instant::now() + RETRY_AFTER_FAILURE.min(self.refresh));
                metrics::counter!("dezky_key_lookups_total", "outcome" => "failed").increment(1);
                // People keep asking; that is no reason to say it again.
                if looking.trouble.failed(&chain(&*error), Instant::now()).is_news {
                    tracing::warn!(issuer = %ring.issuer.url, error = &*error as &dyn Error, "look up signing keys");
                }
            }
        }
        ring.known(kid).ok_or_else(|| ring.unknown())
    }

    async fn look(&self, issuer: &Issuer) -> Result<Keys, Failure> {
        let url = if let Some(url) = &issuer.keys_url {
            url.clone()
        } else {
            let base = issuer.url.trim_end_matches('/');
            let at = format!("{base}/.well-known/openid-configuration");
            serde_json::from_slice::<Discovery>(&self.document(&at).await?)?.jwks_uri
        };
        let set: KeySet = serde_json::from_slice(&self.document(&url).await?)?;
        Ok(set.keys.into_iter().take(KEYS_MAX).filter_map(usable).collect())
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, Failure> {
        let mut response = self.http.get(url).send().await?.error_for_status()?;
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            document.extend_from_slice(&chunk);
            if document.len() > DOCUMENT_SIZE_MAX {
                return Err("the document with signing keys is larger than 1 MiB".into());
            }
        }
        Ok(document)
    }
}

impl Ring {
    fn known(&self, kid: &str) -> Option<Arc<Key>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }

    /// Without any key nobody can tell a good token from a bad one.
    fn unknown(&self) -> ApiError {
        if self.keys.read().unwrap_or_else(PoisonError::into_inner).is_empty() {
            let detail = "The identity provider's signing keys cannot be read yet";
            return Problem::new(Code::UpstreamUnavailable, detail).retry_after(1).into();
        }
        invalid()
    }
}

#[derive(Deserialize)]
struct Discovery {
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// A key we can use to prove a signature. Others, secrets above all, are passed over.
fn usable(value: Value) -> Option<(String, Arc<Key>)> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        AlgorithmParameters::EllipticCurve(_)
        | AlgorithmParameters::OctetKeyPair(_)
        | AlgorithmParameters::OctetKey(_) => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, Arc::new(Key { key, algorithm })))
}
