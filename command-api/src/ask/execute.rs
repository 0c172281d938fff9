//! The one way from HTTP into the log: replay, precondition, decision, answer. A rehearsal takes the same way and stops.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use domain::{Act, Asked, Board, Rejection};
use event_store::{ExecuteError, Key, Outcome, Request};
use schema::StreamId;
use serde_json::Value;

use super::{Caller, VALIDATE_ONLY};
use crate::error::ApiError;
use crate::fields::{Body, Fields};
use crate::idempotency::{self, Keyed, Scope, Stored};
use crate::precondition;
use crate::rehearsal;

/// A decision that changes nothing.
struct NoNews;

impl Act for NoNews {
    fn streams(&self) -> Vec<StreamId> {
        Vec::new()
    }

    fn decide(&self, _board: &mut Board, _asked: &Asked) -> Result<(), Rejection> {
        Ok(())
    }
}

/// An answer to a command, as far as its events decide it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rendered {
    /// 200, or 201 when something was made.
    pub status: u16,
    /// Version and position of the representation, if it is a resource of its own.
    pub tag: Option<(u64, u64)>,
    /// Where what was made is found.
    pub location: Option<String>,
    /// The representation.
    pub body: Value,
}

/// A command on its way: what is decided, and what the answer is folded from besides.
pub(crate) struct Order<A> {
    pub act: A,
    /// The stream `If-Match` speaks about.
    pub subject: StreamId,
    /// Streams the answer shows and the decision does not read.
    pub also_load: Vec<StreamId>,
    /// The version of the subject that the decision was made from, when it was made before the log was asked.
    pub rests_on: Option<u64>,
}

impl<A: Act + 'static> Order<A> {
    /// A decision about one subject.
    pub(crate) fn on(subject: impl Into<StreamId>, act: A) -> Self {
        Self { act, subject: subject.into(), also_load: Vec::new(), rests_on: None }
    }

    /// The same, only while the subject is at this version.
    pub(crate) fn resting_on(mut self, version: Option<u64>) -> Self {
        self.rests_on = version;
        self
    }

    /// The same with more streams for the answer.
    pub(crate) fn loading(mut self, streams: impl IntoIterator<Item = StreamId>) -> Self {
        self.also_load.extend(streams);
        self
    }
}

impl Caller {
    /// The body, after the answer to an earlier request with the same key has been ruled out.
    pub(crate) async fn body<B: Body>(&self) -> Result<Fields, ApiError> {
        if let Some(keyed) = self.keyed()?
            && let Some(text) = self.ask.app.store.stored_reply(&keyed.id, &keyed.fingerprint).await?
        {
            return Err(ApiError::Answered(Box::new(Stored::from_text(&text)?)));
        }
        if self.ask.method != axum::http::Method::DELETE {
            self.ask.query(&[VALIDATE_ONLY])?;
        }
        self.ask.fields::<B>()
    }

    /// Runs a decision and answers from its own events.
    pub(crate) async fn execute<A, R>(&self, order: Order<A>, render: R) -> Result<Response, ApiError>
    where
        A: Act + 'static,
        R: Fn(&Outcome) -> Result<Rendered, ApiError> + Send + Sync + 'static,
    {
        Ok(self.execute_for_outcome(order, render).await?.0)
    }

    /// The same, for who looks at the position afterwards. A replayed answer has no outcome.
    pub(crate) async fn execute_for_outcome<A, R>(
        &self,
        order: Order<A>,
        render: R,
    ) -> Result<(Response, Option<Outcome>), ApiError>
    where
        A: Act + 'static,
        R: Fn(&Outcome) -> Result<Rendered, ApiError> + Send + Sync + 'static,
    {
        let app = &self.ask.app;
        let asked = self.asked();
        let render =
            Arc::new(move |outcome: &Outcome| render(outcome).map(|rendered| rendered.at(outcome.position)));
        let expected = precondition::if_match(&self.ask.headers)?;
        // Looked at before anything is decided: a wish that cannot be read must not be noticed afterwards.
        precondition::prefer_wait(&self.ask.headers)?;
        let is_conditional = expected.is_some();
        let condition = match (expected, order.rests_on) {
            (Some(versions), Some(only)) => {
                Some(versions.into_iter().filter(|version| *version == only).collect())
            }
            (None, Some(only)) => Some(BTreeSet::from([only])),
            (versions, None) => versions,
        };
        // The caller set no condition: what has changed meanwhile is ours to explain.
        let failed = move |error| {
            let is_ours = !is_conditional && matches!(error, ExecuteError::VersionMismatch { .. });
            if is_ours { ExecuteError::ConcurrentChange } else { error }
        };
        let mut request = Request {
            meta: self.meta(&asked),
            asked,
            key: None,
            expect: condition.map(|versions| (order.subject, versions)).into_iter().collect(),
            also_load: order.also_load,
        };
        let act: Arc<dyn Act> = Arc::new(order.act);
        if self.is_rehearsal()? {
            let news = app.store.rehearse(act, &request).await.map_err(failed)?;
            return Ok((rehearsal::answer(app, news).await?.into_response(), None));
        }
        request.key = self.keyed()?.map(|keyed| {
            let render = Arc::clone(&render);
            Key {
                id: keyed.id,
                fingerprint: keyed.fingerprint,
                // What cannot be rendered is not kept: an empty text is no answer.
                render: Arc::new(move |outcome: &Outcome| {
                    render(outcome).map(|stored| stored.to_text()).unwrap_or_default()
                }),
            }
        });
        let outcome = app.store.execute(act, request).await.map_err(failed)?;
        app.actors.forget(&outcome.news);
        if let Some(text) = &outcome.replayed {
            return Ok((Stored::from_text(text)?.to_replayed_response(), None));
        }
        Ok((render(&outcome)?.to_response(), Some(outcome)))
    }

    /// Keeps an answer that no event decides for this request's key, and gives it. Whoever was faster with the same key
    /// gave the answer that counts.
    pub(crate) async fn keep(&self, answer: Stored) -> Result<Response, ApiError> {
        let Some(keyed) = self.keyed()? else {
            return Ok(answer.to_response());
        };
        let text = answer.to_text();
        let asked = self.asked();
        let request = Request {
            key: Some(Key {
                id: keyed.id,
                fingerprint: keyed.fingerprint,
                render: Arc::new(move |_: &Outcome| text.clone()),
            }),
            meta: self.meta(&asked),
            ..Request::new(asked)
        };
        let outcome = self.ask.app.store.execute(Arc::new(NoNews), request).await?;
        match &outcome.replayed {
            Some(text) => Ok(Stored::from_text(text)?.to_replayed_response()),
            None => Ok(answer.to_response()),
        }
    }

    /// Whether nothing is to be changed.
    pub(crate) fn is_rehearsal(&self) -> Result<bool, ApiError> {
        crate::query::Query::parse(&self.ask.query_text)?.is_set(VALIDATE_ONLY)
    }

    /// The key of this request. A rehearsal has none.
    fn keyed(&self) -> Result<Option<Keyed>, ApiError> {
        if self.is_rehearsal()? {
            return Ok(None);
        }
        let scope = Scope {
            user: self.known.user_id,
            method: &self.ask.method,
            path: &self.ask.path,
            query: &self.ask.query_text,
            body: self.ask.body_bytes()?,
        };
        idempotency::of(&self.ask.headers, scope)
    }
}

impl Rendered {
    /// The whole answer, as it is sent and kept.
    pub(crate) fn at(self, position: u64) -> Stored {
        Stored {
            status: self.status,
            position,
            etag: self.tag.map(|(version, changed)| precondition::etag(version, changed)),
            location: self.location,
            body: self.body,
        }
    }
}
