//! `PATCH /users/me`: what somebody says about themselves.

use axum::response::Response;
use domain::One;
use domain::user::User;
use event_store::Outcome;
use projector::users;
use schema::user::Theme;
use schema::{DisplayName, UserCommand};

use super::surroundings::Surroundings;
use crate::ask::{Ask, Order, Rendered};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional};
use crate::reading::must_catch_up;
use crate::route::{Route, Who, patch};
use crate::values::{locale, timezone, word};

pub(super) fn routes() -> Vec<Route> {
    vec![
        patch("/users/me", change)
            .may(Who::Known, "Name, language, time zone and theme of the caller")
            .takes::<Change>()
            .gives("Me"),
    ]
}

#[expect(clippy::option_option, reason = "absent, null and a value are three answers of a merge patch")]
struct Change {
    name: Option<DisplayName>,
    locale: Option<Option<String>>,
    timezone: Option<Option<String>>,
    theme: Option<Theme>,
}

impl Body for Change {
    const FIELDS: &'static [Field] = &[
        optional("name", Kind::String),
        optional("locale", Kind::String),
        optional("timezone", Kind::String),
        optional("theme", Kind::String),
    ];

    fn read(fields: &mut Fields) -> Self {
        fields.must_stay(&["name", "theme"]);
        Self {
            name: fields.optional("name", word),
            locale: fields.nullable("locale", locale),
            timezone: fields.nullable("timezone", timezone),
            theme: fields.optional("theme", word),
        }
    }
}

async fn change(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let Change { name, locale, timezone, theme } = caller.body::<Change>().await?.read()?;
    let app = &caller.ask.app;
    let id = caller.known.user_id;
    let unknown = || ApiError::internal("somebody who is known is in no read model");
    let mut at = must_catch_up(app, &users::MODEL).await?;
    let rows = users::rows_of(&mut at, &[id]).await?;
    let view = users::assemble(&rows, id).map_err(ApiError::internal)?.ok_or_else(unknown)?;
    let around = Surroundings::of(app, &caller.identity, &view).await?;
    let render = move |outcome: &Outcome| {
        let mut rows = rows.clone();
        for recorded in outcome.history.iter().chain(&outcome.news) {
            rows.project(recorded).map_err(ApiError::internal)?;
        }
        let view = users::assemble(&rows, id).map_err(ApiError::internal)?.ok_or_else(unknown)?;
        let (body, tag) = around.me(&rows, view)?;
        Ok(Rendered { status: 200, tag: Some(tag), location: None, body })
    };
    let command = UserCommand::ChangeProfile { name, locale, timezone, theme };
    caller.execute(Order::on(id, One::<User> { stream: id.into(), command }), render).await
}
