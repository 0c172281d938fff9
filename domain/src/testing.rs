//! Given, when, then: rule tests as sentences.

use std::collections::BTreeMap;

use schema::{
    Actor, ActorKind, DisplayName, DomainName, Email, Event, HoldId, InvitationId, PartnerId, PlanId,
    PriceId, Slug, StreamId, SubscriptionId, TenantId, Text, Timestamp, UserId,
};
use uuid::Uuid;

use crate::board::Part;
use crate::claims::{Claim, ClaimChange, changes, rejection};
use crate::{Act, Aggregate, Asked, Board, Decider, Rejection};

/// A stream's history, and who asks at which moment.
pub(crate) struct Given<D> {
    state: D,
    asked: Asked,
}

/// What has happened so far. An operator asks at [`noon`] unless said otherwise.
pub(crate) fn given<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    Given { state: fold(events), asked: operator_at(noon()) }
}

impl<D: Decider> Given<D>
where
    D::Event: std::fmt::Debug + PartialEq,
{
    pub(crate) fn by(mut self, actor: Actor) -> Self {
        self.asked.actor = actor;
        self
    }

    pub(crate) fn at(mut self, now: Timestamp) -> Self {
        self.asked.now = now;
        self
    }

    pub(crate) fn when(self, command: D::Command) -> Decided<D> {
        let decided = self.state.decide(command, &self.asked);
        Decided { state: self.state, decided }
    }
}

/// What was decided, to be looked at.
pub(crate) struct Decided<D: Decider> {
    state: D,
    decided: Result<Vec<D::Event>, Rejection>,
}

impl<D: Decider> Decided<D>
where
    D::Event: std::fmt::Debug + PartialEq,
{
    #[track_caller]
    pub(crate) fn then(self, expected: impl IntoIterator<Item = D::Event>) {
        assert_eq!(self.decided, Ok(expected.into_iter().collect()));
    }

    #[track_caller]
    pub(crate) fn then_no_news(self) {
        self.then([]);
    }

    #[track_caller]
    pub(crate) fn then_refused(self, code: &str) {
        assert_eq!(self.decided.map_err(|refusal| refusal.code()), Err(code));
    }

    /// The state after what was decided.
    #[track_caller]
    pub(crate) fn then_state(self) -> D {
        let mut state = self.state;
        for event in &self.decided.expect("the command is accepted") {
            state.evolve(event);
        }
        state
    }
}

pub(crate) fn fold<D: Decider>(events: impl IntoIterator<Item = D::Event>) -> D {
    let mut state = D::default();
    for event in events {
        state.evolve(&event);
    }
    state
}

/// A log in memory: streams, their order, and the claims that follow from them.
#[derive(Default)]
pub(crate) struct Log {
    entries: Vec<(StreamId, Event)>,
    claims: BTreeMap<Claim, StreamId>,
}

impl Log {
    /// What has happened so far.
    pub(crate) fn with<E: Into<Event>>(
        mut self,
        stream: impl Into<StreamId>,
        events: impl IntoIterator<Item = E>,
    ) -> Self {
        let stream = stream.into();
        for event in events {
            self.append(stream.clone(), event.into()).expect("history breaks no claim");
        }
        self
    }

    /// Decides on what stands in the log, and appends nothing.
    pub(crate) fn rehearse(&self, act: &dyn Act, asked: &Asked) -> Result<Vec<Part>, Rejection> {
        let mut board = Board::default();
        for stream in act.streams() {
            let events: Vec<Event> = self.of(&stream).cloned().collect();
            board.place(stream, events.len() as u64, &events);
        }
        act.decide(&mut board, asked)?;
        Ok(board.into_parts())
    }

    /// Decides and appends all or nothing, as the log does; the kinds of what was appended, by stream.
    pub(crate) fn execute(&mut self, act: &dyn Act, asked: &Asked) -> Result<Vec<&'static str>, Rejection> {
        let parts = self.rehearse(act, asked)?;
        let (claims, length) = (self.claims.clone(), self.entries.len());
        let mut kinds = Vec::new();
        for part in parts {
            for event in part.events {
                kinds.push(event.kind());
                if let Err(refusal) = self.append(part.stream.clone(), event) {
                    self.claims = claims;
                    self.entries.truncate(length);
                    return Err(refusal);
                }
            }
        }
        Ok(kinds)
    }

    fn append(&mut self, stream: StreamId, event: Event) -> Result<(), Rejection> {
        for change in changes(&stream, &event) {
            match change {
                ClaimChange::Take(claim) => {
                    if self.claims.get(&claim).is_some_and(|holder| *holder != stream) {
                        return Err(rejection(claim.scope, "taken"));
                    }
                    self.claims.insert(claim, stream.clone());
                }
                ClaimChange::Release(claim) => drop(self.claims.remove(&claim)),
            }
        }
        self.entries.push((stream, event));
        Ok(())
    }

    fn of<'a>(&'a self, stream: &'a StreamId) -> impl Iterator<Item = &'a Event> {
        self.entries.iter().filter(move |(of, _)| of == stream).map(|(_, event)| event)
    }

    pub(crate) fn state<D: Aggregate + Clone>(&self, stream: impl Into<StreamId>) -> D {
        let stream = stream.into();
        let mut board = Board::default();
        board.place(stream.clone(), 0, self.of(&stream));
        board.state::<D>(&stream).clone()
    }

    pub(crate) fn entries(&self) -> &[(StreamId, Event)] {
        &self.entries
    }

    pub(crate) fn claims(&self) -> &BTreeMap<Claim, StreamId> {
        &self.claims
    }
}

/// The event as it is read once its personal section is gone.
pub(crate) fn erased(event: impl Into<Event>) -> Event {
    let stored = event.into().encode().unwrap();
    Event::decode(&stored.kind, &stored.data, None).unwrap()
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn asked(actor: Actor, now: Timestamp) -> Asked {
    Asked { actor, now, command_id: Uuid::from_u128(77) }
}

pub(crate) fn operator() -> Actor {
    Actor::person(ActorKind::Operator, user(900))
}

pub(crate) fn system() -> Actor {
    Actor::service(ActorKind::System)
}

pub(crate) fn customer(id: UserId) -> Actor {
    Actor::person(ActorKind::User, id)
}

pub(crate) fn operator_at(now: Timestamp) -> Asked {
    asked(operator(), now)
}

macro_rules! numbered {
    ($($name:ident -> $id:ident;)*) => { $(
        pub(crate) fn $name(number: u128) -> $id {
            $id::from_uuid(Uuid::from_u128(number))
        }
    )* };
}

numbered! {
    tenant -> TenantId;
    user -> UserId;
    partner -> PartnerId;
    plan -> PlanId;
    price -> PriceId;
    subscription -> SubscriptionId;
    hold -> HoldId;
    invitation -> InvitationId;
}

macro_rules! parsed {
    ($($name:ident -> $value:ident;)*) => { $(
        pub(crate) fn $name(text: &str) -> $value {
            text.parse().unwrap()
        }
    )* };
}

parsed! {
    slug -> Slug;
    named -> DisplayName;
    text -> Text;
    domain -> DomainName;
    email -> Email;
}
