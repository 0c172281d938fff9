//! Work that the server does behind its answers: a client that looks at once still sees it pending.

use serde_json::{Value, json};

use super::id::Id;
use super::index::text_of;
use super::kind::Kind;
use super::shelf::Object;
use super::state::State;
use super::template;
use super::zone;

/// The tasks waiting now; they are done when the request that found them ends.
pub(crate) fn due(state: &State) -> Vec<Id> {
    state.shelf(Kind::Task).iter().map(|(id, _)| id).collect()
}

pub(crate) fn run(state: &mut State, due: Vec<Id>) {
    for id in due {
        let Some(task) = state.shelf_mut(Kind::Task).remove(id) else {
            continue;
        };
        if text_of(&task, "@type") == Some("DkimManagement")
            && let Some(domain) = text_of(&task, "domainId").and_then(Id::parse)
        {
            make_keys(state, domain);
        }
    }
}

/// A domain whose keys the server makes got none yet.
pub(crate) fn dkim(state: &mut State, domain: Id) {
    queue(state, json!({ "@type": "DkimManagement", "domainId": domain.to_string() }));
}

/// The mail of an account that is gone is erased later.
pub(crate) fn erase(state: &mut State, id: Id, account: &Object) {
    queue(
        state,
        json!({
            "@type": "DestroyAccount", "accountId": id.to_string(), "accountName": account.get("name"),
            "accountDomainId": account.get("domainId"), "accountType": account.get("@type"),
        }),
    );
}

fn queue(state: &mut State, task: Value) {
    if let Value::Object(task) = task {
        state.queue(task);
    }
}

/// One key for each algorithm that has none. A domain that is gone by now gets none.
fn make_keys(state: &mut State, id: Id) {
    let Some(domain) = state.object(Kind::Domain, id) else {
        return;
    };
    let template = domain
        .get("dkimManagement")
        .and_then(|management| management.get("selectorTemplate"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let signatures = state.shelf(Kind::DkimSignature);
    let existing: Vec<&str> = signatures
        .having(&format!("domainId={id}"))
        .filter_map(|key| text_of(signatures.get(key)?, "@type"))
        .collect();
    let mut missing = zone::automatic_algorithms(domain);
    missing.retain(|algorithm| !existing.contains(&algorithm.as_str()));
    let now = state.timestamp();
    let day: String =
        now.chars().take_while(|character| *character != 'T').filter(|character| *character != '-').collect();
    for algorithm in missing {
        let mut signature = template::of(Kind::DkimSignature, Some(&algorithm), &now);
        signature.insert("domainId".to_owned(), json!(id.to_string()));
        signature.insert("selector".to_owned(), json!(zone::selector(&template, &algorithm, &day)));
        signature.insert("privateKey".to_owned(), json!({ "@type": "Text", "secret": "" }));
        let key = state.next_id(Kind::DkimSignature);
        state.shelf_mut(Kind::DkimSignature).put(key, signature);
    }
}
