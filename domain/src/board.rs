//! The board: folded streams a decision reads and writes, all or nothing.

use std::collections::BTreeMap;

use schema::{
    Event, PartnerEvent, PartnerId, PlanEvent, PlanId, PlatformEvent, ProvisioningEvent, StreamId,
    SubscriptionEvent, SubscriptionId, System, TenantEvent, TenantId, UserEvent, UserId,
};

use crate::partner::Partner;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::provisioning::Provisioning;
use crate::subscription::Subscription;
use crate::tenant::Tenant;
use crate::user::User;
use crate::{Asked, Decider, Rejection};

/// A decision over one or several streams.
pub trait Act: Send + Sync {
    /// Every stream the decision reads or writes. Those it does not write become guards.
    fn streams(&self) -> Vec<StreamId>;

    /// Runs commands on the board. An error leaves the log untouched.
    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection>;
}

/// One command on one stream.
#[derive(Debug, Clone)]
pub struct One<D: Decider> {
    /// Where.
    pub stream: StreamId,
    /// What.
    pub command: D::Command,
}

impl<D> Act for One<D>
where
    D: Aggregate,
    D::Command: Clone + Send + Sync,
{
    fn streams(&self) -> Vec<StreamId> {
        vec![self.stream.clone()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        board.run::<D>(&self.stream, self.command.clone(), asked).map(drop)
    }
}

/// An aggregate that has its place in [`State`].
pub trait Aggregate: Decider + Sized {
    /// This aggregate, if the state is one.
    fn of(state: &State) -> Option<&Self>;
}

macro_rules! states {
    ($($variant:ident($event:ident) = $word:literal;)*) => {
        /// The folded state of one stream.
        #[derive(Debug)]
        pub enum State {
            $(#[doc = concat!("Of the aggregate `", $word, "`.")] $variant($variant),)*
        }

        impl State {
            /// The state of a stream that has no event yet.
            ///
            /// # Panics
            /// When the stream's name starts with no aggregate's word: such a name cannot have been made by us.
            pub fn empty(stream: &StreamId) -> Self {
                match stream.aggregate() {
                    $($word => Self::$variant($variant::default()),)*
                    other => panic!("every stream name starts with an aggregate's word, not {other}"),
                }
            }

            /// The state after an event. An event of another aggregate cannot stand in this stream and changes nothing.
            pub fn evolve(&mut self, event: &Event) {
                match (self, event) {
                    $((Self::$variant(state), Event::$variant(event)) => Decider::evolve(state, event),)*
                    (_, _) => {}
                }
            }
        }

        $(impl Aggregate for $variant {
            fn of(state: &State) -> Option<&Self> {
                if let State::$variant(state) = state { Some(state) } else { None }
            }
        }

        const _: fn($event) -> Event = Event::$variant;)*
    };
}

states! {
    Platform(PlatformEvent) = "platform";
    Tenant(TenantEvent) = "tenant";
    User(UserEvent) = "user";
    Partner(PartnerEvent) = "partner";
    Plan(PlanEvent) = "plan";
    Subscription(SubscriptionEvent) = "subscription";
    Provisioning(ProvisioningEvent) = "provisioning";
}

#[derive(Debug)]
struct Slot {
    state: State,
    version: u64,
    news: Vec<Event>,
}

/// What one stream of a decision contributes to the commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which stream.
    pub stream: StreamId,
    /// The version it was read at.
    pub expected_version: u64,
    /// What is appended; empty for a guard.
    pub events: Vec<Event>,
}

/// Folded streams, and the events decided so far.
#[derive(Debug, Default)]
pub struct Board {
    slots: BTreeMap<StreamId, Slot>,
}

impl Board {
    /// Puts a stream on the board, folded from its events.
    pub fn place<'a>(&mut self, stream: StreamId, version: u64, events: impl IntoIterator<Item = &'a Event>) {
        let mut state = State::empty(&stream);
        for event in events {
            state.evolve(event);
        }
        self.slots.insert(stream, Slot { state, version, news: Vec::new() });
    }

    /// The state of a stream as decided so far.
    ///
    /// # Panics
    /// When the stream was not declared by [`Act::streams`]: what is not loaded cannot be guarded.
    pub fn state<D: Aggregate>(&self, stream: &StreamId) -> &D {
        let Some(state) = self.slots.get(stream).and_then(|slot| D::of(&slot.state)) else {
            panic!("a decision reads only streams it declared, and {stream} was not");
        };
        state
    }

    /// The version a stream had when it was loaded; 0 when it has no event.
    pub fn version(&self, stream: &StreamId) -> u64 {
        self.slots.get(stream).map_or(0, |slot| slot.version)
    }

    /// Runs one command on one stream and keeps what follows from it.
    pub fn run<D: Aggregate>(
        &mut self,
        stream: &StreamId,
        command: D::Command,
        asked: &Asked,
    ) -> Result<Vec<Event>, Rejection> {
        let events: Vec<Event> =
            self.state::<D>(stream).decide(command, asked)?.into_iter().map(Into::into).collect();
        if let Some(slot) = self.slots.get_mut(stream) {
            for event in &events {
                slot.state.evolve(event);
            }
            slot.news.extend(events.iter().cloned());
        }
        Ok(events)
    }

    /// Whether nothing has been decided about a stream so far.
    pub fn is_unchanged(&self, stream: &StreamId) -> bool {
        self.slots.get(stream).is_none_or(|slot| slot.news.is_empty())
    }

    /// A tenant.
    pub fn tenant(&self, id: TenantId) -> &Tenant {
        self.state(&id.into())
    }

    /// A user.
    pub fn user(&self, id: UserId) -> &User {
        self.state(&id.into())
    }

    /// A partner.
    pub fn partner(&self, id: PartnerId) -> &Partner {
        self.state(&id.into())
    }

    /// A plan.
    pub fn plan(&self, id: PlanId) -> &Plan {
        self.state(&id.into())
    }

    /// A subscription.
    pub fn subscription(&self, id: SubscriptionId) -> &Subscription {
        self.state(&id.into())
    }

    /// What was observed of a tenant in a system.
    pub fn provisioning(&self, id: TenantId, system: System) -> &Provisioning {
        self.state(&StreamId::provisioning(id, system))
    }

    /// Everything the commit needs: appends and guards, in the order of stream names.
    pub fn into_parts(self) -> Vec<Part> {
        self.slots
            .into_iter()
            .map(|(stream, slot)| Part { stream, expected_version: slot.version, events: slot.news })
            .collect()
    }
}
