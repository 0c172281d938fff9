//! The platform itself: who administers it. One stream, so that "at least one remains" holds under concurrency.

use std::collections::BTreeSet;

use schema::platform::GrantedHow;
use schema::{PlatformCommand, PlatformEvent, Text, UserId};

use crate::{Asked, Decider, Rejection};

/// The administrators of the platform.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Platform {
    admins: BTreeSet<UserId>,
    had_admin: bool,
}

impl Platform {
    /// Who administers it now.
    pub const fn admins(&self) -> &BTreeSet<UserId> {
        &self.admins
    }

    /// Whether there has ever been an administrator. The first one is made without being asked for, once.
    pub const fn ever_had_admin(&self) -> bool {
        self.had_admin
    }

    fn revoke(
        &self,
        user_id: UserId,
        reason: Option<Text>,
        asked: &Asked,
    ) -> Result<Vec<PlatformEvent>, Rejection> {
        if asked.actor.id == Some(user_id) {
            return Err(Rejection::SelfChangeForbidden);
        }
        if !self.admins.contains(&user_id) {
            return Ok(vec![]);
        }
        if self.admins.len() == 1 {
            return Err(Rejection::LastPlatformAdmin);
        }
        Ok(vec![PlatformEvent::AdminRevoked { user_id, reason: reason.map(Into::into) }])
    }
}

impl Decider for Platform {
    type Command = PlatformCommand;
    type Event = PlatformEvent;

    fn decide(&self, command: PlatformCommand, asked: &Asked) -> Result<Vec<PlatformEvent>, Rejection> {
        match command {
            PlatformCommand::BootstrapAdmin { .. } if self.had_admin => Err(Rejection::InvalidTransition {
                from: "administered",
                attempted: "bootstrap",
                allowed: &["grant", "revoke"],
            }),
            PlatformCommand::BootstrapAdmin { user_id } => {
                Ok(vec![PlatformEvent::AdminGranted { user_id, how: GrantedHow::Bootstrap, reason: None }])
            }
            PlatformCommand::GrantAdmin { user_id, .. } if asked.actor.id == Some(user_id) => {
                Err(Rejection::SelfChangeForbidden)
            }
            PlatformCommand::GrantAdmin { user_id, .. } if self.admins.contains(&user_id) => Ok(vec![]),
            PlatformCommand::GrantAdmin { user_id, reason } => Ok(vec![PlatformEvent::AdminGranted {
                user_id,
                how: GrantedHow::Grant,
                reason: reason.map(Into::into),
            }]),
            PlatformCommand::RevokeAdmin { user_id, reason } => self.revoke(user_id, reason, asked),
        }
    }

    fn evolve(&mut self, event: &PlatformEvent) {
        match event {
            PlatformEvent::AdminGranted { user_id, .. } => {
                self.admins.insert(*user_id);
                self.had_admin = true;
            }
            PlatformEvent::AdminRevoked { user_id, .. } => drop(self.admins.remove(user_id)),
        }
    }
}

#[cfg(test)]
mod tests;
