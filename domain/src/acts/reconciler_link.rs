//! The reconciler made a person's account and records under which subjects it will sign in.

use schema::user::LinkedHow;
use schema::{StreamId, UserCommand, UserId};

use crate::user::User;
use crate::{Act, Asked, Board, Rejection};

/// Records the subjects of one account. One account can show itself by two forms of subject, depending on how the
/// identity system is set up; both are recorded, so that the first sign-in is known either way.
#[derive(Debug, Clone)]
pub struct ReconcilerLink {
    /// Whose account.
    pub user_id: UserId,
    /// At which instance.
    pub instance: String,
    /// Every form of its subject.
    pub subjects: Vec<String>,
}

impl Act for ReconcilerLink {
    fn streams(&self) -> Vec<StreamId> {
        vec![self.user_id.into()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        for subject in &self.subjects {
            let command = UserCommand::LinkIdentity {
                instance: self.instance.clone(),
                subject: subject.clone(),
                how: LinkedHow::Provisioned,
            };
            board.run::<User>(&self.user_id.into(), command, asked)?;
        }
        Ok(())
    }
}
