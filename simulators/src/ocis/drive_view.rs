//! A space as JSON, in the shape of v1.0 (role names) and of v1beta1 (permission ids and role definitions).

use serde_json::{Value, json};
use uuid::Uuid;

use super::roles;
use super::state::{Grant, Grantee, Space, State, User, time_of};

/// The pseudo drive of shared files that is in everybody's list.
const SHARES: &str = "a0ca6a90-a365-4782-871e-d44447bbc668";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Names,
    Definitions,
}

pub(super) fn drive_id(state: &State, space: Uuid) -> String {
    format!("{}${space}", state.storage())
}

/// The space an id names: with its storage or without.
pub(super) fn space_id(state: &State, text: &str) -> Option<Uuid> {
    match text.rsplit_once('$') {
        Some((storage, space)) if storage.parse::<Uuid>().ok()? == state.storage() => space.parse().ok(),
        Some(_) => None,
        None => text.parse().ok(),
    }
}

pub(super) fn project(state: &State, space: &Space, base_url: &str, shape: Shape) -> Value {
    let id = drive_id(state, space.id);
    let mut root = json!({
        "id": id,
        "eTag": etag(space.id, space.touched),
        "webDavUrl": format!("{base_url}/dav/spaces/{id}"),
    });
    let grants = space.grants.iter().map(|grant| match shape {
        Shape::Names => named(state, grant),
        Shape::Definitions => permission(state, grant),
    });
    let permissions: Vec<Value> = grants.collect();
    if !permissions.is_empty() {
        set(&mut root, "permissions", permissions.into());
    }
    if space.disabled {
        set(&mut root, "deleted", json!({ "state": "trashed" }));
    }
    let mut drive = json!({
        "id": id,
        "name": space.name,
        "driveAlias": space.alias,
        "driveType": "project",
        "lastModifiedDateTime": time_of(space.touched).to_string(),
        "owner": { "user": { "displayName": "", "id": space.id } },
        "quota": quota(space),
        "root": root,
        "webUrl": format!("{base_url}/f/{id}"),
    });
    if !space.description.is_empty() {
        set(&mut drive, "description", space.description.as_str().into());
    }
    drive
}

pub(super) fn personal(state: &State, user: &User, base_url: &str) -> Option<Value> {
    let touched = user.personal?;
    let id = drive_id(state, user.id);
    Some(json!({
        "id": id,
        "name": user.display_name,
        "driveAlias": format!("personal/{}", user.username),
        "driveType": "personal",
        "lastModifiedDateTime": time_of(touched).to_string(),
        "owner": { "user": { "displayName": "", "id": user.id } },
        "quota": { "total": 0, "used": 0, "remaining": i64::MAX, "state": "normal" },
        "root": {
            "id": id,
            "eTag": etag(user.id, touched),
            "webDavUrl": format!("{base_url}/dav/spaces/{id}"),
        },
        "webUrl": format!("{base_url}/f/{id}"),
    }))
}

pub(super) fn shares(base_url: &str) -> Value {
    let id = format!("{SHARES}${SHARES}");
    json!({
        "id": id,
        "name": "Shares",
        "driveAlias": "virtual/shares",
        "driveType": "virtual",
        "root": { "id": id, "eTag": "DECAFC00FEE", "webDavUrl": format!("{base_url}/dav/spaces/{id}") },
        "webUrl": format!("{base_url}/f/{id}"),
    })
}

/// A member with the id of the permission and of the role.
pub(super) fn permission(state: &State, grant: &Grant) -> Value {
    let mut permission = json!({
        "id": grant.to.permission_id(),
        "grantedToV2": grantee(state, grant.to),
        "roles": [roles::definition_of(grant.role)],
    });
    expires(&mut permission, grant);
    permission
}

fn named(state: &State, grant: &Grant) -> Value {
    let to = grantee(state, grant.to);
    let mut permission = json!({
        "grantedToIdentities": [to],
        "grantedToV2": to,
        "roles": [grant.role],
    });
    expires(&mut permission, grant);
    permission
}

fn expires(permission: &mut Value, grant: &Grant) {
    if let Some(end) = &grant.expires {
        set(permission, "expirationDateTime", end.as_str().into());
    }
}

/// Who it is; one that no longer exists keeps its grant and loses its name.
pub(super) fn grantee(state: &State, to: Grantee) -> Value {
    match to {
        Grantee::User(id) => match state.users.get(&id) {
            Some(user) => json!({ "user": {
                "@libre.graph.userType": "Member", "displayName": user.display_name, "id": id,
            } }),
            None => json!({ "user": { "displayName": "", "id": id } }),
        },
        Grantee::Group(id) => {
            let name = state.groups.get(&id).map_or("", |group| group.name.as_str());
            json!({ "group": { "displayName": name, "id": id } })
        }
    }
}

fn quota(space: &Space) -> Value {
    if space.disabled {
        return json!({ "total": space.quota });
    }
    let remaining = if space.quota == 0 { i64::MAX } else { (space.quota - space.used).max(0) };
    json!({ "total": space.quota, "used": space.used, "remaining": remaining, "state": fill(space) })
}

fn fill(space: &Space) -> &'static str {
    if space.quota == 0 {
        return "normal";
    }
    match i128::from(space.used) * 100 / i128::from(space.quota) {
        ..=75 => "normal",
        76..=90 => "nearing",
        91..=99 => "critical",
        100.. => "exceeded",
    }
}

fn etag(id: Uuid, touched: u64) -> String {
    format!("\"{}\"", Uuid::new_v5(&id, &touched.to_be_bytes()).simple())
}

fn set(object: &mut Value, field: &str, value: Value) {
    if let Value::Object(fields) = object {
        fields.insert(field.to_owned(), value);
    }
}
