//! Several changes to a tenant, all or nothing.

use std::collections::BTreeSet;

use schema::people::{BillingInfo, ContactInfo};
use schema::tenant::{AttachedWhy, DetachedWhy, DomainUse};
use schema::{DisplayName, DomainName, PartnerId, PlanId, StreamId, TenantCommand, TenantId};

use super::AttachPartner;
use crate::tenant::Tenant;
use crate::{Act, Asked, Board, Rejection};

const DOMAINS_MAX: usize = 20;

/// What is given changes; what is absent stays.
#[derive(Debug, Clone)]
pub struct PatchTenant {
    /// Which.
    pub tenant_id: TenantId,
    /// The plan it has, whose limits apply; guarded.
    pub plan_id: Option<PlanId>,
    /// The name shown.
    pub name: Option<DisplayName>,
    /// Language, BCP 47; or none any more.
    pub locale: Option<Option<String>>,
    /// IANA time zone; or none any more.
    pub timezone: Option<Option<String>>,
    /// Whom to call.
    pub contact: Option<ContactInfo>,
    /// Who pays.
    pub billing_info: Option<BillingInfo>,
    /// Every domain from now on: others are released, new ones claimed.
    pub domains: Option<BTreeSet<DomainName>>,
    /// Domains somebody has an address on; these are not released.
    pub in_use: BTreeSet<DomainName>,
    /// A partner, or none any more.
    pub partner: Option<Option<PartnerId>>,
}

impl PatchTenant {
    fn run(&self, board: &mut Board, command: TenantCommand, asked: &Asked) -> Result<(), Rejection> {
        board.run::<Tenant>(&self.tenant_id.into(), command, asked).map(drop)
    }

    fn describe(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        if let Some(name) = self.name.clone() {
            self.run(board, TenantCommand::Rename { name }, asked)?;
        }
        let (locale, timezone, contact) = (self.locale.clone(), self.timezone.clone(), self.contact.clone());
        if locale.is_some() || timezone.is_some() || contact.is_some() {
            self.run(board, TenantCommand::ChangeProfile { locale, timezone, contact }, asked)?;
        }
        if let Some(billing_info) = self.billing_info.clone() {
            self.run(board, TenantCommand::ChangeBillingInfo { billing_info }, asked)?;
        }
        Ok(())
    }

    fn set_domains(
        &self,
        wanted: &BTreeSet<DomainName>,
        board: &mut Board,
        asked: &Asked,
    ) -> Result<(), Rejection> {
        let limit = self.plan_id.and_then(|plan_id| board.plan(plan_id).limits().domains);
        let tenant = board.tenant(self.tenant_id);
        let known: BTreeSet<DomainName> = tenant.domains().keys().cloned().collect();
        let primary = tenant.primary_domain().cloned();
        if wanted.difference(&known).next().is_some() {
            must_fit(wanted.len(), limit, DOMAINS_MAX)?;
        }
        let mut leaving: Vec<&DomainName> = known.difference(wanted).collect();
        // The primary one may go only as the last one that is verified.
        leaving.sort_by_key(|domain| Some(*domain) == primary.as_ref());
        for domain in leaving {
            let in_use = if self.in_use.contains(domain) { DomainUse::InUse } else { DomainUse::Free };
            self.run(board, TenantCommand::ReleaseDomain { domain: domain.clone(), in_use }, asked)?;
        }
        for domain in wanted.difference(&known) {
            self.run(board, TenantCommand::ClaimDomain { domain: domain.clone() }, asked)?;
        }
        Ok(())
    }

    fn set_partner(
        &self,
        wanted: Option<PartnerId>,
        board: &mut Board,
        asked: &Asked,
    ) -> Result<(), Rejection> {
        let Self { tenant_id, .. } = *self;
        match wanted {
            Some(partner_id) => {
                AttachPartner { tenant_id, partner_id, why: AttachedWhy::Operator }.decide(board, asked)
            }
            None => self.run(board, TenantCommand::DetachPartner { why: DetachedWhy::Operator }, asked),
        }
    }
}

impl Act for PatchTenant {
    fn streams(&self) -> Vec<StreamId> {
        let plan = self.plan_id.map(StreamId::from);
        let partner = self.partner.flatten().map(StreamId::from);
        [Some(StreamId::from(self.tenant_id)), plan, partner].into_iter().flatten().collect()
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        if !board.tenant(self.tenant_id).exists() {
            return Err(Rejection::NotFound { what: "tenant-not-found" });
        }
        self.describe(board, asked)?;
        if let Some(wanted) = &self.domains {
            self.set_domains(wanted, board, asked)?;
        }
        match self.partner {
            Some(wanted) => self.set_partner(wanted, board, asked),
            None => Ok(()),
        }
    }
}

/// How many domains a tenant may have: what the plan says, and never more than a list of ours can hold.
pub(super) fn must_fit(count: usize, limit: Option<u32>, ceiling: usize) -> Result<(), Rejection> {
    let limit = limit.map_or(ceiling, |limit| usize::try_from(limit).unwrap_or(ceiling).min(ceiling));
    if count <= limit {
        return Ok(());
    }
    Err(Rejection::invalid("/domains", "range", format!("must have at most {limit} entries")))
}
