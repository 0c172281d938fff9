//! The properties of every type, as the recorded objects have them.

use super::Field;
use super::Shape::{
    Anything, DomainName, Flag, LocalPart, Map, OptionalReference, OptionalText, Reference, Server, Set, Text,
};
use crate::stalwart::kind::Kind;

pub(crate) fn fields(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Domain => DOMAIN,
        Kind::Account => ACCOUNT,
        Kind::MailingList => MAILING_LIST,
        Kind::Role => ROLE,
        Kind::DkimSignature => DKIM_SIGNATURE,
        Kind::MemoryLookupKey => MEMORY_LOOKUP_KEY,
        Kind::SieveSystemScript => SIEVE_SYSTEM_SCRIPT,
        Kind::MtaStageRcpt => MTA_STAGE_RCPT,
        Kind::SystemSettings => SYSTEM_SETTINGS,
        Kind::Authentication => AUTHENTICATION,
        Kind::Tenant => TENANT,
        Kind::ApiKey => API_KEY,
        Kind::Action => ACTION,
        Kind::Task => TASK,
    }
}

const DOMAIN: &[Field] = &[
    ("name", DomainName),
    ("aliases", Set),
    ("isEnabled", Flag),
    ("createdAt", Server),
    ("description", OptionalText),
    ("logo", OptionalText),
    ("certificateManagement", Map),
    ("dkimManagement", Map),
    ("dnsManagement", Map),
    ("memberTenantId", OptionalReference),
    ("directoryId", OptionalReference),
    ("catchAllAddress", OptionalText),
    ("subAddressing", Map),
    ("allowRelaying", Flag),
    ("reportAddressUri", OptionalText),
    ("dnsZoneFile", Server),
];

const ACCOUNT: &[Field] = &[
    ("@type", Anything),
    ("name", LocalPart),
    ("domainId", Reference),
    ("credentials", Map),
    ("createdAt", Server),
    ("memberGroupIds", Set),
    ("memberTenantId", OptionalReference),
    ("roles", Map),
    ("permissions", Map),
    ("quotas", Map),
    ("aliases", Map),
    ("description", OptionalText),
    ("locale", Text),
    ("timeZone", OptionalText),
    ("encryptionAtRest", Map),
    ("usedDiskQuota", Server),
    ("emailAddress", Server),
];

const MAILING_LIST: &[Field] = &[
    ("name", LocalPart),
    ("domainId", Reference),
    ("description", OptionalText),
    ("aliases", Map),
    ("memberTenantId", OptionalReference),
    ("recipients", Set),
    ("emailAddress", Server),
];

const ROLE: &[Field] = &[
    ("description", Text),
    ("memberTenantId", OptionalReference),
    ("roleIds", Set),
    ("enabledPermissions", Set),
    ("disabledPermissions", Set),
];

const DKIM_SIGNATURE: &[Field] = &[
    ("@type", Anything),
    ("domainId", Reference),
    ("selector", Text),
    ("privateKey", Map),
    ("auid", OptionalText),
    ("canonicalization", Text),
    ("expire", Anything),
    ("headers", Set),
    ("report", Flag),
    ("thirdParty", OptionalText),
    ("thirdPartyHash", OptionalText),
    ("memberTenantId", OptionalReference),
    ("createdAt", Server),
    ("nextTransitionAt", Anything),
    ("stage", Text),
    ("publicKey", Server),
];

const MEMORY_LOOKUP_KEY: &[Field] = &[("namespace", Text), ("key", Text), ("isGlobPattern", Flag)];

const SIEVE_SYSTEM_SCRIPT: &[Field] =
    &[("name", Text), ("description", OptionalText), ("isActive", Flag), ("contents", Text)];

const MTA_STAGE_RCPT: &[Field] = &[("script", Map)];

const SYSTEM_SETTINGS: &[Field] = &[
    ("defaultHostname", Text),
    ("defaultDomainId", Reference),
    ("defaultCertificateId", OptionalReference),
    ("threadPoolSize", Anything),
    ("maxConnections", Anything),
    ("proxyTrustedNetworks", Set),
    ("mailExchangers", Map),
    ("services", Map),
    ("providerInfo", Map),
];

const AUTHENTICATION: &[Field] = &[
    ("directoryId", OptionalReference),
    ("defaultUserRoleIds", Set),
    ("defaultGroupRoleIds", Set),
    ("defaultTenantRoleIds", Set),
    ("defaultAdminRoleIds", Set),
    ("passwordHashAlgorithm", Text),
    ("passwordMinLength", Anything),
    ("passwordMaxLength", Anything),
    ("passwordMinStrength", Text),
    ("passwordDefaultExpiry", Anything),
    ("maxAppPasswords", Anything),
    ("maxApiKeys", Anything),
];

const TENANT: &[Field] = &[
    ("name", Text),
    ("createdAt", Server),
    ("logo", OptionalText),
    ("roles", Map),
    ("permissions", Map),
    ("quotas", Map),
    ("usedDiskQuota", Server),
];

const API_KEY: &[Field] = &[
    ("description", Text),
    ("secret", Server),
    ("createdAt", Server),
    ("expiresAt", Anything),
    ("permissions", Map),
    ("allowedIps", Set),
];

const ACTION: &[Field] = &[("@type", Anything)];

const TASK: &[Field] = &[("@type", Anything), ("status", Map), ("due", Anything)];
