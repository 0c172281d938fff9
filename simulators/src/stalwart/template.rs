//! What an object consists of before anybody has set anything, as recorded.

use serde_json::{Value, json};

use super::kind::Kind;
use super::shelf::Object;

/// A new object of a type, or of a variant of it. Required properties are absent until they are set.
pub(crate) fn of(kind: Kind, variant: Option<&str>, now: &str) -> Object {
    let value = match kind {
        Kind::Account => account(variant, now),
        Kind::Authentication => authentication(),
        Kind::DkimSignature => dkim_signature(variant, now),
        Kind::Domain => domain(now),
        Kind::MailingList => {
            json!({ "description": null, "aliases": {}, "memberTenantId": null, "recipients": {} })
        }
        Kind::MemoryLookupKey => json!({ "isGlobPattern": false }),
        Kind::MtaStageRcpt => json!({ "script": { "match": {}, "else": "false" } }),
        Kind::Role => json!({
            "memberTenantId": null, "roleIds": {}, "enabledPermissions": {}, "disabledPermissions": {},
        }),
        Kind::SieveSystemScript => json!({ "description": null, "isActive": true }),
        Kind::SystemSettings => system_settings(),
        Kind::Tenant => json!({
            "createdAt": now, "logo": null, "roles": { "@type": "Default" },
            "permissions": { "@type": "Inherit" }, "quotas": {},
        }),
        Kind::ApiKey => json!({
            "createdAt": now, "expiresAt": null, "permissions": { "@type": "Inherit" }, "allowedIps": {},
        }),
        Kind::Action | Kind::Task => json!({}),
    };
    match value {
        Value::Object(object) => object,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Object::new(),
    }
}

/// `x:Domain.dkimManagement` when it is left out.
pub(crate) fn automatic_dkim() -> Value {
    json!({
        "@type": "Automatic",
        "algorithms": { "Dkim1Ed25519Sha256": true, "Dkim1RsaSha256": true },
        "selectorTemplate": "v{version}-{algorithm}-{date-%Y%m%d}",
        "rotateAfter": 7_776_000_000_u64, "retireAfter": 604_800_000, "deleteAfter": 2_592_000_000_u64,
    })
}

fn domain(now: &str) -> Value {
    json!({
        "aliases": {}, "isEnabled": true, "createdAt": now, "description": null, "logo": null,
        "certificateManagement": { "@type": "Manual" }, "dkimManagement": automatic_dkim(),
        "dnsManagement": { "@type": "Manual" }, "memberTenantId": null, "directoryId": null,
        "catchAllAddress": null, "subAddressing": { "@type": "Enabled" }, "allowRelaying": false,
        "reportAddressUri": "mailto:postmaster",
    })
}

fn account(variant: Option<&str>, now: &str) -> Value {
    if variant == Some("Group") {
        return json!({
            "@type": "Group", "createdAt": now, "memberTenantId": null, "roles": { "@type": "Default" },
            "permissions": { "@type": "Inherit" }, "quotas": {}, "aliases": {}, "description": null,
            "locale": "en_US", "timeZone": null,
        });
    }
    json!({
        "@type": "User", "credentials": {}, "createdAt": now, "memberGroupIds": {}, "memberTenantId": null,
        "roles": { "@type": "User" }, "permissions": { "@type": "Inherit" }, "quotas": {}, "aliases": {},
        "description": null, "locale": "en_US", "timeZone": null,
        "encryptionAtRest": { "@type": "Disabled" },
    })
}

fn dkim_signature(variant: Option<&str>, now: &str) -> Value {
    json!({
        "@type": variant, "auid": null, "canonicalization": "relaxed/relaxed", "expire": null,
        "headers": { "From": true, "To": true, "Date": true, "Subject": true, "Message-ID": true },
        "report": true, "thirdParty": null, "thirdPartyHash": null, "memberTenantId": null,
        "createdAt": now, "nextTransitionAt": null, "stage": "active",
    })
}

fn authentication() -> Value {
    json!({
        "directoryId": null, "defaultUserRoleIds": { "b": true }, "defaultGroupRoleIds": { "c": true },
        "defaultTenantRoleIds": { "d": true, "b": true }, "defaultAdminRoleIds": { "e": true, "b": true },
        "passwordHashAlgorithm": "argon2id", "passwordMinLength": 8, "passwordMaxLength": 128,
        "passwordMinStrength": "three", "passwordDefaultExpiry": null, "maxAppPasswords": 5, "maxApiKeys": 5,
    })
}

fn system_settings() -> Value {
    let service = json!({ "hostname": null, "cleartext": false });
    let names = ["caldav", "carddav", "imap", "jmap", "managesieve", "pop3", "smtp", "webdav"];
    let services: Object = names.iter().map(|name| ((*name).to_owned(), service.clone())).collect();
    json!({
        "defaultHostname": "mail.platform.test", "defaultDomainId": "b", "defaultCertificateId": null,
        "threadPoolSize": null, "maxConnections": 8192, "proxyTrustedNetworks": {},
        "mailExchangers": { "0": { "hostname": null, "priority": 10 } }, "services": services,
        "providerInfo": {},
    })
}
