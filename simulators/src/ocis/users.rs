//! Accounts and their application roles.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Role;
use super::call::{Answer, Answered, Call, Refusal};
use super::caller::Caller;
use super::groups;
use super::state::{Assignment, State, User, time_of};
use super::strict::{self, Malformed};

const FIELDS: [&str; 14] = [
    "accountEnabled",
    "appRoleAssignments",
    "displayName",
    "drive",
    "drives",
    "givenName",
    "id",
    "identities",
    "mail",
    "memberOf",
    "onPremisesSamAccountName",
    "passwordProfile",
    "surname",
    "userType",
];
const PASSWORD_FIELDS: [&str; 2] = ["password", "forceChangePasswordNextSignIn"];
const ASSIGNMENT_FIELDS: [&str; 3] = ["appRoleId", "principalId", "resourceId"];
const PRODUCT: &str = "ownCloud Infinite Scale";
const SEARCH_LETTERS_MIN: usize = 3;

pub(super) fn me(state: &State, caller: &Caller, call: &Call) -> Answered {
    let user = state.users.get(&caller.id).ok_or(Refusal::not_found("not found"))?;
    let mail = user.mail.clone().unwrap_or_default();
    if call.expands("memberOf") {
        let mut body = entry(user, &call.base_url());
        set(&mut body, "accountEnabled", true);
        set(&mut body, "mail", mail);
        set(&mut body, "memberOf", groups::of_member(state, user.id));
        set(&mut body, "preferredLanguage", "en");
        return Ok(Answer::ok(body.into()));
    }
    Ok(Answer::ok(json!({
        "displayName": user.display_name,
        "id": user.id,
        "identities": [{ "issuer": call.base_url(), "issuerAssignedId": user.id }],
        "mail": mail,
        "onPremisesSamAccountName": user.username,
        "preferredLanguage": "en",
        "userType": "Member",
    })))
}

pub(super) fn create(state: &mut State, caller: &Caller, call: &Call) -> Answered {
    groups::administrators_only(caller)?;
    let fields = strict::fields(&call.body, &FIELDS)?;
    let text = |field| fields.text(field).map(|text| text.map(ToOwned::to_owned));
    let required = |field| text(field)?.ok_or(Malformed::Missing(field));
    let username = required("onPremisesSamAccountName")?;
    let display_name = required("displayName")?;
    if fields.has("id") {
        return Err(Refusal::invalid("user id is a read-only attribute"));
    }
    if !is_username(&username) {
        return Err(Refusal::invalid("Invalid username"));
    }
    if state.user_named(&username).is_some() {
        return Err(Refusal::exists("a user with that name already exists"));
    }
    let profile = fields.object("passwordProfile", &PASSWORD_FIELDS)?;
    let password = match &profile {
        Some(profile) => profile.text("password")?.map(ToOwned::to_owned),
        None => None,
    };
    let mail = text("mail")?;
    let id = state.next_id();
    let user = User {
        id,
        username,
        display_name,
        mail,
        password,
        enabled: fields.flag("accountEnabled")?.unwrap_or(true),
        assignment: Some(Assignment { id: state.next_id(), role: Role::User }),
        subject: None,
        signed_in: None,
        personal: None,
    };
    let body = with_mail(&user, &call.base_url());
    state.users.insert(id, user);
    Ok(Answer::created(body.into()))
}

pub(super) fn read(state: &State, id: &str, call: &Call) -> Answered {
    let user = find(state, id).ok_or(Refusal::not_found("not found"))?;
    let mut body = entry(user, &call.base_url());
    set(&mut body, "accountEnabled", user.enabled);
    if call.expands("memberOf") {
        set(&mut body, "memberOf", groups::of_member(state, user.id));
    }
    if call.expands("appRoleAssignments") {
        set(&mut body, "appRoleAssignments", assignments_of(state, user));
    }
    Ok(Answer::ok(body.into()))
}

pub(super) fn list(state: &State, caller: &Caller, call: &Call) -> Answered {
    if call.parameter("$filter").is_some_and(|filter| !filter.starts_with("memberOf")) {
        return Err(Refusal::unsupported("generalException", "unsupported filter"));
    }
    let search = searched(caller, call)?.to_lowercase();
    let found = state.users.values().filter(|user| {
        let mail = user.mail.as_deref().unwrap_or_default();
        [user.username.as_str(), user.display_name.as_str(), mail]
            .iter()
            .any(|text| text.to_lowercase().contains(&search))
    });
    let shown = found.map(|user| {
        if !caller.administers() {
            return json!({
                "displayName": user.display_name, "id": user.id, "onPremisesSamAccountName": "", "userType": "Member",
            });
        }
        let mut body = with_mail(user, &call.base_url());
        set(&mut body, "accountEnabled", user.enabled);
        body.into()
    });
    Ok(Answer::ok(json!({ "value": shown.collect::<Vec<Value>>() })))
}

/// What `$search` asks for. Only administrators may leave it out or make it short.
pub(super) fn searched<'a>(caller: &Caller, call: &'a Call) -> Result<&'a str, Refusal> {
    let search = call.parameter("$search").unwrap_or_default().trim_matches('"');
    if !caller.administers() && search.chars().count() < SEARCH_LETTERS_MIN {
        return Err(Refusal::denied("search term too short"));
    }
    Ok(search)
}

pub(super) fn update(state: &mut State, caller: &Caller, id: &str, call: &Call) -> Answered {
    groups::administrators_only(caller)?;
    let fields = strict::fields(&call.body, &FIELDS)?;
    let enabled = fields.flag("accountEnabled")?;
    let display_name = fields.text("displayName")?;
    let mail = fields.text("mail")?;
    let id = find(state, id).map(|user| user.id).ok_or(Refusal::not_found("not found"))?;
    let user = state.users.change(&id).ok_or(Refusal::not_found("not found"))?;
    user.enabled = enabled.unwrap_or(user.enabled);
    if let Some(display_name) = display_name {
        display_name.clone_into(&mut user.display_name);
    }
    if let Some(mail) = mail {
        user.mail = Some(mail.to_owned());
    }
    let mut body = with_mail(user, &call.base_url());
    set(&mut body, "accountEnabled", user.enabled);
    Ok(Answer::ok(body.into()))
}

/// Grants to the account stay behind in its spaces.
pub(super) fn delete(state: &mut State, caller: &Caller, id: &str) -> Answered {
    groups::administrators_only(caller)?;
    let id = find(state, id).map(|user| user.id).ok_or(Refusal::not_found("not found"))?;
    state.users.remove(&id);
    groups::leave_all(state, id);
    Ok(Answer::done())
}

pub(super) fn assignments(state: &State, id: &str) -> Answered {
    let user = find(state, id).ok_or(Refusal::not_found("not found"))?;
    Ok(Answer::ok(json!({ "value": assignments_of(state, user) })))
}

/// Replaces the one role of the account; a role that does not exist is taken, and leaves it with none.
pub(super) fn assign(state: &mut State, caller: &Caller, id: &str, call: &Call) -> Answered {
    groups::administrators_only(caller)?;
    let fields = strict::fields(&call.body, &ASSIGNMENT_FIELDS)?;
    let wanted = fields.text("appRoleId")?.unwrap_or_default().to_owned();
    let user = find(state, id).map(|user| user.id).ok_or(Refusal::not_found("not found"))?;
    let id = state.next_id();
    let role = Role::ALL.into_iter().find(|role| role.app_role_id() == wanted);
    if let Some(user) = state.users.change(&user) {
        user.assignment = role.map(|role| Assignment { id, role });
    }
    Ok(Answer::created(assignment(state, id, &wanted, user)))
}

pub(super) fn unassign(state: &mut State, caller: &Caller, id: &str) -> Answered {
    groups::administrators_only(caller)?;
    let id = find(state, id).map(|user| user.id).ok_or(Refusal::not_found("not found"))?;
    if let Some(user) = state.users.change(&id) {
        user.assignment = None;
    }
    Ok(Answer::done())
}

pub(super) fn applications(state: &State) -> Answer {
    let roles = Role::ALL.map(|role| json!({ "displayName": role.title(), "id": role.app_role_id() }));
    Answer::ok(json!({ "value": [
        { "appRoles": roles, "displayName": PRODUCT, "id": state.application() },
    ] }))
}

/// By id or by name.
pub(super) fn find<'a>(state: &'a State, id: &str) -> Option<&'a User> {
    match id.parse::<Uuid>() {
        Ok(id) => state.users.get(&id),
        Err(_) => state.user_named(id),
    }
}

/// As a member of a group, or as created: what the directory holds.
pub(super) fn with_mail(user: &User, base_url: &str) -> Map<String, Value> {
    let mut body = entry(user, base_url);
    if let Some(mail) = &user.mail {
        set(&mut body, "mail", mail.as_str());
    }
    body
}

fn entry(user: &User, base_url: &str) -> Map<String, Value> {
    let mut body = Map::new();
    set(&mut body, "displayName", user.display_name.as_str());
    set(&mut body, "id", user.id.to_string());
    set(&mut body, "onPremisesSamAccountName", user.username.as_str());
    set(&mut body, "surname", user.username.as_str());
    set(&mut body, "userType", "Member");
    if let Some(subject) = &user.subject {
        let issuer = format!("{base_url}/application/o/ocis/");
        set(&mut body, "identities", json!([{ "issuer": issuer, "issuerAssignedId": subject }]));
    }
    if let Some(ticks) = user.signed_in {
        let at = time_of(ticks).to_string();
        set(&mut body, "signInActivity", json!({ "lastSuccessfulSignInDateTime": at }));
    }
    body
}

fn set(body: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    body.insert(field.to_owned(), value.into());
}

fn assignments_of(state: &State, user: &User) -> Vec<Value> {
    let found = user.assignment.iter();
    found.map(|found| assignment(state, found.id, found.role.app_role_id(), user.id)).collect()
}

fn assignment(state: &State, id: Uuid, role: &str, user: Uuid) -> Value {
    json!({
        "appRoleId": role,
        "id": id,
        "principalId": user,
        "principalType": "User",
        "resourceDisplayName": PRODUCT,
        "resourceId": state.application(),
    })
}

/// `GRAPH_USERNAME_MATCH=default`: ASCII without blanks, not beginning with a digit.
fn is_username(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && name.chars().all(|letter| letter.is_ascii_graphic())
}
