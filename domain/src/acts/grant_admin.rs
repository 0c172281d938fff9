//! One more platform administrator, who must be an active person at that moment.

use schema::{PlatformCommand, StreamId, Text, UserId};

use crate::access::UserStatus;
use crate::platform::Platform;
use crate::{Act, Asked, Board, Rejection};

/// Makes an active person a platform administrator.
#[derive(Debug, Clone)]
pub struct GrantAdmin {
    /// Whom; guarded.
    pub user_id: UserId,
    /// Why.
    pub reason: Option<Text>,
}

impl Act for GrantAdmin {
    fn streams(&self) -> Vec<StreamId> {
        vec![StreamId::platform(), self.user_id.into()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let Self { user_id, reason } = self.clone();
        let refused = |from: UserStatus| Rejection::InvalidTransition {
            from: from.as_str(),
            attempted: "grant",
            allowed: &[],
        };
        match board.user(user_id).status() {
            Some(UserStatus::Active) => {}
            Some(from @ (UserStatus::Invited | UserStatus::Disabled | UserStatus::Deactivated)) => {
                return Err(refused(from));
            }
            None => {
                return Err(Rejection::NotFound { what: "user-not-found" });
            }
        }
        board
            .run::<Platform>(&StreamId::platform(), PlatformCommand::GrantAdmin { user_id, reason }, asked)
            .map(drop)
    }
}
