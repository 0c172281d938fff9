//! Everything there is in one system, read in bulk.

use std::collections::BTreeSet;

use schema::provisioning::ResourceKind;
use schema::{System, TenantId};

use super::{Bulk, Compared, Orphan, authentik, ocis, stalwart};
use crate::call::CallError;
use crate::creating::Census;
use crate::integration::Integration;
use crate::systems::{Spec, Systems};

/// The list of file spaces breaks near 3,450 unless the server's message limit is raised; said early enough.
const SPACES_WARN: usize = 3_000;

/// Everything there is in one system.
pub(crate) enum Everything {
    Authentik(authentik::Everything),
    Stalwart(stalwart::Everything),
    Ocis(ocis::Everything),
    /// The system is no part of this installation.
    Nothing,
}

impl Everything {
    pub(crate) async fn read(systems: &Systems, system: System) -> Result<Self, CallError> {
        Ok(match (system, &systems.authentik, &systems.stalwart, &systems.ocis) {
            (System::Authentik, Some(integration), _, _) => {
                Self::Authentik(authentik::Everything::read(integration.client()).await?)
            }
            (System::Stalwart, _, Some(integration), _) => {
                Self::Stalwart(stalwart::Everything::read(integration.client()).await?)
            }
            (System::Ocis, _, _, Some(integration)) => {
                let everything = ocis::Everything::read(integration.client()).await?;
                let spaces = everything.spaces();
                if spaces > SPACES_WARN {
                    tracing::warn!(
                        spaces,
                        "the list of file spaces comes near its limit: raise OCIS_GRPC_MAX_RECEIVED_MESSAGE_SIZE"
                    );
                }
                Self::Ocis(everything)
            }
            (System::Authentik | System::Stalwart | System::Ocis, _, _, _) => Self::Nothing,
        })
    }

    /// What carries our mark and is nobody's.
    pub(super) fn orphans(&self, tenants: &BTreeSet<TenantId>) -> Vec<Orphan> {
        match self {
            Self::Authentik(bulk) => Bulk::orphans(bulk, tenants),
            Self::Stalwart(bulk) => Bulk::orphans(bulk, tenants),
            Self::Ocis(bulk) => Bulk::orphans(bulk, tenants),
            Self::Nothing => Vec::new(),
        }
    }

    /// Whose wanted state differs from what is there, and what they have beside what they use.
    pub(super) fn compare<'a>(&self, compared: &'a [Compared]) -> (Vec<&'a Compared>, Vec<Orphan>) {
        match self {
            Self::Authentik(bulk) => compare(bulk, compared, |spec| match spec {
                Spec::Authentik(spec) => Some(spec),
                Spec::Stalwart(_) | Spec::Ocis(_) => None,
            }),
            Self::Stalwart(bulk) => compare(bulk, compared, |spec| match spec {
                Spec::Stalwart(spec) => Some(spec),
                Spec::Authentik(_) | Spec::Ocis(_) => None,
            }),
            Self::Ocis(bulk) => compare(bulk, compared, |spec| match spec {
                Spec::Ocis(spec) => Some(spec),
                Spec::Authentik(_) | Spec::Stalwart(_) => None,
            }),
            Self::Nothing => (Vec::new(), Vec::new()),
        }
    }

    /// Whether there is anything for the gate of the mail server to look up.
    pub(super) fn refuses_mail(&self) -> bool {
        match self {
            Self::Stalwart(bulk) => bulk.refuses_mail(),
            Self::Authentik(_) | Self::Ocis(_) | Self::Nothing => false,
        }
    }
}

impl Census for Everything {
    fn holds(&self, kind: ResourceKind, id: &str) -> bool {
        match self {
            Self::Authentik(bulk) => bulk.holds(kind, id),
            Self::Stalwart(bulk) => bulk.holds(kind, id),
            Self::Ocis(bulk) => bulk.holds(kind, id),
            Self::Nothing => true,
        }
    }
}

fn compare<'a, I, B>(
    bulk: &B,
    compared: &'a [Compared],
    spec_of: impl Fn(&Spec) -> Option<&I::Spec>,
) -> (Vec<&'a Compared>, Vec<Orphan>)
where
    I: Integration,
    I::Spec: Clone,
    B: Bulk<I>,
{
    let (mut differing, mut twins) = (Vec::new(), Vec::new());
    for one in compared {
        let Some(spec) = spec_of(&one.spec) else { continue };
        let desired = one.given.with(spec);
        let observed = bulk.observed(&desired);
        twins.extend(bulk.twins(&desired, &observed));
        if !I::plan(&desired, &observed).steps.is_empty() {
            differing.push(one);
        }
    }
    (differing, twins)
}
