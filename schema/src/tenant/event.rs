//! What has happened to a tenant.

use super::{
    AttachedWhy, DetachedWhy, Generations, HoldKind, LivingPhase, MemberSource, Origin, VerifyMethod,
};
use crate::people::{BillingInfo, ContactInfo};
use crate::{
    DisplayName, DomainName, HoldId, InvitationId, PartnerId, Personal, PlanId, Role, Slug, Text, Timestamp,
    UserId,
};

crate::kinds! {
    /// What has happened to a tenant.
    pub enum TenantEvent {
        /// A new tenant.
        "tenant.created" => Created {
            /// The short name.
            slug: Slug,
            /// Where it came from.
            origin: Origin,
            /// The plan it starts with.
            plan_id: PlanId,
            /// Language.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            locale: Option<String>,
            /// Time zone.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            timezone: Option<String>,
            /// Who made it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            created_by: Option<UserId>,
            /// Which of those its maker made for themselves; absent when it was made for others.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            ordinal: Option<u32>,
            /// The name shown.
            #[serde(default)]
            name: Personal<DisplayName>,
        }
        /// Another name.
        "tenant.renamed" => Renamed {
            /// Before.
            #[serde(default)]
            from: Personal<DisplayName>,
            /// After.
            #[serde(default)]
            to: Personal<DisplayName>,
        }
        /// Language, time zone or contact changed.
        "tenant.profile.changed" => ProfileChanged {
            /// Language.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            locale: Option<String>,
            /// Time zone.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            timezone: Option<String>,
            /// The fields that changed.
            changed: Vec<String>,
            /// Whom to call.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            contact: Option<Personal<ContactInfo>>,
        }
        /// Who pays changed.
        "tenant.billingInfo.changed" => BillingInfoChanged {
            /// The fields that changed.
            changed: Vec<String>,
            /// ISO 3166-1 alpha-2.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            country: Option<String>,
            /// The whole data.
            #[serde(default)]
            billing_info: Personal<BillingInfo>,
        }
        /// In place everywhere for the first time.
        "tenant.activated" => Activated {
            /// What was seen converged.
            generations: Generations,
        }
        /// A hold is open.
        "tenant.hold.placed" => HoldPlaced {
            /// Its id.
            hold_id: HoldId,
            /// On which ground.
            kind: HoldKind,
            /// Ends by itself then.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            until: Option<Timestamp>,
            /// For our own staff.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
            /// For the customer.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            customer_message: Option<Personal<Text>>,
        }
        /// A hold was taken away.
        "tenant.hold.released" => HoldReleased {
            /// Its id.
            hold_id: HoldId,
            /// On which ground it was.
            kind: HoldKind,
            /// For our own staff.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
        }
        /// A hold's time was over.
        "tenant.hold.expired" => HoldExpired {
            /// Its id.
            hold_id: HoldId,
            /// On which ground it was.
            kind: HoldKind,
        }
        /// The first hold that shuts doors was placed. A mark for readers; no rule looks at it.
        "tenant.suspended" => Suspended {
            /// By which hold.
            hold_id: HoldId,
        }
        /// The last hold that shuts doors is gone. A mark for readers; no rule looks at it.
        "tenant.resumed" => Resumed {
            /// Which hold was the last.
            hold_id: HoldId,
        }
        /// The end is set.
        "tenant.termination.scheduled" => TerminationScheduled {
            /// When grace is over.
            terminates_at: Timestamp,
            /// Days of grace.
            grace_days: u16,
            /// What a restore leads back to.
            previous_lifecycle: LivingPhase,
            /// For our own staff.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
        }
        /// The end was taken back.
        "tenant.restored" => Restored {
            /// What it leads back to.
            lifecycle: LivingPhase,
            /// For our own staff.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
        }
        /// The end.
        "tenant.terminated" => Terminated {}
        /// A partner brings this tenant.
        "tenant.partner.attached" => PartnerAttached {
            /// Which.
            partner_id: PartnerId,
            /// On which ground.
            why: AttachedWhy,
        }
        /// A partner no longer brings this tenant.
        "tenant.partner.detached" => PartnerDetached {
            /// Which.
            partner_id: PartnerId,
            /// On which ground.
            why: DetachedWhy,
        }
        /// A member, active at once.
        "tenant.member.added" => MemberAdded {
            /// The person.
            user_id: UserId,
            /// What they may do.
            role: Role,
            /// On which ground.
            source: MemberSource,
        }
        /// A member once they accept.
        "tenant.member.invited" => MemberInvited {
            /// The invitation.
            invitation_id: InvitationId,
            /// The person.
            user_id: UserId,
            /// What they will be able to do.
            role: Role,
            /// Ends by itself then.
            expires_at: Timestamp,
            /// A former member.
            revived: bool,
        }
        /// Yes.
        "tenant.invitation.accepted" => InvitationAccepted {
            /// Which.
            invitation_id: InvitationId,
            /// The person.
            user_id: UserId,
        }
        /// No.
        "tenant.invitation.declined" => InvitationDeclined {
            /// Which.
            invitation_id: InvitationId,
            /// The person.
            user_id: UserId,
        }
        /// Its time was over.
        "tenant.invitation.expired" => InvitationExpired {
            /// Which.
            invitation_id: InvitationId,
            /// The person.
            user_id: UserId,
        }
        /// A name is wanted.
        "tenant.domain.claimed" => DomainClaimed {
            /// The name.
            domain: DomainName,
        }
        /// A name is ours.
        "tenant.domain.verified" => DomainVerified {
            /// The name.
            domain: DomainName,
            /// How we know.
            method: VerifyMethod,
            /// What was shown.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            evidence: Option<Personal<Text>>,
        }
        /// New addresses get another name.
        "tenant.domain.primaryChanged" => PrimaryDomainChanged {
            /// Before.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            from: Option<DomainName>,
            /// After.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            to: Option<DomainName>,
        }
        /// A name is no longer wanted.
        "tenant.domain.released" => DomainReleased {
            /// The name.
            domain: DomainName,
            /// Whether it was ours.
            was_verified: bool,
        }
    }
}
