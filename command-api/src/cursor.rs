//! Cursors: where a list continues. Opaque to clients, sealed, and bound to the filter and sort they were made for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ApiError;
use crate::problem::Code;

const SEAL_LENGTH: usize = 32;
const LENGTH_MAX: usize = 2048;

/// Seals a text with the installation's key.
pub(crate) type Seal<'a> = &'a (dyn Fn(&str) -> String + Sync);

/// The place in a list: the sort key of the last row, as the read model gave it.
pub(crate) type Place = Vec<Value>;

#[derive(Serialize, Deserialize)]
struct Bound {
    #[serde(rename = "k")]
    place: Place,
    #[serde(rename = "q")]
    query: String,
}

/// The cursor after a place, for the same question.
pub(crate) fn write(place: &Place, query: &str, seal: Seal) -> String {
    let bound = Bound { place: place.clone(), query: query_mark(query, seal) };
    let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&bound).unwrap_or_default());
    let mark = seal_of(&payload, seal);
    format!("{payload}.{mark}")
}

/// The place a cursor names, if we made it for this question.
pub(crate) fn read(text: &str, query: &str, seal: Seal) -> Result<Place, ApiError> {
    let malformed = || {
        ApiError::refused(Code::MalformedCursor, "This cursor was not made for this list, filter and sort")
    };
    if text.len() > LENGTH_MAX {
        return Err(malformed());
    }
    let (payload, mark) = text.split_once('.').ok_or_else(malformed)?;
    if mark != seal_of(payload, seal) {
        return Err(malformed());
    }
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| malformed())?;
    let bound: Bound = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
    if bound.query == query_mark(query, seal) { Ok(bound.place) } else { Err(malformed()) }
}

fn seal_of(payload: &str, seal: Seal) -> String {
    seal(&format!("cursor:{payload}")).chars().take(SEAL_LENGTH).collect()
}

fn query_mark(query: &str, seal: Seal) -> String {
    seal(&format!("query:{query}")).chars().take(SEAL_LENGTH).collect()
}

#[cfg(test)]
mod tests;
