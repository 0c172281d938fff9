//! Values of bodies and queries: from JSON to the words of `schema`, each refusal with its code and a sentence.

use std::str::FromStr;

use schema::people::{BillingInfo, ContactInfo};
use schema::{Bps, Date, Email, Text, ValueError};
use serde_json::Value;

use crate::fields::Fields;

const TEXT_LINE_MAX: usize = 200;
const ADDRESS_LINES_MAX: usize = 4;

/// What a JSON value becomes, or why it is refused.
pub(crate) type Read<T> = Result<T, ValueError>;

fn wrong_type(expected: &str) -> ValueError {
    ValueError::new("type", format!("must be {expected}"))
}

/// Any string.
pub(crate) fn string(value: &Value) -> Read<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_type("a string"))
}

/// A string that is one of our words.
pub(crate) fn word<T: FromStr<Err = ValueError>>(value: &Value) -> Read<T> {
    value.as_str().ok_or_else(|| wrong_type("a string"))?.parse()
}

/// A whole number in a range.
pub(crate) fn whole(value: &Value, least: u64, most: u64) -> Read<u64> {
    let number = value.as_u64().ok_or_else(|| wrong_type("a whole number"))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(ValueError::new("range", format!("must be between {least} and {most}")))
    }
}

/// A percentage with at most two decimals.
pub(crate) fn percent(value: &Value) -> Read<Bps> {
    let percent = value.as_f64().ok_or_else(|| wrong_type("a number"))?;
    let scaled = percent * 100.0;
    if !(0.0..=10_000.0).contains(&scaled) {
        return Err(ValueError::new("range", "must be between 0 and 100"));
    }
    if (scaled - scaled.round()).abs() > 1e-6 {
        return Err(ValueError::new("pattern", "must have at most two decimals"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..=10000 above"
    )]
    Bps::new(scaled.round() as u16)
}

/// A calendar day.
pub(crate) fn date(value: &Value) -> Read<Date> {
    string(value)?.parse().map_err(|_| ValueError::new("pattern", "must be a date such as 2026-11-22"))
}

/// A list of strings that are our words; refusals carry the place in the list.
pub(crate) fn words<T: FromStr<Err = ValueError> + PartialEq>(
    value: &Value,
    pointer: &str,
    most: usize,
) -> Result<Vec<T>, Vec<domain::Problem>> {
    let at = |error| vec![domain::Problem::at(pointer, error)];
    let list = value.as_array().ok_or_else(|| at(wrong_type("a list")))?;
    if list.len() > most {
        return Err(at(ValueError::new("too-long", format!("must have at most {most} entries"))));
    }
    let mut problems = Vec::new();
    let mut words = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        match word(entry) {
            Ok(value) if words.contains(&value) => {
                let twice = ValueError::new("duplicate", "is given twice");
                problems.push(domain::Problem::at(format!("{pointer}/{index}"), twice));
            }
            Ok(value) => words.push(value),
            Err(error) => problems.push(domain::Problem::at(format!("{pointer}/{index}"), error)),
        }
    }
    if problems.is_empty() { Ok(words) } else { Err(problems) }
}

/// A line of text of at most 200 characters.
pub(crate) fn line(value: &Value) -> Read<String> {
    let text: Text = word(value)?;
    if text.as_str().chars().count() > TEXT_LINE_MAX {
        return Err(ValueError::new("too-long", "must have at most 200 characters"));
    }
    if text.as_str().contains('\n') {
        return Err(ValueError::new("not-allowed", "must be one line"));
    }
    Ok(text.as_str().to_owned())
}

/// A language tag such as `da-DK`: letters, digits and dashes, checked for shape only.
pub(crate) fn locale(value: &Value) -> Read<String> {
    let text = string(value)?;
    let shaped = (2..=35).contains(&text.len())
        && text.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
        && text
            .split('-')
            .next()
            .is_some_and(|part| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_alphabetic()));
    if shaped { Ok(text) } else { Err(ValueError::new("pattern", "must be a language tag such as da-DK")) }
}

/// A time zone name such as `Europe/Copenhagen`, checked for shape only: the list of zones changes under us.
pub(crate) fn timezone(value: &Value) -> Read<String> {
    let text = string(value)?;
    let shaped = text == "UTC"
        || ((3..=64).contains(&text.len())
            && text.contains('/')
            && text.split('/').all(|part| {
                !part.is_empty()
                    && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'))
            }));
    if shaped {
        Ok(text)
    } else {
        Err(ValueError::new("pattern", "must be a time zone such as Europe/Copenhagen"))
    }
}

/// Names of the fields of billing data.
pub(crate) const BILLING_FIELDS: &[&str] =
    &["legalName", "vatId", "addressLines", "postalCode", "city", "country", "email", "reference"];

/// Who pays.
pub(crate) fn billing(fields: &mut Fields) -> BillingInfo {
    BillingInfo {
        legal_name: fields.required("legalName", line).unwrap_or_default(),
        vat_id: fields.optional("vatId", line),
        address_lines: fields.optional("addressLines", address).unwrap_or_default(),
        postal_code: fields.optional("postalCode", line),
        city: fields.optional("city", line),
        country: fields.required("country", country).unwrap_or_default(),
        email: fields.optional("email", |value| word::<Email>(value).map(|email| email.to_string())),
        reference: fields.optional("reference", line),
    }
}

fn address(value: &Value) -> Read<Vec<String>> {
    let lines = value.as_array().ok_or_else(|| wrong_type("a list"))?;
    if lines.len() > ADDRESS_LINES_MAX {
        return Err(ValueError::new("too-long", "must have at most 4 lines"));
    }
    lines.iter().map(line).collect()
}

fn country(value: &Value) -> Read<String> {
    let text = string(value)?;
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(text)
    } else {
        Err(ValueError::new("pattern", "must be two capital letters such as DK"))
    }
}

/// Names of the fields of a contact.
pub(crate) const CONTACT_FIELDS: &[&str] = &["name", "email", "phone"];

/// Whom to call.
pub(crate) fn contact(fields: &mut Fields) -> ContactInfo {
    ContactInfo {
        name: fields.optional("name", line),
        email: fields.optional("email", |value| word::<Email>(value).map(|email| email.to_string())),
        phone: fields.optional("phone", line),
    }
}

#[cfg(test)]
mod tests;
