//! Lists of spaces: who sees which, and what OCIS makes of `$filter`, `$orderby` and parameters it does not know.

use serde_json::{Value, json};

use super::call::{Answer, Answered, Call, Refusal};
use super::caller::Caller;
use super::drive_view::{Shape, personal, project, shares, space_id};
use super::drives::may_see;
use super::state::{Space, State};

/// Taken, and but for the first two without effect: there is no paging.
const PARAMETERS: [&str; 11] = [
    "$filter", "$orderby", "$top", "$skip", "$count", "$select", "$expand", "$search", "$apply", "$compute",
    "$format",
];

/// What one space takes in the message from the storage, and how large that message may be.
const SPACE_BYTES: usize = 2_730;
const MESSAGE_BYTES_MAX: usize = 10_240_000;

/// Whose spaces are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All that the caller may see.
    Visible,
    /// Those the caller is a member of.
    Own,
}

pub(super) fn list(state: &State, caller: &Caller, call: &Call, extent: Extent, shape: Shape) -> Answered {
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
        let reason = format!("Query parameter '{name}' is not supported");
        return Err(Refusal::invalid(format!("{reason}. Cause: {reason}")));
    }
    let filter = call.parameter("$filter").map(parse).transpose()?.unwrap_or(Filter::None);
    let order = call.parameter("$orderby").map(order).transpose()?.flatten();
    if is_too_large(state) && !matches!(filter, Filter::Id(_)) {
        let bytes = MESSAGE_BYTES_MAX.max(state.spaces.len() * SPACE_BYTES) + SPACE_BYTES;
        return Err(Refusal::broken(format!(
            "gateway could not call ListStorageSpaces:rpc error: code = ResourceExhausted desc = grpc: received message larger than max ({bytes} vs. {MESSAGE_BYTES_MAX})"
        )));
    }
    let mut drives = collect(state, caller, call, extent, shape, &filter);
    if let Some((field, descending)) = order {
        let text =
            |drive: &Value| drive.get(field).and_then(Value::as_str).unwrap_or_default().to_lowercase();
        drives.sort_by_key(text);
        if descending {
            drives.reverse();
        }
    }
    Ok(Answer::ok(json!({ "value": drives })))
}

/// Whether the list of all project spaces no longer fits.
pub(super) fn is_too_large(state: &State) -> bool {
    state.switches.listed_max.is_some_and(|max| state.spaces.len() > max)
}

fn collect(
    state: &State,
    caller: &Caller,
    call: &Call,
    extent: Extent,
    shape: Shape,
    filter: &Filter,
) -> Vec<Value> {
    let base_url = call.base_url();
    let by_id = match filter {
        Filter::Id(id) => Some(space_id(state, id)),
        Filter::None | Filter::Type(_) => None,
    };
    let listed = |space: &&Space| {
        !space.unlisted
            && by_id.is_none_or(|id| id == Some(space.id))
            && match extent {
                Extent::Visible => may_see(state, caller, space),
                Extent::Own => {
                    state.role_in(space, caller.id).is_some() && may_see(state, &caller.unprivileged(), space)
                }
            }
    };
    let everybodys = extent == Extent::Visible && caller.runs_spaces();
    let mut drives = Vec::new();
    if filter.admits("project") {
        drives.extend(
            state.spaces.values().filter(listed).map(|space| project(state, space, &base_url, shape)),
        );
    }
    if filter.admits("personal") {
        let whose = state.users.values().filter(|user| everybodys || user.id == caller.id);
        let whose = whose.filter(|user| by_id.is_none_or(|id| id == Some(user.id)));
        drives.extend(whose.filter_map(|user| personal(state, user, &base_url)));
    }
    if filter.admits("virtual") && by_id.is_none() {
        drives.push(shares(&base_url));
    }
    drives
}

enum Filter {
    /// None, or one that OCIS accepts and does not look at.
    None,
    Type(String),
    Id(String),
}

impl Filter {
    fn admits(&self, kind: &str) -> bool {
        match self {
            Self::None | Self::Id(_) => true,
            Self::Type(wanted) => wanted == kind,
        }
    }
}

fn parse(text: &str) -> Result<Filter, Refusal> {
    let operand =
        |name: &str| Refusal::unsupported("notSupported", format!("unsupported filter operand: {name}"));
    if text.matches('(').count() != text.matches(')').count() {
        return Err(Refusal::invalid("parse error. Mismatched parenthesis."));
    }
    if let Some((function, _)) = text.split_once('(') {
        return Err(operand(function.trim()));
    }
    let (comparison, literal) = text.split_once('\'').ok_or(Refusal::invalid("parse error."))?;
    let (value, rest) = literal.split_once('\'').ok_or(Refusal::invalid("parse error."))?;
    if let Some(joined) = rest.split_whitespace().next() {
        return Err(operand(joined));
    }
    let mut words = comparison.split_whitespace();
    match (words.next(), words.next()) {
        (Some("driveType"), Some("eq")) => Ok(Filter::Type(value.to_owned())),
        (Some("id"), Some("eq")) => Ok(Filter::Id(value.to_owned())),
        (Some(_), Some("eq")) => Ok(Filter::None),
        (Some(_), Some(other)) => Err(operand(other)),
        (_, None) | (None, Some(_)) => Err(Refusal::invalid("parse error.")),
    }
}

/// The field and whether it descends. Two keys leave the list as it is.
fn order(text: &str) -> Result<Option<(&'static str, bool)>, Refusal> {
    let [key] = text.split(',').collect::<Vec<_>>()[..] else {
        return Ok(None);
    };
    let mut words = key.split_whitespace();
    let field = match words.next() {
        Some("name") => "name",
        Some("lastModifiedDateTime") => "lastModifiedDateTime",
        other => {
            let other = other.unwrap_or_default();
            return Err(Refusal::invalid(format!("we do not support <{other}> as a order parameter")));
        }
    };
    Ok(Some((field, words.next() == Some("desc"))))
}
