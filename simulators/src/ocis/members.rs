//! Members of a space: invite, list, change, remove. Only its managers may, whatever role they have elsewhere.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::{Answer, Answered, Call, Refusal};
use super::caller::Caller;
use super::drive_view::{drive_id, grantee, permission, space_id};
use super::roles::{self, Meaning};
use super::state::{Grant, Grantee, Space, SpaceRole, State};
use super::strict::{self, Fields, Malformed};

const INVITE_FIELDS: [&str; 4] =
    ["recipients", "roles", "@libre.graph.permissions.actions", "expirationDateTime"];
const RECIPIENT_FIELDS: [&str; 2] = ["objectId", "@libre.graph.recipient.type"];
const PERMISSION_FIELDS: [&str; 3] = ["roles", "expirationDateTime", "@libre.graph.permissions.actions"];

const NOT_REMOVED: &str =
    "rpc error: code = Unknown desc = gateway: error getting grant to remove from storage";
const LAST_MANAGER: &str = "can't remove the last manager";

pub(super) fn invite(state: &mut State, caller: &Caller, drive: &str, call: &Call) -> Answered {
    let malformed = |_| Refusal::invalid("invalid request body");
    let invitation = strict::fields(&call.body, &INVITE_FIELDS)
        .and_then(|fields| invitation(&fields))
        .map_err(malformed)?;
    let faults = invitation.faults(state.now());
    if !faults.is_empty() {
        return Err(Refusal::invalid(faults.join("\n")));
    }
    let space = space_id(state, drive).and_then(|id| state.spaces.get(&id));
    let space = space.ok_or(Refusal::not_found("getting space"))?;
    let id = space.id;
    entered(state, caller, space)?;
    if state.role_in(space, caller.id) != Some(SpaceRole::Manager) {
        return Err(Refusal::denied("add grant: error: permission denied"));
    }
    let Some(Meaning::Space(role)) = invitation.roles.first().map(|role| roles::meaning_of(role)) else {
        return Err(Refusal::invalid("role not applicable to this resource"));
    };
    let to = invitation.recipient(state).ok_or(Refusal::invalid("itemNotFound: not found"))?;
    if space.grant(&to.permission_id()).is_some() {
        let name = &space.name;
        return Err(Refusal::exists(format!("add grant: error: already exists: {name}")));
    }
    let grant = Grant { to, role, expires: invitation.expires };
    let answer = json!({ "value": [{
        "id": to.permission_id(),
        "grantedToV2": grantee(state, to),
        "invitation": { "invitedBy": grantee(state, Grantee::User(caller.id)) },
        "roles": [roles::definition_of(role)],
    }] });
    if let Some(space) = state.spaces.change(&id) {
        space.grants.push(grant);
    }
    Ok(Answer::ok(answer))
}

pub(super) fn list(state: &State, caller: &Caller, drive: &str) -> Answered {
    let space = space_id(state, drive).and_then(|id| state.spaces.get(&id));
    let space = space.ok_or(Refusal::not_found("getting space"))?;
    let role = entered(state, caller, space)?;
    let members: Vec<Value> = space.grants.iter().map(|grant| permission(state, grant)).collect();
    Ok(Answer::ok(json!({
        "@libre.graph.permissions.actions.allowedValues": roles::actions_of(role),
        "@libre.graph.permissions.roles.allowedValues": roles::of_spaces(),
        "value": members,
    })))
}

pub(super) fn change(state: &mut State, caller: &Caller, drive: &str, id: &str, call: &Call) -> Answered {
    let malformed = |_| Refusal::invalid("invalid request body");
    let fields = strict::fields(&call.body, &PERMISSION_FIELDS).map_err(malformed)?;
    let wanted = fields.texts("roles").map_err(malformed)?;
    let expires = fields.text("expirationDateTime").map_err(malformed)?.map(ToOwned::to_owned);
    let space = space_id(state, drive).and_then(|id| state.spaces.get(&id));
    let space = space.ok_or(Refusal::not_found("getting space"))?;
    let space_id = space.id;
    entered(state, caller, space)?;
    let missing =
        || Refusal::not_found(format!("error: not found: no shares found by id:opaque_id:\"{id}\""));
    let current = space.grant(id).ok_or_else(missing)?;
    if state.role_in(space, caller.id) != Some(SpaceRole::Manager) {
        return Err(Refusal::denied("permission denied"));
    }
    let role = match wanted.first().map(|role| roles::meaning_of(role)) {
        None => current.role,
        Some(Meaning::Space(role)) => role,
        Some(Meaning::Elsewhere | Meaning::Unknown) => {
            return Err(Refusal::invalid("role not applicable to this resource"));
        }
    };
    if role != SpaceRole::Manager && is_last_manager(space, current) {
        return Err(Refusal::denied(LAST_MANAGER));
    }
    let grant = Grant { to: current.to, role, expires: expires.or_else(|| current.expires.clone()) };
    let answer = permission(state, &grant);
    let space = state.spaces.change(&space_id);
    if let Some(held) = space.and_then(|space| space.grants.iter_mut().find(|held| held.to == grant.to)) {
        *held = grant;
    }
    Ok(Answer::ok(answer))
}

pub(super) fn remove(state: &mut State, caller: &Caller, drive: &str, id: &str) -> Answered {
    let space = space_id(state, drive).and_then(|id| state.spaces.get(&id));
    let manages =
        |space: &&Space| !space.disabled && state.role_in(space, caller.id) == Some(SpaceRole::Manager);
    let space = space.filter(manages).ok_or(Refusal::broken(NOT_REMOVED))?;
    let grant = space.grant(id).ok_or(Refusal::broken(NOT_REMOVED))?;
    if is_last_manager(space, grant) {
        return Err(Refusal::denied(LAST_MANAGER));
    }
    let space_id = space.id;
    if let Some(space) = state.spaces.change(&space_id) {
        space.grants.retain(|grant| grant.to.permission_id() != id);
    }
    Ok(Answer::done())
}

/// The caller's role in an enabled space; to everybody else it is not there.
fn entered(state: &State, caller: &Caller, space: &Space) -> Result<SpaceRole, Refusal> {
    let id = space.id;
    let role = state.role_in(space, caller.id).filter(|_| !space.unreadable());
    match role {
        Some(_) if space.disabled => Err(Refusal::not_found(format!("stat: error: not found: {id}"))),
        Some(role) => Ok(role),
        None => {
            let drive = drive_id(state, id);
            Err(Refusal::not_found(format!("stat: error: not found: {drive}!{id}")))
        }
    }
}

fn is_last_manager(space: &Space, grant: &Grant) -> bool {
    grant.role == SpaceRole::Manager && space.managers() == 1
}

struct Invitation {
    recipients: Vec<(String, Option<String>)>,
    roles: Vec<String>,
    expires: Option<String>,
}

fn invitation(fields: &Fields) -> Result<Invitation, Malformed> {
    let recipients = fields.objects("recipients", &RECIPIENT_FIELDS)?;
    let recipient = |fields: &Fields| {
        let kind = fields.text("@libre.graph.recipient.type")?.map(ToOwned::to_owned);
        Ok((fields.text("objectId")?.unwrap_or_default().to_owned(), kind))
    };
    Ok(Invitation {
        recipients: recipients.iter().map(recipient).collect::<Result<_, Malformed>>()?,
        roles: fields.texts("roles")?.into_iter().map(ToOwned::to_owned).collect(),
        expires: fields.text("expirationDateTime")?.map(ToOwned::to_owned),
    })
}

impl Invitation {
    /// What the validator of OCIS says, in its order.
    fn faults(&self, now: Timestamp) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, name: &str, tag: &str| {
            faults.push(format!(
                "Key: 'DriveItemInvite.{field}' Error:Field validation for '{name}' failed on the '{tag}' tag"
            ));
        };
        if self.recipients.len() != 1 {
            fault("Recipients", "Recipients", "len");
        } else if !self.recipients.iter().all(|(_, kind)| matches!(kind.as_deref(), Some("user" | "group"))) {
            fault("Recipients[0].LibreGraphRecipientType", "LibreGraphRecipientType", "oneof");
        }
        match self.roles.as_slice() {
            [] => {
                fault("Roles", "Roles", "one_or_another");
                fault("LibreGraphPermissionsActions", "LibreGraphPermissionsActions", "one_or_another");
            }
            [role] if matches!(roles::meaning_of(role), Meaning::Unknown) => {
                fault("Roles", "Roles", "available_role");
            }
            [_] => {}
            [_, _, ..] => fault("Roles", "Roles", "max"),
        }
        let end = self.expires.as_ref().and_then(|text| text.parse::<Timestamp>().ok());
        if end.is_some_and(|end| end <= now) {
            fault("ExpirationDateTime", "ExpirationDateTime", "gt");
        }
        faults
    }

    /// By id only; a name is not found, nor is a group that is said to be a user.
    fn recipient(&self, state: &State) -> Option<Grantee> {
        let (id, kind) = self.recipients.first()?;
        let id: Uuid = id.parse().ok()?;
        match kind.as_deref() {
            Some("user") => state.users.contains(&id).then_some(Grantee::User(id)),
            Some("group") => state.groups.contains(&id).then_some(Grantee::Group(id)),
            Some(_) | None => None,
        }
    }
}
