//! `POST /tenants`: by an operator for a customer, or by a customer for themselves.

use axum::response::Response;
use domain::acts::{CreateTenant, Owner, OwnerPerson, PlanChoice, SelfServiceUse};
use domain::claims::Claim;
use domain::plan::Plan;
use projector::users;
use schema::people::BillingInfo;
use schema::plan::SelfService;
use schema::tenant::Origin;
use schema::{
    DisplayName, DomainName, Email, InvitationId, PlanId, PriceId, Role, Slug, StreamId, SubscriptionId,
    System, TenantId, UserId, ValueError,
};
use uuid::Uuid;

use super::convergence::Target;
use super::of_tenant;
use crate::App;
use crate::ask::{Ask, Caller, Order, Right};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional, required};
use crate::partners::find_partner;
use crate::problem::Code;
use crate::reading::must_catch_up;
use crate::route::{Route, Who, post};
use crate::values::{self, billing, locale, string, timezone, whole, word, words};

const DOMAINS_MAX: usize = 20;
const QUANTITY_MAX: u64 = 100_000;
const INVITATION_DAYS: i64 = 14;
/// A slug made from a name may get one of these endings when it is taken.
const ENDINGS: std::ops::RangeInclusive<u32> = 2..=9;
/// What only operators may say about a new tenant.
const OPERATORS_ONLY: &[&str] = &["owner", "partnerId"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/tenants", create)
            .may(Who::Known, "A new tenant; provisioning starts")
            .takes::<Draft>()
            .creates("Tenant"),
    ]
}

struct Draft {
    name: Option<DisplayName>,
    slug: Option<Slug>,
    plan: Option<String>,
    price_id: Option<PriceId>,
    quantity: u32,
    domains: Vec<DomainName>,
    billing_info: Option<BillingInfo>,
    locale: Option<String>,
    timezone: Option<String>,
    owner: Option<(Option<Email>, Option<DisplayName>)>,
    partner: Option<String>,
}

impl Body for Draft {
    const FIELDS: &'static [Field] = &[
        required("name", Kind::String),
        optional("slug", Kind::String),
        optional("plan", Kind::String),
        optional("priceId", Kind::String),
        optional("quantity", Kind::Integer),
        optional("domains", Kind::Strings),
        optional("billingInfo", Kind::Object),
        optional("locale", Kind::String),
        optional("timezone", Kind::String),
        optional("owner", Kind::Object),
        optional("partnerId", Kind::String),
    ];

    fn read(fields: &mut Fields) -> Self {
        let quantity = fields.optional("quantity", |value| whole(value, 1, QUANTITY_MAX));
        Self {
            name: fields.required("name", word),
            slug: fields.optional("slug", word),
            plan: fields.optional("plan", string),
            price_id: fields.optional("priceId", word),
            quantity: quantity.and_then(|quantity| u32::try_from(quantity).ok()).unwrap_or(1),
            domains: fields.list("domains", |value, at| words(value, at, DOMAINS_MAX)).unwrap_or_default(),
            billing_info: fields.object("billingInfo", values::BILLING_FIELDS, billing),
            locale: fields.optional("locale", locale),
            timezone: fields.optional("timezone", timezone),
            owner: fields.object("owner", &["email", "name"], |owner| {
                (owner.required("email", word), owner.optional("name", word))
            }),
            partner: fields.optional("partnerId", string),
        }
    }
}

async fn create(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let fields = caller.body::<Draft>().await?;
    if !caller.is_operator() {
        fields.forbid(OPERATORS_ONLY)?;
    }
    let draft = fields.read::<Draft>()?;
    super::domains::must_be_outside(&caller.ask.app.config.platform_zones, &draft.domains, "/domains")?;
    let act = decision(&caller, draft).await?;
    let id = act.tenant_id;
    let right = if caller.is_operator() { Right::Everything } else { Right::Member(Role::Owner) };
    let systems = System::ALL.map(|system| StreamId::provisioning(id, system));
    let render = of_tenant(&caller.ask.app, id, caller.viewer(right), 201).await?;
    let order = Order::on(id, act).loading(systems);
    let answered = caller.execute_for_outcome(order, render).await?;
    Target::Settled.wait(&caller, id, 201, answered).await
}

async fn decision(caller: &Caller, draft: Draft) -> Result<CreateTenant, ApiError> {
    let app = &caller.ask.app;
    let Some(name) = draft.name else {
        return Err(ApiError::invalid("/name", "required", "must be given"));
    };
    let plan = plan(caller, draft.plan.as_deref(), draft.price_id, draft.quantity).await?;
    let partner_id = match &draft.partner {
        Some(text) => Some(
            find_partner(app, text)
                .await?
                .ok_or_else(|| unknown("/partnerId", "there is no such partner"))?,
        ),
        None => None,
    };
    let (owner, self_service) = if caller.is_operator() {
        (invited_owner(app, draft.owner).await?, None)
    } else {
        (Owner::Creator(caller.known.user_id), Some(own_tenants(app, caller.known.user_id).await?))
    };
    Ok(CreateTenant {
        tenant_id: TenantId::from_uuid(Uuid::now_v7()),
        subscription_id: SubscriptionId::from_uuid(Uuid::now_v7()),
        slug: slug(app, draft.slug, &name).await?,
        name,
        plan,
        domains: draft.domains,
        billing_info: draft.billing_info,
        contact: None,
        locale: draft.locale,
        timezone: draft.timezone,
        partner_id,
        owner,
        origin: if caller.is_operator() { Origin::Operator } else { Origin::SelfService },
        self_service,
    })
}

fn unknown(pointer: &str, detail: &str) -> ApiError {
    ApiError::invalid(pointer, "unknown-value", detail)
}

/// The plan asked for, or the one of the settings. Customers choose among those that are open to them.
async fn plan(
    caller: &Caller,
    text: Option<&str>,
    price_id: Option<PriceId>,
    quantity: u32,
) -> Result<PlanChoice, ApiError> {
    let app = &caller.ask.app;
    let default = app.config.default_plan.as_str();
    let plan_id = find_plan(app, text.unwrap_or(default)).await?;
    let plan_id = plan_id.ok_or_else(|| unknown("/plan", "there is no such plan"))?;
    let (plan, _) = app.store.fold::<Plan>(&plan_id.into()).await?;
    if !plan.exists() {
        return Err(unknown("/plan", "there is no such plan"));
    }
    if plan.self_service() == SelfService::Closed && !caller.is_operator() {
        return Err(ApiError::field_forbidden(&["plan"]));
    }
    let price_id = price_id.or_else(|| plan.prices().first().map(|price| price.price_id));
    let price_id = price_id.ok_or_else(|| ApiError::refused(Code::PlanNotActive, "The plan has no price"))?;
    Ok(PlanChoice { plan_id, price_id, quantity })
}

async fn find_plan(app: &App, text: &str) -> Result<Option<PlanId>, ApiError> {
    if let Ok(id) = text.parse::<PlanId>() {
        return Ok(Some(id));
    }
    let Ok(key) = Slug::of_the_platform(text) else {
        return Ok(None);
    };
    let claim = Claim::plan_key(&key);
    let stream = app.store.resolve(claim.scope, &claim.value).await?;
    Ok(stream.and_then(|stream| stream.key().parse().ok()))
}

async fn invited_owner(
    app: &App,
    owner: Option<(Option<Email>, Option<DisplayName>)>,
) -> Result<Owner, ApiError> {
    let Some((Some(email), name)) = owner else {
        return Ok(Owner::None);
    };
    let person = match find_person(app, &email).await? {
        Some(user_id) => OwnerPerson::Known(user_id),
        None => OwnerPerson::New { user_id: UserId::from_uuid(Uuid::now_v7()), email, name },
    };
    Ok(Owner::Invited {
        person,
        invitation_id: InvitationId::from_uuid(Uuid::now_v7()),
        expires_at: app.now().plus_days(INVITATION_DAYS),
    })
}

/// Whoever has an address.
pub(super) async fn find_person(app: &App, email: &Email) -> Result<Option<UserId>, ApiError> {
    let claim = Claim::email(email);
    Ok(app.store.resolve(claim.scope, &claim.value).await?.and_then(|stream| stream.user()))
}

/// What a customer has made already, not older than their own last command.
async fn own_tenants(app: &App, user_id: UserId) -> Result<SelfServiceUse, ApiError> {
    // Their turn first: whatever is counted afterwards contains every earlier one.
    let ordinal = turn(app, user_id).await?;
    let mut at = must_catch_up(app, &users::MODEL).await?;
    let user = users::get(&mut at, user_id).await?;
    let memberships = user.map(|user| user.memberships).unwrap_or_default();
    let own = memberships.iter().filter(|found| {
        found.role == Role::Owner.as_str() && found.status == "active" && found.tenant_status != "terminated"
    });
    let pending = own.clone().filter(|found| found.standing.lifecycle == domain::access::Lifecycle::Pending);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(SelfServiceUse { user_id, own: count(own.clone().count()), pending: count(pending.count()), ordinal })
}

/// The first turn of somebody that nobody has taken: they are taken one after the other.
async fn turn(app: &App, user_id: UserId) -> Result<u32, ApiError> {
    let mut ordinal = 1;
    loop {
        let claim = Claim::self_service(user_id, ordinal);
        if app.store.resolve(claim.scope, &claim.value).await?.is_none() {
            return Ok(ordinal);
        }
        ordinal += 1;
    }
}

/// The slug asked for, or the first free one made from the name.
async fn slug(app: &App, asked: Option<Slug>, name: &DisplayName) -> Result<Slug, ApiError> {
    if let Some(slug) = asked {
        return Ok(slug);
    }
    let cannot = || ApiError::invalid("/slug", "required", "must be given: none can be made from this name");
    let first = Slug::from_name(name.as_str()).ok_or_else(cannot)?;
    if is_free(app, &first).await? {
        return Ok(first);
    }
    for ending in ENDINGS {
        let candidate: Result<Slug, ValueError> = format!("{first}-{ending}").parse();
        if let Ok(candidate) = candidate
            && is_free(app, &candidate).await?
        {
            return Ok(candidate);
        }
    }
    Ok(first)
}

/// Whether nobody has or had this slug.
pub(super) async fn is_free(app: &App, slug: &Slug) -> Result<bool, ApiError> {
    let claim = Claim::tenant_slug(slug);
    Ok(app.store.resolve(claim.scope, &claim.value).await?.is_none())
}
