//! Domains: names that are nobody else's, and management that can be done.

use serde_json::{Value, json};

use super::{Incoming, default_within, renamed, unique};
use crate::stalwart::error::SetError;
use crate::stalwart::index::{self, names_in, text_of};
use crate::stalwart::names;
use crate::stalwart::shelf::Object;
use crate::stalwart::{template, zone};

pub(super) fn check(incoming: &Incoming<'_>, object: &mut Object) -> Result<(), SetError> {
    let aliases = renamed(object, "aliases", |alias| names::domain(alias, "aliases"))?;
    object.insert("aliases".to_owned(), aliases);
    management(object)?;
    unique(incoming, text_of(object, "name").map(index::domain_name), "name")?;
    for alias in names_in(object, "aliases") {
        unique(incoming, Some(index::domain_name(alias)), "aliases")?;
    }
    Ok(())
}

fn management(object: &mut Object) -> Result<(), SetError> {
    if variant(object, "dkimManagement") == Some("Automatic") {
        default_within(object, "dkimManagement", &template::automatic_dkim());
        let selector = within(object, "dkimManagement", "selectorTemplate").unwrap_or_default();
        if let Some(variable) = zone::unknown_variable(selector) {
            let description = format!("unrecognized variable '{variable}'");
            return Err(SetError::invalid_properties(&description, "selectorTemplate"));
        }
    }
    // There are no DNS servers and no certificate authorities here to choose from.
    if variant(object, "dnsManagement") == Some("Automatic") {
        let server = within(object, "dnsManagement", "dnsServerId").unwrap_or_default();
        return Err(SetError::missing("DnsServer", server));
    }
    if variant(object, "certificateManagement") == Some("Automatic") {
        return Err(SetError::invalid_properties("ACME provider not found", "acmeProviderId"));
    }
    for property in ["dkimManagement", "dnsManagement", "certificateManagement"] {
        default_within(object, property, &json!({ "@type": "Manual" }));
    }
    Ok(())
}

fn variant<'a>(object: &'a Object, property: &str) -> Option<&'a str> {
    within(object, property, "@type")
}

fn within<'a>(object: &'a Object, property: &str, name: &str) -> Option<&'a str> {
    object.get(property).and_then(|inner| inner.get(name)).and_then(Value::as_str)
}
