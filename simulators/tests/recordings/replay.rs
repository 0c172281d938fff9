//! Replays recorded scenarios against a fresh simulator and compares status, headers and the shape of bodies.
//!
//! A scenario file:
//!
//! ```json
//! { "scenario": "…", "recorded": "what was recorded",
//!   "given": [ { "request": …, "response": … } ],
//!   "steps": [ { "note": "…", "request": { "method": "GET", "path": "/…", "headers": {}, "json": {} | "text": "…" },
//!                "response": { "status": 200, "headers": {}, "body": … }, "equal": ["/pagination/count"] } ] }
//! ```
//!
//! * `given` makes what the scenario assumes: each request must succeed (2xx); a body, if there is one, only teaches ids.
//! * Every header named in a recorded response is compared exactly.
//! * Bodies: the same keys and types all the way down; in a list, each element has the shape of a recorded one, and both
//!   are empty or both are not. With status 400 and above, and at the pointers in `equal`, the same values.
//!   HTML pages are compared by their type only, and in errors the values under `NEW_EACH_TIME`.
//! * Ids differ between the recording and the simulator. Where a recorded body and an answered one differ in an id
//!   (under a key in `id_keys`, a text of 16 characters and more, or a placeholder like `<KEY>`), later requests and bodies are translated.
//!   Long texts are replaced everywhere, short ones and numbers only under the keys in `id_keys` (the value, the elements of a list,
//!   the keys of an object) and as whole path segments or query values.

#[path = "alike.rs"]
mod alike;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use alike::alike;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

/// Shorter texts are only taken for ids where the key says so.
const LONG_ID_CHARS: usize = 16;

/// What an upstream makes up for each error.
const NEW_EACH_TIME: [&str; 2] = ["date", "request-id"];

/// A started simulator and how to read recordings of its system.
pub(crate) struct Upstream {
    pub(crate) base_url: String,
    /// Placeholders in requests, such as `<API_KEY>`, and what to send instead.
    pub(crate) secrets: Vec<(&'static str, String)>,
    pub(crate) id_keys: &'static [&'static str],
    /// Kept so that the simulator runs until the scenario has ended.
    pub(crate) running: simulators::Running,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(rename = "scenario")]
    title: String,
    #[serde(rename = "recorded")]
    _recorded: String,
    #[serde(default)]
    given: Vec<Step>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    note: String,
    request: Request,
    #[serde(default)]
    response: Response,
    /// JSON pointers into the body whose values are equal, not only alike.
    #[serde(default)]
    equal: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

/// Replays every file under `recordings/<system>`, each against an upstream started for it; panics with all
/// differences.
pub(crate) async fn replay<Starting: Future<Output = Upstream>>(system: &str, start: impl Fn() -> Starting) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(system);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no recordings under {}", directory.display());
    let mut differences = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario: Scenario =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut player = Player::new(start().await);
        for (number, step) in scenario.given.iter().enumerate() {
            player.prepare(&format!("{}, given {number}", scenario.title), step).await;
        }
        for (number, step) in scenario.steps.iter().enumerate() {
            let place = format!(
                "{}, step {number} ({} {}) {}",
                scenario.title, step.request.method, step.request.path, step.note
            );
            differences.extend(
                player.play(step).await.into_iter().map(|difference| format!("{place}: {difference}")),
            );
        }
        player.upstream.running.stop().await;
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

struct Player {
    upstream: Upstream,
    client: reqwest::Client,
    /// Recorded id → the simulator's.
    ids: BTreeMap<String, Value>,
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: Value,
}

impl Player {
    fn new(upstream: Upstream) -> Self {
        let client = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(20))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { upstream, client, ids: BTreeMap::new() }
    }

    async fn prepare(&mut self, place: &str, step: &Step) {
        let answer = self.send(&step.request).await;
        assert!((200..300).contains(&answer.status), "{place}: {} {}", answer.status, answer.body);
        if let Some(recorded) = &step.response.body {
            self.learn("", recorded, &answer.body);
        }
    }

    async fn play(&mut self, step: &Step) -> Vec<String> {
        let answer = self.send(&step.request).await;
        let expected = &step.response;
        if answer.status != expected.status {
            return vec![format!("status {} instead of {}: {}", answer.status, expected.status, answer.body)];
        }
        let mut differences = Vec::new();
        for (name, value) in &expected.headers {
            let found =
                answer.headers.get(name).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
            if found.as_ref() != Some(value) {
                differences.push(format!("header {name} is {found:?} instead of {value:?}"));
            }
        }
        let Some(recorded) = &expected.body else {
            return differences;
        };
        if is_page(recorded) {
            if !is_page(&answer.body) {
                differences.push(format!("not an HTML page: {}", answer.body));
            }
            return differences;
        }
        self.learn("", recorded, &answer.body);
        let mut recorded = self.translate("", recorded);
        if expected.status >= 400 {
            take_over(&mut recorded, &answer.body);
            if recorded != answer.body {
                differences.push(format!("body {} instead of {recorded}", answer.body));
            }
            return differences;
        }
        alike("", &recorded, &answer.body, &mut differences);
        for pointer in &step.equal {
            let (wanted, found) = (recorded.pointer(pointer), answer.body.pointer(pointer));
            if wanted != found {
                differences.push(format!("{pointer} is {found:?} instead of {wanted:?}"));
            }
        }
        differences
    }

    async fn send(&self, request: &Request) -> Answer {
        let method = Method::from_bytes(request.method.as_bytes()).unwrap();
        let path = self.with_secrets(&self.translate_path(&request.path));
        let mut sending = self.client.request(method, format!("{}{path}", self.upstream.base_url));
        for (name, value) in &request.headers {
            sending = sending.header(name, self.with_secrets(&self.translate_text(value)));
        }
        if let Some(body) = &request.json {
            let body = self.with_secrets(&self.translate("", body).to_string());
            if !request.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
                sending = sending.header("content-type", "application/json");
            }
            sending = sending.body(body);
        } else if let Some(text) = &request.text {
            sending = sending.body(self.with_secrets(&self.translate_text(text)));
        }
        let answer = sending.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    fn with_secrets(&self, text: &str) -> String {
        let replace =
            |text: String, (placeholder, secret): &(&str, String)| text.replace(placeholder, secret);
        self.upstream.secrets.iter().fold(text.to_owned(), replace)
    }

    fn learn(&mut self, key: &str, recorded: &Value, answered: &Value) {
        match (recorded, answered) {
            (Value::Object(recorded), Value::Object(answered)) => {
                for (key, recorded) in recorded {
                    if let Some(answered) = answered.get(key) {
                        self.learn(key, recorded, answered);
                    }
                }
            }
            (Value::Array(recorded), Value::Array(answered)) if recorded.len() == answered.len() => {
                for (recorded, answered) in recorded.iter().zip(answered) {
                    self.learn(key, recorded, answered);
                }
            }
            (Value::String(text), Value::String(other)) if text != other && self.is_id(key, text) => {
                self.ids.entry(text.clone()).or_insert_with(|| answered.clone());
                if let (Some(text), Some(other)) = (without_dashes(text), without_dashes(other)) {
                    self.ids.entry(text).or_insert(Value::String(other));
                }
            }
            (Value::Number(number), Value::Number(other)) if number != other && self.is_id_key(key) => {
                self.ids.entry(number.to_string()).or_insert_with(|| answered.clone());
            }
            _ => {}
        }
    }

    fn is_id(&self, key: &str, text: &str) -> bool {
        self.is_id_key(key) || looks_like_an_id(text) || is_placeholder(text)
    }

    fn is_id_key(&self, key: &str) -> bool {
        self.upstream.id_keys.contains(&key)
    }

    /// `value`, found under `key`, with the simulator's ids.
    fn translate(&self, key: &str, value: &Value) -> Value {
        let known = |text: &str| {
            if self.is_id_key(key) { self.ids.get(text).cloned() } else { None }
        };
        match value {
            Value::String(text) => known(text).unwrap_or_else(|| Value::String(self.translate_text(text))),
            Value::Number(number) => known(&number.to_string()).unwrap_or_else(|| value.clone()),
            Value::Array(items) => items.iter().map(|item| self.translate(key, item)).collect(),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| {
                    let named = known(name).and_then(|id| id.as_str().map(ToOwned::to_owned));
                    (named.unwrap_or_else(|| self.translate_text(name)), self.translate(name, value))
                };
                Value::Object(fields.iter().map(field).collect())
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }

    fn translate_text(&self, text: &str) -> String {
        let long = self
            .ids
            .iter()
            .filter(|(recorded, _)| recorded.len() >= LONG_ID_CHARS || is_placeholder(recorded));
        long.fold(text.to_owned(), |text, (recorded, id)| {
            text.replace(recorded, id.as_str().unwrap_or_default())
        })
    }

    fn translate_path(&self, path: &str) -> String {
        let whole = |part: &str| match self.ids.get(part) {
            Some(Value::String(id)) => id.clone(),
            Some(id) => id.to_string(),
            None => self.translate_text(part),
        };
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let path = path.split('/').map(whole).collect::<Vec<_>>().join("/");
        let pair = |pair: &str| match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", whole(value)),
            None => pair.to_owned(),
        };
        match query {
            Some(query) => format!("{path}?{}", query.split('&').map(pair).collect::<Vec<_>>().join("&")),
            None => path,
        }
    }
}

/// `<LIKE_THIS>`: a secret that was taken out of the recording.
fn is_placeholder(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|inner| {
        inner.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
    })
}

fn is_page(body: &Value) -> bool {
    body.as_str().is_some_and(|text| text.trim_start().starts_with('<'))
}

/// Puts the answered values under `NEW_EACH_TIME` in place of the recorded ones, where the type is the same.
fn take_over(recorded: &mut Value, answered: &Value) {
    let Value::Object(fields) = recorded else { return };
    for (key, recorded) in fields {
        match answered.get(key) {
            Some(answered @ Value::String(_))
                if NEW_EACH_TIME.contains(&key.as_str()) && recorded.is_string() =>
            {
                *recorded = answered.clone();
            }
            Some(answered) => take_over(recorded, answered),
            None => {}
        }
    }
}

/// Long and without spaces: a UUID, a hash, a compound id. Not an address or a placeholder.
fn looks_like_an_id(text: &str) -> bool {
    let id_char = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '$' | '!');
    text.len() >= LONG_ID_CHARS && text.chars().all(id_char) && text.chars().any(|char| char.is_ascii_digit())
}

/// The other way to write a UUID.
fn without_dashes(text: &str) -> Option<String> {
    let simple = text.replace('-', "");
    (text.len() == 36 && simple.len() == 32).then_some(simple)
}
