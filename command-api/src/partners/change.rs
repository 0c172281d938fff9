//! `POST`, `PATCH`, `DELETE /partners` and `terminate`.

use axum::response::Response;
use domain::One;
use domain::acts::PatchPartner;
use domain::partner::Partner;
use schema::partner::Disposition;
use schema::people::{BillingInfo, ContactInfo};
use schema::{Bps, Date, DisplayName, DomainName, PartnerCommand, PartnerId, Slug, Text, ValueError};
use uuid::Uuid;

use super::reply::of_partner;
use crate::ask::{Ask, Order};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional, required};
use crate::reading::to_value;
use crate::route::{Route, Who, delete, patch, post};
use crate::values::{self, billing, contact, date, percent, string, word};

pub(super) fn routes() -> Vec<Route> {
    let operator = Who::Operator;
    vec![
        post("/partners", register).may(operator, "A new partner").takes::<Draft>().creates("Partner"),
        patch("/partners/{p}", change)
            .may(operator, "Change fields in one commit")
            .takes::<Change>()
            .gives("Partner"),
        post("/partners/{p}/terminate", terminate)
            .may(operator, "The end of the contract; customers are not affected")
            .takes::<Terminate>()
            .gives("Partner"),
        delete("/partners/{p}", terminate)
            .may(operator, "The same as terminate")
            .takes::<Terminate>()
            .gives("Partner"),
    ]
}

struct Draft {
    slug: Option<Slug>,
    name: Option<DisplayName>,
    domain: Option<DomainName>,
    margin: Option<Bps>,
    contact_info: Option<ContactInfo>,
    billing_info: Option<BillingInfo>,
}

impl Body for Draft {
    const FIELDS: &'static [Field] = &[
        required("slug", Kind::String),
        required("name", Kind::String),
        optional("domain", Kind::String),
        optional("marginPct", Kind::Number),
        optional("contactInfo", Kind::Object),
        optional("billingInfo", Kind::Object),
    ];

    fn read(fields: &mut Fields) -> Self {
        Self {
            slug: fields.required("slug", word),
            name: fields.required("name", word),
            domain: fields.optional("domain", word),
            margin: fields.optional("marginPct", percent),
            contact_info: fields.object("contactInfo", values::CONTACT_FIELDS, contact),
            billing_info: fields.object("billingInfo", values::BILLING_FIELDS, billing),
        }
    }
}

#[expect(clippy::option_option, reason = "absent, null and a value are three answers of a merge patch")]
struct Change {
    name: Option<DisplayName>,
    domain: Option<Option<DomainName>>,
    margin: Option<Bps>,
    margin_from: Option<Date>,
    contact_info: Option<ContactInfo>,
    billing_info: Option<BillingInfo>,
}

impl Body for Change {
    const FIELDS: &'static [Field] = &[
        optional("name", Kind::String),
        optional("domain", Kind::String),
        optional("marginPct", Kind::Number),
        optional("marginEffectiveFrom", Kind::String),
        optional("contactInfo", Kind::Object),
        optional("billingInfo", Kind::Object),
    ];

    fn read(fields: &mut Fields) -> Self {
        if fields.given(&["marginPct", "marginEffectiveFrom"]) == ["marginEffectiveFrom"] {
            fields.wrong("marginPct", ValueError::new("required", "must be given with marginEffectiveFrom"));
        }
        fields.must_stay(&["name", "marginPct", "marginEffectiveFrom"]);
        Self {
            name: fields.optional("name", word),
            domain: fields.nullable("domain", word),
            margin: fields.optional("marginPct", percent),
            margin_from: fields.optional("marginEffectiveFrom", date),
            contact_info: fields.object_or_empty("contactInfo", values::CONTACT_FIELDS, contact),
            billing_info: fields.object_or_empty("billingInfo", values::BILLING_FIELDS, billing),
        }
    }
}

struct Terminate {
    reason: Option<Text>,
}

impl Body for Terminate {
    const FIELDS: &'static [Field] = &[
        optional("reason", Kind::String),
        optional("disposition", Kind::String),
        optional("transferTo", Kind::String),
    ];

    fn read(fields: &mut Fields) -> Self {
        fields.optional("disposition", |value| match string(value)?.as_str() {
            "retain" => Ok(()),
            "detach" | "transfer" => Err(ValueError::new(
                "not-allowed",
                "only retain is available: customers keep their partner as history",
            )),
            _ => Err(ValueError::new("unknown-value", "must be retain, detach or transfer")),
        });
        if !fields.given(&["transferTo"]).is_empty() {
            fields.wrong("transferTo", ValueError::new("not-allowed", "belongs to the disposition transfer"));
        }
        Self { reason: fields.optional("reason", word) }
    }
}

async fn register(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let draft = caller.body::<Draft>().await?.read::<Draft>()?;
    let (Some(slug), Some(name)) = (draft.slug, draft.name) else {
        return Err(ApiError::invalid("", "required", "slug and name must be given"));
    };
    let id = PartnerId::from_uuid(Uuid::now_v7());
    let command = PartnerCommand::Register {
        slug,
        name,
        domain: draft.domain,
        margin: draft.margin.unwrap_or(Bps::ZERO),
        contact_info: draft.contact_info,
        billing_info: draft.billing_info,
    };
    let render = of_partner(&caller.ask.app, id, 201).await?;
    caller.execute(Order::on(id, One::<Partner> { stream: id.into(), command }), render).await
}

async fn change(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    let mut fields = caller.body::<Change>().await?;
    fields.lay_over("contactInfo", found.partner.contact_info().map(to_value).transpose()?);
    fields.lay_over("billingInfo", found.partner.billing_info().map(to_value).transpose()?);
    let rests_on = fields.given(&["contactInfo", "billingInfo"]).first().map(|_| found.version);
    let change = fields.read::<Change>()?;
    let act = PatchPartner {
        partner_id: found.id,
        name: change.name,
        domain: change.domain,
        margin: change.margin.map(|margin| (margin, change.margin_from)),
        contact_info: change.contact_info,
        billing_info: change.billing_info,
    };
    let render = of_partner(&caller.ask.app, found.id, 200).await?;
    caller.execute(Order::on(found.id, act).resting_on(rests_on), render).await
}

async fn terminate(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let found = caller.partner().await?;
    let Terminate { reason } = caller.body::<Terminate>().await?.read()?;
    let command = PartnerCommand::Terminate { reason, disposition: Disposition::Retain };
    let act = One::<Partner> { stream: found.stream(), command };
    let render = of_partner(&caller.ask.app, found.id, 200).await?;
    caller.execute(Order::on(found.id, act), render).await
}
