//! A tenant: one customer company with its lifecycle, holds, members, domains and partner.

mod domains;
mod evolve;
mod holds;
mod lifecycle;
mod members;
mod partner_link;
mod profile;

use std::collections::BTreeMap;

pub use domains::DomainState;
pub use holds::Hold;
pub use lifecycle::Termination;
pub use members::{Invitation, InvitationState};

use schema::people::{BillingInfo, ContactInfo};
use schema::{
    DisplayName, DomainName, HoldId, InvitationId, PartnerId, Personal, PlanId, Slug, TenantCommand,
    TenantEvent, UserId,
};

use crate::access::{Lifecycle, Membership, TenantStanding};
use crate::{Asked, Decider, Rejection};

/// One customer company.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tenant {
    created: Option<Created>,
    name: Personal<DisplayName>,
    locale: Option<String>,
    timezone: Option<String>,
    contact: Option<Personal<ContactInfo>>,
    billing_info: Option<Personal<BillingInfo>>,
    holds: BTreeMap<HoldId, Hold>,
    termination: Option<Termination>,
    members: BTreeMap<UserId, Membership>,
    invitations: BTreeMap<InvitationId, Invitation>,
    domains: BTreeMap<DomainName, DomainState>,
    primary_domain: Option<DomainName>,
    partner_id: Option<PartnerId>,
}

#[derive(Debug, Clone, PartialEq)]
struct Created {
    slug: Slug,
    plan_id: PlanId,
    lifecycle: Lifecycle,
}

impl Tenant {
    /// Whether there is such a tenant.
    pub const fn exists(&self) -> bool {
        self.created.is_some()
    }

    /// What decides about its doors; nothing when there is no such tenant.
    pub fn standing(&self) -> Option<TenantStanding> {
        let holds = self.open_holds().map(|(_, hold)| hold.kind).collect();
        self.lifecycle().map(|lifecycle| TenantStanding { lifecycle, holds })
    }

    /// How far its life has come; nothing when there is no such tenant.
    pub fn lifecycle(&self) -> Option<Lifecycle> {
        self.created.as_ref().map(|created| created.lifecycle)
    }

    /// The short name.
    pub fn slug(&self) -> Option<&Slug> {
        self.created.as_ref().map(|created| &created.slug)
    }

    /// The plan it started with.
    pub fn plan_id(&self) -> Option<PlanId> {
        self.created.as_ref().map(|created| created.plan_id)
    }

    /// The name shown.
    pub const fn name(&self) -> &Personal<DisplayName> {
        &self.name
    }

    /// Whom to call, as far as it has not been erased.
    pub fn contact(&self) -> Option<&ContactInfo> {
        self.contact.as_ref().and_then(Personal::as_ref)
    }

    /// Who pays; nothing once that was taken away or erased.
    pub fn billing_info(&self) -> Option<&BillingInfo> {
        self.billing_info
            .as_ref()
            .and_then(Personal::as_ref)
            .filter(|known| **known != BillingInfo::default())
    }

    /// Holds that are open.
    pub fn open_holds(&self) -> impl Iterator<Item = (HoldId, &Hold)> {
        self.holds.iter().filter(|(_, hold)| hold.is_open()).map(|(id, hold)| (*id, hold))
    }

    /// Everybody who is or was a member, or is invited.
    pub const fn members(&self) -> &BTreeMap<UserId, Membership> {
        &self.members
    }

    /// Every invitation there has been.
    pub const fn invitations(&self) -> &BTreeMap<InvitationId, Invitation> {
        &self.invitations
    }

    /// Every domain that is claimed or verified.
    pub const fn domains(&self) -> &BTreeMap<DomainName, DomainState> {
        &self.domains
    }

    /// The domain of new addresses.
    pub const fn primary_domain(&self) -> Option<&DomainName> {
        self.primary_domain.as_ref()
    }

    /// The partner that brings this tenant.
    pub const fn partner_id(&self) -> Option<PartnerId> {
        self.partner_id
    }

    /// The end that is set, if one is.
    pub const fn termination(&self) -> Option<&Termination> {
        self.termination.as_ref()
    }

    /// A refusal that says where the tenant stands and what could be done instead.
    fn not_possible(from: Lifecycle, attempted: &'static str) -> Rejection {
        let allowed: &[&str] = match from {
            Lifecycle::Pending | Lifecycle::Active => &["suspend", "resume", "terminate"],
            Lifecycle::Terminating => &["restore"],
            Lifecycle::Terminated => &[],
        };
        Rejection::InvalidTransition { from: from.as_str(), attempted, allowed }
    }

    /// Commands that end with the tenant: names and billing data may change until then.
    fn must_not_be_over(&self, attempted: &'static str) -> Result<(), Rejection> {
        match self.must_exist()? {
            Lifecycle::Pending | Lifecycle::Active | Lifecycle::Terminating => Ok(()),
            from @ Lifecycle::Terminated => Err(Self::not_possible(from, attempted)),
        }
    }

    /// Commands about members, domains and the partner: frozen from the moment the end is set.
    fn must_not_be_ending(&self, attempted: &'static str) -> Result<(), Rejection> {
        match self.must_exist()? {
            Lifecycle::Pending | Lifecycle::Active => Ok(()),
            Lifecycle::Terminating => Err(Rejection::TenantTerminating),
            from @ Lifecycle::Terminated => Err(Self::not_possible(from, attempted)),
        }
    }

    fn must_exist(&self) -> Result<Lifecycle, Rejection> {
        self.lifecycle().ok_or(Rejection::NotFound { what: "tenant-not-found" })
    }
}

impl Decider for Tenant {
    type Command = TenantCommand;
    type Event = TenantEvent;

    fn decide(&self, command: TenantCommand, asked: &Asked) -> Result<Vec<TenantEvent>, Rejection> {
        use TenantCommand as C;
        match command {
            C::Create { slug, name, origin, plan_id, locale, timezone, created_by, ordinal } => {
                if self.exists() {
                    return Err(Rejection::AlreadyExists {
                        what: "tenant",
                        field: "slug",
                        value: slug.to_string(),
                    });
                }
                let name = name.into();
                Ok(vec![TenantEvent::Created {
                    slug,
                    origin,
                    plan_id,
                    locale,
                    timezone,
                    created_by,
                    ordinal,
                    name,
                }])
            }
            C::Rename { name } => self.rename(name),
            C::ChangeProfile { locale, timezone, contact } => self.change_profile(locale, timezone, contact),
            C::ChangeBillingInfo { billing_info } => self.change_billing_info(billing_info),
            C::PlaceHold { hold_id, kind, reason, customer_message, until } => {
                self.place_hold(hold_id, holds::Placing { kind, reason, customer_message, until }, asked)
            }
            C::ReleaseHold { hold, reason } => self.release_hold(hold, reason, asked),
            C::ExpireHold { hold_id } => self.expire_hold(hold_id, asked),
            C::Activate { generations } => self.activate(generations),
            C::Terminate { reason, grace_days, confirm } => {
                self.terminate(reason, grace_days, confirm, asked)
            }
            C::Restore { reason } => self.restore(reason),
            C::CompleteTermination => self.complete_termination(asked),
            C::AttachPartner { partner_id, why } => self.attach_partner(partner_id, why),
            C::DetachPartner { why } => self.detach_partner(why),
            C::AddMember { user_id, role, source } => self.add_member(user_id, role, source, asked),
            C::InviteMember { invitation_id, user_id, role, expires_at } => {
                self.invite_member(invitation_id, Invitation::open(user_id, role, expires_at), asked)
            }
            C::AcceptInvitation { invitation_id } => self.accept_invitation(invitation_id, asked),
            C::DeclineInvitation { invitation_id } => self.decline_invitation(invitation_id, asked),
            C::ExpireInvitation { invitation_id } => self.expire_invitation(invitation_id, asked),
            C::ClaimDomain { domain } => self.claim_domain(domain),
            C::VerifyDomain { domain, method, evidence } => self.verify_domain(domain, method, evidence),
            C::SetPrimaryDomain { domain } => self.set_primary_domain(domain),
            C::ReleaseDomain { domain, in_use } => self.release_domain(domain, in_use),
        }
    }

    fn evolve(&mut self, event: &TenantEvent) {
        self.apply(event);
    }
}

#[cfg(test)]
mod tests;
