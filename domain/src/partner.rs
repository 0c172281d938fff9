//! A partner: a reseller whose margin changes from a day on, and never for an earlier day.

use std::collections::BTreeMap;

use schema::partner::Disposition;
use schema::people::{BillingInfo, ContactInfo};
use schema::{Bps, Date, DisplayName, DomainName, PartnerCommand, PartnerEvent, Personal, Slug, Text};

use crate::changes::{billing_changes, contact_changes};
use crate::{Asked, Decider, Rejection};

/// A reseller.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Partner {
    slug: Option<Slug>,
    name: Personal<DisplayName>,
    domain: Option<DomainName>,
    contact_info: Option<Personal<ContactInfo>>,
    billing_info: Option<Personal<BillingInfo>>,
    /// By the first day of each.
    margins: BTreeMap<Date, Bps>,
    terminated_on: Option<Date>,
    disposition: Option<Settlement>,
}

/// How far the consequences of an end have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// Customers are still to be handled.
    Due(Disposition),
    /// Everything has been done.
    Done(Disposition),
}

impl Partner {
    /// Whether there is such a partner.
    pub const fn exists(&self) -> bool {
        self.slug.is_some()
    }

    /// Whether tenants may be attached.
    pub const fn is_active(&self) -> bool {
        self.exists() && self.terminated_on.is_none()
    }

    /// The short name.
    pub const fn slug(&self) -> Option<&Slug> {
        self.slug.as_ref()
    }

    /// The name shown.
    pub const fn name(&self) -> &Personal<DisplayName> {
        &self.name
    }

    /// The partner's own domain.
    pub const fn domain(&self) -> Option<&DomainName> {
        self.domain.as_ref()
    }

    /// The margin in force on a day; none before the first and from the end on.
    pub fn margin_on(&self, day: Date) -> Bps {
        let ended = self.terminated_on.is_some_and(|end| end <= day);
        let in_force = self.margins.range(..=day).next_back().map(|(_, bps)| *bps);
        in_force.filter(|_| !ended).unwrap_or(Bps::ZERO)
    }

    /// A margin that comes into force after a day.
    pub fn scheduled_margin(&self, today: Date) -> Option<(Date, Bps)> {
        self.margins.iter().map(|(day, bps)| (*day, *bps)).find(|(day, _)| *day > today && self.is_active())
    }

    /// How far the consequences of the end have come; nothing while there is no end.
    pub const fn settlement(&self) -> Option<Settlement> {
        self.disposition
    }

    /// What attaching a tenant needs.
    pub fn must_be_active(&self) -> Result<(), Rejection> {
        match (self.exists(), self.is_active()) {
            (false, _) => Err(Rejection::NotFound { what: "partner-not-found" }),
            (true, false) => Err(Rejection::PartnerNotActive),
            (true, true) => Ok(()),
        }
    }

    fn must_live(&self, attempted: &'static str) -> Result<(), Rejection> {
        match (self.exists(), self.is_active()) {
            (false, _) => Err(Rejection::NotFound { what: "partner-not-found" }),
            (true, false) => {
                Err(Rejection::InvalidTransition { from: "terminated", attempted, allowed: &[] })
            }
            (true, true) => Ok(()),
        }
    }

    /// Whom to call, as far as it has not been erased.
    pub fn contact_info(&self) -> Option<&ContactInfo> {
        self.contact_info.as_ref().and_then(Personal::as_ref)
    }

    /// Who is paid; nothing once that was taken away or erased.
    pub fn billing_info(&self) -> Option<&BillingInfo> {
        self.billing_info
            .as_ref()
            .and_then(Personal::as_ref)
            .filter(|known| **known != BillingInfo::default())
    }

    #[expect(clippy::option_option, reason = "absent stays, an inner nothing takes away")]
    fn change_profile(
        &self,
        name: Option<DisplayName>,
        domain: Option<Option<DomainName>>,
    ) -> Vec<PartnerEvent> {
        let name = name.filter(|name| self.name.as_ref() != Some(name));
        let domain = domain.filter(|domain| self.domain != *domain);
        let changed: Vec<String> = [name.is_some().then_some("name"), domain.is_some().then_some("domain")]
            .into_iter()
            .flatten()
            .map(str::to_owned)
            .collect();
        if changed.is_empty() {
            return vec![];
        }
        vec![PartnerEvent::ProfileChanged { changed, domain: domain.flatten(), name: name.map(Into::into) }]
    }

    fn change_contact(&self, contact_info: ContactInfo) -> Vec<PartnerEvent> {
        let changed = contact_changes(self.contact_info.as_ref().and_then(Personal::as_ref), &contact_info);
        if changed.is_empty() {
            return vec![];
        }
        vec![PartnerEvent::ContactChanged { changed, contact_info: contact_info.into() }]
    }

    fn change_billing(&self, billing_info: BillingInfo) -> Vec<PartnerEvent> {
        let changed = billing_changes(self.billing_info.as_ref().and_then(Personal::as_ref), &billing_info);
        if changed.is_empty() {
            return vec![];
        }
        vec![PartnerEvent::BillingInfoChanged { changed, billing_info: billing_info.into() }]
    }

    fn set_margin(&self, bps: Bps, from: Option<Date>, today: Date) -> Result<Vec<PartnerEvent>, Rejection> {
        let effective_from = from.unwrap_or(today);
        if effective_from < today {
            return Err(Rejection::invalid("/marginEffectiveFrom", "range", "must be today or later"));
        }
        let scheduled = self.scheduled_margin(today);
        let is_in_force = scheduled.is_none() && self.margin_on(today) == bps;
        if is_in_force || scheduled == Some((effective_from, bps)) {
            return Ok(vec![]);
        }
        let withdrawn = scheduled.map(|(day, _)| day);
        Ok(vec![PartnerEvent::MarginSet { bps, effective_from, withdrawn }])
    }

    fn terminate(&self, reason: Option<Text>, disposition: Disposition, asked: &Asked) -> Vec<PartnerEvent> {
        if !self.is_active() {
            return vec![];
        }
        let terminated = PartnerEvent::Terminated {
            disposition,
            transfer_to: None,
            effective_at: asked.now,
            reason: reason.map(Into::into),
        };
        match disposition {
            // Nothing follows for the customers, so nothing is left to be done.
            Disposition::Retain => {
                vec![terminated, PartnerEvent::DispositionCompleted { tenants: 0, skipped: vec![] }]
            }
        }
    }
}

impl Decider for Partner {
    type Command = PartnerCommand;
    type Event = PartnerEvent;

    fn decide(&self, command: PartnerCommand, asked: &Asked) -> Result<Vec<PartnerEvent>, Rejection> {
        match command {
            PartnerCommand::Register { slug, .. } if self.exists() => {
                Err(Rejection::AlreadyExists { what: "partner", field: "slug", value: slug.to_string() })
            }
            PartnerCommand::Register { slug, name, domain, margin, contact_info, billing_info } => {
                let mut events = vec![
                    PartnerEvent::Registered { slug, domain, name: name.into() },
                    PartnerEvent::MarginSet {
                        bps: margin,
                        effective_from: asked.now.date(),
                        withdrawn: None,
                    },
                ];
                events.extend(contact_info.into_iter().flat_map(|contact| self.change_contact(contact)));
                events.extend(billing_info.into_iter().flat_map(|billing| self.change_billing(billing)));
                Ok(events)
            }
            PartnerCommand::ChangeProfile { name, domain } => {
                self.must_live("change profile").map(|()| self.change_profile(name, domain))
            }
            PartnerCommand::ChangeContact { contact_info } => {
                self.must_live("change contact").map(|()| self.change_contact(contact_info))
            }
            PartnerCommand::ChangeBillingInfo { billing_info } => {
                self.must_live("change billing data").map(|()| self.change_billing(billing_info))
            }
            PartnerCommand::SetMargin { margin, effective_from } => {
                self.must_live("set margin")?;
                self.set_margin(margin, effective_from, asked.now.date())
            }
            PartnerCommand::Terminate { .. } | PartnerCommand::RecordDispositionDone { .. }
                if !self.exists() =>
            {
                Err(Rejection::NotFound { what: "partner-not-found" })
            }
            PartnerCommand::Terminate { reason, disposition } => {
                Ok(self.terminate(reason, disposition, asked))
            }
            PartnerCommand::RecordDispositionDone { tenants, skipped } => match self.disposition {
                Some(Settlement::Due(_)) => Ok(vec![PartnerEvent::DispositionCompleted { tenants, skipped }]),
                Some(Settlement::Done(_)) => Ok(vec![]),
                None => Err(Rejection::InvalidTransition {
                    from: "active",
                    attempted: "complete the disposition",
                    allowed: &["terminate"],
                }),
            },
        }
    }

    fn evolve(&mut self, event: &PartnerEvent) {
        match event {
            PartnerEvent::Registered { slug, domain, name } => {
                self.slug = Some(slug.clone());
                self.domain.clone_from(domain);
                self.name = name.clone();
            }
            PartnerEvent::ProfileChanged { changed, domain, name } => {
                if changed.iter().any(|field| field == "domain") {
                    self.domain.clone_from(domain);
                }
                if let Some(name) = name {
                    self.name = name.clone();
                }
            }
            PartnerEvent::ContactChanged { contact_info, .. } => {
                self.contact_info = Some(contact_info.clone());
            }
            PartnerEvent::BillingInfoChanged { billing_info, .. } => {
                self.billing_info = Some(billing_info.clone());
            }
            PartnerEvent::MarginSet { bps, effective_from, withdrawn } => {
                if let Some(day) = withdrawn {
                    self.margins.remove(day);
                }
                self.margins.insert(*effective_from, *bps);
            }
            PartnerEvent::Terminated { disposition, effective_at, .. } => {
                self.terminated_on = Some(effective_at.date());
                self.disposition = Some(Settlement::Due(*disposition));
            }
            PartnerEvent::DispositionCompleted { .. } => {
                self.disposition = match self.disposition {
                    Some(Settlement::Due(disposition) | Settlement::Done(disposition)) => {
                        Some(Settlement::Done(disposition))
                    }
                    None => None,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests;
