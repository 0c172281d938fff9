//! What was asked, and what it was answered: the side of the story that the callers know.

use http::Method;
use serde_json::Value;

/// A command, as its caller sends it: once, or again with the same key until it is answered.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// The same however often it is sent.
    pub(crate) request_id: String,
    pub(crate) caller: usize,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) key: Option<String>,
    /// The version the caller had seen, sent as `If-Match`.
    pub(crate) expected: Option<u64>,
    /// Whether an answer of success means that something was recorded.
    pub(crate) effect: Effect,
}

/// What an answer of success means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Something new is in the log.
    Certain,
    /// It may have been so already.
    Possible,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) position: Option<u64>,
    pub(crate) etag: Option<String>,
    pub(crate) replayed: bool,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }
}

/// What a caller knows about a command.
#[derive(Debug, Clone)]
pub(crate) enum Heard {
    Answered(Answer),
    Refused,
    /// Nobody answered, and it had no key to ask again with.
    Nothing,
}

/// A tenant that was shown to somebody who is no operator.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) caller: usize,
    pub(crate) tenant: String,
    /// How long the log was when the answer came.
    pub(crate) head: u64,
    pub(crate) path: String,
}

/// A command with what came of it, and where it stands in the order of everything that was sent and heard.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) command: Command,
    pub(crate) heard: Heard,
    /// When it was sent for the last time.
    pub(crate) began: u64,
    pub(crate) ended: u64,
}

/// The whole story.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) commands: Vec<Told>,
    pub(crate) shown: Vec<Shown>,
    /// Requests that must have left nothing behind.
    pub(crate) rehearsed: Vec<String>,
    requests: u64,
    moments: u64,
}

impl History {
    /// A name nobody has used.
    pub(crate) fn next_request(&mut self, seed: u64) -> String {
        self.requests += 1;
        format!("sim-{seed}-{:06}", self.requests)
    }

    /// The next place in the order of everything that was sent and heard.
    pub(crate) fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    /// What came of a command, now.
    pub(crate) fn tell(&mut self, command: Command, heard: Heard, began: u64) {
        let ended = self.moment();
        self.commands.push(Told { command, heard, began, ended });
    }
}
