//! Stalwart's management calls over JMAP: batched reads and writes, nothing trusted that was not named in the answer.

mod outcome;

use futures::future::try_join_all;
use reqwest::Method;
use schema::provisioning::{FailureClass, Reason};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

pub(crate) use self::outcome::{Wrote, refused};
use self::outcome::{lost, method_error, outcome, unusable};
use crate::call::{CallError, Effect, Line, with_json};
use crate::lane::Lane;

/// Calls in one request at most.
const CALLS_MAX: usize = 16;
/// Objects in one call at most, and the size of a page.
pub(crate) const PAGE: usize = 500;
/// Pages read of one list before something is wrong: half a million rows.
const PAGES_MAX: usize = 1_000;
/// Objects written in one call at most: after a method error nobody knows which of them were, and a killed server
/// has done a part.
pub(crate) const WRITES_MAX: usize = 100;

/// A list asked for: the type, its filter, the property it is sorted by, and the properties wanted.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) kind: &'static str,
    pub(crate) filter: Value,
    /// Without an explicit sort, pages skip objects.
    pub(crate) sort: &'static str,
    pub(crate) properties: &'static [&'static str],
}

/// One thing to be read.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    /// All of a list.
    List(Query),
    /// One object by its id, if it is there.
    One { kind: &'static str, id: String, properties: &'static [&'static str] },
}

impl Ask {
    /// How many calls one page of it takes.
    const fn calls(&self) -> usize {
        match self {
            Self::List(_) => 2,
            Self::One { .. } => 1,
        }
    }

    /// The one object of a kind.
    pub(crate) fn singleton(kind: &'static str, properties: &'static [&'static str]) -> Self {
        Self::One { kind, id: "singleton".to_owned(), properties }
    }
}

/// A page of something asked for.
#[derive(Debug, Clone, Copy)]
struct Page<'a> {
    ask: &'a Ask,
    /// Which of the things asked for.
    index: usize,
    position: usize,
}

/// One change of one object.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Create(Value),
    Update(String, Value),
    Destroy(String),
}

impl Change {
    const fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Update(..) => "update",
            Self::Destroy(_) => "destroy",
        }
    }

    /// What the answer calls the object.
    fn key(&self, place: usize) -> String {
        match self {
            Self::Create(_) => format!("n{place}"),
            Self::Update(id, _) | Self::Destroy(id) => id.clone(),
        }
    }
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

    /// The one object of a kind.
    pub(crate) async fn singleton(
        &self,
        kind: &'static str,
        properties: &'static [&'static str],
    ) -> Result<Value, CallError> {
        let found = self.read(&[Ask::singleton(kind, properties)]).await?.into_iter().flatten().next();
        found.ok_or_else(|| unusable(&format!("read {kind}")))
    }

    /// Several lists at once, each complete.
    pub(crate) async fn lists<T: DeserializeOwned>(
        &self,
        queries: &[Query],
    ) -> Result<Vec<Vec<T>>, CallError> {
        let asks: Vec<Ask> = queries.iter().cloned().map(Ask::List).collect();
        self.read(&asks).await?.into_iter().map(typed).collect()
    }

    /// Several things at once, in as few requests as their calls fit into; what was found of each, in their order.
    pub(crate) async fn read(&self, asks: &[Ask]) -> Result<Vec<Vec<Value>>, CallError> {
        let mut rows: Vec<Vec<Value>> = vec![Vec::new(); asks.len()];
        let mut open: Vec<Page<'_>> =
            asks.iter().enumerate().map(|(index, ask)| Page { ask, index, position: 0 }).collect();
        for _ in 0..PAGES_MAX {
            if open.is_empty() {
                return Ok(rows);
            }
            let requests = in_requests(open);
            open = Vec::new();
            for (page, (found, is_full)) in
                try_join_all(requests.into_iter().map(|pages| self.pages(pages))).await?.into_iter().flatten()
            {
                if let Some(rows) = rows.get_mut(page.index) {
                    rows.extend(found);
                }
                if is_full {
                    open.push(Page { position: page.position + PAGE, ..page });
                }
            }
        }
        Err(unusable("read lists that do not end"))
    }

    /// One request: what is on each page, and whether there may be more behind it.
    async fn pages<'a>(
        &self,
        pages: Vec<Page<'a>>,
    ) -> Result<Vec<(Page<'a>, (Vec<Value>, bool))>, CallError> {
        let calls = pages.iter().flat_map(Page::calls).collect();
        let mut answers = self.calls("read lists", Effect::Reads, calls).await?.into_iter();
        let mut found = Vec::new();
        for page in pages {
            let mut is_full = false;
            if let Ask::List(_) = page.ask {
                let ids = answers.next().transpose()?.unwrap_or_default();
                is_full = ids["ids"].as_array().map_or(0, Vec::len) == PAGE;
            }
            let mut answer = answers.next().transpose()?.unwrap_or_default();
            let Value::Array(list) = answer["list"].take() else {
                return Err(unusable("read lists"));
            };
            found.push((page, (list, is_full)));
        }
        Ok(found)
    }

    /// Changes of one kind in one call, at most [`WRITES_MAX`], and what became of each. After a method error nothing
    /// is known of any, and the caches may be stale.
    pub(crate) async fn change(
        &self,
        kind: &str,
        changes: &[&Change],
    ) -> Result<Vec<Result<Wrote, CallError>>, CallError> {
        let verb = changes.first().map_or("change", |change| change.verb());
        let verb = if changes.iter().all(|change| change.verb() == verb) { verb } else { "change" };
        let what = format!("{verb} {kind}");
        let (mut create, mut update, mut destroy) = (Map::new(), Map::new(), Vec::new());
        for (place, change) in changes.iter().enumerate() {
            match change {
                Change::Create(object) => drop(create.insert(change.key(place), object.clone())),
                Change::Update(id, patch) => drop(update.insert(id.clone(), patch.clone())),
                Change::Destroy(id) => destroy.push(json!(id)),
            }
        }
        let mut arguments = Map::new();
        let parts = [
            ("create", !create.is_empty(), Value::Object(create)),
            ("update", !update.is_empty(), Value::Object(update)),
            ("destroy", !destroy.is_empty(), Value::Array(destroy)),
        ];
        arguments
            .extend(parts.into_iter().filter_map(|(name, any, part)| any.then_some((name.to_owned(), part))));
        let call = json!([format!("x:{kind}/set"), arguments, "0"]);
        let answer = match self.call(&what, Effect::Writes, call).await? {
            Ok(answer) => answer,
            Err(error) => {
                if error.class == FailureClass::Unknown {
                    // Whether or not that works, it is the change whose outcome is unknown.
                    drop(self.action("InvalidateNegativeCaches").await);
                }
                return Err(error);
            }
        };
        let each = changes.iter().enumerate();
        Ok(each
            .map(|(place, change)| {
                outcome(&format!("{} {kind}", change.verb()), &change.key(place), change, &answer)
            })
            .collect())
    }

    /// Something only this installation says of itself: which account we are, and since when it has been there. The
    /// recovery administrator is no account.
    pub async fn fingerprint(&self) -> Result<Option<String>, CallError> {
        let what = "read our own account";
        let anything = json!(["x:Authentication/get", { "ids": ["singleton"], "properties": ["id"] }, "0"]);
        let answer = self.call(what, Effect::Reads, anything).await??;
        let id = answer["accountId"].as_str().ok_or_else(|| unusable(what))?;
        let account = json!(["x:Account/get", { "ids": [id], "properties": ["id", "createdAt"] }, "0"]);
        let answer = self.call(what, Effect::Reads, account).await??;
        Ok(answer["list"][0]["createdAt"].as_str().map(|since| format!("{id} {since}")))
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
        let change = Change::Create(json!({ "@type": action }));
        let call = json!(["x:Action/set", { "create": { "n0": { "@type": action } } }, "0"]);
        let answer = self.call(&what, Effect::Writes, call).await??;
        outcome(&what, "n0", &change, &answer).map(drop)
    }

    async fn call(
        &self,
        what: &str,
        effect: Effect,
        call: Value,
    ) -> Result<Result<Value, CallError>, CallError> {
        let answers = self.calls(what, effect, vec![call]).await?;
        Ok(answers.into_iter().next().unwrap_or_else(|| Err(unusable(what))))
    }

    /// One request with several calls, and the answer or method error of each.
    async fn calls(
        &self,
        what: &str,
        effect: Effect,
        calls: Vec<Value>,
    ) -> Result<Vec<Result<Value, CallError>>, CallError> {
        let count = calls.len();
        let body =
            json!({ "using": ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"], "methodCalls": calls });
        let request = self.line.request(Method::POST, "/jmap/").bearer_auth(&self.token);
        let answer = self.line.send(what, effect, with_json(request, &body)).await?;
        if !answer.status.is_success() {
            return Err(self.refused(what, effect, &answer));
        }
        let mut body: Value = answer.parse(self.line.system, what)?;
        let Value::Array(responses) = body["methodResponses"].take() else {
            return Err(if effect == Effect::Writes { lost(what) } else { unusable(what) });
        };
        if responses.len() != count {
            return Err(if effect == Effect::Writes { lost(what) } else { unusable(what) });
        }
        Ok(responses.into_iter().map(|response| answered(what, effect, response)).collect())
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

fn answered(what: &str, effect: Effect, mut response: Value) -> Result<Value, CallError> {
    let answer = response[1].take();
    match response[0].as_str() {
        Some("error") => Err(method_error(what, effect, &answer)),
        Some(_) | None => Ok(answer),
    }
}

/// Rows as what they are read for.
pub(crate) fn typed<T: DeserializeOwned>(rows: Vec<Value>) -> Result<Vec<T>, CallError> {
    serde_json::from_value(Value::Array(rows)).map_err(|_| unusable("read lists"))
}

/// Pages in requests of at most [`CALLS_MAX`] calls, in their order.
fn in_requests(pages: Vec<Page<'_>>) -> Vec<Vec<Page<'_>>> {
    let mut requests: Vec<Vec<Page<'_>>> = Vec::new();
    let mut free = 0;
    for page in pages {
        if let Some(request) = requests.last_mut().filter(|_| page.ask.calls() <= free) {
            request.push(page);
        } else {
            requests.push(vec![page]);
            free = CALLS_MAX;
        }
        free -= page.ask.calls();
    }
    requests
}

impl Page<'_> {
    fn calls(&self) -> Vec<Value> {
        match self.ask {
            Ask::List(query) => page(query, self.index, self.position).to_vec(),
            Ask::One { kind, id, properties } => {
                let arguments = json!({ "ids": [id], "properties": properties });
                vec![json!([format!("x:{kind}/get"), arguments, format!("o{}", self.index)])]
            }
        }
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
