//! A person: known by address or by identity, at most one identity per instance.
//!
//! Uniqueness of addresses and identities over all people is kept by claims. Suspending a tenant never writes here.

use schema::user::{LinkedHow, ProfileSource, Theme};
use schema::{DisplayName, Email, Personal, UserCommand, UserEvent};

use crate::access::UserStatus;
use crate::{Asked, Decider, Rejection};

/// A person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct User {
    status: Option<UserStatus>,
    email: Personal<Email>,
    name: Option<Personal<DisplayName>>,
    name_source: Option<ProfileSource>,
    locale: Option<String>,
    timezone: Option<String>,
    theme: Theme,
    identities: Vec<Identity>,
}

/// A subject that stands for a person at an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// Where.
    pub instance: String,
    /// Who, there.
    pub subject: Personal<String>,
    /// On which ground.
    pub how: LinkedHow,
}

impl Identity {
    fn is(&self, instance: &str, subject: &str) -> bool {
        self.instance == instance && self.subject.as_ref().is_some_and(|known| known == subject)
    }
}

impl User {
    /// Whether there is such a person.
    pub const fn exists(&self) -> bool {
        self.status.is_some()
    }

    /// Where the person stands; nothing when there is none.
    pub const fn status(&self) -> Option<UserStatus> {
        self.status
    }

    /// Whether the person may be given something: invited or active.
    pub const fn is_welcome(&self) -> bool {
        matches!(self.status, Some(UserStatus::Invited | UserStatus::Active))
    }

    /// The address.
    pub const fn email(&self) -> &Personal<Email> {
        &self.email
    }

    /// The name, if one is known.
    pub fn name(&self) -> Option<&Personal<DisplayName>> {
        self.name.as_ref()
    }

    /// Every identity.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// Whether an identity at this instance stands for the person.
    pub fn has_identity_at(&self, instance: &str) -> bool {
        self.identities.iter().any(|identity| identity.instance == instance)
    }

    /// Whether this very identity stands for the person.
    pub fn is_identified_by(&self, instance: &str, subject: &str) -> bool {
        self.identities.iter().any(|identity| identity.is(instance, subject))
    }

    fn link(&self, instance: &str, subject: String, how: LinkedHow) -> Result<Vec<UserEvent>, Rejection> {
        if self.is_identified_by(instance, &subject) {
            return Ok(if how == LinkedHow::SignIn { self.activated() } else { vec![] });
        }
        let linked =
            UserEvent::IdentityLinked { instance: instance.to_owned(), how, subject: subject.into() };
        match how {
            LinkedHow::SignIn if self.has_identity_at(instance) => Err(Rejection::IdentityConflict),
            LinkedHow::SignIn => Ok([vec![linked], self.activated()].concat()),
            // One account can show itself by two subjects; both are recorded before it is seen.
            LinkedHow::Provisioned => Ok(vec![linked]),
            LinkedHow::Relink => Ok(self.unlinked(instance).chain([linked]).collect()),
        }
    }

    fn unlinked(&self, instance: &str) -> impl Iterator<Item = UserEvent> {
        self.identities.iter().filter(move |identity| identity.instance == instance).map(|identity| {
            UserEvent::IdentityUnlinked {
                instance: identity.instance.clone(),
                subject: identity.subject.clone(),
            }
        })
    }

    fn activated(&self) -> Vec<UserEvent> {
        if self.status == Some(UserStatus::Invited) { vec![UserEvent::Activated {}] } else { vec![] }
    }

    fn observe(&self, name: DisplayName) -> Vec<UserEvent> {
        let is_known = self.name.as_ref().and_then(Personal::as_ref) == Some(&name);
        if is_known || self.name_source == Some(ProfileSource::Platform) {
            return vec![];
        }
        vec![UserEvent::ProfileChanged {
            source: ProfileSource::Idp,
            locale: None,
            timezone: None,
            theme: None,
            changed: vec!["name".to_owned()],
            name: Some(name.into()),
        }]
    }

    #[expect(clippy::option_option, reason = "absent stays, an inner nothing takes away")]
    fn change_profile(
        &self,
        name: Option<DisplayName>,
        locale: Option<Option<String>>,
        timezone: Option<Option<String>>,
        theme: Option<Theme>,
    ) -> Vec<UserEvent> {
        let name = name.filter(|name| self.name.as_ref().and_then(Personal::as_ref) != Some(name));
        let locale = locale.filter(|locale| self.locale != *locale);
        let timezone = timezone.filter(|timezone| self.timezone != *timezone);
        let theme = theme.filter(|theme| self.theme != *theme);
        let fields = [
            name.is_some().then_some("name"),
            locale.is_some().then_some("locale"),
            timezone.is_some().then_some("timezone"),
            theme.is_some().then_some("theme"),
        ];
        let changed: Vec<String> = fields.into_iter().flatten().map(str::to_owned).collect();
        if changed.is_empty() {
            return vec![];
        }
        vec![UserEvent::ProfileChanged {
            source: ProfileSource::Platform,
            locale: locale.flatten(),
            timezone: timezone.flatten(),
            theme,
            changed,
            name: name.map(Into::into),
        }]
    }
}

impl Decider for User {
    type Command = UserCommand;
    type Event = UserEvent;

    fn decide(&self, command: UserCommand, _asked: &Asked) -> Result<Vec<UserEvent>, Rejection> {
        match (command, self.status) {
            (UserCommand::Invite { email, name, source, tenant_id }, None) => Ok(vec![UserEvent::Invited {
                source,
                tenant_id,
                email: email.into(),
                name: name.map(Into::into),
            }]),
            (UserCommand::Invite { .. } | UserCommand::RegisterFromSignIn { .. }, Some(_)) => {
                Err(Rejection::AlreadyExists { what: "user", field: "email", value: String::new() })
            }
            (UserCommand::RegisterFromSignIn { instance, subject, email, name, audience }, None) => Ok(vec![
                UserEvent::Registered { audience, email: email.into(), name: name.map(Into::into) },
                UserEvent::IdentityLinked { instance, how: LinkedHow::SignIn, subject: subject.into() },
            ]),
            (
                UserCommand::LinkIdentity { .. }
                | UserCommand::Activate
                | UserCommand::ObserveProfile { .. }
                | UserCommand::ChangeProfile { .. },
                None,
            ) => Err(Rejection::NotFound { what: "user-not-found" }),
            (
                UserCommand::LinkIdentity { how: LinkedHow::SignIn, .. }
                | UserCommand::Activate
                | UserCommand::ObserveProfile { .. }
                | UserCommand::ChangeProfile { .. },
                Some(UserStatus::Disabled | UserStatus::Deactivated),
            ) => Err(Rejection::UserDisabled),
            (UserCommand::LinkIdentity { instance, subject, how }, Some(_)) => {
                self.link(&instance, subject, how)
            }
            (UserCommand::Activate, Some(_)) => Ok(self.activated()),
            (UserCommand::ObserveProfile { name }, Some(_)) => Ok(self.observe(name)),
            (UserCommand::ChangeProfile { name, locale, timezone, theme }, Some(_)) => {
                Ok(self.change_profile(name, locale, timezone, theme))
            }
        }
    }

    fn evolve(&mut self, event: &UserEvent) {
        match event {
            UserEvent::Invited { email, name, .. } => {
                self.known_as(UserStatus::Invited, email, name.as_ref());
            }
            UserEvent::Registered { email, name, .. } => {
                self.known_as(UserStatus::Active, email, name.as_ref());
            }
            UserEvent::Activated {} => self.status = Some(UserStatus::Active),
            UserEvent::IdentityLinked { instance, how, subject } => {
                self.identities.push(Identity {
                    instance: instance.clone(),
                    subject: subject.clone(),
                    how: *how,
                });
            }
            UserEvent::IdentityUnlinked { instance, subject } => self.forget(instance, subject),
            UserEvent::ProfileChanged { source, locale, timezone, theme, changed, name } => {
                for field in changed {
                    match field.as_str() {
                        "name" => self.name_source = Some(*source),
                        "locale" => self.locale.clone_from(locale),
                        "timezone" => self.timezone.clone_from(timezone),
                        "theme" => self.theme = theme.unwrap_or_default(),
                        _ => {}
                    }
                }
                if let Some(name) = name {
                    self.name = Some(name.clone());
                }
            }
        }
    }
}

impl User {
    fn known_as(
        &mut self,
        status: UserStatus,
        email: &Personal<Email>,
        name: Option<&Personal<DisplayName>>,
    ) {
        self.status = Some(status);
        self.email = email.clone();
        self.name = name.cloned();
        // A name given with an invitation is a guess; the identity provider may correct it.
        self.name_source = Some(ProfileSource::Idp);
    }

    /// One identity fewer at the instance: the named one, or any when the name has been erased.
    fn forget(&mut self, instance: &str, subject: &Personal<String>) {
        let at_instance = |identity: &Identity| identity.instance == instance;
        let named =
            self.identities.iter().position(|identity| at_instance(identity) && identity.subject == *subject);
        if let Some(index) = named.or_else(|| self.identities.iter().position(at_instance)) {
            self.identities.remove(index);
        }
    }
}

#[cfg(test)]
mod tests;
