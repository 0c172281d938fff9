//! A new tenant with its subscription, and its owner's person if that is new too.

use schema::people::{BillingInfo, ContactInfo};
use schema::tenant::{AttachedWhy, MemberSource, Origin};
use schema::user::InviteSource;
use schema::{
    DisplayName, DomainName, Email, InvitationId, PartnerId, PlanId, PriceId, Role, Slug, StreamId,
    SubscriptionCommand, SubscriptionId, TenantCommand, TenantId, Timestamp, UserCommand, UserId,
};

use super::membership;
use super::patch_tenant::must_fit;
use crate::subscription::Subscription;
use crate::tenant::Tenant;
use crate::user::User;
use crate::{Act, Asked, Board, Rejection};

const OWN_TENANTS_MAX: u32 = 5;
const PENDING_TENANTS_MAX: u32 = 1;
const DOMAINS_MAX: usize = 20;

/// Makes a tenant. Refused when its slug is taken: slugs are never used again.
#[derive(Debug, Clone)]
pub struct CreateTenant {
    /// The new tenant.
    pub tenant_id: TenantId,
    /// Its new subscription.
    pub subscription_id: SubscriptionId,
    /// The short name.
    pub slug: Slug,
    /// The name shown.
    pub name: DisplayName,
    /// What is subscribed to.
    pub plan: PlanChoice,
    /// Names it wants to use.
    pub domains: Vec<DomainName>,
    /// Who pays.
    pub billing_info: Option<BillingInfo>,
    /// Whom to call.
    pub contact: Option<ContactInfo>,
    /// Language, BCP 47.
    pub locale: Option<String>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// The partner that brings it.
    pub partner_id: Option<PartnerId>,
    /// Who owns it.
    pub owner: Owner,
    /// Where it comes from.
    pub origin: Origin,
    /// What the caller has already, when a customer makes a tenant for themselves.
    pub self_service: Option<SelfServiceUse>,
}

/// A plan at a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanChoice {
    /// Which plan.
    pub plan_id: PlanId,
    /// At which price.
    pub price_id: PriceId,
    /// Seats paid for.
    pub quantity: u32,
}

/// Who owns a new tenant.
#[derive(Debug, Clone)]
pub enum Owner {
    /// Nobody yet.
    None,
    /// Who makes it.
    Creator(UserId),
    /// Somebody who is invited.
    Invited {
        /// The person.
        person: OwnerPerson,
        /// The new invitation.
        invitation_id: InvitationId,
        /// When it ends by itself.
        expires_at: Timestamp,
    },
}

/// An invited owner.
#[derive(Debug, Clone)]
pub enum OwnerPerson {
    /// Known: whoever has the address.
    Known(UserId),
    /// Not known yet.
    New {
        /// The new person.
        user_id: UserId,
        /// The address.
        email: Email,
        /// A name, if one was given.
        name: Option<DisplayName>,
    },
}

impl OwnerPerson {
    const fn user_id(&self) -> UserId {
        match self {
            Self::Known(user_id) | Self::New { user_id, .. } => *user_id,
        }
    }
}

/// What a customer has already made for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SelfServiceUse {
    /// Who.
    pub user_id: UserId,
    /// Tenants of theirs that are not terminated.
    pub own: u32,
    /// Those among them that are not in place yet.
    pub pending: u32,
    /// Whose turn this is: one more than tenants they have ever made for themselves. It is claimed, so that what has been
    /// counted cannot have grown before the commit.
    pub ordinal: u32,
}

impl SelfServiceUse {
    fn must_have_room(self) -> Result<(), Rejection> {
        let Self { own, pending, .. } = self;
        if own >= OWN_TENANTS_MAX || pending >= PENDING_TENANTS_MAX {
            return Err(Rejection::TenantLimitReached);
        }
        Ok(())
    }
}

impl CreateTenant {
    fn owner_id(&self) -> Option<UserId> {
        match &self.owner {
            Owner::None => None,
            Owner::Creator(user_id) => Some(*user_id),
            Owner::Invited { person, .. } => Some(person.user_id()),
        }
    }

    fn create(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let command = TenantCommand::Create {
            slug: self.slug.clone(),
            name: self.name.clone(),
            origin: self.origin,
            plan_id: self.plan.plan_id,
            locale: self.locale.clone(),
            timezone: self.timezone.clone(),
            created_by: asked.actor.id,
            ordinal: self.self_service.map(|caller| caller.ordinal),
        };
        board.run::<Tenant>(&self.tenant_id.into(), command, asked).map(drop)
    }

    fn install_owner(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let command = match &self.owner {
            Owner::None => return Ok(()),
            Owner::Creator(user_id) => {
                membership::must_be_welcome(board.user(*user_id))?;
                TenantCommand::AddMember {
                    user_id: *user_id,
                    role: Role::Owner,
                    source: self.creator_source(),
                }
            }
            Owner::Invited { person, invitation_id, expires_at } => {
                self.make_known(person, board, asked)?;
                membership::must_be_welcome(board.user(person.user_id()))?;
                TenantCommand::InviteMember {
                    invitation_id: *invitation_id,
                    user_id: person.user_id(),
                    role: Role::Owner,
                    expires_at: *expires_at,
                }
            }
        };
        board.run::<Tenant>(&self.tenant_id.into(), command, asked).map(drop)
    }

    const fn creator_source(&self) -> MemberSource {
        match self.origin {
            Origin::Seed => MemberSource::Seed,
            Origin::Operator | Origin::SelfService | Origin::Import => MemberSource::Creator,
        }
    }

    fn make_known(&self, person: &OwnerPerson, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let OwnerPerson::New { user_id, email, name } = person else {
            return Ok(());
        };
        let command = UserCommand::Invite {
            email: email.clone(),
            name: name.clone(),
            source: InviteSource::Operator,
            tenant_id: Some(self.tenant_id),
        };
        board.run::<User>(&(*user_id).into(), command, asked).map(drop)
    }

    fn describe(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let stream = StreamId::from(self.tenant_id);
        for domain in &self.domains {
            board.run::<Tenant>(&stream, TenantCommand::ClaimDomain { domain: domain.clone() }, asked)?;
        }
        if let Some(partner_id) = self.partner_id {
            let command = TenantCommand::AttachPartner { partner_id, why: AttachedWhy::Create };
            board.run::<Tenant>(&stream, command, asked)?;
        }
        if let Some(billing_info) = self.billing_info.clone() {
            board.run::<Tenant>(&stream, TenantCommand::ChangeBillingInfo { billing_info }, asked)?;
        }
        let profile =
            TenantCommand::ChangeProfile { locale: None, timezone: None, contact: self.contact.clone() };
        board.run::<Tenant>(&stream, profile, asked).map(drop)
    }

    fn subscribe(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let PlanChoice { plan_id, price_id, quantity } = self.plan;
        let currency = board.plan(plan_id).orderable(price_id)?.currency.clone();
        let command =
            SubscriptionCommand::Start { tenant_id: self.tenant_id, plan_id, price_id, quantity, currency };
        board.run::<Subscription>(&self.subscription_id.into(), command, asked).map(drop)
    }
}

impl Act for CreateTenant {
    fn streams(&self) -> Vec<StreamId> {
        let mut streams =
            vec![self.tenant_id.into(), self.subscription_id.into(), StreamId::from(self.plan.plan_id)];
        streams.extend(self.owner_id().map(StreamId::from));
        streams.extend(self.partner_id.map(StreamId::from));
        streams.extend(self.self_service.map(|caller| StreamId::from(caller.user_id)));
        streams.sort();
        streams.dedup();
        streams
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        if let Some(caller) = self.self_service {
            caller.must_have_room()?;
        }
        if let Some(partner_id) = self.partner_id {
            board.partner(partner_id).must_be_active()?;
        }
        let PlanChoice { plan_id, price_id, quantity } = self.plan;
        board.plan(plan_id).orderable(price_id)?;
        must_fit(self.domains.len(), board.plan(plan_id).limits().domains, DOMAINS_MAX)?;
        self.create(board, asked)?;
        self.install_owner(board, asked)?;
        let taken = board.tenant(self.tenant_id).seats_taken();
        membership::must_have_seats(taken, board.plan(plan_id).seats(price_id, quantity))?;
        self.describe(board, asked)?;
        self.subscribe(board, asked)
    }
}
