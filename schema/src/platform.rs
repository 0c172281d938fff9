//! The platform itself: who administers it.

use serde::{Deserialize, Serialize};

use crate::{Personal, Text, UserId};

/// What may be asked of the platform.
#[derive(Debug, Clone, PartialEq)]
pub enum PlatformCommand {
    /// The very first administrator; refused once there has ever been one.
    BootstrapAdmin {
        /// The person.
        user_id: UserId,
    },
    /// One more administrator.
    GrantAdmin {
        /// The person.
        user_id: UserId,
        /// Why.
        reason: Option<Text>,
    },
    /// One administrator fewer; at least one remains.
    RevokeAdmin {
        /// The person.
        user_id: UserId,
        /// Why.
        reason: Option<Text>,
    },
}

/// How somebody became an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GrantedHow {
    /// As the first one.
    Bootstrap,
    /// By another administrator.
    Grant,
}

crate::kinds! {
    /// What has happened to the platform.
    pub enum PlatformEvent {
        /// Somebody became an administrator.
        "platform.admin.granted" => AdminGranted {
            /// The person.
            user_id: UserId,
            /// As the first, or by another.
            how: GrantedHow,
            /// Why.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
        }
        /// Somebody is no longer an administrator.
        "platform.admin.revoked" => AdminRevoked {
            /// The person.
            user_id: UserId,
            /// Why.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            reason: Option<Personal<Text>>,
        }
    }
}
