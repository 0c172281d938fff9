//! One call to an outside system: sent once, with a time limit, and judged by what happens next.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use reqwest::{Method, RequestBuilder};
use reqwest::{StatusCode, header};
use schema::System;
use schema::provisioning::{FailureClass, Reason, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::lane::{Lane, Pace};

/// Letters kept of what the other side says.
const WORDS_MAX: usize = 300;
/// The largest answer that is read: 4,000 file spaces are 11 MB.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a connection may take to open; loopback and private networks answer in milliseconds.
const CONNECT_SECONDS: u64 = 5;

/// Why an outside call did not do what was asked, by what happens next.
#[derive(Debug, thiserror::Error)]
#[error("{summary}")]
pub struct CallError {
    /// When it is tried again.
    pub class: FailureClass,
    /// The closed word for it.
    pub reason: Reason,
    /// The system asked us to wait this long.
    pub retry_after: Option<Duration>,
    /// Our own sentence: what was tried. Never text of the other side, which may name people.
    pub summary: String,
    /// The object concerned, when it is one.
    pub resource: Option<Resource>,
    /// The other side's own words, for operators alone: they may name people, and so stand in no log and no event.
    pub upstream: Option<String>,
    #[source]
    pub(crate) source: Option<Box<dyn Error + Send + Sync>>,
}

impl CallError {
    /// A failure with its class, word and our sentence.
    pub fn new(class: FailureClass, reason: Reason, summary: impl Into<String>) -> Self {
        Self {
            class,
            reason,
            retry_after: None,
            summary: summary.into(),
            resource: None,
            upstream: None,
            source: None,
        }
    }

    /// Sent, and nobody knows whether it happened.
    pub fn unknown(summary: impl Into<String>) -> Self {
        Self::new(FailureClass::Unknown, Reason::OutcomeUnknown, summary)
    }

    /// The same failure, about one object.
    #[must_use]
    pub fn about(mut self, resource: Resource) -> Self {
        self.resource = Some(resource);
        self
    }

    /// The same failure, about this object unless it names one.
    #[must_use]
    pub fn or_about(self, resource: Option<Resource>) -> Self {
        Self { resource: self.resource.or(resource), ..self }
    }

    /// The same failure with the other side's own words, cut to what a person reads.
    #[must_use]
    pub fn in_words(self, words: &str) -> Self {
        let words: String = words
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(WORDS_MAX)
            .collect();
        Self { upstream: (!words.trim().is_empty()).then(|| words.trim().to_owned()), ..self }
    }

    /// The object concerned in a word for logs: its kind and our id or a domain, nothing personal.
    pub fn object(&self) -> String {
        self.resource
            .as_ref()
            .map(|about| format!("{} {}", about.kind.as_str(), about.key))
            .unwrap_or_default()
    }

    /// Whether nothing is wrong but that other doors go first.
    pub(crate) fn makes_room(&self) -> bool {
        self.class == FailureClass::Blocked && self.reason == Reason::DependencyNotReady
    }

    /// Whether it concerns one person alone and will not pass by itself: everybody else is served.
    pub fn is_of_a_person(&self) -> bool {
        self.class == FailureClass::Permanent
            && self.reason.may_be_of_one_object()
            && self.resource.as_ref().is_some_and(|resource| resource.kind.is_of_a_person())
    }

    fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }
}

/// Whether a request may change something: only then is a lost answer ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Reads,
    Writes,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The body, if it is JSON.
    pub(crate) json: Option<Value>,
    retry_after: Option<Duration>,
}

impl Answer {
    /// The body as a type of ours; a missing or differing one means the answer was cut or is not the system's own.
    pub(crate) fn parse<T: DeserializeOwned>(self, system: System, what: &str) -> Result<T, CallError> {
        let unusable = || {
            let summary = format!("{system}: {what}: the answer could not be understood");
            CallError::new(FailureClass::Transient, Reason::UpstreamUnavailable, summary)
        };
        let json = self.json.ok_or_else(unusable)?;
        serde_json::from_value(json).map_err(|error| unusable().caused_by(error))
    }

    /// A member of the body, as text.
    pub(crate) fn text_at(&self, pointer: &str) -> &str {
        self.json.as_ref().and_then(|json| json.pointer(pointer)).and_then(Value::as_str).unwrap_or_default()
    }
}

/// The connection to one system: one client, one time limit, one way to judge.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) system: System,
    base: String,
    client: reqwest::Client,
    lane: Arc<Lane>,
    pace: Pace,
}

impl Line {
    pub(crate) fn new(
        system: System,
        base: &str,
        limit: Duration,
        extra_authorities: &[u8],
        lane: Lane,
    ) -> Result<Self, CallError> {
        let client = reqwest::Certificate::from_pem_bundle(extra_authorities)
            .and_then(|authorities| {
                reqwest::Client::builder()
                    .tls_certs_merge(authorities)
                    .timeout(limit)
                    .connect_timeout(limit.min(Duration::from_secs(CONNECT_SECONDS)))
                    .redirect(reqwest::redirect::Policy::none())
                    .user_agent("dezky-reconciler")
                    .build()
            })
            .map_err(|error| {
                let summary = format!("{system}: prepare the HTTP client");
                CallError::new(FailureClass::Permanent, Reason::ValidationRejected, summary).caused_by(error)
            })?;
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { system, base, client, lane: Arc::new(lane), pace: Pace::Bulk })
    }

    /// The same connection for what shuts doors: it makes room for nobody.
    #[must_use]
    pub(crate) fn at_once(&self) -> Self {
        Self { pace: Pace::AtOnce, ..self.clone() }
    }

    pub(crate) fn lane(&self) -> &Lane {
        &self.lane
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).header(header::ACCEPT_LANGUAGE, "en")
    }

    /// A request to another address than the system's own, such as a token endpoint.
    pub(crate) fn request_to(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends once. Every status is an answer; only what kept an answer from coming is an error.
    pub(crate) async fn send(
        &self,
        what: &str,
        effect: Effect,
        request: RequestBuilder,
    ) -> Result<Answer, CallError> {
        let _entered = self.lane.enter(self.pace, effect).await;
        let outcome = self.exchange(request).await.map_err(|lost| lost.judged(self.system, what, effect));
        let result = match &outcome {
            Ok(answer) => answer.status.as_u16().to_string(),
            Err(_) => "none".to_owned(),
        };
        metrics::counter!("dezky_upstream_calls_total", "system" => self.system.as_str(), "status" => result)
            .increment(1);
        outcome
    }

    async fn exchange(&self, request: RequestBuilder) -> Result<Answer, Lost> {
        let mut response = request.send().await.map_err(Lost::Http)?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(Lost::Http)? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(Lost::TooLarge);
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer { status, json: serde_json::from_slice(&body).ok(), retry_after })
    }

    /// What an answer that is not a success means, by its status alone. Systems look first for what only they say.
    pub(crate) fn refusal(&self, what: &str, effect: Effect, answer: &Answer) -> CallError {
        let (class, reason) = match answer.status.as_u16() {
            // Not the system's own: something in front of it that does not find it.
            404 if answer.json.is_none() => (FailureClass::Transient, Reason::UpstreamUnavailable),
            _ => judge(answer.status, effect),
        };
        let summary = format!("{}: {what}: answered {}", self.system, answer.status.as_u16());
        CallError { retry_after: answer.retry_after, ..CallError::new(class, reason, summary) }
    }
}

/// A JSON body for a request.
pub(crate) fn with_json(request: RequestBuilder, body: &impl Serialize) -> RequestBuilder {
    request.json(body)
}

fn judge(status: StatusCode, effect: Effect) -> (FailureClass, Reason) {
    match (status.as_u16(), effect) {
        (401, _) => (FailureClass::Auth, Reason::AuthFailed),
        (402, _) => (FailureClass::Permanent, Reason::LicenceRequired),
        (403, _) => (FailureClass::Permanent, Reason::PermissionDenied),
        (408, Effect::Reads) => (FailureClass::Transient, Reason::Timeout),
        (409, _) => (FailureClass::Permanent, Reason::Conflict),
        (429, _) => (FailureClass::RateLimited, Reason::RateLimited),
        (507, _) => (FailureClass::Permanent, Reason::QuotaExceeded),
        // 503 is said by a door before the house: nothing was done.
        (503, _) | (500..=599, Effect::Reads) => (FailureClass::Transient, Reason::UpstreamUnavailable),
        (408 | 500..=599, Effect::Writes) => (FailureClass::Unknown, Reason::OutcomeUnknown),
        (400..=499, _) => (FailureClass::Permanent, Reason::ValidationRejected),
        // 1xx–3xx where a success was expected: something else than the system answered.
        (_, _) => (FailureClass::Transient, Reason::UpstreamUnavailable),
    }
}

/// Why there is no answer.
enum Lost {
    Http(reqwest::Error),
    TooLarge,
}

impl Lost {
    fn judged(self, system: System, what: &str, effect: Effect) -> CallError {
        let Self::Http(error) = self else {
            let summary = format!("{system}: {what}: the answer is larger than {ANSWER_BYTES_MAX} bytes");
            return CallError::new(FailureClass::Permanent, Reason::ValidationRejected, summary);
        };
        // Query strings hold addresses of people.
        let error = error.without_url();
        let (class, reason, words) = if error.is_builder() {
            (FailureClass::Permanent, Reason::ValidationRejected, "the request could not be built")
        } else if error.is_connect() {
            (FailureClass::Transient, Reason::UpstreamUnavailable, "no connection")
        } else {
            match effect {
                Effect::Writes => (FailureClass::Unknown, Reason::OutcomeUnknown, "sent, no answer"),
                Effect::Reads if error.is_timeout() => {
                    (FailureClass::Transient, Reason::Timeout, "no answer in time")
                }
                Effect::Reads => {
                    (FailureClass::Transient, Reason::UpstreamUnavailable, "the connection was lost")
                }
            }
        };
        CallError::new(class, reason, format!("{system}: {what}: {words}")).caused_by(error)
    }
}

#[cfg(test)]
mod tests;
