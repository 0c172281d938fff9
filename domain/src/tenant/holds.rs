//! Holds: reasons to keep the doors shut, each opened and taken away by itself.

use schema::tenant::{HoldKind, HoldRef};
use schema::{ActorKind, HoldId, Personal, TenantEvent, Text, Timestamp};

use super::Tenant;
use crate::access::{Lifecycle, shuts_doors};
use crate::{Asked, Rejection};

/// A reason to keep the doors shut.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    /// On which ground.
    pub kind: HoldKind,
    /// Ends by itself then.
    pub until: Option<Timestamp>,
    /// For the customer.
    pub customer_message: Option<Personal<Text>>,
    pub(super) state: HoldState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HoldState {
    Open,
    Over,
}

impl Hold {
    pub(super) fn is_open(&self) -> bool {
        self.state == HoldState::Open
    }
}

/// What is wanted of a new hold.
pub(super) struct Placing {
    pub(super) kind: HoldKind,
    pub(super) reason: Option<Text>,
    pub(super) customer_message: Option<Text>,
    pub(super) until: Option<Timestamp>,
}

impl Tenant {
    pub(super) fn place_hold(
        &self,
        hold_id: HoldId,
        placing: Placing,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_accept_holds("suspend")?;
        let Placing { kind, reason, customer_message, until } = placing;
        if until.is_some_and(|until| until <= asked.now) {
            return Err(Rejection::invalid("/until", "range", "must be in the future"));
        }
        if self.open_holds().any(|(_, open)| open.kind == kind) || self.holds.contains_key(&hold_id) {
            return Ok(vec![]);
        }
        let is_first = shuts_doors(kind) && !self.has_shut_doors_without(hold_id);
        let placed = TenantEvent::HoldPlaced {
            hold_id,
            kind,
            until,
            reason: reason.map(Into::into),
            customer_message: customer_message.map(Into::into),
        };
        Ok([Some(placed), is_first.then_some(TenantEvent::Suspended { hold_id })]
            .into_iter()
            .flatten()
            .collect())
    }

    pub(super) fn release_hold(
        &self,
        named: HoldRef,
        reason: Option<Text>,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_accept_holds("resume")?;
        may_release(asked.actor.kind)?;
        let open = match named {
            HoldRef::Id(id) if !self.holds.contains_key(&id) => return Err(Rejection::HoldNotFound),
            HoldRef::Id(id) => self.open_holds().find(|(open, _)| *open == id),
            HoldRef::Kind(kind) => self.open_holds().find(|(_, open)| open.kind == kind),
        };
        let Some((hold_id, hold)) = open else {
            return Ok(vec![]);
        };
        let released = TenantEvent::HoldReleased { hold_id, kind: hold.kind, reason: reason.map(Into::into) };
        Ok(self.with_resumed(released, hold_id, hold.kind))
    }

    /// Time passes for a terminating tenant too; after the end nobody cares.
    pub(super) fn expire_hold(&self, hold_id: HoldId, asked: &Asked) -> Result<Vec<TenantEvent>, Rejection> {
        if self.must_exist()? == Lifecycle::Terminated {
            return Ok(vec![]);
        }
        let is_due = |hold: &Hold| hold.until.is_some_and(|until| until <= asked.now);
        let due = self.open_holds().find(|(open, hold)| *open == hold_id && is_due(hold));
        let Some((hold_id, hold)) = due else {
            return Ok(vec![]);
        };
        let expired = TenantEvent::HoldExpired { hold_id, kind: hold.kind };
        Ok(self.with_resumed(expired, hold_id, hold.kind))
    }

    /// Why the tenant is held, in words for the customer, if the doors are shut and somebody wrote them down.
    pub fn customer_message(&self) -> Option<&Text> {
        self.open_holds()
            .filter(|(_, hold)| shuts_doors(hold.kind))
            .find_map(|(_, hold)| hold.customer_message.as_ref().and_then(Personal::as_ref))
    }

    fn with_resumed(&self, event: TenantEvent, hold_id: HoldId, kind: HoldKind) -> Vec<TenantEvent> {
        let is_last = shuts_doors(kind) && !self.has_shut_doors_without(hold_id);
        [Some(event), is_last.then_some(TenantEvent::Resumed { hold_id })].into_iter().flatten().collect()
    }

    fn has_shut_doors_without(&self, hold_id: HoldId) -> bool {
        self.open_holds().any(|(open, hold)| open != hold_id && shuts_doors(hold.kind))
    }

    fn must_accept_holds(&self, attempted: &'static str) -> Result<(), Rejection> {
        match self.must_exist()? {
            Lifecycle::Pending | Lifecycle::Active => Ok(()),
            from @ (Lifecycle::Terminating | Lifecycle::Terminated) => {
                Err(Self::not_possible(from, attempted))
            }
        }
    }
}

fn may_release(kind: ActorKind) -> Result<(), Rejection> {
    match kind {
        ActorKind::Operator | ActorKind::System | ActorKind::Bootstrap => Ok(()),
        ActorKind::User | ActorKind::Reconciler => Err(Rejection::RoleInsufficient),
    }
}
