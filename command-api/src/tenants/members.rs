//! `/tenants/{t}/users`: who belongs to a tenant.

use axum::response::Response;
use domain::access::MemberStatus;
use domain::acts::{AddMember, Seats};
use domain::claims::Claim;
use domain::tenant::Tenant;
use domain::user::User;
use event_store::Outcome;
use projector::list::{Direction, Facets, ListQuery};
use projector::tenants::members::{self, Kind as MemberKind, MemberFilters, MemberSort, MemberSortKey};
use schema::tenant::MemberSource;
use schema::{Email, PlanId, Role, TenantId, UserId};
use serde_json::{Value, json};

use super::create::find_person;
use super::list::{direction, unknown_sort, words};
use crate::App;
use crate::ask::{Ask, Order, Rendered, Seen};
use crate::error::ApiError;
use crate::fields::{Body, Field, Fields, Kind, optional, required};
use crate::problem::Code;
use crate::query::Query;
use crate::reading::{self, to_value};
use crate::route::{Parameter, Route, Who, get, post};
use crate::values::word;

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "limit", about: "Rows of a page, 1–200; 50 when absent" },
    Parameter { name: "cursor", about: "`nextCursor` of an earlier page of the same list" },
    Parameter { name: "sort", about: "-lastLoginAt, name or email" },
    Parameter { name: "q", about: "Part of a name or address" },
    Parameter { name: "status", about: "invited, active, disabled or removed; all but removed when absent" },
    Parameter { name: "role", about: "owner, admin, billing or member" },
    Parameter { name: "kind", about: "managed or guest" },
];

pub(super) fn routes() -> Vec<Route> {
    let member = Who::Member(Role::Member);
    vec![
        get("/tenants/{t}/users", list).may(member, "Who belongs to it").asks(PARAMETERS).gives("MemberList"),
        get("/tenants/{t}/members", list).may(member, "The same").asks(PARAMETERS).gives("MemberList"),
        post("/tenants/{t}/users", add)
            .may(Who::Operator, "Make somebody a member at once")
            .takes::<Add>()
            .creates("Member"),
    ]
}

struct Add {
    user_id: Option<UserId>,
    email: Option<Email>,
    role: Option<Role>,
}

impl Body for Add {
    const FIELDS: &'static [Field] =
        &[optional("userId", Kind::String), optional("email", Kind::String), required("role", Kind::String)];

    fn read(fields: &mut Fields) -> Self {
        if fields.given(&["userId", "email"]).len() != 1 {
            fields.wrong("userId", schema::ValueError::new("required", "must be given, or else email"));
        }
        Self {
            user_id: fields.optional("userId", word),
            email: fields.optional("email", word),
            role: fields.required("role", word),
        }
    }
}

async fn list(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.known().await?;
    let seen = caller.tenant().await?;
    caller.may_read(&seen, Role::Member)?;
    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    let query = caller.ask.query(&names)?;
    let asked = ListQuery {
        filters: MemberFilters {
            status: words(&query, "status", MemberStatus::ALL, MemberStatus::as_str)?,
            role: words(&query, "role", &Role::ALL, Role::as_str)?,
            kind: words(&query, "kind", MemberKind::ALL, MemberKind::as_str)?,
            q: query.search()?,
        },
        sort: sort(&query)?,
        limit: query.limit()?,
        after: reading::place(&caller.ask, &query)?,
        facets: Facets::Omitted,
    };
    let mut at = caller.ask.look(&members::MODEL, &query).await?;
    let page = members::list(&mut at, seen.id, &asked).await?;
    reading::page(&caller.ask, &query, page, |view| to_value(&view))
}

fn sort(query: &Query) -> Result<MemberSort, ApiError> {
    let Some(text) = query.get("sort") else {
        return Ok(MemberSort::default());
    };
    let (key, direction) = match direction(text) {
        ("lastLoginAt", Direction::Descending) => (MemberSortKey::LastLoginAt, Direction::Descending),
        ("name", direction) => (MemberSortKey::Name, direction),
        ("email", direction) => (MemberSortKey::Email, direction),
        _ => return Err(unknown_sort()),
    };
    Ok(MemberSort { key, direction })
}

async fn add(ask: Ask) -> Result<Response, ApiError> {
    let caller = ask.operator().await?;
    let seen = caller.tenant().await?;
    let body = caller.body::<Add>().await?.read::<Add>()?;
    let app = &caller.ask.app;
    let unknown = || ApiError::refused(Code::UserNotFound, "There is no such user");
    let user_id = match (body.user_id, &body.email) {
        (Some(user_id), _) => user_id,
        (None, Some(email)) => find_person(app, email).await?.ok_or_else(unknown)?,
        (None, None) => return Err(unknown()),
    };
    let Some(role) = body.role else {
        return Err(ApiError::invalid("/role", "required", "must be given"));
    };
    let act = AddMember {
        tenant_id: seen.id,
        user_id,
        role,
        source: MemberSource::Operator,
        seats: seats(app, &seen).await?,
    };
    let (id, slug) = (seen.id, seen.slug());
    let (user, _) = app.store.fold::<User>(&user_id.into()).await?;
    let render = move |outcome: &Outcome| {
        Ok(Rendered {
            status: 201,
            tag: None,
            location: Some(format!("/tenants/{slug}/users")),
            body: shown(outcome, id, user_id, &user),
        })
    };
    caller.execute(Order::on(seen.id, act), render).await
}

/// Where the limit of seats stands.
async fn seats(app: &App, seen: &Seen) -> Result<Option<Seats>, ApiError> {
    let claim = Claim::open_subscription(seen.id);
    let stream = app.store.resolve(claim.scope, &claim.value).await?;
    let subscription_id = stream.and_then(|stream| stream.key().parse().ok());
    let plan_id: Option<PlanId> = seen.tenant.plan_id();
    Ok(subscription_id.zip(plan_id).map(|(subscription_id, plan_id)| Seats { subscription_id, plan_id }))
}

/// A member as the answer to the command that made them one.
fn shown(outcome: &Outcome, tenant_id: TenantId, user_id: UserId, user: &User) -> Value {
    let mut tenant = Tenant::default();
    for recorded in outcome.history.iter().chain(&outcome.news) {
        if let schema::Event::Tenant(event) = &recorded.event
            && recorded.stream == tenant_id.into()
        {
            domain::Decider::evolve(&mut tenant, event);
        }
    }
    let membership = tenant.members().get(&user_id);
    let email = user.email().as_ref();
    let managed =
        email.is_some_and(|email| tenant.verified_domains().any(|domain| domain.as_str() == email.domain()));
    json!({
        "userId": user_id,
        "name": user.name().and_then(|name| name.as_ref()),
        "email": email,
        "role": membership.map(|membership| membership.role),
        "kind": if managed { "managed" } else { "guest" },
        "status": membership.map(|membership| membership.status.as_str()),
        "userStatus": user.status().map(domain::access::UserStatus::as_str),
        "invitationId": null,
        "lastLoginAt": null,
        "mailbox": if managed { email } else { None },
        "provisioning": { "authentik": "pending", "stalwart": if managed { "pending" } else { "skipped" }, "ocis": "pending" },
    })
}
