//! The session document. Its addresses name the configured host, whatever host was asked.

use serde_json::{Value, json};

use super::auth::Caller;
use super::dispatch::SESSION_STATE;

/// As recorded; `<id>`, `<name>` and `<host>` stand for what differs.
const RECORDED: &str = include_str!("session.json");

/// Without a caller it is served as well, and names no account.
pub(crate) fn document(host: &str, caller: Option<&Caller>) -> Value {
    let (id, name) =
        caller.map_or_else(Default::default, |caller| (caller.account.to_string(), caller.name.clone()));
    let text = RECORDED
        .replace("<id>", &id)
        .replace("<host>", host)
        .replace("<name>", &name)
        .replace("<state>", SESSION_STATE);
    let mut document: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("the session document is JSON"));
    if let Some(document) = document.as_object_mut().filter(|_| caller.is_none()) {
        document.insert("accounts".to_owned(), json!({}));
        document.insert("primaryAccounts".to_owned(), json!({}));
        document.insert("state".to_owned(), json!("0"));
    }
    document
}
