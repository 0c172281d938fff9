//! The state of a tenant after an event.

use schema::{HoldId, InvitationId, Role, TenantEvent, UserId};

use super::holds::HoldState;
use super::lifecycle::living;
use super::{Created, DomainState, Hold, Invitation, InvitationState, Tenant, Termination};
use crate::access::{Lifecycle, MemberStatus, Membership};

impl Tenant {
    pub(super) fn apply(&mut self, event: &TenantEvent) {
        use TenantEvent as E;
        match event {
            E::Created {
                slug,
                plan_id,
                locale,
                timezone,
                name,
                ..
            } => {
                let (slug, plan_id) = (slug.clone(), *plan_id);
                self.created = Some(Created {
                    slug,
                    plan_id,
                    lifecycle: Lifecycle::Pending,
                });
                self.name = name.clone();
                self.locale.clone_from(locale);
                self.timezone.clone_from(timezone);
            }
            E::Renamed { to, .. } => self.name = to.clone(),
            E::ProfileChanged {
                locale,
                timezone,
                contact,
                ..
            } => {
                keep_new(&mut self.locale, locale.as_ref());
                keep_new(&mut self.timezone, timezone.as_ref());
                keep_new(&mut self.contact, contact.as_ref());
            }
            E::BillingInfoChanged { billing_info, .. } => self.billing_info = Some(billing_info.clone()),
            E::HoldPlaced {
                hold_id,
                kind,
                until,
                customer_message,
                ..
            } => {
                let customer_message = customer_message.clone();
                let hold = Hold {
                    kind: *kind,
                    until: *until,
                    customer_message,
                    state: HoldState::Open,
                };
                self.holds.insert(*hold_id, hold);
            }
            E::HoldReleased { hold_id, .. } | E::HoldExpired { hold_id, .. } => self.close_hold(*hold_id),
            // Marks for readers: the holds themselves say whether the doors are shut.
            E::Suspended { .. } | E::Resumed { .. } => {}
            E::Activated { .. } => self.enter(Lifecycle::Active),
            E::TerminationScheduled {
                terminates_at,
                previous_lifecycle,
                ..
            } => {
                self.termination = Some(Termination {
                    terminates_at: *terminates_at,
                    previous: *previous_lifecycle,
                });
                self.enter(Lifecycle::Terminating);
            }
            E::Restored { lifecycle, .. } => {
                self.termination = None;
                self.enter(living(*lifecycle));
            }
            E::Terminated {} => self.enter(Lifecycle::Terminated),
            E::PartnerAttached { partner_id, .. } => self.partner_id = Some(*partner_id),
            E::PartnerDetached { .. } => self.partner_id = None,
            E::MemberAdded { user_id, role, .. } => self.welcome(*user_id, *role),
            E::MemberInvited {
                invitation_id,
                user_id,
                role,
                expires_at,
                ..
            } => {
                self.invitations
                    .insert(*invitation_id, Invitation::open(*user_id, *role, *expires_at));
                self.members.insert(
                    *user_id,
                    Membership {
                        role: *role,
                        status: MemberStatus::Invited,
                    },
                );
            }
            E::InvitationAccepted {
                invitation_id,
                user_id,
            } => {
                self.answer(
                    *invitation_id,
                    *user_id,
                    InvitationState::Accepted,
                    MemberStatus::Active,
                );
            }
            E::InvitationDeclined {
                invitation_id,
                user_id,
            } => {
                self.answer(
                    *invitation_id,
                    *user_id,
                    InvitationState::Declined,
                    MemberStatus::Removed,
                );
            }
            E::InvitationExpired {
                invitation_id,
                user_id,
            } => {
                self.answer(
                    *invitation_id,
                    *user_id,
                    InvitationState::Expired,
                    MemberStatus::Removed,
                );
            }
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

    fn enter(&mut self, lifecycle: Lifecycle) {
        if let Some(created) = &mut self.created {
            created.lifecycle = lifecycle;
        }
    }

    fn close_hold(&mut self, hold_id: HoldId) {
        if let Some(hold) = self.holds.get_mut(&hold_id) {
            hold.state = HoldState::Over;
        }
    }

    /// Who is added needs no invitation any more.
    fn welcome(&mut self, user_id: UserId, role: Role) {
        self.members.insert(
            user_id,
            Membership {
                role,
                status: MemberStatus::Active,
            },
        );
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

fn keep_new<T: Clone>(known: &mut Option<T>, new: Option<&T>) {
    if let Some(new) = new {
        *known = Some(new.clone());
    }
}
