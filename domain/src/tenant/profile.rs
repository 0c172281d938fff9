//! What a tenant says about itself: name, language, time zone, contact, billing data.

use schema::people::{BillingInfo, ContactInfo};
use schema::{DisplayName, Personal, TenantEvent};

use super::Tenant;
use crate::Rejection;
use crate::changes::{billing_changes, contact_changes};

impl Tenant {
    pub(super) fn rename(&self, name: DisplayName) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_over("rename")?;
        if self.name.as_ref() == Some(&name) {
            return Ok(vec![]);
        }
        Ok(vec![TenantEvent::Renamed { from: self.name.clone(), to: name.into() }])
    }

    #[expect(clippy::option_option, reason = "absent stays, an inner nothing takes away")]
    pub(super) fn change_profile(
        &self,
        locale: Option<Option<String>>,
        timezone: Option<Option<String>>,
        contact: Option<ContactInfo>,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_over("change profile")?;
        let locale = locale.filter(|locale| self.locale != *locale);
        let timezone = timezone.filter(|timezone| self.timezone != *timezone);
        let known = self.contact.as_ref().and_then(Personal::as_ref);
        let contact = contact.filter(|contact| !contact_changes(known, contact).is_empty());
        let fields = [
            locale.is_some().then_some("locale"),
            timezone.is_some().then_some("timezone"),
            contact.is_some().then_some("contact"),
        ];
        let changed: Vec<String> = fields.into_iter().flatten().map(str::to_owned).collect();
        if changed.is_empty() {
            return Ok(vec![]);
        }
        Ok(vec![TenantEvent::ProfileChanged {
            locale: locale.flatten(),
            timezone: timezone.flatten(),
            changed,
            contact: contact.map(Into::into),
        }])
    }

    pub(super) fn change_billing_info(
        &self,
        billing_info: BillingInfo,
    ) -> Result<Vec<TenantEvent>, Rejection> {
        self.must_not_be_over("change billing data")?;
        let changed = billing_changes(self.billing_info.as_ref().and_then(Personal::as_ref), &billing_info);
        if changed.is_empty() {
            return Ok(vec![]);
        }
        let country = Some(billing_info.country.clone()).filter(|country| !country.is_empty());
        Ok(vec![TenantEvent::BillingInfoChanged { changed, country, billing_info: billing_info.into() }])
    }
}
