//! Files in spaces: just enough to see that a closed space is closed and that nothing is lost.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use uuid::Uuid;

use super::call::{Answer, Answered, Call, Refusal};
use super::caller::Caller;
use super::drive_view::space_id;
use super::state::{SpaceRole, State};

pub(super) fn put(state: &mut State, caller: &Caller, drive: &str, name: &str, call: &Call) -> Answered {
    let found = space_id(state, drive).and_then(|id| state.spaces.get(&id));
    let space = found.ok_or(Refusal::Bare(StatusCode::NOT_FOUND))?;
    match state.role_in(space, caller.id) {
        None => return Err(Refusal::Bare(StatusCode::NOT_FOUND)),
        Some(SpaceRole::Viewer) => return Err(Refusal::Bare(StatusCode::FORBIDDEN)),
        Some(SpaceRole::Editor | SpaceRole::Manager) => {}
    }
    let id = space.id;
    write(state, id, name, &call.body).map(Answer::Empty).map_err(Refusal::Bare)
}

pub(super) fn get(state: &State, caller: &Caller, drive: &str, name: &str) -> Answered {
    let found = space_id(state, drive).and_then(|id| state.spaces.get(&id));
    let space = found.filter(|space| state.role_in(space, caller.id).is_some());
    let space = space.ok_or(Refusal::Bare(StatusCode::NOT_FOUND))?;
    read(state, space.id, name).map(Answer::Content).map_err(Refusal::Bare)
}

/// 201 for a new file and 204 for another version of it.
pub(super) fn write(
    state: &mut State,
    space: Uuid,
    name: &str,
    content: &[u8],
) -> Result<StatusCode, StatusCode> {
    let touched = state.tick();
    let found = state.spaces.change(&space).filter(|space| !space.unreadable());
    let space = found.ok_or(StatusCode::NOT_FOUND)?;
    if space.disabled {
        return Err(StatusCode::CONFLICT);
    }
    let before = space.files.get(name).map_or(0, |text| bytes_in(text));
    let after = space.used - before + i64::try_from(content.len()).unwrap_or(i64::MAX);
    if space.quota > 0 && after > space.quota {
        return Err(StatusCode::INSUFFICIENT_STORAGE);
    }
    let replaced = space.files.insert(name.to_owned(), STANDARD.encode(content));
    space.used = after;
    space.touched = touched;
    Ok(if replaced.is_some() { StatusCode::NO_CONTENT } else { StatusCode::CREATED })
}

pub(super) fn read(state: &State, space: Uuid, name: &str) -> Result<Bytes, StatusCode> {
    let space = state.spaces.get(&space).filter(|space| !space.disabled && !space.unreadable());
    let text = space.and_then(|space| space.files.get(name)).ok_or(StatusCode::NOT_FOUND)?;
    STANDARD.decode(text).map(Bytes::from).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

fn bytes_in(text: &str) -> i64 {
    i64::try_from(STANDARD.decode(text).map_or(0, |bytes| bytes.len())).unwrap_or(i64::MAX)
}
