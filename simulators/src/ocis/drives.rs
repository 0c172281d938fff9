//! Project spaces one at a time: create, read, change, disable, restore, purge.

use std::collections::BTreeMap;

use super::HalfCreated;
use super::call::{Answer, Answered, Call, Refusal};
use super::caller::Caller;
use super::drive_view::{Shape, project, space_id};
use super::listing;
use super::state::{Grant, Grantee, Space, SpaceRole, State};
use super::strict::{self, Fields, Malformed};

/// Every field of a libregraph drive; most are taken and ignored.
const FIELDS: [&str; 19] = [
    "createdBy",
    "createdDateTime",
    "description",
    "driveAlias",
    "driveType",
    "eTag",
    "id",
    "items",
    "lastModifiedBy",
    "lastModifiedDateTime",
    "name",
    "owner",
    "parentReference",
    "quota",
    "root",
    "special",
    "webUrl",
    "@UI.Hidden",
    "@libre.graph.permissions.actions.allowedValues",
];
const QUOTA_FIELDS: [&str; 5] = ["deleted", "remaining", "state", "total", "used"];

const NAME_BYTES_MAX: usize = 255;
const FORBIDDEN: [char; 10] = ['/', '\\', '.', ':', '?', '*', '"', '>', '<', '|'];

/// The largest message the storage takes, and what a create adds to its description.
const MESSAGE_BYTES_MAX: usize = 4_194_304;
const MESSAGE_BYTES_OVERHEAD: usize = 66;

pub(super) const NOT_FOUND: &str = "drive not found";
const NOT_RETURNED: &str = "no drive returned from storage";
const QUOTA_TOO_HIGH: &str = "decompsedFS: requested quota is higher than allowed";

pub(super) fn create(state: &mut State, caller: &Caller, call: &Call) -> Answered {
    if !caller.runs_spaces() {
        return Err(Refusal::not_allowed("insufficient permissions to create a space."));
    }
    let malformed = |_| Refusal::invalid("invalid body schema definition");
    let wanted = strict::fields(&call.body, &FIELDS).and_then(|fields| wanted(&fields)).map_err(malformed)?;
    let mut space = new_space(state, wanted)?;
    let half = (!state.switches.half_created.is_empty()).then(|| state.switches.half_created.remove(0));
    let answer = match half {
        None => {
            let creator = Grant { to: Grantee::User(caller.id), role: SpaceRole::Manager, expires: None };
            space.grants.push(creator);
            Answer::created(project(state, &space, &call.base_url(), Shape::Names))
        }
        Some(left) => {
            space.unlisted = left == HalfCreated::Unlisted;
            Answer::Nothing
        }
    };
    state.spaces.insert(space.id, space);
    Ok(answer)
}

/// Checks what was asked for, in the order of OCIS, and makes an empty space of it.
fn new_space(state: &mut State, wanted: Wanted) -> Result<Space, Refusal> {
    let name = wanted.name.ok_or(Refusal::invalid("invalid body schema definition"))?;
    let name =
        checked_name(&name).map_err(|reason| Refusal::invalid(format!("invalid spacename: {reason}")))?;
    if wanted.drive_type.is_some_and(|kind| kind != "project") {
        return Err(Refusal::invalid("drives of this type cannot be created via this api"));
    }
    let quota = wanted.quota.filter(|bytes| *bytes >= 0).unwrap_or(state.switches.quota_default);
    if state.switches.quota_max.is_some_and(|max| quota > max) {
        return Err(Refusal::invalid(format!("error: bad request: {QUOTA_TOO_HIGH}")));
    }
    let description = wanted.description.unwrap_or_default();
    let message = description.len() + MESSAGE_BYTES_OVERHEAD;
    if message > MESSAGE_BYTES_MAX {
        return Err(Refusal::broken(format!(
            "rpc error: code = ResourceExhausted desc = grpc: received message larger than max ({message} vs. {MESSAGE_BYTES_MAX})"
        )));
    }
    Ok(Space {
        id: state.next_id(),
        alias: wanted.alias.unwrap_or_else(|| format!("project/{}", name.to_lowercase().replace(' ', "-"))),
        name,
        description,
        quota,
        disabled: false,
        unlisted: false,
        grants: Vec::new(),
        files: BTreeMap::new(),
        used: 0,
        touched: state.ticks(),
    })
}

pub(super) fn read(state: &State, caller: &Caller, id: &str, call: &Call) -> Answered {
    let found = space_id(state, id).and_then(|id| state.spaces.get(&id));
    let space = found.filter(|space| may_see(state, caller, space));
    let space = space.ok_or(Refusal::not_found(NOT_RETURNED))?;
    Ok(Answer::ok(project(state, space, &call.base_url(), Shape::Names)))
}

/// A disabled space is only there for its managers and for those who run all spaces.
pub(super) fn may_see(state: &State, caller: &Caller, space: &Space) -> bool {
    let role = state.role_in(space, caller.id);
    let seen = if space.disabled { role == Some(SpaceRole::Manager) } else { role.is_some() };
    !space.unreadable() && (caller.runs_spaces() || seen)
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, call: &Call) -> Answered {
    let malformed = |reason| Refusal::invalid(format!("invalid request body: error: {reason}"));
    let mut wanted =
        strict::fields(&call.body, &FIELDS).and_then(|fields| wanted(&fields)).map_err(malformed)?;
    wanted.name = wanted.name.filter(|name| !name.is_empty());
    wanted.alias = wanted.alias.filter(|alias| !alias.is_empty());
    if let Some(name) = &wanted.name {
        let bad = |reason| Refusal::bad("generalException", reason);
        wanted.name = Some(checked_name(name).map_err(bad)?);
    }
    let known = space_id(state, id).filter(|id| state.spaces.contains(id));
    if wanted.quota.is_some() && !known.is_some_and(|id| may_set_quota(state, caller, id)) {
        return Err(Refusal::not_allowed("user is not allowed to set the space quota"));
    }
    wanted.restore = call.flag("restore");
    let id = known.ok_or(Refusal::not_found(NOT_FOUND))?;
    let space = state.spaces.get(&id).ok_or(Refusal::not_found(NOT_FOUND))?;
    if space.unreadable() {
        return Err(Refusal::broken("grpc error"));
    }
    if !may_update(state, caller, space, &wanted) {
        return Err(Refusal::not_found(NOT_FOUND));
    }
    if let Some(max) = state.switches.quota_max {
        if wanted.quota.is_some_and(|bytes| bytes > max) {
            return Err(Refusal::bad("notAllowed", QUOTA_TOO_HIGH));
        }
        wanted.quota = wanted.quota.map(|bytes| if bytes == 0 { max } else { bytes });
    }
    let touched = state.tick();
    let space = state.spaces.change(&id).ok_or(Refusal::not_found(NOT_FOUND))?;
    wanted.apply(space);
    space.touched = touched;
    if space.unreadable() {
        return Err(Refusal::broken("grpc error"));
    }
    let space = state.spaces.get(&id).ok_or(Refusal::not_found(NOT_FOUND))?;
    Ok(Answer::ok(project(state, space, &call.base_url(), Shape::Names)))
}

/// OCIS lists all project spaces to learn what kind this one is; one it does not find there counts as personal.
fn may_set_quota(state: &State, caller: &Caller, id: uuid::Uuid) -> bool {
    let listed = !listing::is_too_large(state)
        && state.spaces.get(&id).is_some_and(|space| !space.unlisted && !space.unreadable());
    caller.administers() || (caller.runs_spaces() && listed)
}

fn may_update(state: &State, caller: &Caller, space: &Space, wanted: &Wanted) -> bool {
    let role = state.role_in(space, caller.id);
    let runs = caller.runs_spaces() || role == Some(SpaceRole::Manager);
    if wanted.restore || wanted.name.is_some() || wanted.description.is_some() {
        runs
    } else if wanted.alias.is_some() {
        runs || role >= Some(SpaceRole::Editor)
    } else if wanted.quota.is_some() {
        true
    } else {
        role.is_some() && may_see(state, caller, space)
    }
}

pub(super) fn delete(state: &mut State, caller: &Caller, id: &str, call: &Call) -> Answered {
    let id = space_id(state, id).ok_or(Refusal::not_found(NOT_FOUND))?;
    let space = state.spaces.get(&id).ok_or(Refusal::not_found(NOT_FOUND))?;
    if space.unreadable() {
        return Err(Refusal::broken("grpc error"));
    }
    if !caller.runs_spaces() && state.role_in(space, caller.id) != Some(SpaceRole::Manager) {
        return Err(Refusal::not_found(NOT_FOUND));
    }
    match (call.flag("purge"), space.disabled) {
        (true, false) => {
            return Err(Refusal::invalid("error: bad request: can't purge enabled space"));
        }
        (true, true) => drop(state.spaces.remove(&id)),
        (false, true) => {}
        (false, false) => {
            if let Some(space) = state.spaces.change(&id) {
                space.disabled = true;
            }
        }
    }
    Ok(Answer::done())
}

struct Wanted {
    name: Option<String>,
    description: Option<String>,
    alias: Option<String>,
    drive_type: Option<String>,
    quota: Option<i64>,
    restore: bool,
}

impl Wanted {
    fn apply(self, space: &mut Space) {
        if let Some(name) = self.name {
            space.name = name;
        }
        if let Some(description) = self.description {
            space.description = description;
        }
        if let Some(alias) = self.alias {
            space.alias = alias;
        }
        if let Some(quota) = self.quota {
            space.quota = quota;
        }
        space.disabled &= !self.restore;
    }
}

fn wanted(fields: &Fields) -> Result<Wanted, Malformed> {
    let text = |field| fields.text(field).map(|text| text.map(ToOwned::to_owned));
    let quota = fields.object("quota", &QUOTA_FIELDS)?;
    Ok(Wanted {
        name: text("name")?,
        description: text("description")?,
        alias: text("driveAlias")?,
        drive_type: text("driveType")?,
        quota: quota.map(|quota| quota.integer("total")).transpose()?.flatten(),
        restore: false,
    })
}

fn checked_name(name: &str) -> Result<String, &'static str> {
    let name = name.trim_matches(' ');
    if name.is_empty() {
        return Err("spacename must not be empty");
    }
    if name.len() > NAME_BYTES_MAX {
        return Err("spacename must be smaller than 255");
    }
    if name.contains(FORBIDDEN) {
        return Err("spacenames must not contain [/ \\ . : ? * \" > < |]");
    }
    Ok(name.to_owned())
}
