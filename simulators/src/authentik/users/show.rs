//! Users as the API shows them: in full, as members of a group, and to themselves.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::authentik::groups::num_pk;
use crate::authentik::reply::{Answer, Reply};
use crate::authentik::state::{Group, State, Timed, User};
use crate::authentik::system::constant;
use crate::authentik::wire::{Asked, Verb};

const AVATAR: &str = "data:image/svg+xml;base64,PHN2Zy8+";

impl User {
    pub(in crate::authentik) fn show_as_member(&self, pk: i64) -> Value {
        json!({
            "pk": pk,
            "username": self.username,
            "name": self.name,
            "is_active": self.is_active,
            "last_login": self.last_login.as_ref().map(Timed::json),
            "email": self.email,
            "attributes": self.attributes,
            "uid": self.uid,
        })
    }
}

/// With groups and roles, unless the query says to leave them out.
pub(in crate::authentik) fn show(state: &State, asked: &Asked, pk: i64) -> Value {
    let mut shown = show_alone(state, pk);
    for (parameter, field) in [("include_groups", "groups_obj"), ("include_roles", "roles_obj")] {
        if asked.flag(parameter) == Some(false) {
            shown[field] = Value::Null;
        }
    }
    shown
}

/// As inside other objects, where no query applies.
pub(in crate::authentik) fn show_alone(state: &State, pk: i64) -> Value {
    let Some(user) = state.users.get(&pk) else {
        return Value::Null;
    };
    let groups: Vec<(&Uuid, &Group)> = state.groups_of(pk).collect();
    let group = |(pk, group): &(&Uuid, &Group)| {
        json!({
            "pk": pk,
            "num_pk": num_pk(**pk),
            "name": group.name,
            "is_superuser": group.is_superuser,
            "attributes": group.attributes,
        })
    };
    let roles = || state.roles.iter().filter(|(_, role)| role.users.contains(&pk));
    json!({
        "pk": pk,
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "last_login": user.last_login.as_ref().map(Timed::json),
        "date_joined": user.date_joined.json(),
        "is_superuser": groups.iter().any(|(_, group)| group.is_superuser),
        "groups": groups.iter().map(|(pk, _)| pk).collect::<Vec<_>>(),
        "groups_obj": groups.iter().map(group).collect::<Vec<_>>(),
        "roles": roles().map(|(pk, _)| pk).collect::<Vec<_>>(),
        "roles_obj": roles().map(|(pk, role)| json!({ "pk": pk, "name": role.name })).collect::<Vec<_>>(),
        "email": user.email,
        "avatar": AVATAR,
        "attributes": user.attributes,
        "uid": user.uid,
        "path": user.path,
        "type": user.kind,
        "uuid": user.uuid,
        "password_change_date": user.password_change_date.json(),
        "last_updated": user.last_updated.json(),
    })
}

/// `/core/users/me/` needs a valid token and nothing else.
pub(in crate::authentik) fn me(state: &State, asked: &Asked) -> Answer {
    let (Verb::Get, Some(user)) = (asked.verb, state.users.get(&asked.caller)) else {
        return Err(asked.method_not_allowed());
    };
    let superuser = state.is_superuser(asked.caller);
    let named = |pk: &Uuid, name: &str| json!({ "name": name, "pk": pk });
    let groups = state.groups_of(asked.caller).map(|(pk, group)| named(pk, &group.name));
    let roles = state.roles.iter().filter(|(_, role)| role.users.contains(&asked.caller));
    Ok(Reply::ok(json!({ "user": {
        "pk": asked.caller,
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "is_superuser": superuser,
        "groups": groups.collect::<Vec<_>>(),
        "roles": roles.map(|(pk, role)| named(pk, &role.name)).collect::<Vec<_>>(),
        "email": user.email,
        "avatar": AVATAR,
        "uid": user.uid,
        "settings": {},
        "type": user.kind,
        "system_permissions": if superuser { constant("superuser_permissions") } else { json!([]) },
    } })))
}
