//! The state of a tenant after an event.

use schema::{HoldId, InvitationId, Role, TenantEvent, UserId};

use super::holds::HoldState;
use super::lifecycle::living;
use super::{Created, DomainState, Hold, Invitation, InvitationState, Tenant, Termination};
use crate::access::{Lifecycle, MemberStatus, Membership};

impl Tenant {
    /// Sends every event to the part of the state it is about; each part below knows its events only.
    pub(super) fn apply(&mut self, event: &TenantEvent) {
        use TenantEvent as E;
        match event {
            E::Created { .. }
            | E::Renamed { .. }
            | E::ProfileChanged { .. }
            | E::BillingInfoChanged { .. } => {
                self.apply_profile(event);
            }
            E::HoldPlaced { .. } | E::HoldReleased { .. } | E::HoldExpired { .. } => self.apply_hold(event),
            // Marks for readers: the holds themselves say whether the doors are shut.
            E::Suspended { .. } | E::Resumed { .. } => {}
            E::Activated { .. } | E::TerminationScheduled { .. } | E::Restored { .. } | E::Terminated {} => {
                self.apply_lifecycle(event);
            }
            E::PartnerAttached { partner_id, .. } => self.partner_id = Some(*partner_id),
            E::PartnerDetached { .. } => self.partner_id = None,
            E::MemberAdded { user_id, role, .. } => self.welcome(*user_id, *role),
            E::MemberInvited { .. }
            | E::InvitationAccepted { .. }
            | E::InvitationDeclined { .. }
            | E::InvitationExpired { .. } => self.apply_invitation(event),
            E::DomainClaimed { domain } => {
                self.domains.insert(domain.clone(), DomainState::Claimed);
            }
            E::DomainVerified { domain, .. } => {
                self.domains.insert(domain.clone(), DomainState::Verified);
            }
            E::PrimaryDomainChanged { to, .. } => self.primary_domain.clone_from(to),
            E::DomainReleased { domain, .. } => {
                self.domains.remove(domain);
            }
        }
    }

    fn apply_profile(&mut self, event: &TenantEvent) {
        use TenantEvent as E;
        if let E::Created { slug, plan_id, locale, timezone, name, .. } = event {
            let lifecycle = Lifecycle::Pending;
            self.created = Some(Created { slug: slug.clone(), plan_id: *plan_id, lifecycle });
            self.name = name.clone();
            self.locale.clone_from(locale);
            self.timezone.clone_from(timezone);
        } else if let E::Renamed { to, .. } = event {
            self.name = to.clone();
        } else if let E::ProfileChanged { locale, timezone, changed, contact } = event {
            for field in changed {
                match field.as_str() {
                    "locale" => self.locale.clone_from(locale),
                    "timezone" => self.timezone.clone_from(timezone),
                    _ => {}
                }
            }
            if let Some(contact) = contact {
                self.contact = Some(contact.clone());
            }
        } else if let E::BillingInfoChanged { billing_info, .. } = event {
            self.billing_info = Some(billing_info.clone());
        }
    }

    fn apply_hold(&mut self, event: &TenantEvent) {
        use TenantEvent as E;
        if let E::HoldPlaced { hold_id, kind, until, customer_message, .. } = event {
            let (kind, until, customer_message) = (*kind, *until, customer_message.clone());
            self.holds.insert(*hold_id, Hold { kind, until, customer_message, state: HoldState::Open });
        } else if let E::HoldReleased { hold_id, .. } | E::HoldExpired { hold_id, .. } = event {
            self.close_hold(*hold_id);
        }
    }

    fn close_hold(&mut self, hold_id: HoldId) {
        if let Some(hold) = self.holds.get_mut(&hold_id) {
            hold.state = HoldState::Over;
        }
    }

    fn apply_lifecycle(&mut self, event: &TenantEvent) {
        use TenantEvent as E;
        if let E::Activated { .. } = event {
            self.enter(Lifecycle::Active);
        } else if let E::TerminationScheduled { terminates_at, previous_lifecycle: previous, .. } = event {
            self.termination = Some(Termination { terminates_at: *terminates_at, previous: *previous });
            self.enter(Lifecycle::Terminating);
        } else if let E::Restored { lifecycle, .. } = event {
            self.termination = None;
            self.enter(living(*lifecycle));
        } else if let E::Terminated {} = event {
            self.enter(Lifecycle::Terminated);
        }
    }

    fn enter(&mut self, lifecycle: Lifecycle) {
        if let Some(created) = &mut self.created {
            created.lifecycle = lifecycle;
        }
    }

    fn apply_invitation(&mut self, event: &TenantEvent) {
        use TenantEvent as E;
        if let E::MemberInvited { invitation_id, user_id, role, expires_at, .. } = event {
            self.invitations.insert(*invitation_id, Invitation::open(*user_id, *role, *expires_at));
            self.members.insert(*user_id, Membership { role: *role, status: MemberStatus::Invited });
        } else if let E::InvitationAccepted { invitation_id, user_id } = event {
            self.answer(*invitation_id, *user_id, InvitationState::Accepted, MemberStatus::Active);
        } else if let E::InvitationDeclined { invitation_id, user_id } = event {
            self.answer(*invitation_id, *user_id, InvitationState::Declined, MemberStatus::Removed);
        } else if let E::InvitationExpired { invitation_id, user_id } = event {
            self.answer(*invitation_id, *user_id, InvitationState::Expired, MemberStatus::Removed);
        }
    }

    /// Who is added needs no invitation any more.
    fn welcome(&mut self, user_id: UserId, role: Role) {
        self.members.insert(user_id, Membership { role, status: MemberStatus::Active });
        for invitation in self.invitations.values_mut() {
            if invitation.user_id == user_id && invitation.state == InvitationState::Open {
                invitation.state = InvitationState::Accepted;
            }
        }
    }

    fn answer(&mut self, id: InvitationId, user_id: UserId, state: InvitationState, status: MemberStatus) {
        if let Some(invitation) = self.invitations.get_mut(&id) {
            invitation.state = state;
        }
        if let Some(membership) = self.members.get_mut(&user_id) {
            membership.status = status;
        }
    }
}
