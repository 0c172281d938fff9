//! What is ours in Stalwart: by our mark, and by the ids we bound where nothing speaks against it. Ids there are small
//! numbers: after a reset, or on another server, the same id is somebody else's.

use std::collections::BTreeSet;

use super::observe::{Row, domain_of, keys, role_of};
use super::{Observed, RoleSeen, Spec, Switch, domain_resource, is_marked, is_of_another};
use crate::integration::Desired;

/// A domain is ours by its mark, or by its id and its name together unless it is marked as another tenant's.
pub(crate) fn is_our_domain(row: &Row, desired: &Desired<Spec>, token: &str) -> bool {
    let description = row.description.as_deref();
    let is_bound =
        row.name.as_ref().is_some_and(|name| desired.known.get(&domain_resource(name)) == Some(&row.id));
    is_marked(description, token) || (is_bound && !is_of_another(description, token))
}

/// Ours; or taken, if we want its name.
pub(crate) fn add_domain(row: Row, desired: &Desired<Spec>, token: &str, observed: &mut Observed) {
    if is_our_domain(&row, desired, token) {
        let domain = domain_of(row, token);
        observed.domains.insert(domain.name.clone(), domain);
    } else if let Some(name) = row.name.filter(|name| desired.spec.domains.contains(name)) {
        observed.taken.insert(name);
    }
}

/// The role we bound, else the first with our mark; what else carries it is a twin. The accounts must be known.
pub(crate) fn bind_role(rows: Vec<Row>, desired: &Desired<Spec>, token: &str, observed: &mut Observed) {
    let bound = desired.known.get(&desired.spec.role_resource());
    let held: BTreeSet<&String> = observed
        .accounts
        .values()
        .flatten()
        .filter_map(|account| account.role_ids.as_ref())
        .flatten()
        .collect();
    let has_accounts = observed.accounts.values().any(|accounts| !accounts.is_empty());
    let is_ours = |row: &Row| {
        let description = row.description.as_deref();
        is_marked(description, token)
            || (bound == Some(&row.id)
                && !is_of_another(description, token)
                && (held.contains(&row.id) || (!has_accounts && is_as_made(row, &observed.default_roles))))
    };
    let mut roles: Vec<RoleSeen> = rows.into_iter().filter(is_ours).map(|row| role_of(row, token)).collect();
    roles.sort_by_key(|role| (bound != Some(&role.id), role.id.len(), role.id.clone()));
    let mut roles = roles.into_iter();
    observed.role = roles.next();
    observed.twins = roles.filter(|role| role.is_marked).map(|role| role.id).collect();
}

/// Like a role of ours whose mark was wiped: nobody says anything in it, and it does what we let roles do.
fn is_as_made(row: &Row, default_roles: &BTreeSet<String>) -> bool {
    let disabled = keys(&row.disabled_permissions);
    row.description.as_deref().unwrap_or_default().trim().is_empty()
        && keys(&row.enabled_permissions).is_empty()
        && keys(&row.role_ids) == *default_roles
        && [Switch::Open, Switch::Shut].iter().any(|switch| switch.disabled() == disabled)
}
