//! Several changes to a partner, all or nothing.

use schema::people::{BillingInfo, ContactInfo};
use schema::{Bps, Date, DisplayName, DomainName, PartnerCommand, PartnerId, StreamId};

use crate::partner::Partner;
use crate::{Act, Asked, Board, Rejection};

/// What is given changes; what is absent stays.
#[derive(Debug, Clone)]
pub struct PatchPartner {
    /// Which.
    pub partner_id: PartnerId,
    /// The name shown.
    pub name: Option<DisplayName>,
    /// The partner's own domain; or none any more.
    pub domain: Option<Option<DomainName>>,
    /// A margin, and its first day if that is not today.
    pub margin: Option<(Bps, Option<Date>)>,
    /// Whom to call.
    pub contact_info: Option<ContactInfo>,
    /// Who is paid.
    pub billing_info: Option<BillingInfo>,
}

impl Act for PatchPartner {
    fn streams(&self) -> Vec<StreamId> {
        vec![self.partner_id.into()]
    }

    fn decide(&self, board: &mut Board, asked: &Asked) -> Result<(), Rejection> {
        let Self { name, domain, margin, contact_info, billing_info, .. } = self.clone();
        let commands = [
            Some(PartnerCommand::ChangeProfile { name, domain }),
            margin.map(|(margin, effective_from)| PartnerCommand::SetMargin { margin, effective_from }),
            contact_info.map(|contact_info| PartnerCommand::ChangeContact { contact_info }),
            billing_info.map(|billing_info| PartnerCommand::ChangeBillingInfo { billing_info }),
        ];
        for command in commands.into_iter().flatten() {
            board.run::<Partner>(&self.partner_id.into(), command, asked)?;
        }
        Ok(())
    }
}
