//! Rules of a person, as sentences.

use schema::user::{InviteSource, LinkedHow, ProfileSource, Theme};
use schema::{Event, UserCommand as C, UserEvent as E};

use super::User;
use crate::access::UserStatus;
use crate::testing::*;

const INSTANCE: &str = "https://id.example/application/o/dezky/";

fn invited() -> E {
    let source = InviteSource::Operator;
    E::Invited { source, tenant_id: None, email: email("bo@acme.dk").into(), name: None }
}

fn registered() -> E {
    E::Registered { audience: "dezky-portal".into(), email: email("bo@acme.dk").into(), name: None }
}

fn linked(subject: &str, how: LinkedHow) -> E {
    E::IdentityLinked { instance: INSTANCE.into(), how, subject: subject.to_owned().into() }
}

fn link(subject: &str, how: LinkedHow) -> C {
    C::LinkIdentity { instance: INSTANCE.into(), subject: subject.into(), how }
}

fn unlinked(subject: &str) -> E {
    E::IdentityUnlinked { instance: INSTANCE.into(), subject: subject.to_owned().into() }
}

fn named_by(source: ProfileSource) -> E {
    E::ProfileChanged {
        source,
        locale: None,
        timezone: None,
        theme: None,
        changed: vec!["name".into()],
        name: Some(named("Bo").into()),
    }
}

#[test]
fn a_first_sign_in_registers_and_links() {
    let register = || C::RegisterFromSignIn {
        instance: INSTANCE.into(),
        subject: "s1".into(),
        email: email("bo@acme.dk"),
        name: None,
        audience: "dezky-portal".into(),
    };
    given::<User>([]).when(register()).then([registered(), linked("s1", LinkedHow::SignIn)]);
    given::<User>([registered()]).when(register()).then_refused("already-exists");
}

#[test]
fn an_invited_person_becomes_active_when_they_sign_in() {
    given::<User>([invited()])
        .when(link("s1", LinkedHow::SignIn))
        .then([linked("s1", LinkedHow::SignIn), E::Activated {}]);
    // The account was made for them and is already known.
    let provisioned = [invited(), linked("s1", LinkedHow::Provisioned)];
    given::<User>(provisioned.clone()).when(C::Activate).then([E::Activated {}]);
    given::<User>(provisioned.clone()).when(link("s1", LinkedHow::SignIn)).then([E::Activated {}]);
    given::<User>(provisioned.into_iter().chain([E::Activated {}])).when(C::Activate).then_no_news();
}

#[test]
fn making_an_account_does_not_make_its_person_active() {
    let known = given::<User>([invited()]).when(link("s1", LinkedHow::Provisioned)).then_state();
    assert_eq!(known.status(), Some(UserStatus::Invited));
}

#[test]
fn ec_38_a_second_identity_at_one_instance_is_a_conflict() {
    let one = [registered(), linked("s1", LinkedHow::SignIn)];
    given::<User>(one.clone()).when(link("s2", LinkedHow::SignIn)).then_refused("identity-conflict");
    given::<User>(one.clone()).when(link("s1", LinkedHow::SignIn)).then_no_news();
    let elsewhere = C::LinkIdentity {
        instance: "https://dev.example/".into(),
        subject: "s2".into(),
        how: LinkedHow::SignIn,
    };
    assert_eq!(given::<User>(one).when(elsewhere).then_state().identities().len(), 2);
}

#[test]
fn the_reconciler_records_both_forms_of_one_subject() {
    let one = [invited(), linked("uuid", LinkedHow::Provisioned)];
    let both = given::<User>(one.clone()).when(link("hash", LinkedHow::Provisioned)).then_state();
    assert_eq!(both.identities().len(), 2);
    given::<User>(one).when(link("uuid", LinkedHow::Provisioned)).then_no_news();
}

#[test]
fn a_relink_replaces_every_identity_at_the_instance() {
    let two = [registered(), linked("s1", LinkedHow::Provisioned), linked("s2", LinkedHow::Provisioned)];
    given::<User>(two.clone()).when(link("s3", LinkedHow::Relink)).then([
        unlinked("s1"),
        unlinked("s2"),
        linked("s3", LinkedHow::Relink),
    ]);
    let relinked = given::<User>(two).when(link("s3", LinkedHow::Relink)).then_state();
    assert_eq!(relinked.identities().len(), 1);
}

#[test]
fn a_name_is_observed_until_somebody_chooses_one_here() {
    let observe = |name| C::ObserveProfile { name: named(name) };
    given::<User>([registered()]).when(observe("Bo")).then([named_by(ProfileSource::Idp)]);
    given::<User>([registered(), named_by(ProfileSource::Idp)]).when(observe("Bo")).then_no_news();
    given::<User>([registered(), named_by(ProfileSource::Platform)]).when(observe("Ida")).then_no_news();
}

#[test]
fn nothing_can_be_asked_of_nobody() {
    given::<User>([]).when(C::Activate).then_refused("user-not-found");
    given::<User>([]).when(link("s1", LinkedHow::SignIn)).then_refused("user-not-found");
}

#[test]
fn ec_74_a_person_folds_without_personal_data() {
    let history = [
        invited(),
        linked("s1", LinkedHow::Provisioned),
        linked("s2", LinkedHow::Provisioned),
        E::Activated {},
        named_by(ProfileSource::Idp),
        unlinked("s2"),
    ];
    let bare = history.clone().map(|event| {
        let Event::User(event) = erased(event) else { panic!("an event keeps its aggregate") };
        event
    });
    let (whole, bare) = (fold::<User>(history), fold::<User>(bare));
    assert_eq!(whole.status(), bare.status());
    assert_eq!(bare.identities().len(), 1);
    assert!(bare.has_identity_at(INSTANCE));
    assert_eq!(bare.email().as_ref(), None);
}

#[test]
fn people_say_of_themselves_what_they_like_and_the_token_no_longer_names_them() {
    let say = |name: Option<&str>, theme| C::ChangeProfile {
        name: name.map(named),
        locale: Some(Some("da-DK".into())),
        timezone: Some(None),
        theme,
    };
    let said = E::ProfileChanged {
        source: ProfileSource::Platform,
        locale: Some("da-DK".into()),
        timezone: None,
        theme: Some(Theme::Dark),
        changed: vec!["name".into(), "locale".into(), "theme".into()],
        name: Some(named("Ada H").into()),
    };
    let history = [registered(), said.clone()];
    given::<User>([registered()]).when(say(Some("Ada H"), Some(Theme::Dark))).then([said]);
    given::<User>(history.clone()).when(say(Some("Ada H"), Some(Theme::Dark))).then_no_news();
    given::<User>(history).when(C::ObserveProfile { name: named("From the token") }).then_no_news();
    given::<User>([]).when(say(None, None)).then_refused("user-not-found");
}
