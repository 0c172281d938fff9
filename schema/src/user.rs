//! A person: identity links and profile.

use serde::{Deserialize, Serialize};

use crate::{DisplayName, Email, Personal, TenantId};

/// What may be asked of a user.
#[derive(Debug, Clone, PartialEq)]
pub enum UserCommand {
    /// Known by address before the first sign-in.
    Invite {
        /// The address; claimed.
        email: Email,
        /// A name, if known.
        name: Option<DisplayName>,
        /// Who invites.
        source: InviteSource,
        /// The tenant on whose behalf.
        tenant_id: Option<TenantId>,
    },
    /// First sign-in of an unknown identity.
    RegisterFromSignIn {
        /// The identity provider's instance.
        instance: String,
        /// The subject at that instance.
        subject: String,
        /// The address in the token.
        email: Email,
        /// The name in the token.
        name: Option<DisplayName>,
        /// The audience of the token.
        audience: String,
    },
    /// Ties an identity to this person.
    LinkIdentity {
        /// The identity provider's instance.
        instance: String,
        /// The subject at that instance.
        subject: String,
        /// On which ground.
        how: LinkedHow,
    },
    /// A known identity of theirs signs in: who was invited becomes active.
    Activate,
    /// What the person says about themselves. Absent stays; an inner nothing takes away.
    ChangeProfile {
        /// The name, from now on not the identity provider's.
        name: Option<DisplayName>,
        /// Language, BCP 47.
        locale: Option<Option<String>>,
        /// IANA time zone.
        timezone: Option<Option<String>>,
        /// How pages look.
        theme: Option<Theme>,
    },
    /// The identity provider's name for the person, taken while nobody chose another one here.
    ObserveProfile {
        /// The name in the token.
        name: DisplayName,
    },
}

/// Who made a person known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InviteSource {
    /// Our staff.
    Operator,
    /// A tenant.
    Tenant,
}

/// On which ground an identity was tied to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkedHow {
    /// They signed in.
    SignIn,
    /// The reconciler made the account.
    Provisioned,
    /// An operator decided it.
    Relink,
}

/// Where a profile value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProfileSource {
    /// The identity provider.
    Idp,
    /// The person, or an operator, here.
    Platform,
}

/// How pages look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Theme {
    /// Light.
    Light,
    /// Dark.
    Dark,
    /// As the device says.
    #[default]
    System,
}

crate::words! {
    Theme { Light = "light", Dark = "dark", System = "system", }
    LinkedHow { SignIn = "signIn", Provisioned = "provisioned", Relink = "relink", }
}

crate::kinds! {
    /// What has happened to a person.
    pub enum UserEvent {
        /// Known by address, not yet seen.
        "user.invited" => Invited {
            /// Who invited.
            source: InviteSource,
            /// On whose behalf.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            tenant_id: Option<TenantId>,
            /// The address.
            #[serde(default)]
            email: Personal<Email>,
            /// A name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            name: Option<Personal<DisplayName>>,
        }
        /// Seen for the first time without an invitation.
        "user.registered" => Registered {
            /// The audience of the token.
            audience: String,
            /// The address.
            #[serde(default)]
            email: Personal<Email>,
            /// A name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            name: Option<Personal<DisplayName>>,
        }
        /// An invited person was seen for the first time. Also when the identity had been linked before they came.
        "user.activated" => Activated {}
        /// An identity now stands for this person.
        "user.identity.linked" => IdentityLinked {
            /// The identity provider's instance.
            instance: String,
            /// On which ground.
            how: LinkedHow,
            /// The subject.
            #[serde(default)]
            subject: Personal<String>,
        }
        /// An identity no longer stands for this person.
        "user.identity.unlinked" => IdentityUnlinked {
            /// The identity provider's instance.
            instance: String,
            /// The subject.
            #[serde(default)]
            subject: Personal<String>,
        }
        /// Name or preferences changed.
        "user.profile.changed" => ProfileChanged {
            /// Who says so.
            source: ProfileSource,
            /// Language, BCP 47.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            locale: Option<String>,
            /// IANA time zone.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            timezone: Option<String>,
            /// How pages look.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            theme: Option<Theme>,
            /// The fields that changed.
            changed: Vec<String>,
            /// The name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            name: Option<Personal<DisplayName>>,
        }
    }
}
