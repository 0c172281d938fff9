//! What a server holds after its headless bootstrap, before the provisioning service has spoken to it.

use serde_json::{Value, json};

use super::id::Id;
use super::kind::{Kind, Operation};
use super::shelf::Object;
use super::state::State;

/// The domain of the server itself; no tenant's.
pub(crate) const DEFAULT_DOMAIN: &str = "platform.test";
/// The account that owns the API key of the settings.
pub(crate) const SERVICE_ACCOUNT: Id = Id(1);

/// What an ordinary user may do, as far as anything here asks for it.
const USER_PERMISSIONS: [&str; 10] = [
    "authenticate",
    "emailSend",
    "emailReceive",
    "imapAuthenticate",
    "pop3Authenticate",
    "sieveAuthenticate",
    "jmapEmailGet",
    "jmapEmailQuery",
    "jmapMailboxGet",
    "jmapMailboxQuery",
];

/// The actions that `x:Action/set` knows.
pub(crate) const ACTIONS: [&str; 5] = [
    "ReloadSettings",
    "ReloadLookupStores",
    "InvalidateNegativeCaches",
    "InvalidateCaches",
    "ReloadBlockedIps",
];

pub(crate) fn fill(state: &mut State) {
    let user: Vec<String> = USER_PERMISSIONS.iter().map(|name| (*name).to_owned()).collect();
    role(state, "User", user);
    role(state, "Group", vec!["emailReceive".to_owned()]);
    role(state, "Tenant administrator", vec!["authenticate".to_owned()]);
    role(state, "Administrator", administration());
    settings(state);
    let domain = state.next_id(Kind::Domain);
    let mut platform = super::template::of(Kind::Domain, None, &state.timestamp());
    platform.insert("name".to_owned(), json!(DEFAULT_DOMAIN));
    platform.insert("description".to_owned(), json!("platform domain"));
    state.shelf_mut(Kind::Domain).put(domain, platform);
    let account = state.next_id(Kind::Account);
    let mut provisioner = super::template::of(Kind::Account, Some("User"), &state.timestamp());
    provisioner.insert("name".to_owned(), json!("provisioner"));
    provisioner.insert("domainId".to_owned(), json!(domain.to_string()));
    provisioner.insert("description".to_owned(), json!("provisioning service account"));
    provisioner.insert("roles".to_owned(), json!({ "@type": "Admin" }));
    state.shelf_mut(Kind::Account).put(account, provisioner);
}

/// Every permission that a method here asks for.
fn administration() -> Vec<String> {
    let mut names =
        vec!["impersonate".to_owned(), "unlimitedRequests".to_owned(), "unlimitedUploads".to_owned()];
    for kind in Kind::ALL {
        for verb in ["Get", "Query", "Create", "Update", "Destroy"] {
            names.push(format!("sys{}{verb}", kind.name()));
        }
    }
    names.extend(ACTIONS.iter().map(|action| format!("action{action}")));
    names
}

/// The permission that reading a type takes.
pub(crate) fn reading(kind: Kind, operation: Operation) -> Option<String> {
    let verb = match operation {
        Operation::Get => "Get",
        Operation::Query => "Query",
        Operation::Set => return None,
    };
    Some(format!("sys{}{verb}", kind.name()))
}

fn role(state: &mut State, description: &str, permissions: Vec<String>) {
    let id = state.next_id(Kind::Role);
    let mut role = super::template::of(Kind::Role, None, &state.timestamp());
    let permissions: Object = permissions.into_iter().map(|name| (name, Value::Bool(true))).collect();
    role.insert("description".to_owned(), json!(description));
    role.insert("enabledPermissions".to_owned(), Value::Object(permissions));
    state.shelf_mut(Kind::Role).put(id, role);
}

fn settings(state: &mut State) {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.is_singleton()) {
        let object = super::template::of(kind, None, &state.timestamp());
        state.shelf_mut(kind).put(Id(0), object);
    }
}
