//! A simulator that runs somewhere: its faults, what it was asked, and its whole state.

use anyhow::Context as _;
use serde_json::{Value, json};

/// One simulated system, reached as an upstream is: over HTTP.
#[derive(Clone)]
pub struct Simulator {
    base: String,
    client: reqwest::Client,
}

/// A request that a simulator saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// With its query.
    pub path: String,
    /// Whether it may have changed something.
    pub is_write: bool,
}

impl Simulator {
    /// The one that listens there.
    pub fn new(base: String) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().build().context("make a client")?;
        Ok(Self { base, client })
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let request = self.client.request(method, format!("{}/_simulator/{path}", self.base));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        let bytes = answer.with_context(|| format!("ask a simulator for {path}"))?.bytes().await?;
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// These faults and no others from now on; none when there are none.
    pub async fn faults(&self, rules: &[Value]) -> anyhow::Result<()> {
        self.ask(reqwest::Method::PUT, "faults", Some(&json!({ "rules": rules }))).await.map(drop)
    }

    /// What it was asked, oldest first.
    pub async fn requests(&self) -> anyhow::Result<Vec<Request>> {
        let answer = self.ask(reqwest::Method::GET, "requests", None).await?;
        let seen = answer["requests"].as_array().context("a list of requests")?;
        let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        Ok(seen
            .iter()
            .map(|one| Request {
                method: text(one, "method"),
                path: text(one, "path"),
                is_write: one["write"] == json!(true),
            })
            .collect())
    }

    /// Forgets what it was asked so far.
    pub async fn forget_requests(&self) -> anyhow::Result<()> {
        self.ask(reqwest::Method::DELETE, "requests", None).await.map(drop)
    }

    /// Every table with its rows.
    pub async fn state(&self) -> anyhow::Result<Value> {
        self.ask(reqwest::Method::GET, "state", None).await
    }

    /// The rows of one table, each a key and what it holds.
    pub async fn rows(&self, table: &str) -> anyhow::Result<Vec<(Value, Value)>> {
        let rows = self.state().await?[table].take();
        serde_json::from_value(rows).with_context(|| format!("read the table {table}"))
    }

    /// Takes rows out of a table behind everybody's back, as a backup that is older does. How many.
    pub async fn lose(&self, table: &str, which: impl Fn(&Value) -> bool) -> anyhow::Result<usize> {
        let mut state = self.state().await?;
        let rows = state[table].as_array_mut().with_context(|| format!("a table {table}"))?;
        let before = rows.len();
        rows.retain(|row| !which(&row[1]));
        let lost = before - rows.len();
        self.ask(reqwest::Method::PUT, "state", Some(&state)).await?;
        Ok(lost)
    }

    /// Everything anew, as it was saved.
    pub async fn load(&self, state: &Value) -> anyhow::Result<()> {
        self.ask(reqwest::Method::PUT, "state", Some(state)).await.map(drop)
    }
}
