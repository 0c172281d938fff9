//! How we prove who we are to OCIS: a password, or a token that is fetched once and used for its whole life.

use std::sync::Arc;
use std::time::Duration;

use schema::provisioning::{FailureClass, Reason};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call::{CallError, Effect, Line, Method, RequestBuilder};

/// A token is not used in its last moments: clocks differ and requests take time.
const MARGIN: Duration = Duration::from_secs(30);
/// A token endpoint that does not say how long means a minute.
const LIFE_SECONDS_DEFAULT: u64 = 60;

/// What the installation was given.
#[derive(Clone)]
pub enum Credentials {
    /// A user of OCIS itself; only without an outside identity provider.
    Basic { user: String, password: String },
    /// A service account of the identity provider.
    ClientCredentials { token_url: String, client_id: String, client_secret: String, scope: String },
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Basic { .. } => out.write_str("Basic"),
            Self::ClientCredentials { .. } => out.write_str("ClientCredentials"),
        }
    }
}

#[derive(Clone)]
struct Held {
    token: String,
    until: Instant,
}

/// Credentials with the token in hand.
#[derive(Clone)]
pub(crate) struct Pass {
    credentials: Credentials,
    /// Held over the fetching too: whoever needs a token meanwhile waits for that one.
    held: Arc<Mutex<Option<Held>>>,
}

/// What a request was signed with: a token, if it was one.
#[derive(Debug)]
pub(crate) struct Used(Option<String>);

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Pass {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self { credentials, held: Arc::default() }
    }

    /// The request with our proof on it.
    pub(crate) async fn sign(
        &self,
        line: &Line,
        request: RequestBuilder,
    ) -> Result<(RequestBuilder, Used), CallError> {
        match &self.credentials {
            Credentials::Basic { user, password } => {
                Ok((request.basic_auth(user, Some(password)), Used(None)))
            }
            Credentials::ClientCredentials { .. } => {
                let token = self.token(line).await?;
                Ok((request.bearer_auth(&token), Used(Some(token))))
            }
        }
    }

    /// Whether a fresh proof might do better after a 401; forgets the one used, unless another has done so already.
    pub(crate) async fn renew(&self, used: &Used) -> bool {
        let mut held = self.held.lock().await;
        held.take_if(|held| Some(&held.token) == used.0.as_ref());
        used.0.is_some()
    }

    async fn token(&self, line: &Line) -> Result<String, CallError> {
        let mut current = self.held.lock().await;
        let now = Instant::now();
        if let Some(held) = current.as_ref().filter(|held| held.until > now) {
            return Ok(held.token.clone());
        }
        // Others wait for it, and what shuts a door may be among them.
        let granted = self.fetch(&line.at_once()).await?;
        let lifetime = Duration::from_secs(granted.expires_in.unwrap_or(LIFE_SECONDS_DEFAULT));
        let until = now + lifetime.saturating_sub(MARGIN);
        *current = Some(Held { token: granted.access_token.clone(), until });
        Ok(granted.access_token)
    }

    async fn fetch(&self, line: &Line) -> Result<Granted, CallError> {
        let Credentials::ClientCredentials { token_url, client_id, client_secret, scope } = &self.credentials
        else {
            return Err(CallError::new(FailureClass::Auth, Reason::AuthFailed, "ocis: no token is used"));
        };
        let what = "fetch a token";
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret),
            ("scope", scope),
        ];
        let request = line.request_to(Method::POST, token_url).form(&form);
        // Asking for a token twice does no harm.
        let answer = line.send(what, Effect::Reads, request).await?;
        match answer.status.as_u16() {
            200..=299 => answer.parse(line.system, what),
            400..=403 => {
                Err(CallError::new(FailureClass::Auth, Reason::AuthFailed, "ocis: fetch a token: refused"))
            }
            _ => Err(line.refusal(what, Effect::Reads, &answer)),
        }
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.credentials.fmt(out)
    }
}
