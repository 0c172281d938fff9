//! The people of a run, the names they fight over, and what they do at random.

mod customer;
mod operator;

use std::collections::BTreeMap;

use crate::caller::{Caller, Kind};
use crate::process::FIRST_ADMIN;
use crate::world::World;
pub(crate) use customer::BELOW;

pub(crate) const OPERATORS: usize = 3;
pub(crate) const CUSTOMERS: usize = 5;
pub(crate) const SLUGS: usize = 7;
pub(crate) const DOMAINS: usize = 6;
const PARTNERS: usize = 4;

/// A person with what they remember.
pub(crate) struct Person<'w> {
    pub(crate) caller: Caller<'w>,
    /// Versions of tenants as last seen; soon old.
    versions: BTreeMap<String, u64>,
    /// Invitations that were seen.
    invitations: Vec<String>,
    /// Ids of the operators, in their order.
    operators: Vec<Option<String>>,
}

impl<'w> Person<'w> {
    fn new(caller: Caller<'w>) -> Self {
        Self { caller, versions: BTreeMap::new(), invitations: Vec::new(), operators: Vec::new() }
    }

    /// So many steps, each something else.
    pub(crate) async fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.caller.kind {
                Kind::Operator => self.operate().await,
                Kind::Customer => self.use_it().await,
            }
        }
    }

    /// Who they are here: their id.
    pub(crate) async fn sign_in(&mut self) -> Option<String> {
        let answer = self.caller.ask("/users/me").await?;
        assert_eq!(answer.status, 200, "seed {}: sign-in: {answer:?}", self.caller.world.seed);
        let invitations = answer.json["invitations"].as_array().cloned().unwrap_or_default();
        self.invitations.extend(invitations.iter().filter_map(|one| one["id"].as_str().map(str::to_owned)));
        answer.json["id"].as_str().map(str::to_owned)
    }
}

/// Everybody. Operators come first, and the first of them administers from the beginning.
pub(crate) fn everybody<'w>(world: &'w World, rng: &mut fastrand::Rng) -> Vec<Person<'w>> {
    let mut people = Vec::new();
    for number in 0..OPERATORS {
        let email = format!("op{number}@dezky.example");
        assert!(number != 0 || email == FIRST_ADMIN, "the first of them administers");
        people.push(Person::new(Caller::new(world, number, Kind::Operator, &email, rng.fork())));
    }
    for number in 0..CUSTOMERS {
        let caller = Caller::new(world, OPERATORS + number, Kind::Customer, &email(number), rng.fork());
        people.push(Person::new(caller));
    }
    people
}

/// Everybody signs in; operators learn each other's ids, and the second one is made an administrator.
pub(crate) async fn introduce(people: &mut [Person<'_>]) {
    let mut ids = Vec::new();
    for person in people.iter_mut() {
        ids.push(person.sign_in().await);
    }
    for person in people.iter_mut().take(OPERATORS) {
        person.operators = ids.iter().take(OPERATORS).cloned().collect();
    }
    if let Some(first) = people.first_mut() {
        first.grant(1).await;
    }
}

/// A customer's address, on a domain that a tenant may verify.
fn email(number: usize) -> String {
    format!("p{number}@{}", domain(number))
}

fn domain(number: usize) -> String {
    format!("d{number}.test")
}

fn slug(rng: &mut fastrand::Rng) -> String {
    format!("acme-{}", rng.usize(..SLUGS))
}

fn partner(rng: &mut fastrand::Rng) -> String {
    format!("partner-{}", rng.usize(..PARTNERS))
}
