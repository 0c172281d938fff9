//! Somebody signs in: known, linked, or registered. Rights never change by it, except for the very first administrator.

use schema::tenant::MemberSource;
use schema::user::LinkedHow;
use schema::{
    DisplayName, Email, PlatformCommand, Role, StreamId, TenantCommand, TenantId, UserCommand, UserId,
};

use crate::access::{Lifecycle, UserStatus};
use crate::platform::Platform;
use crate::tenant::Tenant;
use crate::user::User;
use crate::{Act, Asked, Board, Rejection};

/// The decision about a token whose identity and address have been looked up. When a claim proves the look-up old
/// (two first sign-ins at once), look up again.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The identity provider's instance.
    pub instance: String,
    /// The subject at that instance.
    pub subject: String,
    /// The audience of the token.
    pub audience: String,
    /// The name in the token.
    pub name: Option<DisplayName>,
    /// Whom the look-up found.
    pub found: SignedInAs,
    /// Given when the trusted address is that of the first administrator.
    pub bootstrap: Option<Bootstrap>,
}

/// Whom an identity and an address stand for.
#[derive(Debug, Clone)]
pub enum SignedInAs {
    /// The identity is theirs.
    Identity(UserId),
    /// The identity is unknown; the address is theirs.
    Address {
        /// Whose.
        user_id: UserId,
        /// Whether the instance's word about addresses counts.
        trust: Trust,
    },
    /// Both are unknown.
    Nobody {
        /// The new person.
        user_id: UserId,
        /// The address in the token.
        email: Email,
    },
}

/// Whether an address in a token proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The provider checked it, or only we create accounts there.
    Trusted,
    /// Anybody could have typed it.
    Untrusted,
}

/// The first administrator also owns the platform's own tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bootstrap {
    /// The platform's own tenant, once it exists.
    pub tenant_id: Option<TenantId>,
}

impl SignIn {
    /// The person this is about, known or new.
    pub const fn user_id(&self) -> UserId {
        match &self.found {
            SignedInAs::Identity(user_id)
            | SignedInAs::Address { user_id, .. }
            | SignedInAs::Nobody { user_id, .. } => *user_id,
        }
    }

    fn recognise(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let (instance, subject) = (self.instance.clone(), self.subject.clone());
        let user = board.user(self.user_id());
        let command = match &self.found {
            SignedInAs::Identity(_) => {
                must_still_be_linked(user, &instance, &subject)?;
                UserCommand::Activate
            }
            SignedInAs::Address { trust, .. } => {
                must_be_linkable(user, &self.instance, *trust)?;
                UserCommand::LinkIdentity { instance, subject, how: LinkedHow::SignIn }
            }
            SignedInAs::Nobody { email, .. } => UserCommand::RegisterFromSignIn {
                instance,
                subject,
                email: email.clone(),
                name: self.name.clone(),
                audience: self.audience.clone(),
            },
        };
        board.run::<User>(&self.user_id().into(), command, asked)?;
        match self.name.clone() {
            Some(name) => board
                .run::<User>(&self.user_id().into(), UserCommand::ObserveProfile { name }, asked)
                .map(drop),
            None => Ok(()),
        }
    }

    fn bootstrap(
        &self,
        tenant_id: Option<TenantId>,
        board: &mut Board,
        asked: &Asked,
    ) -> Result<(), Rejection> {
        let platform = StreamId::platform();
        if board.state::<Platform>(&platform).ever_had_admin() {
            return Ok(());
        }
        let user_id = self.user_id();
        board.run::<Platform>(&platform, PlatformCommand::BootstrapAdmin { user_id }, asked)?;
        match tenant_id {
            Some(tenant_id) if may_own(board.tenant(tenant_id), user_id) => {
                let command =
                    TenantCommand::AddMember { user_id, role: Role::Owner, source: MemberSource::Bootstrap };
                board.run::<Tenant>(&tenant_id.into(), command, asked).map(drop)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Signing in must not fail because the platform's own tenant has come to its end.
fn may_own(tenant: &Tenant, user_id: UserId) -> bool {
    matches!(tenant.lifecycle(), Some(Lifecycle::Pending | Lifecycle::Active))
        && !tenant.has_active_member(user_id)
}

/// The identity may have been taken from the person between the look-up and now: an operator linked another one.
fn must_still_be_linked(user: &User, instance: &str, subject: &str) -> Result<(), Rejection> {
    match user.status() {
        Some(UserStatus::Invited | UserStatus::Active) if !user.is_identified_by(instance, subject) => {
            Err(Rejection::IdentityConflict)
        }
        // Whoever is disabled is refused as such by the command itself.
        Some(_) | None => Ok(()),
    }
}

/// An unknown identity with a known address: the person's, if the address proves it and nothing else stands for them
/// at that instance.
fn must_be_linkable(user: &User, instance: &str, trust: Trust) -> Result<(), Rejection> {
    match (trust, user.status()) {
        (Trust::Trusted, Some(UserStatus::Disabled | UserStatus::Deactivated)) => {
            Err(Rejection::UserDisabled)
        }
        (Trust::Trusted, Some(UserStatus::Invited | UserStatus::Active))
            if !user.has_identity_at(instance) =>
        {
            Ok(())
        }
        (Trust::Trusted | Trust::Untrusted, _) => Err(Rejection::IdentityConflict),
    }
}

impl Act for SignIn {
    fn streams(&self) -> Vec<StreamId> {
        let mut streams = vec![StreamId::from(self.user_id())];
        if let Some(Bootstrap { tenant_id }) = self.bootstrap {
            streams.push(StreamId::platform());
            streams.extend(tenant_id.map(StreamId::from));
        }
        streams
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        self.recognise(board, asked)?;
        match self.bootstrap {
            Some(Bootstrap { tenant_id }) => self.bootstrap(tenant_id, board, asked),
            None => Ok(()),
        }
    }
}
