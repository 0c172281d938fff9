//! The lifecycle: pending → active once, and an end with a time of grace that can be taken back.

use schema::tenant::{Generations, LivingPhase};
use schema::{TenantEvent, Text, Timestamp};

use super::Tenant;
use crate::access::Lifecycle;
use crate::{Asked, Rejection};

const GRACE_DAYS_MAX: u16 = 90;

/// The end that is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Termination {
    /// When grace is over.
    pub terminates_at: Timestamp,
    /// What a restore leads back to.
    pub previous: LivingPhase,
}

pub(super) const fn living(phase: LivingPhase) -> Lifecycle {
    match phase {
        LivingPhase::Pending => Lifecycle::Pending,
        LivingPhase::Active => Lifecycle::Active,
    }
}

impl Tenant {
    pub(super) fn activate(&self, generations: Generations) -> Result<Vec<TenantEvent>, Rejection> {
        Ok(match self.must_exist()? {
            Lifecycle::Pending => vec![TenantEvent::Activated { generations }],
            Lifecycle::Active | Lifecycle::Terminating | Lifecycle::Terminated => vec![],
        })
    }

    pub(super) fn terminate(
        &self,
        reason: Option<Text>,
        grace_days: u16,
        confirm: Option<String>,
        asked: &Asked,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        let lifecycle = self.must_exist()?;
        if confirm.is_some_and(|typed| self.slug().is_none_or(|slug| slug.as_str() != typed)) {
            return Err(Rejection::ConfirmationMismatch);
        }
        if grace_days > GRACE_DAYS_MAX {
            return Err(Rejection::invalid("/graceDays", "range", "must be between 0 and 90"));
        }
        let previous_lifecycle = match lifecycle {
            Lifecycle::Pending => LivingPhase::Pending,
            Lifecycle::Active => LivingPhase::Active,
            Lifecycle::Terminating | Lifecycle::Terminated => return Ok(vec![]),
        };
        Ok(vec![TenantEvent::TerminationScheduled {
            terminates_at: asked.now.plus_days(i64::from(grace_days)),
            grace_days,
            previous_lifecycle,
            reason: reason.map(Into::into),
        }])
    }

    pub(super) fn restore(&self, reason: Option<Text>) -> Result<Vec<TenantEvent>, Rejection> {
        match (self.must_exist()?, self.termination) {
            (Lifecycle::Terminating, Some(Termination { previous, .. })) => {
                Ok(vec![TenantEvent::Restored { lifecycle: previous, reason: reason.map(Into::into) }])
            }
            (Lifecycle::Pending | Lifecycle::Active, _) => Ok(vec![]),
            (from @ (Lifecycle::Terminating | Lifecycle::Terminated), _) => {
                Err(Self::not_possible(from, "restore"))
            }
        }
    }

    pub(super) fn complete_termination(&self, asked: &Asked) -> Result<Vec<TenantEvent>, Rejection> {
        let is_terminating = self.must_exist()? == Lifecycle::Terminating;
        let is_due = self.termination.is_some_and(|termination| termination.terminates_at <= asked.now);
        Ok(if is_terminating && is_due { vec![TenantEvent::Terminated {}] } else { vec![] })
    }
}
