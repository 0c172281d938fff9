//! The three systems side by side: their specs from facts, and an attempt at any of them.

use std::collections::{BTreeMap, BTreeSet};

use projector::facts::{PersonFacts, TenantFacts};
use schema::System;
use schema::provisioning::{ConvergedReason, Counts, Mode, Resource};
use serde::Serialize;

use crate::authentik::{self, Authentik};
use crate::call::{CallError, Line};
use crate::config::{Config, HANDS_DEFAULT, SystemMode};
use crate::integration::{
    Asked, Attempt, Creating, Desired, Gate, Integration, Last, Plan, Settled, converge,
};
use crate::lane::Lane;
use crate::ocis::{self, Ocis};
use crate::stalwart::{self, Stalwart};

/// What should be in one system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Spec {
    Authentik(authentik::Spec),
    Stalwart(stalwart::Spec),
    Ocis(ocis::Spec),
}

impl Spec {
    pub(crate) fn of_tenant(system: System, facts: &TenantFacts) -> Self {
        match system {
            System::Authentik => Self::Authentik(authentik::spec::of_tenant(facts)),
            System::Stalwart => Self::Stalwart(stalwart::spec::of_tenant(facts)),
            System::Ocis => Self::Ocis(ocis::spec::of_tenant(facts)),
        }
    }

    pub(crate) fn of_platform(admins: &[PersonFacts]) -> Self {
        Self::Authentik(authentik::spec::of_platform(admins))
    }

    /// The text whose hash is recorded. Fields stand in the order of their declaration. Nothing is wanted of a system
    /// that is switched off, whatever happens to the tenant.
    pub(crate) fn canonical(&self, mode: Mode) -> String {
        if mode != Mode::Enforce {
            return String::new();
        }
        // Strings, numbers and lists only: nothing in a spec can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(crate) fn counts(&self) -> Counts {
        match self {
            Self::Authentik(spec) => Authentik::counts(spec),
            Self::Stalwart(spec) => Stalwart::counts(spec),
            Self::Ocis(spec) => Ocis::counts(spec),
        }
    }

    pub(crate) fn reason(&self) -> ConvergedReason {
        match self {
            Self::Authentik(spec) => Authentik::reason(spec),
            Self::Stalwart(spec) => Stalwart::reason(spec),
            Self::Ocis(spec) => Ocis::reason(spec),
        }
    }

    /// Whether an object is still wanted: if so its absence is a loss, else it was let go.
    pub(crate) fn wants(&self, resource: &Resource) -> bool {
        match self {
            Self::Authentik(spec) => Authentik::wants(spec, resource),
            Self::Stalwart(spec) => Stalwart::wants(spec, resource),
            Self::Ocis(spec) => Ocis::wants(spec, resource),
        }
    }
}

/// What a look without work found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    pub(crate) steps: Vec<String>,
    pub(crate) refusals: Vec<String>,
    pub(crate) waiting: bool,
}

impl<S: std::fmt::Display> From<Plan<S>> for Look {
    fn from(plan: Plan<S>) -> Self {
        Self {
            steps: plan.steps.iter().map(ToString::to_string).collect(),
            refusals: plan.refusals.iter().map(|refusal| refusal.summary.to_owned()).collect(),
            waiting: plan.waiting,
        }
    }
}

/// Everything beside the spec that an attempt is given.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) known: BTreeMap<Resource, String>,
    pub(crate) gate: Gate,
    pub(crate) asked: Asked,
    pub(crate) last: Last,
    pub(crate) creating: Creating,
    pub(crate) leftovers: BTreeSet<String>,
}

impl Given {
    /// For a look that does nothing.
    pub(crate) fn to_compare(known: BTreeMap<Resource, String>, asked: Asked) -> Self {
        let (gate, last, creating) = (Gate::Open, Last::Open, Creating::Allowed);
        Self { known, gate, asked, last, creating, leftovers: BTreeSet::new() }
    }

    pub(crate) fn with<S: Clone>(&self, spec: &S) -> Desired<S> {
        Desired {
            spec: spec.clone(),
            known: self.known.clone(),
            gate: self.gate,
            asked: self.asked,
            last: self.last,
            creating: self.creating,
            leftovers: self.leftovers.clone(),
        }
    }
}

/// The systems of this installation.
pub(crate) struct Systems {
    pub(crate) authentik: Option<Authentik>,
    pub(crate) stalwart: Option<Stalwart>,
    pub(crate) ocis: Option<Ocis>,
    modes: BTreeMap<System, SystemMode>,
    hands: BTreeMap<System, usize>,
}

impl Systems {
    pub(crate) fn new(config: &Config) -> Result<Self, CallError> {
        let limit = config.call_timeout;
        let mut modes = BTreeMap::new();
        let mut systems = Self {
            authentik: None,
            stalwart: None,
            ocis: None,
            modes: BTreeMap::new(),
            hands: BTreeMap::new(),
        };
        if let Some(given) = &config.authentik {
            let url = given.api_url.trim_end_matches('/').trim_end_matches("/api/v3");
            let way = Lane::new(given.size.calls, Some(given.writes_per_second));
            let line = Line::new(System::Authentik, url, limit, &config.extra_authorities, way)?;
            let client = authentik::Client::new(line, given.token.clone());
            systems.authentik = Some(Authentik::new(client, given.instance.clone(), given.trusts_addresses));
            modes.insert(System::Authentik, given.mode);
            systems.hands.insert(System::Authentik, given.size.hands);
        }
        if let Some(given) = &config.stalwart {
            let way = Lane::new(given.size.calls, None);
            let line = Line::new(System::Stalwart, &given.api_url, limit, &config.extra_authorities, way)?;
            systems.stalwart = Some(Stalwart::new(stalwart::Client::new(line, given.token.clone())));
            modes.insert(System::Stalwart, given.mode);
            systems.hands.insert(System::Stalwart, given.size.hands);
        }
        if let Some(given) = &config.ocis {
            let way = Lane::new(given.size.calls, None);
            let line = Line::new(System::Ocis, &given.api_url, limit, &config.extra_authorities, way)?;
            let pass = ocis::credentials::Pass::new(given.credentials.clone());
            systems.ocis = Some(Ocis::new(ocis::Client::new(line, pass)));
            modes.insert(System::Ocis, given.mode);
            systems.hands.insert(System::Ocis, given.size.hands);
        }
        systems.modes = modes;
        Ok(systems)
    }

    /// How we may act in a system.
    pub(crate) fn mode(&self, system: System) -> SystemMode {
        self.modes.get(&system).copied().unwrap_or(SystemMode::Disabled)
    }

    /// How many tenants are worked on at a time in a system.
    pub(crate) fn hands(&self, system: System) -> usize {
        self.hands.get(&system).copied().unwrap_or(HANDS_DEFAULT).max(1)
    }

    /// The mode that is recorded for a tenant.
    pub(crate) fn recorded_mode(&self, system: System, facts: Option<&TenantFacts>) -> Mode {
        let is_in_plan = facts.is_none_or(|facts| match system {
            System::Authentik => facts.integrations.authentik,
            System::Stalwart => facts.integrations.stalwart,
            System::Ocis => facts.integrations.ocis,
        });
        match self.mode(system) {
            SystemMode::Disabled => Mode::DisabledByConfig,
            SystemMode::Enforce | SystemMode::Observe | SystemMode::Paused if is_in_plan => Mode::Enforce,
            SystemMode::Enforce | SystemMode::Observe | SystemMode::Paused => Mode::DisabledByPlan,
        }
    }

    /// Makes it right, or only looks when that is all we may.
    pub(crate) async fn attempt(&self, system: System, spec: &Spec, given: &Given) -> Attempt {
        if self.mode(system) != SystemMode::Enforce {
            return observed(self.look(spec, given).await);
        }
        match (spec, &self.authentik, &self.stalwart, &self.ocis) {
            (Spec::Authentik(spec), Some(system), _, _) => converge(system, &given.with(spec)).await,
            (Spec::Stalwart(spec), _, Some(system), _) => converge(system, &given.with(spec)).await,
            (Spec::Ocis(spec), _, _, Some(system)) => converge(system, &given.with(spec)).await,
            (Spec::Authentik(_) | Spec::Stalwart(_) | Spec::Ocis(_), _, _, _) => {
                observed(Ok(Look::default()))
            }
        }
    }

    /// What only this installation of a system says of itself; nothing where it says nothing of the kind.
    pub(crate) async fn fingerprint(&self, system: System) -> Result<Option<String>, CallError> {
        match (system, &self.authentik, &self.stalwart, &self.ocis) {
            (System::Authentik, Some(system), _, _) => system.client().fingerprint().await,
            (System::Stalwart, _, Some(system), _) => system.client().fingerprint().await,
            (System::Ocis, _, _, Some(system)) => system.client().fingerprint().await,
            (System::Authentik | System::Stalwart | System::Ocis, _, _, _) => Ok(None),
        }
    }

    /// The way into a system that is part of this installation.
    pub(crate) fn lane(&self, system: System) -> Option<&Lane> {
        match system {
            System::Authentik => self.authentik.as_ref().map(Integration::lane),
            System::Stalwart => self.stalwart.as_ref().map(Integration::lane),
            System::Ocis => self.ocis.as_ref().map(Integration::lane),
        }
    }

    /// What would be done.
    pub(crate) async fn look(&self, spec: &Spec, given: &Given) -> Result<Look, CallError> {
        match (spec, &self.authentik, &self.stalwart, &self.ocis) {
            (Spec::Authentik(spec), Some(system), _, _) => look(system, &given.with(spec)).await,
            (Spec::Stalwart(spec), _, Some(system), _) => look(system, &given.with(spec)).await,
            (Spec::Ocis(spec), _, _, Some(system)) => look(system, &given.with(spec)).await,
            (Spec::Authentik(_) | Spec::Stalwart(_) | Spec::Ocis(_), _, _, _) => Ok(Look::default()),
        }
    }
}

async fn look<I: Integration>(system: &I, desired: &Desired<I::Spec>) -> Result<Look, CallError> {
    let observed = system.observe(desired).await?;
    Ok(I::plan(desired, &observed).into())
}

/// A look as an attempt: level if there is nothing to do, and nothing else is claimed.
fn observed(look: Result<Look, CallError>) -> Attempt {
    match look {
        Ok(look) if look.steps.is_empty() && look.refusals.is_empty() => Attempt::new(),
        Ok(look) => Attempt {
            would_do: look.steps.into_iter().chain(look.refusals).collect(),
            outcome: Ok(Settled::Observed),
            ..Attempt::new()
        },
        Err(error) => Attempt { outcome: Err(error), ..Attempt::new() },
    }
}
