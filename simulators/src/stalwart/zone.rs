//! The DNS records that the server would like to see for a domain, and the keys it signs with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::id::Id;
use super::index::{self, text_of};
use super::kind::Kind;
use super::shelf::Object;
use super::state::State;

const RSA_PUBLIC_KEY_BYTES: usize = 294;
const ED25519_PUBLIC_KEY_BYTES: usize = 32;
/// The longest text inside one TXT string.
const TXT_CHARS: usize = 255;
/// How each 2048-bit RSA public key begins.
const RSA_PREFIX: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
];

/// `x:Domain.dnsZoneFile`: one record per line.
pub(crate) fn file(state: &State, id: Id, domain: &Object) -> String {
    let name = text_of(domain, "name").unwrap_or_default();
    let host = state.hostname();
    let mut lines = String::new();
    for key in state.shelf(Kind::DkimSignature).having(&format!("domainId={id}")) {
        if let Some(signature) = state.object(Kind::DkimSignature, key) {
            lines.push_str(&dkim(key, signature, name));
        }
    }
    let mut line = |text: String| {
        lines.push_str(&text);
        lines.push('\n');
    };
    line(format!("{name}. IN TXT \"v=spf1 mx -all\""));
    line(format!("{name}. IN MX 10 {host}."));
    let reports = text_of(domain, "reportAddressUri").map(|to| format!("rua={to}@{name}"));
    if let Some(reports) = &reports {
        line(format!("_dmarc.{name}. IN TXT \"v=DMARC1; p=reject; {reports}\""));
    }
    for (service, port) in [
        ("caldavs", 443),
        ("carddavs", 443),
        ("imaps", 993),
        ("jmap", 443),
        ("pop3s", 995),
        ("submissions", 465),
    ] {
        line(format!("_{service}._tcp.{name}. IN SRV 0 1 {port} {host}."));
    }
    line(format!("mta-sts.{name}. IN CNAME {host}."));
    line(format!("_mta-sts.{name}. IN TXT \"v=STSv1; id=8140060606123217157\""));
    if let Some(reports) = &reports {
        line(format!("_smtp._tls.{name}. IN TXT \"v=TLSRPTv1; {reports}\""));
    }
    line(format!("ua-auto-config.{name}. IN CNAME {host}."));
    line(format!(
        "_ua-auto-config.{name}. IN TXT \"v=UAAC1; a=sha256; d=4k9MjkGkDvxmmsRSGdi420CJEQ6vqLWV1+XFKk1I4Bw=\""
    ));
    line(format!("autoconfig.{name}. IN CNAME {host}."));
    line(format!("autodiscover.{name}. IN CNAME {host}."));
    lines
}

/// The TXT record of one key; a long text is broken into strings.
fn dkim(id: Id, signature: &Object, domain: &str) -> String {
    let selector = text_of(signature, "selector").unwrap_or_default();
    let variant = text_of(signature, "@type").unwrap_or_default();
    let algorithm = if variant == "Dkim1RsaSha256" { "rsa" } else { "ed25519" };
    let text = format!("v=DKIM1; k={algorithm}; h=sha256; p={}", public_key(id, variant));
    let owner = format!("{selector}._domainkey.{domain}.");
    if text.len() <= TXT_CHARS {
        return format!("{owner} IN TXT \"{text}\"\n");
    }
    let (first, rest) = text.split_at(TXT_CHARS);
    format!("{owner} IN TXT (\n    \"{first}\"\n    \"{rest}\"\n)\n")
}

/// Bytes that look like a public key and are always the same for the same object. Nothing is signed here.
pub(crate) fn public_key(id: Id, variant: &str) -> String {
    let (mut key, length) = match variant {
        "Dkim1RsaSha256" => (RSA_PREFIX.to_vec(), RSA_PUBLIC_KEY_BYTES),
        _ => (Vec::new(), ED25519_PUBLIC_KEY_BYTES),
    };
    let mut seed = id.0;
    while key.len() < length {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        key.extend_from_slice(&(seed ^ (seed >> 29)).to_be_bytes());
    }
    key.truncate(length);
    STANDARD.encode(key)
}

/// The selector of a new key, from the template of its domain.
pub(crate) fn selector(template: &str, variant: &str, day: &str) -> String {
    let algorithm = if variant == "Dkim1RsaSha256" { "rsa" } else { "ed25519" };
    template.replace("{version}", "1").replace("{algorithm}", algorithm).replace("{date-%Y%m%d}", day)
}

/// The first variable of a selector template that the server does not know.
pub(crate) fn unknown_variable(template: &str) -> Option<String> {
    let known = ["{version}", "{algorithm}"];
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, following) = after.split_once('}').unwrap_or((after, ""));
        let variable = format!("{{{name}}}");
        if !known.contains(&variable.as_str()) && !name.starts_with("date-") {
            return Some(variable);
        }
        rest = following;
    }
    None
}

/// Whether a domain's keys are made by the server, and which.
pub(crate) fn automatic_algorithms(domain: &Object) -> Vec<String> {
    let management = domain.get("dkimManagement").and_then(serde_json::Value::as_object);
    let automatic = management.filter(|management| text_of(management, "@type") == Some("Automatic"));
    automatic
        .map(|management| index::names_in(management, "algorithms").map(str::to_owned).collect())
        .unwrap_or_default()
}
