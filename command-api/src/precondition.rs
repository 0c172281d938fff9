//! Headers that make a request conditional or patient: `ETag`, `If-Match`, `If-None-Match`, `Prefer`, `Dezky-Min-Position`.

use std::collections::BTreeSet;
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

/// The versions `If-Match` is content with. `*` asks for none: the resource was found to exist before. A weak tag, or one
/// that is not ours, matches nothing (RFC 9110 §13.1.1). The second half of a tag is not compared: what happens in the
/// background is nobody's lost update.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<BTreeSet<u64>>, ApiError> {
    let Some(text) = list(headers, "if-match")? else {
        return Ok(None);
    };
    if text == "*" {
        return Ok(None);
    }
    let tags = tags(&text).ok_or_else(|| malformed("If-Match must be * or a list of entity tags"))?;
    Ok(Some(tags.into_iter().filter_map(version_of).collect()))
}

/// The entity tags of a list, as they stand there; nothing when it is no such list.
fn tags(text: &str) -> Option<Vec<&str>> {
    let mut tags = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let opaque = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
        let inner = opaque.find('"')?;
        let length = rest.len() - opaque.len() + inner + 1;
        let (tag, behind) = rest.split_at(length);
        tags.push(tag);
        rest = match behind.trim_start() {
            "" => "",
            more => more.strip_prefix(',')?.trim_start(),
        };
    }
    (!tags.is_empty()).then_some(tags)
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
    let Some(text) = list(headers, "if-none-match")? else {
        return Ok(false);
    };
    if text == "*" {
        return Ok(true);
    }
    let tags = tags(&text).ok_or_else(|| malformed("If-None-Match must be * or a list of entity tags"))?;
    Ok(tags.into_iter().any(|tag| tag.trim_start_matches("W/") == etag))
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
    let Some(text) = list(headers, "prefer")? else {
        return Ok(None);
    };
    let text = text.to_ascii_lowercase();
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

/// The text of a header that is a list, which may be spread over several lines.
fn list(headers: &HeaderMap, name: &str) -> Result<Option<String>, ApiError> {
    let not_text = |_| malformed(&format!("{name} is not plain text"));
    let lines = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(str::trim).map_err(not_text))
        .collect::<Result<Vec<&str>, ApiError>>()?;
    Ok((!lines.is_empty()).then(|| lines.join(", ")))
}

fn malformed(detail: &str) -> ApiError {
    ApiError::refused(Code::MalformedHeader, detail)
}

#[cfg(test)]
mod tests;
