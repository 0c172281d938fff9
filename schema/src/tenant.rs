//! A tenant: lifecycle, holds, members, domains, partner link.

mod event;

pub use event::TenantEvent;

use serde::{Deserialize, Serialize};

use crate::people::{BillingInfo, ContactInfo};
use crate::{
    DisplayName, DomainName, HoldId, InvitationId, PartnerId, PlanId, Role, Slug, Text, Timestamp, UserId,
};

/// What may be asked of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub enum TenantCommand {
    /// A new tenant.
    Create {
        /// The short name; claimed for ever.
        slug: Slug,
        /// The name shown.
        name: DisplayName,
        /// Where it came from.
        origin: Origin,
        /// The plan it starts with.
        plan_id: PlanId,
        /// Language, BCP 47.
        locale: Option<String>,
        /// IANA time zone.
        timezone: Option<String>,
        /// Who made it.
        created_by: Option<UserId>,
        /// Which of those its maker made for themselves: 1, 2, 3 …; absent when it was made for others.
        ordinal: Option<u32>,
    },
    /// Another name.
    Rename {
        /// The name shown.
        name: DisplayName,
    },
    /// Language, time zone, contact. Absent stays; an inner nothing takes away.
    ChangeProfile {
        /// Language, BCP 47.
        locale: Option<Option<String>>,
        /// IANA time zone.
        timezone: Option<Option<String>>,
        /// Whom to call; an empty one takes it away.
        contact: Option<ContactInfo>,
    },
    /// Who pays.
    ChangeBillingInfo {
        /// The whole data.
        billing_info: BillingInfo,
    },
    /// Shut the doors.
    PlaceHold {
        /// Its id.
        hold_id: HoldId,
        /// On which ground.
        kind: HoldKind,
        /// For our own staff.
        reason: Option<Text>,
        /// For the customer.
        customer_message: Option<Text>,
        /// Ends by itself then.
        until: Option<Timestamp>,
    },
    /// Take a hold away.
    ReleaseHold {
        /// Which.
        hold: HoldRef,
        /// For our own staff.
        reason: Option<Text>,
    },
    /// A hold's time is over (timer).
    ExpireHold {
        /// Which.
        hold_id: HoldId,
    },
    /// Everything is in place for the first time (system).
    Activate {
        /// The generations that were seen converged: authentik, stalwart, ocis.
        generations: Generations,
    },
    /// The end, after a time of grace.
    Terminate {
        /// For our own staff.
        reason: Option<Text>,
        /// 0–90.
        grace_days: u16,
        /// The slug, typed again.
        confirm: Option<String>,
    },
    /// Take the end back.
    Restore {
        /// For our own staff.
        reason: Option<Text>,
    },
    /// Grace is over (timer).
    CompleteTermination,
    /// A partner brings this tenant. Another one leaves first.
    AttachPartner {
        /// Which.
        partner_id: PartnerId,
        /// On which ground.
        why: AttachedWhy,
    },
    /// No partner any more.
    DetachPartner {
        /// On which ground.
        why: DetachedWhy,
    },
    /// A member, active at once.
    AddMember {
        /// The person.
        user_id: UserId,
        /// What they may do.
        role: Role,
        /// On which ground.
        source: MemberSource,
    },
    /// A member once they accept.
    InviteMember {
        /// The invitation.
        invitation_id: InvitationId,
        /// The person.
        user_id: UserId,
        /// What they will be able to do.
        role: Role,
        /// Ends by itself then.
        expires_at: Timestamp,
    },
    /// Yes.
    AcceptInvitation {
        /// Which.
        invitation_id: InvitationId,
    },
    /// No.
    DeclineInvitation {
        /// Which.
        invitation_id: InvitationId,
    },
    /// Its time is over (timer).
    ExpireInvitation {
        /// Which.
        invitation_id: InvitationId,
    },
    /// We want to use this name. Not exclusive, no effect outside.
    ClaimDomain {
        /// The name.
        domain: DomainName,
    },
    /// It is ours. Exclusive.
    VerifyDomain {
        /// The name.
        domain: DomainName,
        /// How we know.
        method: VerifyMethod,
        /// What was shown.
        evidence: Option<Text>,
    },
    /// The name for new addresses.
    SetPrimaryDomain {
        /// The name.
        domain: DomainName,
    },
    /// We no longer want it.
    ReleaseDomain {
        /// The name.
        domain: DomainName,
        /// Whether somebody has an address on it.
        in_use: DomainUse,
    },
}

/// Whether somebody has an address on a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainUse {
    /// A mailbox or a member's address.
    InUse,
    /// Nobody.
    Free,
}

/// How a hold is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldRef {
    /// By its id.
    Id(HoldId),
    /// By its kind; at most one of a kind is open.
    Kind(HoldKind),
}

/// Where a tenant came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// Our staff.
    Operator,
    /// The customer.
    SelfService,
    /// The first start.
    Seed,
    /// Another system.
    Import,
}

/// On which ground a tenant is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HoldKind {
    /// Our staff decided.
    Operator,
    /// An invoice is open.
    NonPayment,
    /// Misuse.
    Abuse,
    /// A security incident.
    Security,
    /// The partner asked.
    Partner,
    /// The customer asked.
    Customer,
    /// Must not be erased; shuts no door.
    Legal,
}

/// Where a living tenant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LivingPhase {
    /// Not yet in place everywhere.
    Pending,
    /// In place.
    Active,
}

/// Generations seen converged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    /// Identity.
    pub authentik: u32,
    /// Mail.
    pub stalwart: u32,
    /// Files.
    pub ocis: u32,
}

/// On which ground a partner was attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AttachedWhy {
    /// With the tenant.
    Create,
    /// Our staff.
    Operator,
    /// From another partner.
    Transfer,
}

/// On which ground a partner was detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DetachedWhy {
    /// Our staff.
    Operator,
    /// The partner ended.
    PartnerTerminated,
    /// To another partner.
    Transfer,
}

/// On which ground somebody is a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberSource {
    /// Made the tenant.
    Creator,
    /// Our staff.
    Operator,
    /// The first administrator.
    Bootstrap,
    /// The first start.
    Seed,
}

/// How we know that a domain belongs to a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum VerifyMethod {
    /// Our staff saw it.
    Operator,
    /// A record in the DNS.
    DnsTxt,
}

crate::words! {
    HoldKind {
        Operator = "operator",
        NonPayment = "nonPayment",
        Abuse = "abuse",
        Security = "security",
        Partner = "partner",
        Customer = "customer",
        Legal = "legal",
    }
    Origin { Operator = "operator", SelfService = "selfService", Seed = "seed", Import = "import", }
    VerifyMethod { Operator = "operator", DnsTxt = "dnsTxt", }
}
