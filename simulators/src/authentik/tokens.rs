//! `/core/tokens/`, found by identifier. A key is shown by `view_key` only.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::fields::{Blank, Fields};
use super::page::Listing;
use super::reply::{Answer, Reply};
use super::state::{State, Token, later};
use super::users::show_alone;
use super::wire::{Asked, Verb};

/// What a fresh installation gives every API token, whatever `expires` was sent.
const API_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(30);

pub(super) fn collection(state: &mut State, asked: &Asked) -> Answer {
    match asked.verb {
        Verb::Get => list(state, asked),
        Verb::Post => create(state, asked),
        Verb::Put | Verb::Patch | Verb::Delete => Err(asked.method_not_allowed()),
    }
}

pub(super) fn item(state: &mut State, asked: &Asked, identifier: &str) -> Answer {
    let identifier = find(state, asked, identifier)?;
    match asked.verb {
        Verb::Get => Ok(Reply::ok(show(state, &identifier))),
        Verb::Put | Verb::Patch => update(state, asked, &identifier),
        Verb::Delete => {
            state.tokens.remove(&identifier);
            Ok(Reply::no_content())
        }
        Verb::Post => Err(asked.method_not_allowed()),
    }
}

pub(super) fn view_key(state: &State, asked: &Asked, identifier: &str) -> Answer {
    if asked.verb != Verb::Get {
        return Err(asked.method_not_allowed());
    }
    let identifier = find(state, asked, identifier)?;
    let key = state.tokens.get(&identifier).map(|token| &token.key);
    Ok(Reply::ok(json!({ "key": key })))
}

/// The old key is dead at once.
pub(super) fn set_key(state: &mut State, asked: &Asked, identifier: &str) -> Answer {
    if asked.verb != Verb::Post {
        return Err(asked.method_not_allowed());
    }
    let identifier = find(state, asked, identifier)?;
    let mut fields = Fields::of(asked);
    fields.require("key");
    let key = fields.text("key", Blank::Refused);
    fields.finish()?;
    if let (Some(token), Some(key)) = (state.tokens.change(&identifier), key) {
        token.key = key;
    }
    Ok(Reply::no_content())
}

/// Without more rights everybody sees their own tokens.
fn visible(state: &State, asked: &Asked, token: &Token) -> bool {
    token.user == asked.caller || state.may(asked.caller, "authentik_core.view_token")
}

fn find(state: &State, asked: &Asked, identifier: &str) -> Result<String, Reply> {
    let identifier = identifier.to_owned();
    match state.tokens.get(&identifier) {
        Some(token) if visible(state, asked, token) => Ok(identifier),
        Some(_) | None => Err(Reply::no_such("Token")),
    }
}

fn list(state: &State, asked: &Asked) -> Answer {
    let equal = |parameter: &str, value: &str| asked.query(parameter).is_none_or(|wanted| wanted == value);
    let wanted = |(identifier, token): &(&String, &Token)| {
        let username = state.users.get(&token.user).map_or("", |user| &user.username);
        visible(state, asked, token)
            && equal("identifier", identifier)
            && equal("intent", &token.intent)
            && equal("user__username", username)
            && asked.flag("expiring").is_none_or(|expiring| token.expiring == expiring)
            && asked
                .query("search")
                .is_none_or(|search| identifier.contains(search) || username.contains(search))
    };
    let rows: Vec<(&String, &Token)> = state.tokens.iter().filter(wanted).collect();
    let key = |(identifier, token): &(&String, &Token), field: &str| match field {
        "identifier" => Some(json!(identifier)),
        "expires" => Some(token.expires.json()),
        _ => None,
    };
    let listing = Listing { rows, autocomplete: "" }.ordered(asked, "identifier", key);
    listing.page(asked, |(identifier, _)| show(state, identifier))
}

fn create(state: &mut State, asked: &Asked) -> Answer {
    let mut fields = Fields::of(asked);
    fields.require("identifier");
    let identifier = fields.text_of_at_most("identifier", 255);
    if let Some(identifier) = &identifier {
        let slug = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        if !identifier.chars().all(slug) {
            let text = "Enter a valid \"slug\" consisting of letters, numbers, underscores or hyphens.";
            fields.wrong("identifier", text);
        } else if state.tokens.contains(identifier) {
            fields.wrong("identifier", "Token with this identifier already exists.");
        }
    }
    let intent = fields.choice("intent", &["verification", "api", "recovery", "app_password"]);
    if let Some(intent) = &intent
        && !matches!(intent.as_str(), "api" | "app_password")
    {
        fields.wrong("intent", format!("Invalid intent {intent}"));
    }
    let user = fields.integer("user");
    if let Some(user) = user
        && !state.users.contains(&user)
    {
        fields.wrong("user", format!("Invalid pk \"{user}\" - object does not exist."));
    }
    let description = fields.text("description", Blank::Allowed);
    let expiring = fields.flag("expiring");
    fields.finish()?;
    let superuser = state.is_superuser(asked.caller);
    let token = Token {
        pk: state.next_uuid(),
        intent: intent.unwrap_or_else(|| "api".to_owned()),
        user: user.filter(|_| superuser).unwrap_or(asked.caller),
        key: state.next_key(),
        description: description.unwrap_or_default(),
        expires: later(asked.now, API_TOKEN_LIFE),
        expiring: expiring.unwrap_or(true),
    };
    let identifier = identifier.unwrap_or_default();
    state.tokens.insert(identifier.clone(), token);
    Ok(Reply::created(show(state, &identifier)))
}

fn update(state: &mut State, asked: &Asked, identifier: &String) -> Answer {
    let mut fields = Fields::of(asked);
    let description = fields.text("description", Blank::Allowed);
    let expiring = fields.flag("expiring");
    fields.finish()?;
    if let Some(token) = state.tokens.change(identifier) {
        token.description = description.unwrap_or_else(|| std::mem::take(&mut token.description));
        token.expiring = expiring.unwrap_or(token.expiring);
    }
    Ok(Reply::ok(show(state, identifier)))
}

fn show(state: &State, identifier: &String) -> Value {
    let Some(token) = state.tokens.get(identifier) else {
        return Value::Null;
    };
    json!({
        "pk": token.pk,
        "managed": null,
        "identifier": identifier,
        "intent": token.intent,
        "user": token.user,
        "user_obj": show_alone(state, token.user),
        "description": token.description,
        "expires": token.expires.json(),
        "expiring": token.expiring,
    })
}
