//! `/users/{u}/platform-admin`: who administers the platform. One remains always.

use axum::response::Response;
use domain::One;
use domain::acts::GrantAdmin;
use domain::platform::Platform;
use domain::user::User;
use event_store::Outcome;
use projector::users;
use schema::{PlatformCommand, StreamId, Text, UserId, ValueError};
use serde_json::{Value, json};

use crate::App;
use crate::ask::{Ask, Caller, Order, Rendered};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, required};
use crate::problem::Code;
use crate::reading::to_value;
use crate::route::{Route, Who, delete, post};
use crate::values::word;

const REASON_LENGTH_MIN: usize = 3;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/users/{u}/platform-admin", grant)
            .may(Who::Operator, "One more administrator")
            .takes::<Reason>()
            .gives("User"),
        delete("/users/{u}/platform-admin", revoke)
            .may(Who::Operator, "One administrator fewer; at least one remains")
            .takes::<Reason>()
            .gives("User"),
    ]
}

/// Said and recorded, so that nobody does this without thinking.
struct Reason(Option<Text>);

impl Body for Reason {
    const FIELDS: &'static [Field] = &[required("reason", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        Self(fields.required("reason", |value| {
            let text: Text = word(value)?;
            if text.as_str().chars().count() < REASON_LENGTH_MIN {
                return Err(ValueError::new("too-short", "must have at least 3 characters"));
            }
            Ok(text)
        }))
    }
}

async fn grant(ask: Ask) -> Result<Response, ApiError> {
    let (caller, user_id, reason) = subject(ask).await?;
    let render = of_user(&caller.ask.app, user_id).await?;
    caller.execute(Order::on(user_id, GrantAdmin { user_id, reason }), render).await
}

async fn revoke(ask: Ask) -> Result<Response, ApiError> {
    let (caller, user_id, reason) = subject(ask).await?;
    let render = of_user(&caller.ask.app, user_id).await?;
    let command = PlatformCommand::RevokeAdmin { user_id, reason };
    let act = One::<Platform> { stream: StreamId::platform(), command };
    caller.execute(Order::on(user_id, act).loading([user_id.into()]), render).await
}

async fn subject(ask: Ask) -> Result<(Caller, UserId, Option<Text>), ApiError> {
    let caller = ask.operator().await?;
    let unknown = || ApiError::refused(Code::UserNotFound, "There is no such user");
    let user_id: UserId = caller.ask.place("u").parse().map_err(|_| unknown())?;
    let (user, _) = caller.ask.app.store.fold::<User>(&user_id.into()).await?;
    if !user.exists() {
        return Err(unknown());
    }
    let Reason(reason) = caller.body::<Reason>().await?.read()?;
    Ok((caller, user_id, reason))
}

async fn of_user(
    app: &App,
    id: UserId,
) -> Result<impl Fn(&Outcome) -> Result<Rendered, ApiError> + Send + Sync + 'static, ApiError> {
    let mut at = app.views.snapshot(&users::MODEL).await?;
    let rows = users::rows_of(&mut at, &[id]).await?;
    Ok(move |outcome: &Outcome| {
        let mut rows = rows.clone();
        for recorded in outcome.history.iter().chain(&outcome.news) {
            rows.project(recorded).map_err(ApiError::internal)?;
        }
        let unknown = || ApiError::refused(Code::UserNotFound, "There is no such user");
        let view = users::assemble(&rows, id).map_err(ApiError::internal)?.ok_or_else(unknown)?;
        let mut body = to_value(&view)?;
        if let Value::Object(object) = &mut body {
            let code = |has: bool| has.then_some("no-effect");
            let action = |name: &str, code: Option<&str>| json!({ "action": name, "allowed": code.is_none(), "code": code });
            let actions = [
                action("grantPlatformAdmin", code(view.platform_admin)),
                action("revokePlatformAdmin", code(!view.platform_admin)),
            ];
            object.insert("allowedActions".to_owned(), Value::from(actions.to_vec()));
        }
        Ok(Rendered { status: 200, tag: Some((view.version, view.changed_position)), location: None, body })
    })
}
