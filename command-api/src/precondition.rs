//! Headers that make a request conditional or patient: `ETag`, `If-Match`, `If-None-Match`, `Prefer`, `Dezky-Min-Position`.

use std::time::Duration;

use axum::http::HeaderMap;

use crate::error::ApiError;
use crate::problem::Code;
use crate::query::Query;

/// How long a read waits for its read model unless asked otherwise.
const WAIT_DEFAULT: Duration = Duration::from_secs(2);
const WAIT_SECONDS_MAX: u64 = 10;

/// The tag of a representation: the aggregate's version, and the last event that changed what is shown.
pub(crate) fn etag(version: u64, position: u64) -> String {
    format!("\"v{version}-p{position}\"")
}

/// The version `If-Match` asks for. `*` asks for none: the resource was found to exist before.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(text) = header(headers, "if-match")? else {
        return Ok(None);
    };
    if text == "*" {
        return Ok(None);
    }
    version_of(text)
        .map(Some)
        .ok_or_else(|| malformed("If-Match must be \"v<version>\" or a whole ETag of ours"))
}

fn version_of(tag: &str) -> Option<u64> {
    let inner = tag.strip_prefix('"')?.strip_suffix('"')?.strip_prefix('v')?;
    let (version, position) =
        inner.split_once("-p").map_or((inner, None), |(version, position)| (version, Some(position)));
    if position.is_some_and(|position| digits(position).is_none()) {
        return None;
    }
    digits(version)
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether the caller already has this representation.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> Result<bool, ApiError> {
    let Some(text) = header(headers, "if-none-match")? else {
        return Ok(false);
    };
    Ok(text.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag))
}

/// The position a read must have reached, and how long it may wait for it.
pub(crate) fn min_position(headers: &HeaderMap, query: &Query) -> Result<Option<(u64, Duration)>, ApiError> {
    let from_header = header(headers, "dezky-min-position")?
        .map(|text| digits(text).ok_or_else(|| malformed("Dezky-Min-Position must be a whole number")))
        .transpose()?;
    let position = from_header.max(query.number("minPosition")?);
    let within = prefer_wait(headers)?.unwrap_or(WAIT_DEFAULT);
    Ok(position.map(|position| (position, within)))
}

/// `Prefer: wait=N`, 0–10 seconds. Other preferences are not ours to refuse.
pub(crate) fn prefer_wait(headers: &HeaderMap) -> Result<Option<Duration>, ApiError> {
    let Some(text) = header(headers, "prefer")? else {
        return Ok(None);
    };
    let wait = text.split([',', ';']).map(str::trim).find_map(|preference| preference.strip_prefix("wait="));
    wait.map(|seconds| match digits(seconds.trim()) {
        Some(seconds @ 0..=WAIT_SECONDS_MAX) => Ok(Duration::from_secs(seconds)),
        Some(_) | None => Err(malformed("Prefer: wait must be between 0 and 10 seconds")),
    })
    .transpose()
}

/// A header's text, given at most once.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(malformed(&format!("{name} is given twice")));
    }
    value.to_str().map(|text| Some(text.trim())).map_err(|_| malformed(&format!("{name} is not plain text")))
}

fn malformed(detail: &str) -> ApiError {
    ApiError::refused(Code::MalformedHeader, detail)
}

#[cfg(test)]
mod tests;
