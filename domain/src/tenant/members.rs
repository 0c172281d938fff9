//! Members and invitations.

use schema::tenant::MemberSource;
use schema::{ActorKind, InvitationId, Role, TenantEvent, Text, Timestamp, UserId};

use super::Tenant;
use crate::access::{MemberStatus, Membership};
use crate::{Asked, Rejection};

/// An offer to become a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// To whom.
    pub user_id: UserId,
    /// What they will be able to do.
    pub role: Role,
    /// Ends by itself then.
    pub expires_at: Timestamp,
    /// What became of it.
    pub state: InvitationState,
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Nothing yet.
    Open,
    /// They said yes, or were added meanwhile.
    Accepted,
    /// They said no.
    Declined,
    /// Its time was over.
    Expired,
}

impl InvitationState {
    /// The word used in JSON and columns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Expired => "expired",
        }
    }
}

impl Invitation {
    pub(super) const fn open(user_id: UserId, role: Role, expires_at: Timestamp) -> Self {
        Self { user_id, role, expires_at, state: InvitationState::Open }
    }
}

impl Tenant {
    /// Members that take a seat: invited, active or disabled.
    pub fn seats_taken(&self) -> usize {
        self.members.values().filter(|membership| membership.status != MemberStatus::Removed).count()
    }

    /// Whether somebody is an active member.
    pub fn has_active_member(&self, user_id: UserId) -> bool {
        self.members.get(&user_id).is_some_and(|membership| membership.status == MemberStatus::Active)
    }

    pub(super) fn add_member(
        &self,
        user_id: UserId,
        role: Role,
        source: MemberSource,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("add a member")?;
        if asked.actor.kind == ActorKind::User && source != MemberSource::Creator {
            return Err(Rejection::RoleInsufficient);
        }
        match self.members.get(&user_id) {
            Some(Membership { status: MemberStatus::Active, role: known }) if *known == role => Ok(vec![]),
            Some(Membership { status: MemberStatus::Active | MemberStatus::Disabled, .. }) => {
                Err(member_exists(user_id))
            }
            Some(Membership { status: MemberStatus::Invited | MemberStatus::Removed, .. }) | None => {
                Ok(vec![TenantEvent::MemberAdded { user_id, role, source }])
            }
        }
    }

    pub(super) fn invite_member(
        &self,
        invitation_id: InvitationId,
        invitation: Invitation,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_ending("invite a member")?;
        let Invitation { user_id, role, expires_at, .. } = invitation;
        self.may_invite(role, asked)?;
        if expires_at <= asked.now {
            return Err(Rejection::invalid("/expiresAt", "range", "must be in the future"));
        }
        let status = self.members.get(&user_id).map(|membership| membership.status);
        match status {
            Some(MemberStatus::Invited) => Ok(vec![]),
            Some(MemberStatus::Active | MemberStatus::Disabled) => Err(member_exists(user_id)),
            Some(MemberStatus::Removed) | None => {
                let revived = status.is_some();
                Ok(vec![TenantEvent::MemberInvited { invitation_id, user_id, role, expires_at, revived }])
            }
        }
    }

    /// A held tenant invites nobody by itself, and only owners and operators make owners.
    fn may_invite(&self, role: Role, asked: &Asked) -> Result<(), Rejection> {
        match asked.actor.kind {
            ActorKind::Reconciler => Err(Rejection::RoleInsufficient),
            ActorKind::User if self.standing().is_some_and(|standing| standing.has_access_hold()) => {
                Err(Rejection::TenantSuspended {
                    customer_message: self.customer_message().map(Text::to_string),
                })
            }
            ActorKind::User if role == Role::Owner && !self.is_owner(asked.actor.id) => {
                Err(Rejection::RoleInsufficient)
            }
            ActorKind::User | ActorKind::Operator | ActorKind::System | ActorKind::Bootstrap => Ok(()),
        }
    }

    fn is_owner(&self, user_id: Option<UserId>) -> bool {
        let owner = Membership { role: Role::Owner, status: MemberStatus::Active };
        user_id.and_then(|user_id| self.members.get(&user_id)) == Some(&owner)
    }

    pub(super) fn accept_invitation(
        &self,
        invitation_id: InvitationId,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        let invitation = self.own_invitation(invitation_id, asked)?;
        if invitation.state == InvitationState::Accepted {
            return Ok(vec![]);
        }
        self.must_not_be_ending("accept")?;
        must_be_open(invitation, asked, "accept")?;
        Ok(vec![TenantEvent::InvitationAccepted { invitation_id, user_id: invitation.user_id }])
    }

    pub(super) fn decline_invitation(
        &self,
        invitation_id: InvitationId,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        let invitation = self.own_invitation(invitation_id, asked)?;
        if invitation.state == InvitationState::Declined {
            return Ok(vec![]);
        }
        self.must_not_be_ending("decline")?;
        must_be_open(invitation, asked, "decline")?;
        Ok(vec![TenantEvent::InvitationDeclined { invitation_id, user_id: invitation.user_id }])
    }

    pub(super) fn expire_invitation(
        &self,
        invitation_id: InvitationId,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_exist()?;
        let Some(invitation) = self.invitations.get(&invitation_id) else {
            return Ok(vec![]);
        };
        let is_due = invitation.state == InvitationState::Open && invitation.expires_at <= asked.now;
        let expired = TenantEvent::InvitationExpired { invitation_id, user_id: invitation.user_id };
        Ok(if is_due { vec![expired] } else { vec![] })
    }

    fn own_invitation(&self, invitation_id: InvitationId, asked: &Asked) -> Result<&Invitation, Rejection> {
        self.must_exist()?;
        let invitation = self.invitations.get(&invitation_id).ok_or(Rejection::InvitationNotFound)?;
        if asked.actor.id == Some(invitation.user_id) {
            Ok(invitation)
        } else {
            Err(Rejection::InvitationNotYours)
        }
    }
}

fn must_be_open(invitation: &Invitation, asked: &Asked, attempted: &'static str) -> Result<(), Rejection> {
    let state = match invitation.state {
        InvitationState::Open if invitation.expires_at > asked.now => return Ok(()),
        InvitationState::Open => InvitationState::Expired,
        InvitationState::Accepted | InvitationState::Declined | InvitationState::Expired => invitation.state,
    };
    Err(Rejection::InvalidTransition { from: state.as_str(), attempted, allowed: &[] })
}

fn member_exists(user_id: UserId) -> Rejection {
    Rejection::AlreadyExists { what: "member", field: "userId", value: user_id.to_string() }
}
