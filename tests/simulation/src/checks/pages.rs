//! What the API shows, held against the second opinion: to operators everything, to customers theirs and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::model::{Lifecycle, Member, Model, Tenant};
use crate::people::{BELOW, OPERATORS, Person};
use crate::rest::Rest;

pub(super) async fn all(rest: &Rest<'_>, model: &Model, people: &mut [Person<'_>]) {
    let (operators, customers) = people.split_at_mut(OPERATORS);
    let operator = &mut operators[0].caller;
    for (id, tenant) in &model.tenants {
        tenant_page(operator, model, id, tenant).await;
    }
    lists(operator, model).await;
    for (id, partner) in &model.partners {
        let shown = must(operator, &format!("/partners/{id}")).await;
        let counts = model.customers(id);
        let count = |status: &str| counts.get(status).copied().unwrap_or_default();
        let expected = json!({
            "slug": partner.slug, "name": partner.name, "version": partner.version,
            "status": if partner.is_terminated { "terminated" } else { "active" },
            "customers": counts.values().sum::<u64>(),
            "customersByStatus": {
                "pending": count("pending"), "active": count("active"),
                "suspended": count("suspended"), "terminating": count("terminating"),
            },
        });
        must_show(operator, &shown, &expected, &partner.slug);
    }
    for person in customers {
        customer(&mut person.caller, model).await;
    }
    shown_to_customers(rest, model);
}

async fn tenant_page(operator: &mut Caller<'_>, model: &Model, id: &str, tenant: &Tenant) {
    let shown = must(operator, &format!("/tenants/{id}")).await;
    let domains: Vec<&String> = tenant.domains.keys().collect();
    let lifecycle = match tenant.lifecycle {
        Lifecycle::Pending => "pending",
        Lifecycle::Active => "active",
        Lifecycle::Terminating => "terminating",
        Lifecycle::Terminated => "terminated",
        Lifecycle::Nothing => panic!("{id} was never made"),
    };
    let expected = json!({
        "id": id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status(), "lifecycle": lifecycle,
        "partnerId": tenant.partner, "primaryDomain": tenant.primary, "version": tenant.version,
    });
    must_show(operator, &shown, &expected, &tenant.slug);
    let holds: BTreeSet<&str> = texts(&shown["holds"], "id").collect();
    assert_eq!(holds, tenant.holds.keys().map(String::as_str).collect(), "holds of {}", tenant.slug);
    let members = json!({
        "active": tenant.count(|member| matches!(member, Member::Active(_))),
        "invited": tenant.count(|member| *member == Member::Invited),
        "disabled": 0,
        "seats": null,
    });
    assert_eq!(shown["members"], members, "members of {}", tenant.slug);
    let shown_domains = must(operator, &format!("/tenants/{id}/domains")).await;
    let listed: Vec<&str> = texts(&shown_domains["data"], "domain").collect();
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "domains of {}", tenant.slug);
    assert_eq!(
        listed.into_iter().collect::<BTreeSet<_>>(),
        domains.into_iter().map(String::as_str).collect::<BTreeSet<_>>()
    );
    let listed = every_page(operator, &format!("/tenants/{id}/users?limit=200")).await;
    let members: BTreeSet<&str> = texts(&listed, "userId").collect();
    assert_eq!(Some(members.len()), listed.as_array().map(Vec::len), "members of {}", tenant.slug);
    let known = tenant.members.iter().filter(|(_, member)| **member != Member::Gone);
    assert_eq!(members, known.map(|(user, _)| user.as_str()).collect(), "members of {}", tenant.slug);
    for member in listed.as_array().into_iter().flatten() {
        let user = model.users.get(member["userId"].as_str().unwrap_or_default()).expect("a known person");
        assert_eq!(member["email"].as_str().unwrap_or_default().to_lowercase(), user.email);
    }
}

/// All rows of a list.
async fn every_page(caller: &mut Caller<'_>, path: &str) -> Value {
    let (mut rows, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = must(caller, &next).await;
        rows.extend(page["data"].as_array().cloned().unwrap_or_default());
        let Some(cursor) = page["page"]["nextCursor"].as_str() else { return json!(rows) };
        next = format!("{path}&cursor={cursor}");
    }
}

/// Page by page everything is there, once.
async fn lists(operator: &mut Caller<'_>, model: &Model) {
    let every = "status=pending,active,suspended,terminating,terminated&include=facets&limit=3";
    let (mut seen, mut path) = (Vec::new(), format!("/tenants?{every}"));
    loop {
        let page = must(operator, &path).await;
        seen.extend(texts(&page["data"], "id").map(str::to_owned));
        if seen.len() <= 3 {
            for status in ["pending", "active", "suspended", "terminating", "terminated"] {
                let counted = model.tenants.values().filter(|tenant| tenant.status() == status).count();
                assert_eq!(page["facets"]["status"][status], json!(counted), "{status}");
            }
        }
        let Some(cursor) = page["page"]["nextCursor"].as_str() else { break };
        path = format!("/tenants?{every}&cursor={cursor}");
    }
    let all: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(all.len(), seen.len(), "a tenant stands on two pages");
    assert_eq!(all, model.tenants.keys().collect(), "every tenant is listed");
    for (id, partner) in &model.partners {
        let page = must(operator, &format!("/partners/{}/tenants?limit=200", partner.slug)).await;
        let brought = model
            .tenants
            .iter()
            .filter(|(_, one)| one.partner.as_ref() == Some(id) && one.lifecycle != Lifecycle::Terminated);
        let listed: BTreeSet<&str> = texts(&page["data"], "id").collect();
        assert_eq!(listed, brought.map(|(id, _)| id.as_str()).collect(), "tenants of {}", partner.slug);
    }
}

/// A customer sees the tenants they belong to; every other one is like one that does not exist.
async fn customer(caller: &mut Caller<'_>, model: &Model) {
    let me = must(caller, "/users/me").await;
    let user = me["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(model.user_by_email(&caller.email), Some(&user));
    let mine: BTreeSet<&str> = model
        .tenants
        .iter()
        .filter(|(_, tenant)| tenant.has_active(&user) && tenant.lifecycle != Lifecycle::Terminated)
        .map(|(id, _)| id.as_str())
        .collect();
    assert_eq!(texts(&me["tenants"], "id").collect::<BTreeSet<_>>(), mine, "{}", caller.email);
    let list = must(caller, "/tenants?limit=200").await;
    assert_eq!(texts(&list["data"], "id").collect::<BTreeSet<_>>(), mine, "{}", caller.email);
    let unknown = refused(caller, "/tenants/nobody-has-this").await;
    for (id, tenant) in &model.tenants {
        if mine.contains(id.as_str()) {
            must(caller, &format!("/tenants/{}", tenant.slug)).await;
            continue;
        }
        for name in [id, &tenant.slug] {
            let below = BELOW[caller.rng.usize(..BELOW.len())];
            let seen = refused(caller, &format!("/tenants/{name}{below}")).await;
            if below != "/provisioning/ocis" {
                assert_eq!(seen, unknown, "seed {}: {name}{below} is there", caller.world.seed);
            }
        }
    }
}

/// What customers were shown at any moment of the run was theirs by then.
fn shown_to_customers(rest: &Rest<'_>, model: &Model) {
    let history = rest.world.history.borrow();
    for shown in &history.shown {
        let number = shown.caller - OPERATORS;
        let user = model.user_by_email(&format!("p{number}@d{number}.test")).expect("a known person");
        let pair = (user.clone(), shown.tenant.clone());
        let invited = if shown.path == "/users/me" { model.invited_since.get(&pair) } else { None };
        let since = model.visible_since.get(&pair).into_iter().chain(invited).min();
        assert!(
            since.is_some_and(|since| *since <= shown.head),
            "seed {}: {shown:?} was shown to p{number}, who belongs to it since {since:?}",
            rest.world.seed
        );
    }
}

/// At rest every question is answered.
async fn must(caller: &mut Caller<'_>, path: &str) -> Value {
    let answer = caller.ask(path).await.unwrap_or_else(|| panic!("GET {path} is answered at rest"));
    assert_eq!(answer.status, 200, "seed {}: GET {path}: {answer:?}", caller.world.seed);
    answer.json
}

/// A refusal without what differs from one request to the next.
async fn refused(caller: &mut Caller<'_>, path: &str) -> Value {
    let answer = caller.ask(path).await.unwrap_or_else(|| panic!("GET {path} is answered at rest"));
    assert!(
        answer.status == 404 || answer.status == 403,
        "seed {}: GET {path}: {answer:?}",
        caller.world.seed
    );
    let mut json = answer.json;
    if let Some(fields) = json.as_object_mut() {
        fields.remove("instance");
        fields.remove("requestId");
    }
    json
}

fn must_show(caller: &Caller<'_>, shown: &Value, expected: &Value, name: &str) {
    for (field, value) in expected.as_object().into_iter().flatten() {
        assert_eq!(&shown[field], value, "seed {}: {field} of {name}", caller.world.seed);
    }
}

fn texts<'a>(list: &'a Value, field: &'a str) -> impl Iterator<Item = &'a str> {
    list.as_array().into_iter().flatten().filter_map(move |item| item[field].as_str())
}
