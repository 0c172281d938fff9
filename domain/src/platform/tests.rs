//! Rules of the platform, as sentences.

use schema::platform::GrantedHow;
use schema::{Actor, ActorKind, PlatformCommand as C, PlatformEvent as E, UserId};

use super::Platform;
use crate::testing::*;

fn granted(number: u128, how: GrantedHow) -> E {
    E::AdminGranted { user_id: user(number), how, reason: None }
}

fn two_admins() -> [E; 2] {
    [granted(1, GrantedHow::Bootstrap), granted(2, GrantedHow::Grant)]
}

fn admin(id: UserId) -> Actor {
    Actor::person(ActorKind::Operator, id)
}

#[test]
fn the_first_administrator_is_made_once() {
    let bootstrap = || C::BootstrapAdmin { user_id: user(1) };
    given::<Platform>([]).when(bootstrap()).then([granted(1, GrantedHow::Bootstrap)]);
    given::<Platform>([granted(2, GrantedHow::Bootstrap)])
        .when(bootstrap())
        .then_refused("invalid-transition");
}

#[test]
fn ec_41_no_bootstrap_after_there_has_ever_been_an_administrator() {
    let history = two_admins().into_iter().chain([E::AdminRevoked { user_id: user(1), reason: None }]);
    given::<Platform>(history)
        .when(C::BootstrapAdmin { user_id: user(1) })
        .then_refused("invalid-transition");
}

#[test]
fn granting_twice_is_no_news() {
    given::<Platform>(two_admins()).when(C::GrantAdmin { user_id: user(2), reason: None }).then_no_news();
    given::<Platform>(two_admins()).when(C::RevokeAdmin { user_id: user(3), reason: None }).then_no_news();
}

#[test]
fn ec_29_an_administrator_does_not_change_their_own_right() {
    let own = || given::<Platform>(two_admins()).by(admin(user(1)));
    own().when(C::RevokeAdmin { user_id: user(1), reason: None }).then_refused("self-change-forbidden");
    own().when(C::GrantAdmin { user_id: user(1), reason: None }).then_refused("self-change-forbidden");
}

#[test]
fn ec_28_of_two_who_revoke_each_other_one_remains() {
    let first = given::<Platform>(two_admins())
        .by(admin(user(1)))
        .when(C::RevokeAdmin { user_id: user(2), reason: None });
    first.then([E::AdminRevoked { user_id: user(2), reason: None }]);
    // The second decision meets the changed stream and is made again.
    let history = two_admins().into_iter().chain([E::AdminRevoked { user_id: user(2), reason: None }]);
    let second =
        given::<Platform>(history).by(admin(user(2))).when(C::RevokeAdmin { user_id: user(1), reason: None });
    second.then_refused("last-platform-admin");
}
