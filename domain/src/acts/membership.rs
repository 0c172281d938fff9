//! Members come: added by an operator, invited, or saying yes. Seats are counted where the plan limits them.

use schema::tenant::MemberSource;
use schema::{
    InvitationId, PlanId, Role, StreamId, SubscriptionId, TenantCommand, TenantId, Timestamp, UserId,
};

use crate::access::UserStatus;
use crate::tenant::Tenant;
use crate::user::User;
use crate::{Act, Asked, Board, Rejection};

/// Where the limit of seats stands. Guarded: it must not change meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seats {
    /// The tenant's open subscription.
    pub subscription_id: SubscriptionId,
    /// The plan it is for.
    pub plan_id: PlanId,
}

impl Seats {
    fn streams(self) -> [StreamId; 2] {
        [self.subscription_id.into(), self.plan_id.into()]
    }

    fn limit(self, board: &Board) -> Option<u32> {
        let subscription = board.subscription(self.subscription_id);
        let price_id = subscription.price_id()?;
        board.plan(self.plan_id).seats(price_id, subscription.quantity())
    }
}

/// An operator makes somebody a member at once.
#[derive(Debug, Clone, Copy)]
pub struct AddMember {
    /// Of which tenant.
    pub tenant_id: TenantId,
    /// Whom.
    pub user_id: UserId,
    /// What they may do.
    pub role: Role,
    /// On which ground.
    pub source: MemberSource,
    /// The limit of seats; nothing when the tenant has no subscription.
    pub seats: Option<Seats>,
}

impl Act for AddMember {
    fn streams(&self) -> Vec<StreamId> {
        streams(self.tenant_id, self.user_id, self.seats)
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        must_be_welcome(board.user(self.user_id))?;
        let Self { user_id, role, source, .. } = *self;
        let command = TenantCommand::AddMember { user_id, role, source };
        board.run::<Tenant>(&self.tenant_id.into(), command, asked)?;
        must_fit_seats(board, self.tenant_id, self.seats)
    }
}

/// Somebody is asked to become a member.
#[derive(Debug, Clone, Copy)]
pub struct InviteMember {
    /// Of which tenant.
    pub tenant_id: TenantId,
    /// The new invitation.
    pub invitation_id: InvitationId,
    /// Whom.
    pub user_id: UserId,
    /// What they will be able to do.
    pub role: Role,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// The limit of seats; nothing when the tenant has no subscription.
    pub seats: Option<Seats>,
}

impl Act for InviteMember {
    fn streams(&self) -> Vec<StreamId> {
        streams(self.tenant_id, self.user_id, self.seats)
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        must_be_welcome(board.user(self.user_id))?;
        let Self { invitation_id, user_id, role, expires_at, .. } = *self;
        let command = TenantCommand::InviteMember { invitation_id, user_id, role, expires_at };
        board.run::<Tenant>(&self.tenant_id.into(), command, asked)?;
        must_fit_seats(board, self.tenant_id, self.seats)
    }
}

/// The invited person says yes.
#[derive(Debug, Clone, Copy)]
pub struct AcceptInvitation {
    /// Into which tenant.
    pub tenant_id: TenantId,
    /// Which invitation.
    pub invitation_id: InvitationId,
    /// Who says yes; guarded.
    pub user_id: UserId,
}

impl Act for AcceptInvitation {
    fn streams(&self) -> Vec<StreamId> {
        streams(self.tenant_id, self.user_id, None)
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        must_be_welcome(board.user(self.user_id))?;
        let command = TenantCommand::AcceptInvitation { invitation_id: self.invitation_id };
        board.run::<Tenant>(&self.tenant_id.into(), command, asked).map(drop)
    }
}

fn streams(tenant_id: TenantId, user_id: UserId, seats: Option<Seats>) -> Vec<StreamId> {
    let limits = seats.into_iter().flat_map(Seats::streams);
    [StreamId::from(tenant_id), StreamId::from(user_id)].into_iter().chain(limits).collect()
}

/// Only invited and active people are given something.
pub(super) fn must_be_welcome(user: &User) -> Result<(), Rejection> {
    match user.status() {
        Some(UserStatus::Invited | UserStatus::Active) => Ok(()),
        Some(from @ (UserStatus::Disabled | UserStatus::Deactivated)) => Err(Rejection::InvalidTransition {
            from: from.as_str(),
            attempted: "become a member",
            allowed: &[],
        }),
        None => Err(Rejection::NotFound { what: "user-not-found" }),
    }
}

pub(super) fn must_have_seats(taken: usize, limit: Option<u32>) -> Result<(), Rejection> {
    match limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)) {
        Some(limit) if taken > limit => Err(Rejection::SeatLimitReached),
        Some(_) | None => Ok(()),
    }
}

/// Counted after the fact, so that whoever already has a seat is never refused it.
fn must_fit_seats(board: &Board, tenant_id: TenantId, seats: Option<Seats>) -> Result<(), Rejection> {
    if board.is_unchanged(&tenant_id.into()) {
        return Ok(());
    }
    must_have_seats(board.tenant(tenant_id).seats_taken(), seats.and_then(|seats| seats.limit(board)))
}
