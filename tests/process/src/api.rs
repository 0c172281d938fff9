//! A client of the HTTP API as a user would write one.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Dezky-Position`, if there was one.
    pub position: Option<u64>,
    /// The body; null when it was not JSON.
    pub body: Value,
}

/// Somebody with a token.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Api {
    /// A client with its own connections.
    pub fn new(address: SocketAddr, token: &str) -> anyhow::Result<Self> {
        let client =
            reqwest::Client::builder().timeout(Duration::from_secs(30)).build().context("make a client")?;
        Ok(Self { base: format!("http://{address}"), token: token.to_owned(), client })
    }

    /// Sends a request; an error means no complete answer came.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let position =
            response.headers().get("Dezky-Position").and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = response.bytes().await?;
        Ok(Answer { status, position, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer, reqwest::Error> {
        self.send(Method::GET, path, None, None).await
    }

    /// POST without an idempotency key.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer, reqwest::Error> {
        self.send(Method::POST, path, None, Some(body)).await
    }
}
