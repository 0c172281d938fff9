//! The query side: wait for a position, look at one moment of a read model, answer with where that was.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use projector::api::AsOf;
use projector::list::Page;
use projector::{At, ReadModel};
use serde::Serialize;
use serde_json::{Value, json};

use crate::App;
use crate::ask::Ask;
use crate::cursor::{self, Place};
use crate::error::ApiError;
use crate::precondition;
use crate::problem::{Code, Problem};
use crate::query::Query;

impl Ask {
    /// One moment of a read model, not before the position the caller asks for.
    pub(crate) async fn look(&self, model: &'static ReadModel, query: &Query) -> Result<At, ApiError> {
        if let Some((position, within)) = precondition::min_position(&self.headers, query)? {
            self.app.views.wait_for(model, position, within).await?;
        }
        Ok(self.app.views.snapshot(model).await?)
    }

    /// The log itself, not before the position the caller asks for.
    pub(crate) async fn look_at_log(&self, query: &Query) -> Result<u64, ApiError> {
        let head = self.app.store.read_head().await?;
        match precondition::min_position(&self.headers, query)? {
            Some((position, _)) if position > head => Err(lagging()),
            Some(_) | None => Ok(head),
        }
    }
}

fn lagging() -> ApiError {
    Problem::new(Code::ProjectionLagging, "The read model has not reached this position yet")
        .retry_after(1)
        .into()
}

/// Something that must be in the read model because the log has it.
pub(crate) async fn must_catch_up(app: &App, model: &'static ReadModel) -> Result<At, ApiError> {
    let head = app.store.read_head().await?;
    app.views.wait_for(model, head, std::time::Duration::from_secs(2)).await?;
    Ok(app.views.snapshot(model).await?)
}

/// A single resource: its tag, or 304 for who has it already. With the position 0 the tag does not speak for all that
/// is shown, and nobody is told to keep theirs.
pub(crate) fn resource(
    headers: &HeaderMap,
    body: &Value,
    tag: (u64, u64),
    position: u64,
) -> Result<Response, ApiError> {
    let etag = precondition::etag(tag.0, tag.1);
    let is_known = precondition::is_known(headers, &etag)?;
    let mut response =
        if is_known && tag.1 > 0 { StatusCode::NOT_MODIFIED.into_response() } else { plain(body, position) };
    at(&mut response, position);
    if let Ok(value) = HeaderValue::from_str(&etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    Ok(response)
}

/// A body that reflects a position.
pub(crate) fn plain(body: &Value, position: u64) -> Response {
    let mut response = axum::Json(body).into_response();
    at(&mut response, position);
    response
}

fn at(response: &mut Response, position: u64) {
    response.headers_mut().insert("dezky-position", HeaderValue::from(position));
}

/// One page on the wire, with the way to the next one.
pub(crate) fn page<Row>(
    ask: &Ask,
    query: &Query,
    page: Page<Row>,
    show: impl Fn(Row) -> Result<Value, ApiError>,
) -> Result<Response, ApiError> {
    let cursor = page.next.map(|place| {
        let place: Place = place.into_iter().map(json_of).collect();
        cursor::write(&place, &question(ask, query), &|text| ask.app.store.hash_secret(text))
    });
    let data = page.rows.into_iter().map(show).collect::<Result<Vec<Value>, ApiError>>()?;
    let mut body = listed(&data, cursor.as_deref(), &page.as_of)?;
    if let (Some(facets), Value::Object(object)) = (page.facets, &mut body) {
        object.insert("facets".to_owned(), to_value(&facets)?);
    }
    let mut response = plain(&body, page.as_of.position);
    if let Some(cursor) = cursor
        && let Ok(link) =
            HeaderValue::from_str(&format!("<{}?{}>; rel=\"next\"", ask.path, query.with_cursor(&cursor)))
    {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// A whole list that needs no pages.
pub(crate) fn whole(data: &[Value], as_of: &AsOf) -> Result<Response, ApiError> {
    Ok(plain(&listed(data, None, as_of)?, as_of.position))
}

fn listed(data: &[Value], cursor: Option<&str>, as_of: &AsOf) -> Result<Value, ApiError> {
    Ok(json!({
        "data": data,
        "page": { "nextCursor": cursor, "hasMore": cursor.is_some() },
        "asOf": to_value(as_of)?,
    }))
}

/// Where a list continues, if the caller sent a cursor.
pub(crate) fn place(ask: &Ask, query: &Query) -> Result<Option<Vec<event_store::Value>>, ApiError> {
    let Some(text) = query.get("cursor") else {
        return Ok(None);
    };
    let place = cursor::read(text, &question(ask, query), &|text| ask.app.store.hash_secret(text))?;
    Ok(Some(place.iter().map(value_of).collect()))
}

fn question(ask: &Ask, query: &Query) -> String {
    query.question(ask.path.strip_prefix("/v1").unwrap_or(&ask.path))
}

fn json_of(value: event_store::Value) -> Value {
    match value {
        event_store::Value::Null => Value::Null,
        event_store::Value::Int(number) => Value::from(number),
        event_store::Value::Text(text) => Value::from(text),
    }
}

fn value_of(value: &Value) -> event_store::Value {
    match value {
        Value::Number(number) => event_store::Value::Int(number.as_i64().unwrap_or_default()),
        Value::String(text) => event_store::Value::Text(text.clone()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => event_store::Value::Null,
    }
}

/// A representation as JSON.
pub(crate) fn to_value(shape: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(shape).map_err(ApiError::internal)
}
