//! The mail side: what the MX answers, who may sign in, who may send. Driven by tests, not by SMTP.

use serde::Serialize;
use serde_json::Value;

use super::id::Id;
use super::index::{self, listed, names_in, text_of};
use super::kind::Kind;
use super::permissions;
use super::shelf::Object;
use super::state::State;

/// What one message counts for in `usedDiskQuota`.
const MESSAGE_BYTES: u64 = 941;
/// Lists inside lists are followed this deep.
const LIST_DEPTH_MAX: usize = 8;

const NO_RELAY: &str = "550 5.1.2 Relay not allowed.";
const NO_MAILBOX: &str = "550 5.1.2 Mailbox does not exist.";
const MAY_NOT_RECEIVE: &str = "550 5.5.0 This account is not authorized to receive email.";
const OVER_QUOTA: &str = "451 4.3.0 Mailbox over quota.";
const MAY_NOT_USE: &str = "550 5.7.1 Your account is not authorized to use this service.";
const NOT_AUTHENTICATED: &str = "535 5.7.8 Authentication credentials invalid.";

/// What becomes of a message handed to the MX.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Delivery {
    /// Stored in these accounts.
    Accepted { accounts: Vec<String> },
    /// Never taken: the answer to RCPT.
    Refused { answer: String },
    /// Taken, and returned to its sender.
    Bounced { reason: String },
    /// Taken, and still in the queue.
    Deferred { reason: String },
}

/// Whether somebody may sign in, at IMAP, JMAP or anywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Login {
    Allowed,
    Refused { answer: String },
}

/// Whether somebody may hand in mail of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Submission {
    Accepted,
    Refused { answer: String },
}

pub(crate) fn deliver(state: &mut State, to: &str) -> Delivery {
    let to = to.to_lowercase();
    let domain = to.rsplit_once('@').map_or("", |(_, domain)| domain);
    if let Some(answer) = gate(state, domain) {
        return Delivery::Refused { answer };
    }
    if state.absent.contains(&to) {
        return Delivery::Refused { answer: NO_MAILBOX.to_owned() };
    }
    if domain_at(state, domain).is_none() {
        return Delivery::Refused { answer: NO_RELAY.to_owned() };
    }
    let Some((kind, id)) = recipient(state, &to) else {
        state.absent.insert(to, true);
        return Delivery::Refused { answer: NO_MAILBOX.to_owned() };
    };
    if kind == Kind::Account {
        return store(state, id);
    }
    let mut accounts = Vec::new();
    for member in members(state, id, LIST_DEPTH_MAX) {
        if let Delivery::Accepted { accounts: stored } = store(state, member) {
            accounts.extend(stored);
        }
    }
    Delivery::Accepted { accounts }
}

pub(crate) fn login(state: &State, address: &str) -> Login {
    match account_at(state, address) {
        None => Login::Refused { answer: NOT_AUTHENTICATED.to_owned() },
        Some((_, account)) if permissions::of_account(state, account).contains("authenticate") => {
            Login::Allowed
        }
        Some(_) => Login::Refused { answer: MAY_NOT_USE.to_owned() },
    }
}

pub(crate) fn submit(state: &State, from: &str) -> Submission {
    let Some((_, account)) = account_at(state, from) else {
        return Submission::Refused { answer: NOT_AUTHENTICATED.to_owned() };
    };
    let allowed = permissions::of_account(state, account);
    if allowed.contains("authenticate") && allowed.contains("emailSend") {
        Submission::Accepted
    } else {
        Submission::Refused { answer: MAY_NOT_USE.to_owned() }
    }
}

/// Messages stored for an address, if there is an account.
pub(crate) fn stored(state: &State, address: &str) -> Option<u64> {
    let (id, _) = account_at(state, address)?;
    Some(state.mailboxes.get(&id).copied().unwrap_or_default().messages)
}

/// The account behind an address or one of its enabled aliases.
pub(crate) fn account_at<'a>(state: &'a State, address: &str) -> Option<(Id, &'a Object)> {
    let (kind, id) = recipient(state, &address.to_lowercase())?;
    (kind == Kind::Account).then_some((id, state.object(kind, id)?))
}

/// The refusal of the script that the RCPT stage chooses for a domain, as both were last loaded.
fn gate(state: &State, domain: &str) -> Option<String> {
    let branch = state.branches.values().find(|branch| applies(state, &branch.condition, domain))?;
    refusal(state.scripts.get(&branch.script)?)
}

/// `key_exists('namespace', rcpt_domain)`, or nothing for the last branch. Other expressions never apply.
fn applies(state: &State, condition: &str, domain: &str) -> bool {
    if condition.is_empty() {
        return true;
    }
    let inside = condition.trim().strip_prefix("key_exists(").and_then(|rest| rest.strip_suffix(')'));
    let Some((namespace, "rcpt_domain")) = inside.and_then(|inside| inside.split_once(',')).map(trimmed)
    else {
        return false;
    };
    let namespace = namespace.trim_matches('\'');
    state.lookups.contains(&format!("{namespace} {domain}"))
        || state.lookups.iter().filter(|(_, pattern)| **pattern).any(|(entry, _)| {
            entry.split_once(' ').is_some_and(|(of, pattern)| of == namespace && matches(pattern, domain))
        })
}

fn trimmed<'a>((left, right): (&'a str, &'a str)) -> (&'a str, &'a str) {
    (left.trim(), right.trim())
}

/// `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices().any(|(at, _)| matches(rest, text.get(at..).unwrap_or_default()))
                || matches(rest, "")
        }),
    }
}

/// The text of the first `reject` or `ereject` of a script. Tests in a script are not evaluated.
fn refusal(script: &str) -> Option<String> {
    let (_, text) = script.split_once("reject \"")?;
    let (text, _) = text.split_once('"')?;
    Some(text.to_owned())
}

/// The domain with a name or an alias.
fn domain_at<'a>(state: &'a State, name: &str) -> Option<(Id, &'a Object)> {
    let id = state.shelf(Kind::Domain).having(&index::domain_name(name)).next()?;
    Some((id, state.object(Kind::Domain, id)?))
}

/// The account or list that takes mail for an address.
fn recipient(state: &State, address: &str) -> Option<(Kind, Id)> {
    let (local, name) = address.rsplit_once('@')?;
    let (domain, object) = domain_at(state, name)?;
    let found = holder(state, domain, local).or_else(|| {
        let (base, _) = local.split_once('+')?;
        holder(state, domain, base)
    });
    found.or_else(|| {
        let catch_all = text_of(object, "catchAllAddress").filter(|to| *to != address)?;
        let (local, name) = catch_all.rsplit_once('@')?;
        holder(state, domain_at(state, name)?.0, local)
    })
}

/// Who has an address and has not switched it off.
fn holder(state: &State, domain: Id, local: &str) -> Option<(Kind, Id)> {
    let domain = domain.to_string();
    let (kind, id) = state.holder(&domain, local)?;
    let off = listed(state.object(kind, id)?, "aliases").any(|alias| {
        text_of(alias, "name") == Some(local)
            && text_of(alias, "domainId") == Some(&domain)
            && alias.get("enabled") == Some(&Value::Bool(false))
    });
    (!off).then_some((kind, id))
}

/// The local accounts behind a list.
fn members(state: &State, list: Id, depth: usize) -> Vec<Id> {
    let Some(list) = state.object(Kind::MailingList, list).filter(|_| depth > 0) else {
        return Vec::new();
    };
    let recipients =
        names_in(list, "recipients").filter_map(|address| recipient(state, &address.to_lowercase()));
    let mut accounts = Vec::new();
    for (kind, id) in recipients {
        if kind == Kind::Account {
            accounts.push(id);
        } else {
            accounts.extend(members(state, id, depth - 1));
        }
    }
    accounts
}

fn store(state: &mut State, id: Id) -> Delivery {
    let Some(account) = state.object(Kind::Account, id) else {
        return Delivery::Refused { answer: NO_MAILBOX.to_owned() };
    };
    if !permissions::of_account(state, account).contains("emailReceive") {
        return Delivery::Bounced { reason: MAY_NOT_RECEIVE.to_owned() };
    }
    let quota = account.get("quotas").and_then(|quotas| quotas.get("maxDiskQuota")).and_then(Value::as_u64);
    let mut mailbox = state.mailboxes.get(&id).copied().unwrap_or_default();
    mailbox.messages += 1;
    mailbox.bytes += MESSAGE_BYTES;
    if quota.is_some_and(|quota| quota > 0 && mailbox.bytes > quota) {
        return Delivery::Deferred { reason: OVER_QUOTA.to_owned() };
    }
    state.mailboxes.insert(id, mailbox);
    Delivery::Accepted { accounts: vec![id.to_string()] }
}
