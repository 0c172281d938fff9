//! Who is looked at: a tenant, or the platform's own group of administrators.

use std::fmt;
use std::str::FromStr;

use schema::{StreamId, System, TenantId, ValueError};

const PLATFORM: &str = "platform";

/// A tenant's group: the same name in the identity system and the file server, which finds its own by it in tokens.
pub(crate) fn group_name(slug: &str) -> String {
    format!("dezky-tenant-{slug}")
}

/// Whose outside objects are made right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A tenant.
    Tenant(TenantId),
    /// The platform's administrators; in the identity system only.
    Platform,
}

impl Subject {
    /// The systems it has objects in.
    pub fn systems(self) -> Vec<System> {
        match self {
            Self::Tenant(_) => System::ALL.to_vec(),
            Self::Platform => vec![System::Authentik],
        }
    }

    /// Where it is recorded what was observed.
    pub fn stream(self, system: System) -> StreamId {
        match self {
            Self::Tenant(id) => StreamId::provisioning(id, system),
            Self::Platform => StreamId::platform_provisioning(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => id.fmt(out),
            Self::Platform => out.write_str(PLATFORM),
        }
    }
}

impl FromStr for Subject {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == PLATFORM { Ok(Self::Platform) } else { text.parse().map(Self::Tenant) }
    }
}
