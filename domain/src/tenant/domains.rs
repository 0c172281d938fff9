//! Domains: claimed by anybody, verified by one, one of them primary.

use schema::tenant::{DomainUse, VerifyMethod};
use schema::{DomainName, TenantEvent, Text};

use super::Tenant;
use crate::Rejection;

/// How far a domain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainState {
    /// Wanted. Not exclusive, no effect outside.
    Claimed,
    /// Ours.
    Verified,
}

impl DomainState {
    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Verified => "verified",
        }
    }
}

impl Tenant {
    /// Domains that are ours.
    pub fn verified_domains(&self) -> impl Iterator<Item = &DomainName> {
        self.domains.iter().filter(|(_, state)| **state == DomainState::Verified).map(|(domain, _)| domain)
    }

    pub(super) fn claim_domain(&self, domain: DomainName) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("claim a domain")?;
        Ok(if self.domains.contains_key(&domain) {
            vec![]
        } else {
            vec![TenantEvent::DomainClaimed { domain }]
        })
    }

    pub(super) fn verify_domain(
        &self,
        domain: DomainName,
        method: VerifyMethod,
        evidence: Option<Text>,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("verify a domain")?;
        match self.domains.get(&domain) {
            None => Err(Rejection::DomainNotFound),
            Some(DomainState::Verified) => Ok(vec![]),
            Some(DomainState::Claimed) => {
                let first = self
                    .primary_domain
                    .is_none()
                    .then(|| TenantEvent::PrimaryDomainChanged { from: None, to: Some(domain.clone()) });
                let verified =
                    TenantEvent::DomainVerified { domain, method, evidence: evidence.map(Into::into) };
                Ok([Some(verified), first].into_iter().flatten().collect())
            }
        }
    }

    pub(super) fn set_primary_domain(&self, domain: DomainName) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("choose a primary domain")?;
        match self.domains.get(&domain) {
            None => Err(Rejection::DomainNotFound),
            Some(DomainState::Claimed) => Err(Rejection::InvalidTransition {
                from: DomainState::Claimed.as_str(),
                attempted: "make-primary",
                allowed: &["verify"],
            }),
            Some(DomainState::Verified) if self.primary_domain.as_ref() == Some(&domain) => Ok(vec![]),
            Some(DomainState::Verified) => Ok(vec![TenantEvent::PrimaryDomainChanged {
                from: self.primary_domain.clone(),
                to: Some(domain),
            }]),
        }
    }

    pub(super) fn release_domain(
        &self,
        domain: DomainName,
        in_use: DomainUse,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("release a domain")?;
        let Some(state) = self.domains.get(&domain) else {
            return Ok(vec![]);
        };
        let is_primary = self.primary_domain.as_ref() == Some(&domain);
        if in_use == DomainUse::InUse {
            return Err(Rejection::DomainInUse);
        }
        if is_primary && self.verified_domains().count() > 1 {
            return Err(Rejection::DomainIsPrimary);
        }
        let none_left =
            is_primary.then(|| TenantEvent::PrimaryDomainChanged { from: Some(domain.clone()), to: None });
        let released = TenantEvent::DomainReleased { domain, was_verified: *state == DomainState::Verified };
        Ok([Some(released), none_left].into_iter().flatten().collect())
    }
}
