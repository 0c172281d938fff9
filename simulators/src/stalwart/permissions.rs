//! What an account may do: its roles and what they inherit, its own list, and disabled wins over everything.

use std::collections::BTreeSet;

use serde_json::Value;

use super::id::Id;
use super::index::{self, names_in, text_of};
use super::kind::Kind;
use super::shelf::Object;
use super::state::State;

/// What a caller may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permissions {
    All,
    Only(BTreeSet<String>),
}

impl Permissions {
    pub(crate) fn allow(&self, permission: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(permission),
        }
    }
}

/// Enabled and disabled permissions met on the way through the roles.
#[derive(Default)]
struct Gathered {
    enabled: BTreeSet<String>,
    disabled: BTreeSet<String>,
    seen: BTreeSet<Id>,
}

impl Gathered {
    fn role(&mut self, state: &State, role: &str) {
        let Some(id) = Id::parse(role) else { return };
        let Some(role) = state.object(Kind::Role, id) else {
            return;
        };
        if self.seen.insert(id) {
            self.list(role);
            names_in(role, "roleIds").for_each(|inherited| self.role(state, inherited));
        }
    }

    fn list(&mut self, object: &Object) {
        self.enabled.extend(names_in(object, "enabledPermissions").map(str::to_owned));
        self.disabled.extend(names_in(object, "disabledPermissions").map(str::to_owned));
    }

    fn effective(self) -> BTreeSet<String> {
        self.enabled.difference(&self.disabled).cloned().collect()
    }
}

/// The permissions that an account ends up with.
pub(crate) fn of_account(state: &State, account: &Object) -> BTreeSet<String> {
    let own = account.get("permissions").and_then(Value::as_object);
    let mut gathered = Gathered::default();
    let replaced = own.is_some_and(|own| text_of(own, "@type") == Some("Replace"));
    if !replaced {
        for role in roles(state, account) {
            gathered.role(state, &role);
        }
    }
    if let Some(own) = own {
        gathered.list(own);
    }
    gathered.effective()
}

fn roles(state: &State, account: &Object) -> Vec<String> {
    let kind = account.get("roles").and_then(Value::as_object).and_then(|roles| text_of(roles, "@type"));
    let group = text_of(account, "@type") == Some("Group");
    let defaults = match kind {
        Some("Custom") => return index::roles_of(account).map(str::to_owned).collect(),
        Some("Admin") => "defaultAdminRoleIds",
        _ if group => "defaultGroupRoleIds",
        _ => "defaultUserRoleIds",
    };
    let settings = state.singleton(Kind::Authentication);
    settings.map(|settings| names_in(settings, defaults).map(str::to_owned).collect()).unwrap_or_default()
}

/// The permissions of an API key: those of its account, fewer, or a list of its own.
pub(crate) fn of_key(state: &State, account: &Object, key: &Object) -> BTreeSet<String> {
    let given = key.get("permissions").and_then(Value::as_object);
    let named =
        given.map(|given| names_in(given, "permissions").map(str::to_owned).collect()).unwrap_or_default();
    match given.and_then(|given| text_of(given, "@type")) {
        Some("Replace") => named,
        Some("Disable") => of_account(state, account).difference(&named).cloned().collect(),
        _ => of_account(state, account),
    }
}
