//! What would have to be done in Stalwart. Doors shut first, then objects, then doors open.

use std::collections::BTreeSet;
use std::fmt;

use schema::UserId;
use schema::provisioning::Reason;

use super::{
    AccountSeen, AccountSpec, GateSeen, Observed, Permissions, Presence, Receiving, RoleSeen, Spec, Switch,
    domain_resource,
};
use crate::integration::{Plan, Refusal};

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    SetSwitch { role: String, switch: Switch },
    CreateRole { switch: Switch },
    MarkRole { role: String },
    SetRoleBase { role: String, base: BTreeSet<String> },
    DestroyTwin { role: String },
    CreateDomain { name: String },
    MarkDomain { id: String, name: String },
    DestroyDomain { id: String, name: String },
    CreateAccount { user_id: UserId, role: String },
    GiveRole { account: String, role: String },
    SetPermissions { account: String, switch: Switch },
    SetQuota { account: String, quota: Option<u64> },
    InstallGate,
    RefuseMail { name: String },
    AcceptMail { name: String, key: String },
}

impl Step {
    /// The domain this step destroys.
    pub(super) fn destroyed_domain(&self) -> Option<&str> {
        if let Self::DestroyDomain { id, .. } = self { Some(id) } else { None }
    }
}

impl crate::integration::Step for Step {
    fn path(&self) -> &'static str {
        match self {
            Self::SetSwitch { .. } => "role.disabledPermissions",
            Self::CreateRole { .. } | Self::DestroyTwin { .. } => "role",
            Self::MarkRole { .. } => "role.description",
            Self::SetRoleBase { .. } => "role.roleIds",
            Self::CreateDomain { .. } | Self::DestroyDomain { .. } => "domain",
            Self::MarkDomain { .. } => "domain.description",
            Self::CreateAccount { .. } => "account",
            Self::GiveRole { .. } => "account.roles",
            Self::SetPermissions { .. } => "account.permissions",
            Self::SetQuota { .. } => "account.quota",
            Self::InstallGate => "gate",
            Self::RefuseMail { .. } | Self::AcceptMail { .. } => "gate.keys",
        }
    }

    fn creates(&self) -> bool {
        matches!(self, Self::CreateRole { .. } | Self::CreateDomain { .. } | Self::CreateAccount { .. })
    }

    /// An account outside the role would get around the switch: giving it the role of a shut tenant shuts it.
    fn shuts(&self) -> bool {
        match self {
            Self::SetSwitch { switch, .. } | Self::SetPermissions { switch, .. } => *switch == Switch::Shut,
            Self::GiveRole { .. } | Self::InstallGate | Self::RefuseMail { .. } => true,
            Self::CreateRole { .. }
            | Self::MarkRole { .. }
            | Self::SetRoleBase { .. }
            | Self::DestroyTwin { .. }
            | Self::CreateDomain { .. }
            | Self::MarkDomain { .. }
            | Self::DestroyDomain { .. }
            | Self::CreateAccount { .. }
            | Self::SetQuota { .. }
            | Self::AcceptMail { .. } => false,
        }
    }

    fn stage(&self) -> u8 {
        match self {
            Self::SetSwitch { switch: Switch::Shut, .. } => 0,
            Self::GiveRole { .. } => 1,
            Self::SetPermissions { switch: Switch::Shut, .. } => 2,
            Self::InstallGate => 3,
            Self::RefuseMail { .. } => 4,
            Self::AcceptMail { .. } => 5,
            Self::CreateRole { .. } | Self::MarkRole { .. } => 6,
            Self::SetRoleBase { .. } => 7,
            Self::CreateDomain { .. } | Self::MarkDomain { .. } => 8,
            Self::DestroyDomain { .. } => 9,
            Self::CreateAccount { .. } => 10,
            Self::SetPermissions { switch: Switch::Open, .. } => 11,
            Self::SetQuota { .. } => 12,
            Self::DestroyTwin { .. } => 13,
            Self::SetSwitch { switch: Switch::Open, .. } => 14,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |switch: &Switch| match switch {
            Switch::Open => "open",
            Switch::Shut => "shut",
        };
        match self {
            Self::SetSwitch { role, switch } => write!(out, "set role {role} to {}", word(switch)),
            Self::CreateRole { switch } => write!(out, "create the tenant's role, {}", word(switch)),
            Self::MarkRole { role } => write!(out, "mark role {role} as ours"),
            Self::SetRoleBase { role, .. } => write!(out, "let role {role} build on the default user role"),
            Self::DestroyTwin { role } => write!(out, "destroy role {role}, a twin of the tenant's"),
            Self::CreateDomain { name } => write!(out, "create domain {name}"),
            Self::MarkDomain { name, .. } => write!(out, "mark domain {name} as ours"),
            Self::DestroyDomain { name, .. } => {
                write!(out, "destroy domain {name}, which is empty and no longer wanted")
            }
            Self::CreateAccount { user_id, .. } => write!(out, "create the mailbox of {user_id}"),
            Self::GiveRole { account, role } => write!(out, "give account {account} the role {role} alone"),
            Self::SetPermissions { account, switch } => {
                write!(out, "set account {account} to {}", word(switch))
            }
            Self::SetQuota { account, quota: Some(bytes) } => {
                write!(out, "set the quota of account {account} to {bytes} bytes")
            }
            Self::SetQuota { account, quota: None } => write!(out, "take the quota from account {account}"),
            Self::InstallGate => write!(out, "install the gate {}", super::GATE_SCRIPT),
            Self::RefuseMail { name } => write!(out, "refuse mail for {name}"),
            Self::AcceptMail { name, .. } => write!(out, "accept mail for {name} again"),
        }
    }
}

pub(super) fn plan(spec: &Spec, observed: &Observed) -> Plan<Step> {
    let mut plan = Plan::default();
    for name in &observed.taken {
        plan.refusals.push(Refusal {
            resource: domain_resource(name),
            reason: Reason::OwnedByAnother,
            summary: "the domain exists in the mail server and is not marked as this tenant's",
        });
    }
    if let Some(role) = &observed.role
        && spec.switch == Switch::Shut
    {
        plan.steps.extend(set_switch(spec, role));
    }
    plan.steps.extend(gate(spec, observed));
    role(spec, observed, &mut plan.steps);
    plan.steps.extend(domains(spec, observed));
    if let Some(role) = &observed.role {
        plan.steps.extend(accounts(spec, observed, role));
        plan.steps.extend(twins(observed));
        if spec.switch == Switch::Open {
            plan.steps.extend(set_switch(spec, role));
        }
    }
    plan
}

fn set_switch(spec: &Spec, role: &RoleSeen) -> Option<Step> {
    let differs = role.disabled != spec.switch.disabled();
    differs.then(|| Step::SetSwitch { role: role.id.clone(), switch: spec.switch })
}

fn role(spec: &Spec, observed: &Observed, steps: &mut Vec<Step>) {
    let Some(role) = &observed.role else {
        if !spec.domains.is_empty() {
            steps.push(Step::CreateRole { switch: spec.switch });
        }
        return;
    };
    if !role.is_marked {
        steps.push(Step::MarkRole { role: role.id.clone() });
    }
    if role.role_ids != observed.default_roles {
        steps.push(Step::SetRoleBase { role: role.id.clone(), base: observed.default_roles.clone() });
    }
}

fn domains(spec: &Spec, observed: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    for name in &spec.domains {
        match observed.domains.get(name) {
            Some(domain) if !domain.is_marked => {
                steps.push(Step::MarkDomain { id: domain.id.clone(), name: name.clone() });
            }
            Some(_) => {}
            None if observed.taken.contains(name) => {}
            None => steps.push(Step::CreateDomain { name: name.clone() }),
        }
    }
    for domain in observed.domains.values().filter(|domain| !spec.domains.contains(&domain.name)) {
        // Nothing of people is destroyed here: a domain that holds a mailbox, a group or a list stays.
        let is_empty = observed.accounts.get(&domain.id).is_none_or(Vec::is_empty)
            && !observed.occupied.contains(&domain.id);
        if domain.is_marked && is_empty {
            steps.push(Step::DestroyDomain { id: domain.id.clone(), name: domain.name.clone() });
        }
    }
    steps
}

fn accounts(spec: &Spec, observed: &Observed, role: &RoleSeen) -> Vec<Step> {
    let mut steps = Vec::new();
    let alone = BTreeSet::from([role.id.clone()]);
    // Whoever made an account in our domain, it is the tenant's: outside the role it would get around the switch.
    for account in observed.accounts.values().flatten() {
        if account.role_ids.as_ref() != Some(&alone) {
            steps.push(Step::GiveRole { account: account.id.clone(), role: role.id.clone() });
        }
    }
    for wanted in &spec.accounts {
        match observed.account(wanted) {
            Some(account) => steps.extend(mailbox(wanted, account)),
            None if wanted.presence == Presence::Ensure && observed.domains.contains_key(&wanted.domain) => {
                steps.push(Step::CreateAccount { user_id: wanted.user_id, role: role.id.clone() });
            }
            None => {}
        }
    }
    steps
}

fn mailbox(wanted: &AccountSpec, account: &AccountSeen) -> Vec<Step> {
    let mut steps = Vec::new();
    if account.permissions != Permissions::of(wanted.switch) {
        steps.push(Step::SetPermissions { account: account.id.clone(), switch: wanted.switch });
    }
    if account.quota != wanted.quota {
        steps.push(Step::SetQuota { account: account.id.clone(), quota: wanted.quota });
    }
    steps
}

fn twins(observed: &Observed) -> Vec<Step> {
    let in_use: BTreeSet<&String> = observed
        .accounts
        .values()
        .flatten()
        .filter_map(|account| account.role_ids.as_ref())
        .flatten()
        .collect();
    let idle = observed.twins.iter().filter(|twin| !in_use.contains(twin));
    idle.map(|role| Step::DestroyTwin { role: role.clone() }).collect()
}

fn gate(spec: &Spec, observed: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    for (name, key) in &observed.gate_keys {
        if spec.receiving == Receiving::Accepted || !spec.domains.contains(name) {
            steps.push(Step::AcceptMail { name: name.clone(), key: key.clone() });
        }
    }
    if spec.receiving == Receiving::Refused {
        if observed.gate == GateSeen::Missing && !spec.domains.is_empty() {
            steps.push(Step::InstallGate);
        }
        let ours = spec.domains.iter().filter(|name| observed.domains.contains_key(*name));
        let missing = ours.filter(|name| !observed.gate_keys.contains_key(*name));
        steps.extend(missing.map(|name| Step::RefuseMail { name: name.clone() }));
    }
    steps
}
