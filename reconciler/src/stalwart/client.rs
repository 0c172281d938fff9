//! Stalwart's management calls over JMAP: batched reads, single writes, nothing trusted that was not named in the answer.

use reqwest::Method;
use schema::provisioning::{FailureClass, Reason};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::call::{CallError, Effect, Line, with_json};
use crate::lane::Lane;

/// Calls in one request at most.
const CALLS_MAX: usize = 16;
/// Objects in one call at most, and the size of a page.
pub(crate) const PAGE: usize = 500;
/// Pages read of one list before something is wrong: half a million rows.
const PAGES_MAX: usize = 1_000;

/// A list asked for: the type, its filter, the property it is sorted by, and the properties wanted.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) kind: &'static str,
    pub(crate) filter: Value,
    /// Without an explicit sort, pages skip objects.
    pub(crate) sort: &'static str,
    pub(crate) properties: &'static [&'static str],
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// Done.
    Done,
    /// The name is taken by this object.
    Taken,
    /// The object is gone.
    Gone,
    /// Others refer to it.
    Linked,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) enum Change<'a> {
    Create(Value),
    Update(&'a str, Value),
    Destroy(&'a str),
}

/// The API with our key.
#[derive(Debug, Clone)]
pub struct Client {
    line: Line,
    token: String,
}

impl Client {
    pub(crate) fn new(line: Line, token: String) -> Self {
        Self { line, token }
    }

    /// The same API for what shuts doors: it makes room for nobody.
    #[must_use]
    pub(crate) fn at_once(&self) -> Self {
        Self { line: self.line.at_once(), ..self.clone() }
    }

    pub(crate) fn lane(&self) -> &Lane {
        self.line.lane()
    }

    /// What only this installation says of itself.
    pub(crate) async fn fingerprint(&self) -> Result<Option<String>, CallError> {
        std::future::ready(Ok(None)).await
    }

    /// The one object of a kind.
    pub(crate) async fn singleton(&self, kind: &str, properties: &[&str]) -> Result<Value, CallError> {
        let call = json!([format!("x:{kind}/get"), { "ids": ["singleton"], "properties": properties }, "0"]);
        let what = format!("read {kind}");
        let answers = self.calls(&what, Effect::Reads, vec![call]).await?;
        let list = answers.into_iter().next().map(|answer| answer["list"][0].clone());
        list.filter(Value::is_object).ok_or_else(|| unusable(&what))
    }

    /// One object by its id, if it is there.
    pub(crate) async fn by_id<T: DeserializeOwned>(
        &self,
        kind: &str,
        id: &str,
        properties: &[&str],
    ) -> Result<Option<T>, CallError> {
        let call = json!([format!("x:{kind}/get"), { "ids": [id], "properties": properties }, "0"]);
        let what = format!("read {kind}");
        let answers = self.calls(&what, Effect::Reads, vec![call]).await?;
        let list = answers.into_iter().next().map(|answer| answer["list"].clone()).unwrap_or_default();
        let list: Vec<T> = serde_json::from_value(list).map_err(|_| unusable(&what))?;
        Ok(list.into_iter().next())
    }

    /// Several lists at once, each complete.
    pub(crate) async fn lists<T: DeserializeOwned>(
        &self,
        queries: &[Query],
    ) -> Result<Vec<Vec<T>>, CallError> {
        let mut rows: Vec<Vec<T>> = queries.iter().map(|_| Vec::new()).collect();
        let mut open: Vec<(usize, usize)> = (0..queries.len()).map(|index| (index, 0)).collect();
        for _ in 0..PAGES_MAX {
            if open.is_empty() {
                return Ok(rows);
            }
            let batch: Vec<(usize, usize)> = open.drain(..open.len().min(CALLS_MAX / 2)).collect();
            let calls = batch
                .iter()
                .filter_map(|&(index, position)| queries.get(index).map(|query| page(query, index, position)))
                .flatten()
                .collect();
            let answers = self.calls("read lists", Effect::Reads, calls).await?;
            for ((index, position), pair) in batch.into_iter().zip(answers.chunks(2)) {
                let ids = pair.first().and_then(|answer| answer["ids"].as_array()).map_or(0, Vec::len);
                let list = pair.get(1).map(|answer| answer["list"].clone()).unwrap_or_default();
                let list: Vec<T> = serde_json::from_value(list).map_err(|_| unusable("read lists"))?;
                if let Some(rows) = rows.get_mut(index) {
                    rows.extend(list);
                }
                if ids == PAGE {
                    open.push((index, position + PAGE));
                }
            }
        }
        Err(unusable("read lists that do not end"))
    }

    /// One change, and what became of it. After a method error nothing is known, and the caches may be stale.
    pub(crate) async fn change(&self, kind: &str, change: Change<'_>) -> Result<Wrote, CallError> {
        let (what, key, arguments) = match &change {
            Change::Create(object) => {
                (format!("create {kind}"), "new", json!({ "create": { "new": object } }))
            }
            Change::Update(id, patch) => (format!("update {kind}"), *id, json!({ "update": { *id: patch } })),
            Change::Destroy(id) => (format!("destroy {kind}"), *id, json!({ "destroy": [id] })),
        };
        let call = json!([format!("x:{kind}/set"), arguments, "0"]);
        match self.calls(&what, Effect::Writes, vec![call]).await {
            Ok(answers) => {
                let answer = answers.into_iter().next().unwrap_or_default();
                outcome(&what, key, &change, &answer)
            }
            Err(error) => {
                self.action("InvalidateNegativeCaches").await?;
                Err(error)
            }
        }
    }

    /// Lets what is written of the gate take effect: keys, then script and stage.
    pub(crate) async fn load_gate(&self) -> Result<(), CallError> {
        self.action("ReloadLookupStores").await?;
        let loaded = self.action("ReloadSettings").await;
        loaded.map_err(|error| {
            // All settings are loaded or none: one that is nothing of ours may stand in the way for a while.
            if error.reason == Reason::ValidationRejected { unusable("run ReloadSettings") } else { error }
        })
    }

    /// Tells the server to do something to itself.
    pub(crate) async fn action(&self, action: &'static str) -> Result<(), CallError> {
        let what = format!("run {action}");
        let call = json!(["x:Action/set", { "create": { "new": { "@type": action } } }, "0"]);
        let answers = self.calls(&what, Effect::Writes, vec![call]).await?;
        let answer = answers.into_iter().next().unwrap_or_default();
        outcome(&what, "new", &Change::Create(Value::Null), &answer).map(drop)
    }

    /// One request with several calls; the first method error is the error of all.
    async fn calls(&self, what: &str, effect: Effect, calls: Vec<Value>) -> Result<Vec<Value>, CallError> {
        let count = calls.len();
        let body =
            json!({ "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": calls });
        let request = self.line.request(Method::POST, "/jmap/").bearer_auth(&self.token);
        let answer = self.line.send(what, effect, with_json(request, &body)).await?;
        if !answer.status.is_success() {
            return Err(self.refused(what, effect, &answer));
        }
        let body: Value = answer.parse(self.line.system, what)?;
        let responses = body["methodResponses"].as_array().cloned().unwrap_or_default();
        if responses.len() != count {
            return Err(if effect == Effect::Writes { lost(what) } else { unusable(what) });
        }
        responses
            .into_iter()
            .map(|response| match response[0].as_str() {
                Some("error") => {
                    Err(method_error(what, effect, response[1]["type"].as_str().unwrap_or_default()))
                }
                Some(_) | None => Ok(response[1].clone()),
            })
            .collect()
    }

    fn refused(&self, what: &str, effect: Effect, answer: &crate::call::Answer) -> CallError {
        let refusal = self.line.refusal(what, effect, answer);
        let is_limit = answer.status.as_u16() == 400 && answer.text_at("/type").ends_with(":limit");
        if is_limit {
            return CallError { class: FailureClass::RateLimited, reason: Reason::RateLimited, ..refusal };
        }
        refusal
    }
}

fn page(query: &Query, index: usize, position: usize) -> [Value; 2] {
    let (kind, id) = (query.kind, format!("q{index}"));
    let sort = json!([{ "property": query.sort, "isAscending": true }]);
    [
        json!([
            format!("x:{kind}/query"),
            { "filter": query.filter, "sort": sort, "position": position, "limit": PAGE },
            id
        ]),
        json!([
            format!("x:{kind}/get"),
            {
                "#ids": { "resultOf": id, "name": format!("x:{kind}/query"), "path": "/ids" },
                "properties": query.properties
            },
            format!("g{index}")
        ]),
    ]
}

fn outcome(what: &str, key: &str, change: &Change<'_>, answer: &Value) -> Result<Wrote, CallError> {
    let (done, not_done) = match change {
        Change::Create(_) => ("created", "notCreated"),
        Change::Update(..) => ("updated", "notUpdated"),
        Change::Destroy(_) => ("destroyed", "notDestroyed"),
    };
    let is_done = match &answer[done] {
        Value::Object(objects) => objects.contains_key(key),
        Value::Array(ids) => ids.iter().any(|id| id == key),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_done {
        return Ok(Wrote::Done);
    }
    let empty = Map::new();
    let error = answer[not_done].as_object().unwrap_or(&empty).get(key);
    match (error.and_then(|error| error["type"].as_str()), change) {
        (Some("primaryKeyViolation"), _) => Ok(Wrote::Taken),
        (Some("notFound"), Change::Destroy(_)) => Ok(Wrote::Done),
        (Some("notFound"), _) => Ok(Wrote::Gone),
        (Some("objectIsLinked"), _) => Ok(Wrote::Linked),
        (Some("forbidden"), _) => Err(permanent(what, Reason::PermissionDenied)),
        (Some("overQuota"), _) => Err(permanent(what, Reason::QuotaExceeded)),
        (Some("invalidForeignKey"), _) => Err(permanent(what, Reason::Conflict)),
        // Without an error it was named neither as done nor as not done: dropped without a word.
        (Some(_) | None, _) => Err(permanent(what, Reason::ValidationRejected)),
    }
}

fn method_error(what: &str, effect: Effect, kind: &str) -> CallError {
    let (class, reason) = match (kind, effect) {
        ("forbidden", _) => (FailureClass::Permanent, Reason::PermissionDenied),
        ("serverUnavailable", Effect::Reads) => (FailureClass::Transient, Reason::UpstreamUnavailable),
        // What stood before the error is committed and not reported.
        ("serverUnavailable" | "serverPartialFail" | "serverFail", _) => {
            (FailureClass::Unknown, Reason::OutcomeUnknown)
        }
        _ => (FailureClass::Permanent, Reason::ValidationRejected),
    };
    CallError::new(class, reason, format!("stalwart: {what}: the method was refused"))
}

fn permanent(what: &str, reason: Reason) -> CallError {
    CallError::new(FailureClass::Permanent, reason, format!("stalwart: {what}: refused"))
}

fn lost(what: &str) -> CallError {
    CallError::unknown(format!("stalwart: {what}: the answer is incomplete"))
}

fn unusable(what: &str) -> CallError {
    let summary = format!("stalwart: {what}: the answer could not be understood");
    CallError::new(FailureClass::Transient, Reason::UpstreamUnavailable, summary)
}
