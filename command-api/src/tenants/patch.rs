//! `PATCH /tenants/{t}`: each field has its own right; all of it in one commit, or nothing.

use std::collections::BTreeSet;

use axum::response::Response;
use domain::acts::PatchTenant;
use schema::people::{BillingInfo, ContactInfo};
use schema::{DisplayName, DomainName, Role};

use super::{of_tenant, reply};
use crate::ask::{Ask, Caller, Order, Seen};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional};
use crate::partners::find_partner;
use crate::reading::to_value;
use crate::route::{Route, Who, patch};
use crate::values::{self, billing, contact, locale, string, timezone, word, words};

const DOMAINS_MAX: usize = 20;
const OPERATORS: &[&str] = &["plan", "priceId", "quantity", "partnerId"];
const ADMINS: &[&str] = &["name", "contact", "locale", "timezone", "domains"];
const BILLING: &[&str] = &["billingInfo"];
/// Objects of which only a part may be given.
const LAID_OVER: &[&str] = &["contact", "billingInfo"];
const PLAN: &[&str] = &["plan", "priceId", "quantity"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        patch("/tenants/{t}", change)
            .may(Who::Member(Role::Billing), "Change fields, each with its own right, in one commit")
            .takes::<Change>()
            .gives("Tenant"),
    ]
}

#[expect(clippy::option_option, reason = "absent, null and a value are three answers of a merge patch")]
struct Change {
    name: Option<DisplayName>,
    contact: Option<ContactInfo>,
    locale: Option<Option<String>>,
    timezone: Option<Option<String>>,
    billing_info: Option<BillingInfo>,
    domains: Option<Vec<DomainName>>,
    partner: Option<Option<String>>,
}

impl Body for Change {
    const FIELDS: &'static [Field] = &[
        optional("name", Kind::String),
        optional("contact", Kind::Object),
        optional("locale", Kind::String),
        optional("timezone", Kind::String),
        optional("billingInfo", Kind::Object),
        optional("domains", Kind::Strings),
        optional("plan", Kind::String),
        optional("priceId", Kind::String),
        optional("quantity", Kind::Integer),
        optional("partnerId", Kind::String),
    ];

    fn read(fields: &mut Fields) -> Self {
        for name in fields.given(PLAN) {
            fields.wrong(name, schema::ValueError::new("not-allowed", "plan changes are not available"));
        }
        fields.must_stay(&["name", "domains"]);
        Self {
            name: fields.optional("name", word),
            contact: fields.object_or_empty("contact", values::CONTACT_FIELDS, contact),
            locale: fields.nullable("locale", locale),
            timezone: fields.nullable("timezone", timezone),
            billing_info: fields.object_or_empty("billingInfo", values::BILLING_FIELDS, billing),
            domains: fields.list("domains", |value, at| words(value, at, DOMAINS_MAX)),
            partner: fields.nullable("partnerId", string),
        }
    }
}

async fn change(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    // Every member with any right to change something passes here; the fields decide the rest.
    caller.may_write_while_held(&seen, Role::Member)?;
    let mut fields = caller.body::<Change>().await?;
    may_set(&caller, &seen, &fields)?;
    fields.lay_over("contact", seen.tenant.contact().map(to_value).transpose()?);
    fields.lay_over("billingInfo", seen.tenant.billing_info().map(to_value).transpose()?);
    let rests_on = fields.given(LAID_OVER).first().map(|_| seen.version);
    let change = fields.read::<Change>()?;
    let app = &caller.ask.app;
    if let Some(domains) = &change.domains {
        super::domains::must_be_outside(&app.config.platform_zones, domains, "/domains")?;
    }
    let act = decision(&caller, &seen, change).await?;
    let mut streams = reply::streams(app, seen.id, &seen.tenant).await?;
    streams.extend(act.partner.flatten().map(Into::into));
    let right = caller.may_read(&seen, Role::Member)?;
    let render = of_tenant(app, seen.id, caller.viewer(right), 200).await?;
    caller.execute(Order::on(seen.id, act).loading(streams).resting_on(rests_on), render).await
}

/// Which fields a caller may set: operators all, admins what the company is, billing who pays.
fn may_set(caller: &Caller, seen: &Seen, fields: &Fields) -> Result<(), ApiError> {
    if caller.is_operator() {
        return Ok(());
    }
    let may = |role| caller.may_write_while_held(seen, role).is_ok();
    let mut forbidden = fields.given(OPERATORS);
    if !may(Role::Admin) {
        forbidden.extend(fields.given(ADMINS));
    }
    if !may(Role::Billing) {
        forbidden.extend(fields.given(BILLING));
    }
    if !forbidden.is_empty() {
        return Err(ApiError::field_forbidden(&forbidden));
    }
    if fields.given(ADMINS).is_empty() {
        return Ok(()); // who pays may change while the doors are shut
    }
    caller.may_write(seen, Role::Admin)
}

async fn decision(caller: &Caller, seen: &Seen, change: Change) -> Result<PatchTenant, ApiError> {
    let app = &caller.ask.app;
    let partner = match change.partner {
        None => None,
        Some(None) => Some(None),
        Some(Some(text)) => {
            let found = find_partner(app, &text).await?;
            let unknown = || ApiError::invalid("/partnerId", "unknown-value", "there is no such partner");
            Some(Some(found.ok_or_else(unknown)?))
        }
    };
    let in_use = match &change.domains {
        Some(_) => super::domains::in_use(app, seen).await?,
        None => BTreeSet::new(),
    };
    Ok(PatchTenant {
        tenant_id: seen.id,
        plan_id: seen.tenant.plan_id(),
        name: change.name,
        locale: change.locale,
        timezone: change.timezone,
        contact: change.contact,
        billing_info: change.billing_info,
        domains: change.domains.map(|domains| domains.into_iter().collect()),
        in_use,
        partner,
    })
}
