//! What the server makes of names on their way in, and which it refuses. It refuses less than one would hope.

use super::error::SetError;

/// Suffixes beside the public ones.
const LOCAL_SUFFIXES: [&str; 10] =
    ["test", "localhost", "local", "internal", "lan", "home", "corp", "intranet", "private", "localdomain"];

/// Lower case, no spaces, A-labels; refused without a known suffix. `user@acme.test` and `-lead.test` pass.
pub(crate) fn domain(given: &str, property: &str) -> Result<String, SetError> {
    let spaceless: String = given.chars().filter(|character| !character.is_whitespace()).collect();
    if spaceless.is_empty() {
        return Err(SetError::invalid_value(property));
    }
    let invalid = || SetError::invalid_patch("Invalid domain name", property);
    let name = if spaceless.is_ascii() {
        spaceless.to_lowercase()
    } else {
        idna::domain_to_ascii(&spaceless).map_err(|_| invalid())?
    };
    let labels: Vec<&str> = name.split('.').collect();
    let suffix = labels.last().copied().unwrap_or_default();
    let broken =
        labels.len() < 2 || labels.iter().any(|label| label.is_empty() || label.contains(['*', '/']));
    if broken || !is_suffix(suffix) {
        return Err(invalid());
    }
    Ok(name)
}

fn is_suffix(label: &str) -> bool {
    LOCAL_SUFFIXES.contains(&label) || psl::suffix(label.as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// The part before the `@`, lower case.
pub(crate) fn local(given: &str, property: &str) -> Result<String, SetError> {
    let name: String = given.chars().filter(|character| !character.is_whitespace()).collect();
    if name.is_empty() {
        return Err(SetError::invalid_value(property));
    }
    let broken = name.contains('@') || name.split('.').any(str::is_empty);
    if broken {
        return Err(SetError::invalid_patch("Invalid email local part", property));
    }
    Ok(name.to_lowercase())
}
